use twisty::prelude::*;

fn main() {
    let _ = gather!();
    let _ = gather!(1, async { 2 });
}

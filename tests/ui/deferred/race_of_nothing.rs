use twisty::prelude::*;

fn main() {
    let _ = race!();
    let _ = race! {};
}

use twisty::prelude::*;

fn main() {
    let _ = chain! {};
}

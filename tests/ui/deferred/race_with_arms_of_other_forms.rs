use twisty::prelude::*;

fn main() {
    let _ = race! {
        1 => 2,
        n = 5,
        n = 6 => n,
        7
    };
}

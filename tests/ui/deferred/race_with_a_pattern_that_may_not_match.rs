use twisty::prelude::*;

fn main() {
    let _ = race! {
        Some(n) = Some(5) => n,
        n = 6 => n,
    };
}

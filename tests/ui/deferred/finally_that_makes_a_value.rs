use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        finally |_| 6;
    };
}

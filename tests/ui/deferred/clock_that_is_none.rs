use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        timeout 5s on 17;
    };
}

use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        let m = 6;
        then |n| n + m;
        |n| n + 1;
    };
}

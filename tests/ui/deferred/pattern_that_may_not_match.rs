use twisty::prelude::*;

fn main() {
    let _ = chain! {
        Some(5);
        then |Some(n)| n + 1;
    };
}

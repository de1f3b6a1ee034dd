use twisty::prelude::*;

fn main() {
    let _ = chain! {
        async { 5 };
        then async |n| n + 1;
        then |n| async move { n + 1 };
    };
}

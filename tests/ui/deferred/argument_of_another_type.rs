use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5_u8;
        then |n: String| n.len();
    };
}

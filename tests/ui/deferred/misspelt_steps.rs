use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        than |n| n + 1;
        cacth |_| 0;
        Finally |_| ();
        time_out 5s;
        retry 3;
    };
}

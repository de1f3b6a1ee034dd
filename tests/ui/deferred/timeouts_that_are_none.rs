use twisty::prelude::*;

fn main() {
    let limit = 5;
    let _ = chain! {
        5;
        timeout 5;
        timeout 5 seconds;
        timeout 5sec;
        timeout;
        timeout 0s;
        timeout 5s on;
    };
    let _ = chain! { 5; timeout limit; };
}

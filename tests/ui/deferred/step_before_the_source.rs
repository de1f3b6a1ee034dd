use twisty::prelude::*;

fn main() {
    let _ = chain! {
        then |n: u8| n + 1;
        catch |_| 0;
    };
}

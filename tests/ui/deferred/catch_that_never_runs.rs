use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        catch |_| 0;
        catch |_: TimeoutError| 1;
    };
}

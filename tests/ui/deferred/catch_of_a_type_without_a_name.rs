use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        catch |TimeoutError| 6;
        catch |CancelledError | ConnectionDone| 7;
    };
}

use twisty::prelude::*;

fn main() {
    let _ = chain! {
        Deferred::succeed(5)
        then |n| n + 1
        timeout 5s
        catch |_| 0
    };
}

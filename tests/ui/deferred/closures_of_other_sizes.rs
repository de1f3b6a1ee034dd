use twisty::prelude::*;

fn main() {
    let _ = chain! {
        (1, 2);
        then |a, b| a + b;
        then || 5;
        catch |why, step| 0;
        finally || {}
    };
}

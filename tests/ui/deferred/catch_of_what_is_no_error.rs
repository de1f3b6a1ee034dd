use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        catch |text: String| 6;
    };
}

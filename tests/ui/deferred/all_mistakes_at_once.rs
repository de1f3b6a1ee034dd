use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5 +;
        thn |n| n + 1;
        then |a, b| a;
        catch;
        timeout 5lightyears;
        then |n| n +;
        finally |_| ()
    };
}

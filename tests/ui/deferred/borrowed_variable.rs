use twisty::prelude::*;

fn look_up(name: &str) -> Deferred<usize> {
    let (_resolver, page) = Deferred::<String>::new();
    chain! {
        page;
        then |page| page.find(name).unwrap_or(0);
    }
}

fn main() {
    drop(look_up("Ann"));
}

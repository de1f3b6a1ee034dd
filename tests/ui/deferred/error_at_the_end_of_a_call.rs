use twisty::prelude::*;

fn main() {
    let _: Deferred<u8> = chain! {
        Deferred::succeed(Some(5));
        then |n| n.ok_or("nothing".to_owned());
        then |n| n + 1;
    };
    let _: Deferred<u8> = chain! { Some(5).ok_or("nothing".to_owned()) };
}

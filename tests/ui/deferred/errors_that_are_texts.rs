use twisty::prelude::*;

fn main() {
    let _ = chain! {
        5;
        then |n| if n > 5 { Err("too many") } else { Ok(n) };
    };
    let _ = chain! {
        5;
        catch |_| Err("why");
    };
    let _: Deferred<u8> = chain! { Err("why") };
}

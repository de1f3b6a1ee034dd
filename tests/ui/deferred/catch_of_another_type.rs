use twisty::prelude::*;

fn main() {
    let text = || Deferred::succeed(String::new());
    let _ = chain! { text(); catch |_: TimeoutError| 5 };
    let _ = chain! { text(); catch |_| Ok(6) };
    let _ = chain! { text(); catch |_| Deferred::succeed(7_u8) };
    let _ = chain! { text(); catch |why| eprintln!("{why}") };
}

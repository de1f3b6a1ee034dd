//! Compiled by `hygiene.rs` in a package that calls twisty `reactive`: every attribute, and no `twisty` anywhere.
use reactive::prelude::*;

#[protocol(line, factory = Room, idle_timeout = 60s)]
#[derive(Default)]
struct Chat;

#[derive(Default)]
struct Silent;
struct Talking;

#[state_machine(Silent, Talking)]
impl Chat {
    #[on(line in Silent)]
    fn begin(&mut self, name: &str) -> (String, Talking) {
        (name.to_owned(), Talking)
    }

    #[on(line in _)]
    fn talk(&mut self) -> &'static str {
        "?"
    }
}

#[factory(protocol = Chat, start = Self::open)]
struct Room;

impl Room {
    fn open(&mut self) {}
}

fn answer(question: Deferred<u8>) -> Deferred<u8> {
    chain! {
        race! { (n, _) = gather!(question, 1) => n, };
        then |n| race!(n, 2);
        timeout 5s;
        catch |_: TimeoutError| 3;
        catch |_| Ok(4);
        finally |_| ();
    }
}

fn main() -> reactive::Result<()> {
    answer(Deferred::succeed(1)).map(|n| println!("{n}"));
    reactive::serve("tcp:8007", Room)
}

use twisty::prelude::*;

#[protocol(line)]
struct Door;

#[derive(Default)]
struct Closed;
struct Open;

type Key = Open;

#[state_machine(Closed, Open)]
impl Door {
    #[on(line in Closed)]
    fn open(&mut self, _state: Closed, _line: &str) -> Deferred<(&'static str, Open)> {
        Deferred::succeed(("open now", Open))
    }

    #[on(raw in Closed, to = Open)]
    fn unlock(&mut self, _state: Closed, _key: &[u8]) -> Result<Deferred<Key>, Failure> {
        Ok(Deferred::succeed(Open))
    }

    #[on(overlong in Closed)]
    fn force(&mut self, _state: Closed) -> Option<Deferred<Open>> {
        None
    }

    // The reply comes later, the state does not.
    #[on(line in Open)]
    fn close(&mut self, _state: Open, _line: &str) -> (Deferred<String>, Closed) {
        (Deferred::succeed("closed now".to_owned()), Closed)
    }
}

fn main() {}

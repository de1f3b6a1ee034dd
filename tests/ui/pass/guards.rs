//! States may hold what nothing looks at.
#![deny(warnings, dead_code)] // the latter by name, because trybuild allows it

use std::cell::Cell;
use std::rc::Rc;

use twisty::prelude::*;

/// Counts those who hold it.
struct Guard(Rc<Cell<u32>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[protocol(line)]
#[derive(Default)]
struct Lock {
    held: Rc<Cell<u32>>,
}

#[derive(Default)]
struct Free;
struct Held {
    _guard: Guard,
}
struct Shared(#[expect(dead_code, reason = "its end is what matters")] Guard);

#[state_machine(Free, Held, Shared)]
impl Lock {
    #[on(line in Free)]
    fn take(&mut self, line: &str) -> Result<Held, Shared> {
        self.held.set(self.held.get() + 1);
        let guard = Guard(self.held.clone());
        if line == "mine" { Ok(Held { _guard: guard }) } else { Err(Shared(guard)) }
    }

    #[on(line in Held | Shared)]
    fn give(&mut self) -> (String, Free) {
        (self.held.get().to_string(), Free)
    }
}

fn main() {
    let client = twisty::testing::Server::new(Lock::factory()).connect();
    assert_eq!(client.receive("mine\r\n\r\nours\r\n\r\n").sent(), "1\r\n1\r\n");
}

//! Programs in memory: the reactor that they run on, with a network and a time that the test makes up.

#[path = "network/clients.rs"]
mod clients;
#[path = "network/pipes.rs"]
mod pipes;
#[path = "network/servers.rs"]
mod servers;
#[path = "network/time.rs"]
mod time;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use twisty::prelude::*;

/// What happened, in order.
type Log = Rc<RefCell<Vec<String>>>;

const SECOND: Duration = Duration::from_secs(1);

/// Answers each line by what it says: `big N`, `quit`, `abort`, `panic`, `who`, or the line itself.
#[protocol(line, max_length = 4_000_000)]
#[derive(Default)]
struct Obedient;

#[protocol]
impl Obedient {
    #[on(line)]
    fn obey(&mut self, cx: &Context<Self>, line: &str) {
        match line {
            "quit" => cx.lose_connection(),
            "abort" => cx.abort_connection(),
            "panic" => panic!("as asked"),
            "who" => cx.send(format!("{} at {}", cx.peer(), cx.host())),
            _ => match line.strip_prefix("big ") {
                Some(size) => cx.write(vec![b'x'; size.parse().expect("a size")]),
                None => cx.send(line),
            },
        }
    }
}

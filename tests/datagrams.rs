//! Datagrams: in memory, and over UDP, multicast and UNIX sockets.

#[path = "datagrams/memory.rs"]
mod memory;
#[path = "datagrams/multicast.rs"]
mod multicast;
#[path = "datagrams/sending.rs"]
mod sending;
#[path = "datagrams/udp.rs"]
mod udp;
#[path = "datagrams/unix.rs"]
mod unix;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use live::PATIENCE;
use twisty::prelude::*;

/// What happened, in order.
type Log = Rc<RefCell<Vec<String>>>;

/// Writes down what happens, and does what it is told: `panic`, `fail`, `stop`; else it answers in capitals.
#[derive(Default)]
struct Diary {
    log: Log,
    /// Where it connects to.
    peer: Option<String>,
}

#[protocol(datagram)]
struct Talker(Diary);

#[protocol]
impl Talker {
    #[on(start)]
    fn start(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
        self.note("start");
        match &self.0.peer {
            Some(peer) => Ok(cx.connect(&**peer)?),
            None => Ok(()),
        }
    }

    #[on(datagram)]
    fn hear(&mut self, from: &Address, cx: &DatagramContext<Self>, data: &str) -> twisty::Result<String> {
        self.note(data);
        match data {
            "panic" => panic!("as told"),
            "fail" => Err(Failure::message(format!("as {from} told"))),
            "stop" => {
                cx.stop_listening();
                Ok("bye".into())
            }
            other => Ok(other.to_uppercase()),
        }
    }

    #[on(refused)]
    fn refused(&mut self) {
        self.note("refused");
    }

    #[on(stop)]
    fn stop(&mut self, cx: &DatagramContext<Self>) {
        assert!(cx.send_to("too late", "127.0.0.1:9").is_err());
        self.note("stop");
    }
}

impl Talker {
    fn new(log: &Log) -> Self {
        Self(Diary { log: Rc::clone(log), peer: None })
    }

    fn connected(log: &Log, peer: &impl ToString) -> Self {
        Self(Diary { log: Rc::clone(log), peer: Some(peer.to_string()) })
    }

    fn note(&self, what: &str) {
        self.0.log.borrow_mut().push(what.to_owned());
    }
}

/// Makes turns until `done`.
fn turn_until(reactor: &Reactor, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "it never comes true");
        reactor.turn(Some(Duration::from_millis(1))).expect("a turn");
    }
}

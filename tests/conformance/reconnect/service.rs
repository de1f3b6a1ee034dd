//! Cases of kind `service`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use twisty::client::{ClientService, Session, backoff_policy};
use twisty::testing::Clock;
use twisty::{ConnectionDone, Deferred, Failure, Resolver};

use crate::task::case::{Case, Log, VectorError, advance, duration, error_of, now, number, pending, text};

pub(super) fn replay(case: &Case) -> Value {
    let world = Rc::new(World::default());
    let service = world.service(&case.config);
    for (at, op) in case.ops() {
        world.log.is_at(at);
        world.play(&service, op);
    }
    json!({ "events": world.log.clone().into_events(), "pending": pending(&world.clock) })
}

#[derive(Default)]
struct World {
    clock: Clock,
    log: Log,
    attempts: Cell<u64>,
    protocols: Cell<u64>,
    /// The open attempt.
    attempt: RefCell<Option<Resolver<Peer>>>,
    /// The protocol that is connected now.
    live: RefCell<Option<Peer>>,
    preparing: RefCell<Option<Resolver<()>>>,
}

/// A protocol that is connected, and its transport.
#[derive(Clone)]
struct Peer {
    number: u64,
    log: Log,
    lost: Rc<RefCell<Vec<Resolver<Failure>>>>,
}

impl Session for Peer {
    fn lose_connection(&self) {
        self.log.note(json!({ "ev": "lose", "p": self.number }));
    }

    fn when_lost(&self) -> Deferred<Failure> {
        let (resolver, lost) = Deferred::new();
        self.lost.borrow_mut().push(resolver);
        lost
    }
}

impl World {
    fn service(self: &Rc<Self>, config: &Value) -> ClientService<Peer> {
        let (connects, asks, prepares) = (Rc::clone(self), Rc::clone(self), Rc::clone(self));
        let policy = &config["policy"];
        let seconds = |key: &str| duration(&policy[key]).expect("no delay is negative");
        let jitter = seconds("jitter");
        let factor = policy["factor"].as_f64().expect("a number");
        let mut delays = backoff_policy(seconds("initial_delay"), seconds("max_delay"), factor, move || jitter);
        let service = ClientService::new(&self.clock, move || connects.connect()).retry_policy(move |failures| {
            let delay: Duration = delays(failures);
            asks.log.note(json!({ "ev": "retry_in", "attempt": failures, "delay": delay.as_secs_f64() }));
            delay
        });
        match config["prepare"].clone() {
            Value::Null => service,
            plan => service.prepare(move |peer| prepares.prepare(peer, &plan)),
        }
    }

    fn connect(self: &Rc<Self>) -> Deferred<Peer> {
        let n = self.attempts.replace(self.attempts.get() + 1);
        self.log.note(json!({ "ev": "attempt", "n": n, "now": now(&self.clock) }));
        let log = self.log.clone();
        let cancelled = move |_: &Resolver<Peer>| log.note(json!({ "ev": "attempt_cancelled", "n": n }));
        let (resolver, connecting) = Deferred::with_canceller(cancelled);
        self.attempt.replace(Some(resolver));
        connecting
    }

    fn prepare(&self, peer: &Peer, plan: &Value) -> Deferred<()> {
        let p = peer.number;
        self.log.note(json!({ "ev": "prepare", "p": p }));
        match &plan[p.to_string()] {
            Value::Null => Deferred::succeed(()),
            Value::String(_wait) => {
                let log = self.log.clone();
                let cancelled = move |_: &Resolver<()>| log.note(json!({ "ev": "prepare_cancelled", "p": p }));
                let (resolver, prepared) = Deferred::with_canceller(cancelled);
                self.preparing.replace(Some(resolver));
                prepared
            }
            raise => Deferred::fail(VectorError(raise["raise"].clone())),
        }
    }

    fn play(&self, service: &ClientService<Peer>, op: &Value) {
        match text(op, "op") {
            "start" => service.start(),
            "stop" => self.stop(service, number(op, "w")),
            "when_connected" => self.when_connected(service, op),
            "connect_ok" => self.made(),
            "connect_fail" => {
                let attempt = self.attempt.take().expect("an attempt is open");
                attempt.errback(VectorError(op["e"].clone()));
            }
            "disconnect" => {
                let peer = self.live.take().expect("something is connected");
                self.log.note(json!({ "ev": "lost", "p": peer.number }));
                peer.lost.take().iter().for_each(|lost| lost.callback(ConnectionDone.into()));
            }
            "prepare_ok" => self.preparing.take().expect("it waits").callback(()),
            "prepare_fail" => self.preparing.take().expect("it waits").errback(VectorError(op["e"].clone())),
            "advance" => advance(&self.clock, op),
            other => panic!("there is no operation {other}"),
        }
    }

    fn made(&self) {
        let number = self.protocols.replace(self.protocols.get() + 1);
        self.log.note(json!({ "ev": "made", "p": number }));
        let peer = Peer { number, log: self.log.clone(), lost: Rc::default() };
        self.live.replace(Some(peer.clone()));
        let attempt = self.attempt.take().expect("an attempt is open");
        attempt.callback(peer);
    }

    fn stop(&self, service: &ClientService<Peer>, w: u64) {
        let log = self.log.clone();
        service.stop().map(move |()| log.note(json!({ "ev": "stopped", "w": w })));
    }

    fn when_connected(&self, service: &ClientService<Peer>, op: &Value) {
        let (log, w) = (self.log.clone(), number(op, "w"));
        let fail_after = op["fail_after"].as_u64().map(|failures| u32::try_from(failures).expect("few"));
        service.when_connected(fail_after).add_both(move |result| {
            log.note(match result {
                Ok(peer) => json!({ "ev": "connected", "w": w, "p": peer.number }),
                Err(failure) => json!({ "ev": "not_connected", "w": w, "err": error_told(&failure) }),
            });
        });
    }
}

/// Several may wait for one failure; they are told its text.
fn error_told(failure: &Failure) -> Value {
    serde_json::from_str(&failure.to_string()).unwrap_or_else(|_| error_of(failure))
}

//! Cases of kind `later`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};
use twisty::deferred::CancelHandle;
use twisty::task::defer_later;
use twisty::testing::Clock;
use twisty::{Deferred, Resolver};

use super::case::{Case, Log, VectorError, advance, duration, error_of, now, number, pending, text};

#[derive(Clone, Default)]
struct Player {
    clock: Clock,
    log: Log,
    /// How to cancel each, also while its handle is elsewhere.
    cancels: Rc<RefCell<BTreeMap<u64, CancelHandle>>>,
    /// Those that nobody waits for yet.
    plain: Rc<RefCell<BTreeMap<u64, Deferred<Value>>>>,
    resolvers: Rc<RefCell<BTreeMap<u64, Resolver<Value>>>>,
}

pub(super) fn replay(case: &Case) -> Value {
    let player = Player::default();
    for (at, op) in case.ops() {
        player.log.is_at(at);
        player.play(op);
    }
    let (now, pending) = (now(&player.clock), pending(&player.clock));
    json!({ "now": now, "pending": pending, "events": player.log.clone().into_events() })
}

impl Player {
    fn play(&self, op: &Value) {
        match text(op, "op") {
            "advance" => advance(&self.clock, op),
            "defer_later" => self.defer_later(op),
            "new" => {
                let (resolver, deferred) = Deferred::new();
                let d = number(op, "d");
                self.cancels.borrow_mut().insert(d, deferred.cancel_handle());
                self.resolvers.borrow_mut().insert(d, resolver);
                self.plain.borrow_mut().insert(d, deferred);
            }
            "cancel" => {
                let cancel = self.cancels.borrow()[&number(op, "d")].clone();
                cancel.cancel();
            }
            "fire" => {
                let resolver = self.resolvers.borrow_mut().remove(&number(op, "d")).expect("it is to be fired");
                resolver.callback(op["v"].clone());
            }
            other => panic!("there is no operation {other}"),
        }
    }

    fn defer_later(&self, op: &Value) {
        let (player, d, call) = (self.clone(), number(op, "d"), op["call"].clone());
        let delay = duration(&op["delay"]).expect("no call is made in the past");
        let later = defer_later(delay, &self.clock, move || player.call(d, &call));
        self.cancels.borrow_mut().insert(d, later.cancel_handle());
        let player = self.clone();
        later.add_both(move |result| {
            let (key, outcome) = match result {
                Ok(value) => ("ok", value),
                Err(failure) => ("err", error_of(&failure)),
            };
            player.log.note(json!({ "ev": "result", "d": d, key: outcome, "now": now(&player.clock) }));
        });
    }

    fn call(&self, d: u64, call: &Value) -> Deferred<Value> {
        if call.is_null() {
            return Deferred::succeed(Value::Null);
        }
        self.log.note(json!({ "ev": "call", "d": d, "now": now(&self.clock) }));
        match text(call, "b") {
            "const" => Deferred::succeed(call["v"].clone()),
            "raise" => Deferred::fail(VectorError(call["e"].clone())),
            "wait" => self.plain.borrow_mut().remove(&number(call, "d")).expect("it was made"),
            other => panic!("there is no behaviour {other}"),
        }
    }
}

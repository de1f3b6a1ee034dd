//! Cases of kind `loop`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};
use twisty::task::LoopingCall;
use twisty::testing::Clock;
use twisty::{Deferred, Failure, LoopingCallError, Resolver};

use super::case::{Case, Log, VectorError, advance, duration, error_of, now, number, pending, text};

#[derive(Clone, Default)]
struct Player {
    clock: Clock,
    log: Log,
    script: Rc<Value>,
    counts: bool,
    calls: Rc<Cell<u64>>,
    runs: Rc<Cell<u64>>,
    waiting: Rc<RefCell<BTreeMap<u64, Resolver<()>>>>,
    the_loop: Rc<RefCell<Option<LoopingCall>>>,
}

pub(super) fn replay(case: &Case) -> Value {
    let script = Rc::new(case.config["script"].clone());
    let player = Player { script, counts: case.config["with_count"] == json!(true), ..Player::default() };
    player.clock.advance(duration(&case.config["start_time"]).expect("a time"));
    let body = player.clone();
    let the_loop = match player.counts {
        true => LoopingCall::with_count(&player.clock, move |count| body.call(json!(count))),
        false => LoopingCall::new(&player.clock, move || body.call(Value::Null)),
    };
    *player.the_loop.borrow_mut() = Some(the_loop.clone());
    for (at, op) in case.ops() {
        player.log.is_at(at);
        player.play(&the_loop, op);
    }
    player.the_loop.take();
    let (now, next, running) = (now(&player.clock), pending(&player.clock), the_loop.is_running());
    json!({ "now": now, "next": next, "running": running, "events": player.log.clone().into_events() })
}

impl Player {
    fn play(&self, the_loop: &LoopingCall, op: &Value) {
        let done = match text(op, "op") {
            "start" => self.start(the_loop, op),
            "stop" => the_loop.stop(),
            "reset" => the_loop.reset(),
            "interval" => {
                the_loop.set_interval(duration(&op["seconds"]).expect("an interval"));
                Ok(())
            }
            "advance" => {
                advance(&self.clock, op);
                Ok(())
            }
            "fire" => {
                self.waiting_for(op).callback(());
                Ok(())
            }
            "fire_error" => {
                self.waiting_for(op).errback(VectorError(op["e"].clone()));
                Ok(())
            }
            other => panic!("there is no operation {other}"),
        };
        if let Err(LoopingCallError::AlreadyRunning | LoopingCallError::NotRunning) = done {
            self.log.note(json!({ "ev": "op_error", "op": op["op"], "error": "AssertionError" }));
        }
    }

    fn waiting_for(&self, op: &Value) -> Resolver<()> {
        self.waiting.borrow_mut().remove(&number(op, "n")).expect("that call waits")
    }

    fn start(&self, the_loop: &LoopingCall, op: &Value) -> Result<(), LoopingCallError> {
        let Some(interval) = duration(&op["interval"]) else {
            // Impossible by type.
            self.log.note(json!({ "ev": "op_error", "op": "start", "error": "ValueError" }));
            return Ok(());
        };
        let stopped = the_loop.start(interval, op["now"] == json!(true))?;
        let run = self.runs.replace(self.runs.get() + 1);
        let log = self.log.clone();
        stopped.add_both(move |result| match result {
            Ok(_the_loop) => log.note(json!({ "ev": "stopped", "run": run })),
            Err(failure) => log.note(json!({ "ev": "failed", "run": run, "error": error_of(&failure) })),
        });
        Ok(())
    }

    fn call(&self, count: Value) -> Deferred<()> {
        let n = self.calls.replace(self.calls.get() + 1);
        let mut event = json!({ "ev": "call", "n": n, "now": now(&self.clock) });
        if self.counts {
            event["count"] = count;
        }
        self.log.note(event);
        let mut result = Deferred::succeed(());
        for act in self.script[n.to_string()].as_array().into_iter().flatten() {
            match self.act(n, act) {
                Ok(Some(deferred)) => result = deferred,
                Ok(None) => {}
                Err(failure) => return Deferred::fail(failure),
            }
        }
        result
    }

    /// One thing that the function does; what it is to return.
    fn act(&self, n: u64, act: &Value) -> Result<Option<Deferred<()>>, Failure> {
        let the_loop = self.the_loop.borrow().clone().expect("it is played");
        match text(act, "act") {
            "stop" => the_loop.stop()?,
            "reset" => the_loop.reset()?,
            "interval" => the_loop.set_interval(duration(&act["seconds"]).expect("an interval")),
            "take" => advance(&self.clock, act),
            "raise" => return Err(VectorError(act["e"].clone()).into()),
            "ready" => return Ok(Some(Deferred::succeed(()))),
            "ready_fail" => return Ok(Some(Deferred::fail(VectorError(act["e"].clone())))),
            "wait" => {
                let (resolver, deferred) = Deferred::new();
                self.waiting.borrow_mut().insert(n, resolver);
                return Ok(Some(deferred));
            }
            other => panic!("there is no act {other}"),
        }
        Ok(None)
    }
}

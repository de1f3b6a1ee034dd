//! Cases of kind `coop`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use twisty::task::{CooperativeTask, Cooperator, Slice};
use twisty::testing::Clock;
use twisty::{Deferred, Failure, Resolver, TaskError};

use super::case::{Case, Log, VectorError, error_of, number, text};

/// Deferreds that items of scripts have yielded, by task and item.
type Waiting = Rc<RefCell<BTreeMap<(u64, u64), Resolver<()>>>>;

struct Player {
    clock: Clock,
    log: Log,
    cooperator: Cooperator,
    tasks: BTreeMap<u64, CooperativeTask>,
    waiting: Waiting,
}

pub(super) fn replay(case: &Case) -> Value {
    let clock = Clock::new();
    let started = case.config["started"] != json!(false);
    let cooperator = if started { Cooperator::new(&clock) } else { Cooperator::unstarted(&clock) };
    cooperator.set_slice(Slice::Steps(usize::try_from(number(&case.config, "units")).expect("a small number")));
    let (tasks, waiting) = (BTreeMap::new(), Waiting::default());
    let mut player = Player { clock, log: Log::default(), cooperator, tasks, waiting };
    for (at, op) in case.ops() {
        player.log.is_at(at);
        player.play(op);
    }
    let scheduled = !player.clock.delayed_calls().is_empty();
    json!({ "scheduled": scheduled, "events": player.log.clone().into_events() })
}

impl Player {
    fn play(&mut self, op: &Value) {
        match text(op, "op") {
            "tick" if self.clock.delayed_calls().is_empty() => self.log.note(json!({ "ev": "idle" })),
            // As long as the break between two slices: one slice is made, the next one is not due.
            "tick" => self.clock.advance(Duration::from_nanos(10)),
            "coop_stop" => self.cooperator.stop(),
            "coop_start" => self.cooperator.start(),
            "cooperate" => {
                let task = number(op, "task");
                let script = Script { task, items: op["script"].clone(), ..self.script() };
                self.tasks.insert(task, self.cooperator.cooperate(script));
            }
            other => self.touch(other, number(op, "task"), op),
        }
    }

    fn script(&self) -> Script {
        let (log, waiting) = (self.log.clone(), Rc::clone(&self.waiting));
        Script { log, waiting, task: 0, items: Value::Null, next: 0 }
    }

    fn touch(&self, kind: &str, number_of_task: u64, op: &Value) {
        let task = &self.tasks[&number_of_task];
        let waiting = |op| self.waiting.borrow_mut().remove(&(number_of_task, number(op, "n"))).expect("it waits");
        let done = match kind {
            "pause" => task.pause(),
            "resume" => task.resume(),
            "stop" => task.stop(),
            "fire" => return waiting(op).callback(()),
            "fire_error" => return waiting(op).errback(VectorError(op["e"].clone())),
            "when_done" => return self.when_done(task, op),
            other => panic!("there is no operation {other}"),
        };
        if let Err(error) = done {
            let error = name(error);
            self.log.note(json!({ "ev": "op_error", "op": kind, "task": number_of_task, "error": error }));
        }
    }

    fn when_done(&self, task: &CooperativeTask, op: &Value) {
        let (log, task_and_waiter) = (self.log.clone(), (op["task"].clone(), op["w"].clone()));
        task.when_done().add_both(move |result| {
            let (task, w) = task_and_waiter;
            log.note(match result {
                Ok(()) => json!({ "ev": "done", "task": task, "w": w, "ok": true }),
                Err(failure) => json!({ "ev": "done", "task": task, "w": w, "err": error(&failure) }),
            });
        });
    }
}

fn error(failure: &Failure) -> Value {
    failure.check().map_or_else(|| error_of(failure), |&error| json!({ "type": name(error) }))
}

fn name(error: TaskError) -> &'static str {
    match error {
        TaskError::Done => "TaskDone",
        TaskError::Stopped => "TaskStopped",
        TaskError::Failed => "TaskFailed",
        TaskError::SchedulerStopped => "SchedulerStopped",
        TaskError::NotPaused => "NotPaused",
    }
}

/// The iterator of a task.
struct Script {
    log: Log,
    waiting: Waiting,
    task: u64,
    items: Value,
    next: u64,
}

impl Iterator for Script {
    type Item = Deferred<()>;

    fn next(&mut self) -> Option<Deferred<()>> {
        let (task, n) = (self.task, self.next);
        let Some(item) = self.items.get(usize::try_from(n).expect("a small number")) else {
            self.log.note(json!({ "ev": "end", "task": task }));
            return None;
        };
        self.next += 1;
        self.log.note(json!({ "ev": "step", "task": task, "n": n }));
        Some(match text(item, "yield") {
            "none" | "ready" => Deferred::succeed(()),
            "raise" => Deferred::fail(VectorError(item["e"].clone())),
            "wait" => {
                let (resolver, deferred) = Deferred::new();
                self.waiting.borrow_mut().insert((task, n), resolver);
                deferred
            }
            other => panic!("there is no item {other}"),
        })
    }
}

//! The family `deferred_scale`: chains that are long or deep, given by parameters.

use std::cell::Cell;
use std::rc::Rc;

use serde::Deserialize;
use twisty::testing::UnhandledFailures;
use twisty::{Deferred, DeferredList, Failure};

use super::pool::{Pool, Result};
use super::value::{Error, Outcome, Value};
use crate::report::Departure;

#[derive(Deserialize)]
struct Case {
    r#gen: Plan,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Plan {
    Links { n: usize, fire: Fire },
    Sides { n: usize },
    Nest { n: usize, order: Order, end: End },
    NestCancel { n: usize },
    Ready { n: usize, fail_every: usize },
    Grow { n: usize },
    Ladder { n: usize, end: End },
    Pauses { n: usize },
    List { n: usize, mult: usize, add: usize, fail_every: usize },
}

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fire {
    Before,
    After,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Value,
    Error,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    OutsideIn,
    InsideOut,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Order {
    All(Direction),
    These(Vec<usize>),
}

#[derive(Debug, Default, PartialEq, Deserialize)]
struct Expect {
    calls: usize,
    checksum: usize,
    first: Option<Outcome>,
    last: Option<Outcome>,
    none_results: usize,
    uncalled: usize,
    unhandled: Vec<Error>,
}

/// Replays one case: no departure is allowed for.
pub(crate) fn replay(json: &str) -> std::result::Result<Vec<&'static Departure>, String> {
    let Case { r#gen: plan, expect } =
        serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let unhandled = UnhandledFailures::forbid();
    let mut actual = Scale::run(&plan).looked_at();
    let _seen_in_the_second_run = unhandled.take();
    drop(Scale::run(&plan));
    actual.unhandled = unhandled.take().iter().map(Error::of).collect();
    if actual == expect {
        Ok(Vec::new())
    } else {
        Err(format!("    Twisted\n      {expect:?}\n    twisty\n      {actual:?}\n"))
    }
}

/// Deferreds by number, and what was noted by their callbacks.
#[derive(Clone, Default)]
struct Scale {
    pool: Pool,
    calls: Rc<Cell<usize>>,
    checksum: Rc<Cell<usize>>,
}

impl Scale {
    fn run(plan: &Plan) -> Self {
        let scale = Self::default();
        match plan {
            Plan::Links { n, fire } => scale.links(*n, fire),
            Plan::Sides { n } => scale.sides(*n),
            Plan::Nest { n, order, end } => scale.nest(*n, order, *end),
            Plan::NestCancel { n } => scale.nest_cancel(*n),
            Plan::Ready { n, fail_every } => scale.ready(*n, *fail_every),
            Plan::Grow { n } => scale.grow(*n),
            Plan::Ladder { n, end } => scale.ladder(*n, *end),
            Plan::Pauses { n } => scale.pauses(*n),
            Plan::List { n, mult, add, fail_every } => scale.list(*n, |k| (mult * k + add) % n, *fail_every),
        }
        scale
    }

    fn looked_at(self) -> Expect {
        let numbers = self.pool.numbers();
        // Before any resolver is dropped, which fails what waits for it.
        let (calls, checksum) = (self.calls.get(), self.checksum.get());
        let outcome = |d| {
            let handle = self.pool.remove(d).handle.filter(Deferred::is_called)?;
            Some(handle.into_result().map_or(Outcome::Lost, |result| Outcome::of(&result)))
        };
        let outcomes: Vec<Option<Outcome>> = numbers.into_iter().map(outcome).collect();
        Expect {
            calls,
            checksum,
            none_results: outcomes.iter().filter(|outcome| **outcome == Some(Outcome::Ok(Value::None))).count(),
            uncalled: outcomes.iter().filter(|outcome| outcome.is_none()).count(),
            first: outcomes.first().cloned().flatten(),
            last: outcomes.last().cloned().flatten(),
            unhandled: Vec::new(),
        }
    }

    fn note(&self, k: usize) {
        self.calls.set(self.calls.get() + 1);
        self.checksum.set((self.checksum.get() * 31 + k) % (1 << 31));
    }

    fn make(&self, n: usize) {
        for d in 0..n {
            let (resolver, deferred) = Deferred::new();
            self.pool.insert(d, Some(resolver), deferred);
        }
    }

    fn fire(&self, d: usize, result: Result) {
        let fired = self.pool.fire(d, result).expect("it was made unfired");
        fired.expect("it is fired once");
    }

    /// Adds a function to both sides that notes `k` and passes what it is given.
    fn add_note(&self, d: usize, k: usize) {
        let scale = self.clone();
        let note = move |result| {
            scale.note(k);
            result
        };
        self.pool.change(d, |it| it.add_both(note));
    }

    /// Adds a callback that notes `k` and counts one up.
    fn add_count(&self, d: usize, k: usize) {
        let scale = self.clone();
        let count = move |value| {
            scale.note(k);
            plus_one(value)
        };
        self.pool.change(d, |it| it.map(count));
    }

    fn links(&self, n: usize, fire: &Fire) {
        self.make(1);
        if *fire == Fire::Before {
            self.fire(0, int(0));
        }
        (0..n).for_each(|i| self.add_count(0, i));
        if *fire == Fire::After {
            self.fire(0, int(0));
        }
    }

    fn sides(&self, n: usize) {
        self.make(1);
        (0..n).for_each(|i| self.add_sides(i));
        self.fire(0, int(0));
    }

    fn add_sides(&self, i: usize) {
        let (on_value, on_failure) = (self.clone(), self.clone());
        let callback = move |value| {
            on_value.note(2 * i);
            if i.is_multiple_of(3) { Err(failure(i % 5, i)) } else { Ok(plus_one(value)) }
        };
        let errback = move |why| {
            on_failure.note(2 * i + 1);
            if i.is_multiple_of(2) { int(i) } else { Err(why) }
        };
        self.pool.change(0, |it| it.add_callbacks(callback, errback));
    }

    /// Number 0 is the list; its members have the numbers behind.
    fn list(&self, n: usize, nth: impl Fn(usize) -> usize, fail_every: usize) {
        let members: Vec<Deferred<Value>> = (1..=n).map(|d| self.member(d)).collect();
        let scale = self.clone();
        let list = DeferredList::new(members).consume_errors().all().add_callback(move |results| {
            results.iter().for_each(|result| scale.note_result(result));
            int(results.len())
        });
        self.pool.insert(0, None, list);
        for k in 0..n {
            let i = nth(k);
            let fails = fail_every > 0 && i.is_multiple_of(fail_every);
            self.fire(i + 1, if fails { Err(failure(0, i)) } else { int(i + k) });
        }
    }

    /// What a list gets of number `d`, which goes on with its value all the same, or with nothing after a failure. Lists
    /// consume their members; this is how to keep one.
    fn member(&self, d: usize) -> Deferred<Value> {
        let (resolver, deferred) = Deferred::new();
        self.pool.insert(d, Some(resolver), deferred);
        let (resolver, member) = Deferred::new();
        let share = move |result: Result| {
            let rest = result.as_ref().map_or(Value::None, Value::clone);
            resolver.fire(result);
            Ok(rest)
        };
        self.pool.change(d, |it| it.add_both(share));
        member
    }

    fn note_result(&self, result: &Result) {
        let text = result.as_ref().map_or_else(Failure::to_string, Value::to_string);
        let number: usize = text.parse().expect("all values and messages are numbers");
        self.note(2 * number + usize::from(result.is_err()));
    }

    /// Each but the last returns the next.
    fn nested(&self, n: usize) {
        self.make(n);
        for i in 0..n {
            if i + 1 < n {
                let pool = self.pool.clone();
                self.pool.change(i, move |it| it.add_callback(move |_| pool.lend(i + 1, i)));
            }
            self.add_note(i, i);
        }
    }

    fn nest(&self, n: usize, order: &Order, end: End) {
        self.nested(n);
        let order = match order {
            Order::All(Direction::OutsideIn) => (0..n).collect(),
            Order::All(Direction::InsideOut) => (0..n).rev().collect(),
            Order::These(these) => these.clone(),
        };
        for i in order {
            let fails = end == End::Error && i + 1 == n;
            self.fire(i, if fails { Err(Error::E1 { msg: "deep".to_owned() }.failure()) } else { int(i) });
        }
    }

    fn nest_cancel(&self, n: usize) {
        self.nested(n);
        (0..n - 1).for_each(|i| self.fire(i, int(i)));
        self.pool.cancel(0);
    }

    fn ready(&self, n: usize, fail_every: usize) {
        self.make(1);
        (0..n).for_each(|i| self.add_ready(i, fail_every > 0 && i.is_multiple_of(fail_every)));
        self.fire(0, int(0));
    }

    fn add_ready(&self, i: usize, fails: bool) {
        let (on_value, on_failure) = (self.clone(), self.clone());
        let callback = move |value| {
            on_value.note(2 * i);
            if fails { Deferred::fail(failure(2, i)) } else { Deferred::succeed(plus_one(value)) }
        };
        let errback = move |_why| {
            on_failure.note(2 * i + 1);
            Deferred::from(int(i))
        };
        self.pool.change(0, |it| it.add_callbacks(callback, errback));
    }

    fn grow(&self, n: usize) {
        self.make(1);
        self.grow_from(0, n);
        self.fire(0, int(0));
    }

    fn grow_from(&self, i: usize, n: usize) {
        let scale = self.clone();
        let callback = move |value| {
            scale.note(i);
            if i + 1 < n {
                scale.grow_from(i + 1, n);
            }
            plus_one(value)
        };
        self.pool.change(0, move |it| it.map(callback));
    }

    fn ladder(&self, n: usize, end: End) {
        self.make(n);
        (0..n).for_each(|i| self.add_note(i, i));
        (1..n).for_each(|i| self.pool.chain(i - 1, i));
        self.fire(0, if end == End::Error { Err(Error::E3 { msg: "down".to_owned() }.failure()) } else { int(7) });
    }

    fn pauses(&self, n: usize) {
        self.make(1);
        self.add_count(0, 1);
        (0..n).for_each(|_| self.pool.pause(0));
        self.fire(0, int(0));
        for _ in 0..n {
            assert_eq!(self.calls.get(), 0, "nothing runs before the last pause ends");
            self.pool.unpause(0);
        }
    }
}

fn int(n: usize) -> Result {
    Ok(Value::Int(n.try_into().expect("it is small")))
}

fn plus_one(value: Value) -> Value {
    match value {
        Value::Int(n) => Value::Int(n + 1),
        other => other,
    }
}

/// `E{kind}` with a number as its message.
fn failure(kind: usize, message: usize) -> Failure {
    let msg = message.to_string();
    let error = match kind {
        0 => Error::E0 { msg },
        1 => Error::E1 { msg },
        2 => Error::E2 { msg },
        3 => Error::E3 { msg },
        _ => Error::E4 { msg },
    };
    error.failure()
}

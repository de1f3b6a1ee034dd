//! Timeouts, delayed work, loops and slices: what the vectors do not say.

#[path = "task/cooperation.rs"]
mod cooperation;
#[path = "task/endings.rs"]
mod endings;
#[path = "task/later.rs"]
mod later;
#[path = "task/loops.rs"]
mod loops;
#[path = "task/timeouts.rs"]
mod timeouts;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use twisty::{Deferred, Failure, Reactor};

const SECOND: Duration = Duration::from_secs(1);

const MILLISECOND: Duration = Duration::from_millis(1);

/// Turns until it is over; the test ends by itself, since each turn waits for a timer.
fn turn_until_over<T>(reactor: &Reactor, deferred: &Deferred<T>) {
    while !deferred.has_result() {
        reactor.turn(None).expect("the poll works");
    }
}

/// Counts its calls.
fn counter() -> (Rc<Cell<u32>>, impl FnMut() + 'static) {
    let count = Rc::new(Cell::new(0));
    let calls = Rc::clone(&count);
    (count, move || calls.set(calls.get() + 1))
}

fn failure_of<T: std::fmt::Debug>(deferred: Deferred<T>) -> Failure {
    deferred.into_result().expect("it is over").expect_err("it failed")
}

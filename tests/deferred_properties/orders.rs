//! Whatever is done in whatever order, also from inside of callbacks: values and failures end once, and nothing stays.
//!
//! The rules that keep a program from waiting for itself: a chain waits for older ones only, and its callbacks own
//! resolvers and pauses of younger ones only.

use std::rc::Rc;

use fastrand::Rng;
use twisty::testing::UnhandledFailures;

use crate::pool::{Fate, World};
use crate::random::programs;

fn everything_ends_once(rng: &mut Rng, races: bool) {
    let unhandled = UnhandledFailures::forbid();
    let world = World::new(rng.fork(), races);
    world.run();
    world.clear();
    let reported: Vec<_> = unhandled.take();
    reported.iter().for_each(|failure| world.handle(failure));
    drop(reported);
    let lost = world.fates.borrow().iter().find(|(_, fate)| **fate == Fate::Pending).map(|(number, _)| *number);
    assert!(races || lost.is_none(), "failure {lost:?} was neither handled nor reported");
    assert!(world.clock.delayed_calls().is_empty(), "a timer is left");
    assert_eq!(world.tokens.get(), 0, "values are left");
    assert_eq!(Rc::strong_count(&world), 1, "callbacks are left");
}

#[test]
fn each_value_and_each_failure_ends_once() {
    programs(4000, |rng| everything_ends_once(rng, false));
}

#[test]
fn races_leave_nothing_behind() {
    programs(4000, |rng| everything_ends_once(rng, true));
}

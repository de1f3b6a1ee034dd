//! Seeds: which programs are run, and which one to run again.

use std::env;
use std::panic::resume_unwind;
use std::thread;

use fastrand::Rng;

/// Says which program it was, if it fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the program of TWISTY_SEED={} failed", self.0);
        }
    }
}

/// Runs `program` with so many seeds, or as the environment says.
pub(crate) fn programs(count: u64, program: impl Fn(&mut Rng)) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let rounds = number("TWISTY_ROUNDS").unwrap_or(1);
    let seeds = number("TWISTY_SEED").map_or(0..count * rounds, |seed| seed..seed + 1);
    for seed in seeds {
        let _said_if_it_fails = Seed(seed);
        program(&mut Rng::with_seed(seed));
    }
}

/// Panics without the message and the stack that a panic prints: it is meant to.
pub(crate) fn panic_on_purpose(message: String) -> ! {
    resume_unwind(Box::new(message))
}

/// One of these.
pub(crate) fn one_of<'a, T>(rng: &mut Rng, all: &'a [T]) -> &'a T {
    &all[rng.usize(..all.len())]
}

/// Removes any of these.
pub(crate) fn take_any<T>(rng: &mut Rng, all: &mut Vec<T>) -> Option<T> {
    (!all.is_empty()).then(|| all.swap_remove(rng.usize(..all.len())))
}

//! Random programs: a chain of `chain!` and its twin of methods do the same, whatever fires, fails and is cancelled, and
//! leave nothing behind.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use twisty::prelude::*;
use twisty::testing::{Clock, UnhandledFailures};

use crate::Zero;

/// What a step does.
#[derive(Debug, Clone, Copy)]
enum Act {
    Value,
    Fail,
    FailOtherwise,
    Panic,
    Later,
}

/// What happens to a chain.
#[derive(Debug, Clone, Copy)]
enum Event {
    Fire(usize),
    Fail(usize),
    Forget(usize),
    Advance,
    Cancel,
    Drop,
}

struct World {
    acts: [Act; 8],
    log: RefCell<Vec<String>>,
    waiting: RefCell<Vec<Option<Resolver<u32>>>>,
    clock: Clock,
    cancelled: Rc<Cell<usize>>,
}

impl World {
    fn new(acts: [Act; 8]) -> Rc<Self> {
        let (log, waiting) = (RefCell::default(), RefCell::default());
        Rc::new(Self { acts, log, waiting, clock: Clock::new(), cancelled: Rc::default() })
    }

    fn later(&self, has_canceller: bool) -> Deferred<u32> {
        let cancelled = Rc::clone(&self.cancelled);
        let (resolver, deferred) = if has_canceller {
            Deferred::with_canceller(move |_| cancelled.set(cancelled.get() + 1))
        } else {
            Deferred::new()
        };
        self.waiting.borrow_mut().push(Some(resolver));
        deferred
    }

    /// A step that returns a Deferred.
    fn act(&self, step: usize, n: u32) -> Deferred<u32> {
        self.log.borrow_mut().push(format!("{step} gets {n}"));
        match self.acts[step] {
            Act::Value => Deferred::succeed(n + 1),
            Act::Fail => Deferred::fail(Zero),
            Act::FailOtherwise => Deferred::fail(std::fmt::Error),
            Act::Panic => resume_unwind(Box::new("without a word")),
            Act::Later => self.later(n.is_multiple_of(2)),
        }
    }

    /// A step that is there at once.
    fn attempt(&self, step: usize, n: u32) -> Result<u32, Failure> {
        self.act_now(step, &n.to_string())?;
        Ok(n + 1)
    }

    fn act_now(&self, step: usize, what: &str) -> Result<(), Failure> {
        self.log.borrow_mut().push(format!("{step} gets {what}"));
        match self.acts[step] {
            Act::Fail => Err(Zero.into()),
            Act::FailOtherwise => Err(std::fmt::Error.into()),
            Act::Panic => resume_unwind(Box::new("without a word")),
            Act::Value | Act::Later => Ok(()),
        }
    }

    /// An end that may be waited for.
    fn end(&self, step: usize, what: &str) -> Deferred<()> {
        match self.acts[step] {
            Act::Later => self.later(true).map(drop),
            _ => self.act_now(step, what).into(),
        }
    }

    fn happen(&self, event: Event, chain: &mut Option<Deferred<u32>>) {
        let pick = |at: usize| {
            let mut waiting = self.waiting.borrow_mut();
            let count = waiting.len();
            waiting.get_mut(at % count.max(1)).and_then(Option::take)
        };
        match event {
            Event::Fire(at) => pick(at).into_iter().for_each(|resolver| resolver.try_callback(10).unwrap_or(())),
            Event::Fail(at) => pick(at).into_iter().for_each(|resolver| resolver.try_errback(Zero).unwrap_or(())),
            Event::Forget(at) => drop(pick(at)),
            Event::Advance => self.clock.advance(Duration::from_secs(1)),
            Event::Cancel => chain.iter().for_each(Deferred::cancel),
            Event::Drop => drop(chain.take()),
        }
    }
}

fn by_macro(w: &Rc<World>, source: Deferred<u32>) -> Deferred<u32> {
    let (world, above) = (Rc::clone(w), Rc::clone(w));
    chain! {
        source;
        then |n| above.act(0, n);
        catch |_: Zero| above.act(1, 100);
        then |n| above.attempt(2, n);
        finally |result| above.end(3, if result.is_ok() { "a value" } else { "a failure" });
        timeout 2s on &world.clock;
        then |n| { let n = world.attempt(4, n)?; n + 1 }
        catch |late: TimeoutError| Ok(world.attempt(5, late.limit.as_secs() as u32)?);
        finally |_| world.act_now(6, "a result");
        catch |why| { let _: std::fmt::Error = why.trap()?; 7 }
        then |n| world.act(7, n)
    }
}

fn by_hand(w: &Rc<World>, source: Deferred<u32>) -> Deferred<u32> {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = std::array::from_fn(|_| Rc::clone(w));
    let above = source
        .add_callback(move |n| w0.act(0, n))
        .add_errback(move |why| match why.trap::<Zero>() {
            Ok(_) => w1.act(1, 100),
            Err(why) => Err(why).into(),
        })
        .add_callback(move |n| w2.attempt(2, n))
        .add_both(move |result| {
            let end = w3.end(3, if result.is_ok() { "a value" } else { "a failure" });
            let result = Deferred::from(result);
            end.add_both(|ended| match ended {
                Ok(()) => result,
                Err(why) => {
                    let _replaced = result.into_result();
                    Err(why).into()
                }
            })
        });
    above
        .add_timeout(Duration::from_secs(2), &w.clock)
        .add_callback(move |n| Ok(w4.attempt(4, n)? + 1))
        .add_errback(move |why| w5.attempt(5, why.trap::<TimeoutError>()?.limit.as_secs() as u32))
        .add_both(move |result| w6.act_now(6, "a result").and(result))
        .add_errback(|why| why.trap::<std::fmt::Error>().map(|_| 7))
        .add_callback(move |n| w7.act(7, n))
}

/// All that can be seen of a program.
fn play(build: fn(&Rc<World>, Deferred<u32>) -> Deferred<u32>, acts: [Act; 8], events: &[Event]) -> Vec<String> {
    let (world, unhandled) = (World::new(acts), UnhandledFailures::forbid());
    let mut chain = Some(if events.len().is_multiple_of(4) { Deferred::succeed(2) } else { world.later(false) });
    chain = chain.map(|source| build(&world, source));
    for event in events {
        world.happen(*event, &mut chain);
    }
    let mut seen = world.log.take();
    seen.push(match chain.map(Deferred::into_result) {
        None => "dropped".to_owned(),
        Some(Err(waiting)) => format!("waits, called: {}", waiting.is_called()),
        Some(Ok(result)) => result.map_or_else(|why| why.to_string(), |n| n.to_string()),
    });
    // Whoever is forgotten may begin to wait for another one.
    while !world.waiting.take().is_empty() {}
    seen.push(format!("{} cancelled, {} unhandled", world.cancelled.get(), unhandled.take().len()));
    seen.push(format!("{} timers, {} left", world.clock.delayed_calls().len(), Rc::strong_count(&world) - 1));
    seen
}

#[test]
fn chains_do_what_their_twins_of_methods_do() {
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..20_000 {
        let mut rng = Rng::with_seed(seed);
        let acts = std::array::from_fn(|_| match rng.u8(0..12) {
            0 => Act::Fail,
            1 => Act::FailOtherwise,
            2 => Act::Panic,
            3..7 => Act::Later,
            _ => Act::Value,
        });
        let event = |rng: &mut Rng| match rng.u8(0..16) {
            0 => Event::Cancel,
            1 => Event::Fail(rng.usize(0..9)),
            2 => Event::Forget(rng.usize(0..9)),
            3 => Event::Drop,
            4..7 => Event::Advance,
            _ => Event::Fire(rng.usize(0..9)),
        };
        let count = rng.usize(0..12);
        let events: Vec<_> = (0..count).map(|_| event(&mut rng)).collect();
        let chained = play(by_macro, acts, &events);
        assert_eq!(chained, play(by_hand, acts, &events), "seed {seed}: {acts:?} {events:?}");
        assert!(chained.last().is_some_and(|last| last == "0 timers, 0 left"), "seed {seed}: {chained:?}");
        *ends.entry(chained[chained.len() - 3].clone()).or_default() += 1;
    }
    assert!(ends.len() >= 8, "these programs are all alike: {ends:?}");
}

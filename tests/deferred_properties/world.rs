//! What the steps of a program use: its promises, as Deferreds, and the list of calls.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use twisty::deferred::{FirstSuccess, Paused};
use twisty::testing::UnhandledFailures;
use twisty::{Deferred, DeferredList, Failure, FailureGroup, FirstError, HandlerPanicked, Resolver, gather, race};

use crate::model::{Act, Event, Joined, Outcome, Program, Promise, Story, made};
use crate::random::panic_on_purpose;

#[derive(Debug, thiserror::Error)]
#[error("bad {0}")]
pub(crate) struct Bad(pub(crate) u64);

/// What a failure says in the list of calls and in a result.
pub(crate) fn say(failure: &Failure) -> String {
    if let Some(FirstError { index, failure }) = failure.check() {
        return format!("first {index}: {}", say(failure));
    }
    if let Some(FailureGroup { failures }) = failure.check() {
        return format!("group of {}", failures.len());
    }
    failure.check::<HandlerPanicked>().map_or_else(|| failure.to_string(), |panicked| panicked.message.clone())
}

/// What is written down of an input.
pub(crate) trait Said {
    fn said(&self) -> String;
}

impl Said for u64 {
    fn said(&self) -> String {
        self.to_string()
    }
}

impl Said for Failure {
    fn said(&self) -> String {
        say(self)
    }
}

impl Said for Bad {
    fn said(&self) -> String {
        self.to_string()
    }
}

impl<V: Said, E: Said> Said for Result<V, E> {
    fn said(&self) -> String {
        self.as_ref().map_or_else(Said::said, Said::said)
    }
}

impl<S: Said> Said for &S {
    fn said(&self) -> String {
        (*self).said()
    }
}

pub(crate) struct World {
    acts: Vec<Act>,
    promised: RefCell<Vec<Option<Deferred<u64>>>>,
    calls: Rc<RefCell<Vec<String>>>,
}

/// How a chain is built on the source.
pub(crate) trait Build {
    fn build(&self, world: &Rc<World>, source: Deferred<u64>) -> Deferred<u64>;
}

impl<F: Fn(&Rc<World>, Deferred<u64>) -> Deferred<u64>> Build for F {
    fn build(&self, world: &Rc<World>, source: Deferred<u64>) -> Deferred<u64> {
        self(world, source)
    }
}

/// What the steps do.
impl World {
    pub(crate) fn plain(&self, step: usize, input: impl Said) -> u64 {
        match self.begin(step, &input.said()) {
            (Act::Give, value) => value,
            (act, _) => unreachable!("{act:?} in a plain step"),
        }
    }

    pub(crate) fn tried(&self, step: usize, input: impl Said) -> Result<u64, Bad> {
        match self.begin(step, &input.said()) {
            (Act::Fail, value) => Err(Bad(value)),
            (_, value) => Ok(value),
        }
    }

    pub(crate) fn later(&self, step: usize, input: impl Said) -> Deferred<u64> {
        match self.begin(step, &input.said()) {
            (Act::Fail, value) => Deferred::fail(Bad(value)),
            (Act::Wait(number), _) => self.promise(number),
            (_, value) => Deferred::succeed(value),
        }
    }

    fn begin(&self, step: usize, said: &str) -> (Act, u64) {
        self.calls.borrow_mut().push(format!("{step}: {said}"));
        let act = self.acts[step];
        if matches!(act, Act::Panic) {
            panic_on_purpose(format!("panic {step}"));
        }
        (act, made(step, said))
    }

    fn promise(&self, number: usize) -> Deferred<u64> {
        self.promised.borrow_mut()[number].take().expect("it is returned once")
    }
}

/// One run of a program.
struct Run {
    world: Rc<World>,
    resolvers: Vec<Vec<Resolver<u64>>>,
    pauses: Vec<Option<Paused>>,
    chain: Option<Deferred<u64>>,
    paused: Option<Paused>,
}

/// Runs a program.
pub(crate) fn run(program: &Program, builder: &dyn Build) -> Story {
    let unhandled = UnhandledFailures::forbid();
    let mut run = Run::new(program);
    for event in &program.events {
        run.happen(*event, program, builder);
    }
    let result = run.chain.take().expect("it was built").into_result();
    let result = result.ok().map(|result| result.map_err(|failure| say(&failure))) as Option<Outcome>;
    let calls = Rc::clone(&run.world.calls);
    drop(run);
    assert_eq!(Rc::strong_count(&calls), 1, "a callback was kept: {program:#?}");
    Story { calls: calls.take(), result, unhandled: unhandled.take().len() }
}

impl Run {
    fn new(program: &Program) -> Self {
        let calls = Rc::default();
        let (mut promised, mut resolvers, mut pauses) = (Vec::new(), Vec::new(), Vec::new());
        for (number, promise) in program.promises.iter().enumerate() {
            let (fires, mut deferred) = make(promise, number, &calls);
            pauses.push(promise.paused.then(|| deferred.pause()));
            promised.push(Some(hand_over(promise, number, deferred, &calls)));
            resolvers.push(fires);
        }
        let world = World { acts: program.acts.clone(), promised: RefCell::new(promised), calls };
        Self { world: Rc::new(world), resolvers, pauses, chain: None, paused: None }
    }

    fn happen(&mut self, event: Event, program: &Program, builder: &dyn Build) {
        match event {
            Event::Build => self.chain = Some(builder.build(&self.world, self.world.promise(0))),
            Event::Fire(number, member) => {
                let result = program.promises[number].members[member].map_err(|bad| Bad(bad).into());
                self.resolvers[number][member].fire(result);
            }
            Event::Unpause(number) => drop(self.pauses[number].take()),
            Event::Pause => self.paused = self.chain.as_mut().map(Deferred::pause),
            Event::GoOn => drop(self.paused.take()),
        }
    }
}

type Calls = Rc<RefCell<Vec<String>>>;

/// Writes down that it went on.
fn note<T: 'static>(rest: Deferred<T>, calls: &Calls, what: String) {
    let calls = Rc::clone(calls);
    rest.map(move |_| calls.borrow_mut().push(what));
}

fn make(promise: &Promise, number: usize, calls: &Calls) -> (Vec<Resolver<u64>>, Deferred<u64>) {
    let (resolvers, mut members): (Vec<_>, Vec<_>) = promise.members.iter().map(|_| Deferred::<u64>::new()).unzip();
    let count = |results: Vec<twisty::Result<u64>>| results.into_iter().flatten().sum::<u64>() + 1;
    let place = |(index, value): (usize, u64)| index as u64 * 1000 + value;
    let deferred = match promise.joined {
        Joined::Single => members.remove(0),
        Joined::Chained => {
            let (resolver, deferred) = Deferred::new();
            note(members.remove(0).chain_deferred(resolver), calls, format!("behind {number}"));
            deferred
        }
        Joined::Gather => gather(members).map(|values| values.iter().sum()),
        Joined::Race => race(members).map(place),
        Joined::All => DeferredList::new(members).all().map(count),
        Joined::First => DeferredList::new(members).first().map(move |first| match first {
            FirstSuccess::First { index, value } => place((index, value)),
            FirstSuccess::AllFailed(_) => 777,
        }),
    };
    (resolvers, deferred)
}

fn hand_over(promise: &Promise, number: usize, deferred: Deferred<u64>, calls: &Calls) -> Deferred<u64> {
    if !promise.handed {
        return deferred;
    }
    let (handed, rest) = deferred.hand_over();
    note(rest, calls, format!("after {number}"));
    handed
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

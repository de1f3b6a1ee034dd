//! A case, operation by operation.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use twisty::testing::{Clock, UnhandledFailures};
use twisty::{Deferred, deferred};

use super::case::{Behaviour, Canceller, Case, Event, Kind, Op, What, ending};
use super::ending::{dropped, looked_at};
use super::pool::{Pool, Result};
use super::several;
use super::value::{Error, Outcome, Value};

/// All that happens, in order.
///
/// The program is run twice: at its end a Deferred can be looked at, or dropped to see what is reported.
pub(super) fn replay(case: &Case) -> Vec<Event> {
    let unhandled = UnhandledFailures::forbid();
    let program = Program::run(case);
    let mut events = program.log.take();
    let timers = program.clock.delayed_calls().len();
    let mut finals = looked_at(&program);
    let _seen_in_the_second_run = unhandled.take();

    let reports = dropped(&Program::run(case), &unhandled);
    for state in &mut finals {
        state.unhandled = reports.by_number.get(&state.d).cloned();
    }
    let at = case.ops.len();
    events.extend(reports.strange.into_iter().map(|error| Event { at, what: What::Reported(error) }));
    events.extend(ending(at, finals, timers));
    events
}

/// A program that is running, or is over.
pub(super) struct Program {
    pub(super) pool: Pool,
    /// From here on callbacks only pass what they are given.
    pub(super) is_over: Cell<bool>,
    /// What was given to the first callback that ran after that.
    pub(super) first_input: RefCell<Option<Outcome>>,
    clock: Clock,
    /// The operation that is done now.
    at: Cell<usize>,
    log: RefCell<Vec<Event>>,
}

impl Program {
    pub(super) fn run(case: &Case) -> Rc<Self> {
        let program = Rc::new(Self {
            pool: Pool::default(),
            is_over: Cell::new(false),
            first_input: RefCell::default(),
            clock: Clock::new(),
            at: Cell::new(0),
            log: RefCell::default(),
        });
        for (at, op) in case.ops.iter().enumerate() {
            program.at.set(at);
            program.perform(op);
        }
        program
    }

    fn note(&self, what: What) {
        self.log.borrow_mut().push(Event { at: self.at.get(), what });
    }

    fn perform(self: &Rc<Self>, op: &Op) {
        let pool = &self.pool;
        match op.clone() {
            Op::New { d, canceller } => self.make(d, canceller),
            Op::Succeed { d, v } => pool.insert(d, None, Deferred::succeed(v)),
            Op::Fail { d, e } => pool.insert(d, None, Deferred::fail(e.failure())),
            Op::MaybeDeferred { d, b } => {
                let call = || self.behave(d, &b, Ok(Value::None));
                pool.insert(d, None, deferred::maybe_deferred(call));
            }
            Op::Callback { d, v } => self.fire("callback", d, Ok(v)),
            Op::Errback { d, e } => self.fire("errback", d, Err(e.failure())),
            Op::Cancel { d } => pool.cancel(d),
            Op::Pause { d } => pool.pause(d),
            Op::Unpause { d } => pool.unpause(d),
            Op::ChainDeferred { d, to } => pool.chain(d, to),
            Op::Advance { seconds } => self.clock.advance(Duration::from_secs_f64(seconds)),
            Op::DeferredList(it) => several::list(pool, &it),
            Op::GatherResults(it) => several::gather(pool, &it),
            Op::Race(it) => several::race(pool, &it),
            op => self.add(op),
        }
    }

    fn add(self: &Rc<Self>, op: Op) {
        let pool = &self.pool;
        match op {
            Op::AddCallbacks { d, s, cb, eb } => {
                let callback = self.slot(d, s, cb);
                let Some(eb) = eb else {
                    return pool.change(d, |it| it.add_callback(|value| callback(Ok(value))));
                };
                let errback = self.slot(d, s, eb);
                pool.change(d, |it| it.add_callbacks(|value| callback(Ok(value)), |failure| errback(Err(failure))));
            }
            Op::AddCallback { d, s, cb } => {
                let callback = self.slot(d, s, cb);
                pool.change(d, |it| it.add_callback(|value| callback(Ok(value))));
            }
            Op::AddErrback { d, s, eb } => {
                let errback = self.slot(d, s, eb);
                pool.change(d, |it| it.add_errback(|failure| errback(Err(failure))));
            }
            Op::AddBoth { d, s, both } => {
                let both = self.slot(d, s, both);
                pool.change(d, |it| it.add_both(both));
            }
            Op::AddTimeout { d, s, seconds, on } => self.add_timeout(d, s, Duration::from_secs_f64(seconds), on),
            _ => unreachable!("`perform` does all others"),
        }
    }

    fn make(self: &Rc<Self>, d: usize, canceller: Canceller) {
        let program = Rc::clone(self);
        let (resolver, deferred) = match canceller {
            Canceller::None => Deferred::new(),
            canceller => Deferred::with_canceller(move |resolver| {
                program.note(What::Canceller { d });
                match canceller {
                    Canceller::Callback(value) => resolver.callback(value),
                    Canceller::Errback(error) => resolver.errback(error.failure()),
                    _ => {}
                }
            }),
        };
        self.pool.insert(d, Some(resolver), deferred);
    }

    fn fire(&self, op: &str, d: usize, result: Result) {
        if let Some(Err(_already_called)) = self.pool.fire(d, result) {
            let (op, error) = (op.to_owned(), Error::AlreadyCalledError.name().to_owned());
            self.note(What::OpError { op, d, error });
        }
    }

    fn add_timeout(self: &Rc<Self>, d: usize, s: usize, timeout: Duration, on: Option<Behaviour>) {
        let (program, watcher, clock) = (Rc::clone(self), Rc::clone(self), self.clock.clone());
        // What a paused one holds is seen before the timeout translates it.
        let watched = move |it: Deferred<Value>| it.add_both(move |result| watcher.see(result));
        self.pool.change(d, move |it| match on {
            None => watched(it).add_timeout(timeout, &clock),
            Some(on) => watched(it).add_timeout_with(timeout, &clock, move |result, limit| {
                let seconds = limit.as_secs_f64();
                program.answer(d, &on, result, |_kind, input| What::OnTimeout { d, s, input, seconds })
            }),
        });
    }

    /// The function that is added to a Deferred.
    pub(super) fn slot(
        self: &Rc<Self>,
        d: usize,
        s: usize,
        behaviour: Behaviour,
    ) -> impl FnOnce(Result) -> Deferred<Value> + use<> {
        let program = Rc::clone(self);
        move |result| program.answer(d, &behaviour, result, |kind, input| What::Call { d, s, kind, input })
    }

    /// Writes down what a function is given, and behaves.
    fn answer(
        self: &Rc<Self>,
        d: usize,
        behaviour: &Behaviour,
        input: Result,
        event: impl FnOnce(Kind, Outcome) -> What,
    ) -> Deferred<Value> {
        let kind = if input.is_ok() { Kind::Callback } else { Kind::Errback };
        let input = self.see(input);
        if self.is_over.get() {
            return input.into();
        }
        self.note(event(kind, Outcome::of(&input)));
        self.behave(d, behaviour, input)
    }

    /// Remembers the first that comes when the program is over.
    fn see(&self, input: Result) -> Result {
        if self.is_over.get() {
            self.first_input.borrow_mut().get_or_insert_with(|| Outcome::of(&input));
        }
        input
    }

    fn behave(self: &Rc<Self>, d: usize, behaviour: &Behaviour, input: Result) -> Deferred<Value> {
        match behaviour {
            Behaviour::Pass => input.into(),
            Behaviour::Const { v } => Deferred::succeed(v.clone()),
            Behaviour::Tag { t } => Deferred::succeed(Value::Str(format!("{t}({})", Outcome::of(&input)))),
            Behaviour::Raise { e } => Err(e.failure()).into(),
            Behaviour::Fail { e } => Deferred::fail(e.failure()),
            Behaviour::Defer { d: inner } => self.pool.lend(*inner, d),
            Behaviour::Trap { types, v } => {
                let caught = |failure| types.iter().any(|name| name == Error::of(failure).name());
                if input.as_ref().is_err_and(caught) { Deferred::succeed(v.clone()) } else { input.into() }
            }
            Behaviour::Seq { ops, then } => {
                ops.iter().for_each(|op| self.perform(op));
                self.behave(d, then, input)
            }
        }
    }
}

//! Random programs, and what they should do: a loop over a `Result`, without any Deferred.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::random::one_of;

/// A value, or what a failure says.
pub(crate) type Outcome = Result<u64, String>;

/// A step of a chain: which results it is for, and the type of what it makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kind {
    pub(crate) side: Side,
    pub(crate) form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Side {
    Then,
    Catch,
    /// Failures of the type `Bad` only.
    CatchBad,
    Finally,
    /// `add_callbacks` or `add_both`; `chain!` has none.
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Plain,
    Tried,
    Later,
}

/// What a step does when it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Give,
    Fail,
    Panic,
    /// Returns this one of the promises.
    Wait(usize),
}

/// Where a result comes from that is not there yet.
#[derive(Debug)]
pub(crate) struct Promise {
    pub(crate) joined: Joined,
    /// What each of the Deferreds comes to that it is made of.
    pub(crate) members: Vec<Result<u64, u64>>,
    /// Somebody else goes on after whoever gets the result.
    pub(crate) handed: bool,
    pub(crate) paused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Joined {
    Single,
    Chained,
    Gather,
    Race,
    All,
    First,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Build,
    Fire(usize, usize),
    Unpause(usize),
    /// Of the chain itself.
    Pause,
    GoOn,
}

/// A program: promise 0 is the source of the chain.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) acts: Vec<Act>,
    pub(crate) promises: Vec<Promise>,
    pub(crate) events: Vec<Event>,
}

impl Program {
    pub(crate) fn new(rng: &mut Rng, kinds: Vec<Kind>, pauses: bool) -> Self {
        let mut promises = vec![Promise::new(rng)];
        let acts = kinds.iter().map(|kind| Act::new(rng, kind.form, &mut promises)).collect();
        let events = events(rng, &promises, pauses);
        Self { kinds, acts, promises, events }
    }
}

impl Act {
    fn new(rng: &mut Rng, form: Form, promises: &mut Vec<Promise>) -> Self {
        match (form, rng.u8(..10)) {
            (_, 0) => Self::Panic,
            (Form::Tried | Form::Later, 1..4) => Self::Fail,
            (Form::Later, 4..9) => {
                promises.push(Promise::new(rng));
                Self::Wait(promises.len() - 1)
            }
            _ => Self::Give,
        }
    }
}

impl Promise {
    fn new(rng: &mut Rng) -> Self {
        let single = [Joined::Single, Joined::Single, Joined::Chained];
        let several = [Joined::Gather, Joined::Race, Joined::All, Joined::First];
        let joined = *if rng.bool() { one_of(rng, &single) } else { one_of(rng, &several) };
        let count = if several.contains(&joined) { rng.usize(1..4) } else { 1 };
        let members = (0..count).map(|_| if rng.u8(..3) > 0 { Ok(rng.u64(..1000)) } else { Err(rng.u64(..1000)) });
        Self { joined, members: members.collect(), handed: rng.bool(), paused: rng.u8(..4) == 0 }
    }
}

fn events(rng: &mut Rng, promises: &[Promise], pauses: bool) -> Vec<Event> {
    let mut events = vec![Event::Build];
    for (number, promise) in promises.iter().enumerate() {
        events.extend((0..promise.members.len()).map(|member| Event::Fire(number, member)));
        events.extend(promise.paused.then_some(Event::Unpause(number)));
    }
    rng.shuffle(&mut events);
    if pauses && rng.bool() {
        let built = events.iter().position(|event| matches!(event, Event::Build)).expect("it is among them");
        let pause = rng.usize(built + 1..=events.len());
        events.insert(pause, Event::Pause);
        events.insert(rng.usize(pause + 1..=events.len()), Event::GoOn);
    }
    events
}

/// What a step makes of its input, so that each result tells the way it came.
pub(crate) fn made(step: usize, input: &str) -> u64 {
    input.bytes().fold(step as u64 + 7, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003)
}

/// What happened: the calls in their order, the result, and how many failures nobody handled.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Story {
    pub(crate) calls: Vec<String>,
    pub(crate) result: Option<Outcome>,
    pub(crate) unhandled: usize,
}

/// Tells what a program does.
pub(crate) struct Model<'a> {
    program: &'a Program,
    story: Story,
    states: Vec<State>,
    built: bool,
    /// The next step.
    step: usize,
    waits: Wait,
    /// Pauses of the chain, where that is not the chain of the source.
    pauses: usize,
    /// The chain is the source's own, since that was not there when it was built.
    shared: bool,
}

#[derive(Default)]
struct State {
    came: BTreeMap<usize, Outcome>,
    outcome: Option<Outcome>,
    pauses: usize,
    delivered: bool,
    taken: bool,
}

enum Wait {
    For(usize),
    /// A `finally` waits for it; then the result goes on.
    End(usize, Outcome),
    Nothing,
}

impl<'a> Model<'a> {
    pub(crate) fn tell(program: &'a Program) -> Story {
        let states =
            program.promises.iter().map(|promise| State { pauses: usize::from(promise.paused), ..State::default() });
        let (story, states) = (Story::default(), states.collect());
        let mut model =
            Self { program, story, states, built: false, step: 0, waits: Wait::Nothing, pauses: 0, shared: false };
        program.events.iter().for_each(|event| model.happen(*event));
        for state in &model.states {
            let untaken = !state.taken && matches!(state.outcome, Some(Err(_)));
            model.story.unhandled += usize::from(untaken);
        }
        model.story
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Build => {
                self.built = true;
                self.shared = !self.states[0].delivered;
                self.states[0].taken = true;
                self.wait_for(0);
            }
            Event::Fire(number, member) => self.fire(number, member),
            Event::Unpause(number) => {
                self.states[number].pauses -= 1;
                self.deliver(number);
            }
            Event::Pause => *self.chain_pauses() += 1,
            Event::GoOn => {
                *self.chain_pauses() -= 1;
                self.deliver(0);
            }
        }
        self.run();
    }

    fn chain_pauses(&mut self) -> &mut usize {
        if self.shared { &mut self.states[0].pauses } else { &mut self.pauses }
    }

    fn fire(&mut self, number: usize, member: usize) {
        let promise = &self.program.promises[number];
        let outcome = promise.members[member].map_err(|bad| format!("bad {bad}"));
        let state = &mut self.states[number];
        if state.outcome.is_some() {
            let reported = matches!(promise.joined, Joined::Gather | Joined::First);
            self.story.unhandled += usize::from(reported && outcome.is_err());
            return;
        }
        state.came.insert(member, outcome);
        state.outcome = joined(promise, &state.came, member);
        self.deliver(number);
        if promise.joined == Joined::Chained {
            self.run();
            self.story.calls.push(format!("behind {number}"));
        }
    }

    /// The result goes to whoever waits for it, if it can.
    fn deliver(&mut self, number: usize) {
        let state = &mut self.states[number];
        if state.delivered || state.pauses > 0 || state.outcome.is_none() {
            return;
        }
        state.delivered = true;
        if self.built {
            self.go_on_from(number);
        }
        self.run();
        if self.program.promises[number].handed {
            self.story.calls.push(format!("after {number}"));
        }
    }

    fn wait_for(&mut self, number: usize) {
        self.waits = Wait::For(number);
        if self.states[number].delivered {
            self.go_on_from(number);
        }
    }

    fn go_on_from(&mut self, number: usize) {
        let Some(outcome) = self.states[number].outcome.clone() else { return };
        let result = match &self.waits {
            Wait::For(other) if *other == number => outcome,
            Wait::End(other, result) if *other == number => outcome.and(result.clone()),
            _ => return,
        };
        self.waits = Wait::Nothing;
        self.story.result = Some(result);
    }

    fn run(&mut self) {
        while self.built
            && *self.chain_pauses() == 0
            && self.step < self.program.kinds.len()
            && matches!(self.waits, Wait::Nothing)
            && let Some(input) = self.story.result.take()
        {
            self.story.result = self.call(input);
            self.step += 1;
        }
    }

    fn call(&mut self, input: Outcome) -> Option<Outcome> {
        let (step, side) = (self.step, self.program.kinds[self.step].side);
        let said = input.clone().map_or_else(|why| why, |value| value.to_string());
        let concerned = match side {
            Side::Then => input.is_ok(),
            Side::Catch => input.is_err(),
            Side::CatchBad => input.is_err() && said.starts_with("bad "),
            Side::Finally | Side::Both => true,
        };
        if !concerned {
            return Some(input);
        }
        self.story.calls.push(format!("{step}: {said}"));
        let outcome = match self.program.acts[step] {
            Act::Give => Ok(made(step, &said)),
            Act::Fail => Err(format!("bad {}", made(step, &said))),
            Act::Panic => Err(format!("panic {step}")),
            Act::Wait(number) => {
                self.states[number].taken = true;
                self.waits = if side == Side::Finally { Wait::End(number, input) } else { Wait::For(number) };
                if !self.states[number].delivered {
                    return None;
                }
                self.go_on_from(number);
                return self.story.result.take();
            }
        };
        Some(if side == Side::Finally { outcome.and(input) } else { outcome })
    }
}

/// What comes of these, once it is decided.
fn joined(promise: &Promise, came: &BTreeMap<usize, Outcome>, last: usize) -> Option<Outcome> {
    let (complete, latest) = (came.len() == promise.members.len(), &came[&last]);
    let values = || came.values().filter_map(|outcome| outcome.as_ref().ok());
    match (promise.joined, latest) {
        (Joined::Single | Joined::Chained, _) => Some(latest.clone()),
        (Joined::Gather, Err(why)) => Some(Err(format!("first {last}: {why}"))),
        (Joined::Gather, Ok(_)) => complete.then(|| Ok(values().sum())),
        (Joined::All, _) => complete.then(|| Ok(values().sum::<u64>() + 1)),
        (Joined::Race | Joined::First, Ok(value)) => Some(Ok(last as u64 * 1000 + value)),
        (Joined::Race, Err(_)) => complete.then(|| Err(format!("group of {}", came.len()))),
        (Joined::First, Err(_)) => complete.then_some(Ok(777)),
    }
}

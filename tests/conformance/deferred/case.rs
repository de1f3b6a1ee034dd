//! What a vector says: its operations, and what happened.

use std::fmt;

use serde::Deserialize;

use super::value::{Error, Outcome, Value};
use crate::compare::operations;

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) ops: Vec<Op>,
    pub(super) expect: Expect,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&operations(&self.ops))
    }
}

/// `d` is the number of the Deferred it is about, `s` a number of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Op {
    New { d: usize, canceller: Canceller },
    Succeed { d: usize, v: Value },
    Fail { d: usize, e: Error },
    MaybeDeferred { d: usize, b: Behaviour },
    AddCallbacks { d: usize, s: usize, cb: Behaviour, eb: Option<Behaviour> },
    AddCallback { d: usize, s: usize, cb: Behaviour },
    AddErrback { d: usize, s: usize, eb: Behaviour },
    AddBoth { d: usize, s: usize, both: Behaviour },
    Callback { d: usize, v: Value },
    Errback { d: usize, e: Error },
    Cancel { d: usize },
    Pause { d: usize },
    Unpause { d: usize },
    ChainDeferred { d: usize, to: usize },
    AddTimeout { d: usize, s: usize, seconds: f64, on: Option<Behaviour> },
    Advance { seconds: f64 },
    DeferredList(Several),
    GatherResults(Several),
    Race(Several),
}

/// What is made of several Deferreds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Several {
    pub(super) d: usize,
    pub(super) members: Vec<usize>,
    #[serde(default)]
    pub(super) fire_on_one_callback: bool,
    #[serde(default)]
    pub(super) fire_on_one_errback: bool,
    #[serde(default)]
    pub(super) consume_errors: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Canceller {
    None,
    Record,
    Callback(Value),
    Errback(Error),
}

/// What a callback does with what it is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "b", rename_all = "lowercase")]
pub(super) enum Behaviour {
    Pass,
    Const { v: Value },
    Tag { t: String },
    Raise { e: Error },
    Fail { e: Error },
    Defer { d: usize },
    Trap { types: Vec<String>, v: Value },
    Seq { ops: Vec<Op>, then: Box<Self> },
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Expect {
    events: Vec<Event>,
    r#final: Vec<Final>,
    pending_timers: usize,
}

impl Expect {
    pub(super) fn into_events(self, at: usize) -> Vec<Event> {
        let Self { mut events, r#final, pending_timers } = self;
        events.extend(ending(at, r#final, pending_timers));
        events
    }
}

/// How the case ended, as events, so that these are compared like all others.
pub(super) fn ending(at: usize, finals: Vec<Final>, timers: usize) -> impl Iterator<Item = Event> {
    let finals = finals.into_iter().map(|mut state| {
        if state.unhandled_unspecified {
            (state.unhandled, state.unhandled_unspecified) = (None, false);
        }
        What::Final(state)
    });
    finals.chain([What::PendingTimers(timers)]).map(move |what| Event { at, what })
}

/// A Deferred at the end of the program.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Final {
    pub(super) d: usize,
    pub(super) called: bool,
    /// Pauses, and one more if it waits.
    pub(super) paused: usize,
    pub(super) result: Option<Outcome>,
    /// What is reported when it is dropped.
    pub(super) unhandled: Option<Error>,
    #[serde(default)]
    pub(super) unhandled_unspecified: bool,
}

pub(super) type Event = crate::compare::Event<What>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub(super) enum What {
    Call {
        d: usize,
        s: usize,
        kind: Kind,
        input: Outcome,
    },
    Canceller {
        d: usize,
    },
    OnTimeout {
        d: usize,
        s: usize,
        input: Outcome,
        seconds: f64,
    },
    OpError {
        op: String,
        d: usize,
        error: String,
    },

    #[serde(skip)]
    Final(Final),
    #[serde(skip)]
    PendingTimers(usize),
    /// A failure that was reported and is no Deferred's of the pool.
    #[serde(skip)]
    Reported(Error),
}

/// The side that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Callback,
    Errback,
}

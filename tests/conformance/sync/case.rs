//! What a vector says: what it is about, its operations, and what happened.

use std::fmt;

use serde::Deserialize;

use crate::compare::operations;
use crate::deferred::value::{Error, Outcome, Value};

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    #[serde(flatten)]
    pub(super) config: Config,
    pub(super) ops: Vec<Op>,
    pub(super) expect: Expect,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "    {:?}\n{}", self.config, operations(&self.ops))
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "kind", content = "config", rename_all = "lowercase")]
pub(super) enum Config {
    Queue {
        size: Option<usize>,
        backlog: Option<usize>,
    },
    /// A semaphore of so many tokens, else a lock.
    Lock {
        tokens: Option<isize>,
    },
}

/// `g` and `a` are numbers of their own, by which results are told apart.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Op {
    Put {
        v: Value,
    },
    Get {
        g: usize,
        then: Vec<Self>,
    },
    Acquire {
        a: usize,
        then: Vec<Self>,
    },
    Release,
    Run {
        a: usize,
        call: Call,
    },
    Fire {
        a: usize,
        v: Value,
    },
    FireError {
        a: usize,
        e: Error,
    },
    Cancel {
        #[serde(alias = "g", alias = "a")]
        number: usize,
    },
}

/// What is run.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "b", rename_all = "lowercase")]
pub(super) enum Call {
    Const { v: Value },
    Raise { e: Error },
    Wait,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Expect {
    events: Vec<Event>,
    pending: Option<Vec<Value>>,
    waiting: Option<usize>,
    locked: Option<bool>,
    tokens: Option<usize>,
    make_error: Option<String>,
}

impl Expect {
    pub(super) fn into_events(self, at: usize) -> Vec<Event> {
        let Self { mut events, pending, waiting, locked, tokens, make_error } = self;
        let ending = [
            make_error.map(|_| What::CannotBeMade),
            pending.map(What::Pending),
            waiting.map(What::Waiting),
            locked.map(What::Locked),
            tokens.map(What::Tokens),
        ];
        events.extend(ending.into_iter().flatten().map(|what| Event { at, what }));
        events
    }
}

pub(super) type Event = crate::compare::Event<What>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub(super) enum What {
    Got {
        g: usize,
        #[serde(flatten)]
        result: Outcome,
    },
    Acquired {
        a: usize,
        #[serde(flatten)]
        result: Acquired,
    },
    Call {
        a: usize,
    },
    CallCancelled {
        a: usize,
    },
    Result {
        a: usize,
        #[serde(flatten)]
        result: Outcome,
    },
    OpError {
        op: String,
        error: String,
    },

    #[serde(skip)]
    CannotBeMade,
    /// Values left in the queue.
    #[serde(skip)]
    Pending(Vec<Value>),
    #[serde(skip)]
    Waiting(usize),
    #[serde(skip)]
    Locked(bool),
    #[serde(skip)]
    Tokens(usize),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Acquired {
    /// It is always `true`.
    Ok(bool),
    Err(Error),
}

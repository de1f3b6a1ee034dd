//! What a vector says: its configuration, its operations, and what happened.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};
use twisty::Overlong;

use crate::compare::operations;

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) config: Config,
    pub(super) ops: Vec<Op>,
    pub(super) expect: Expect,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "    {:?}\n{}", self.config, operations(&self.ops))
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    pub(super) protocol: Receiver,
    /// `None` is the receiver's own.
    pub(super) max_length: Option<usize>,
    /// Of line protocols; `None` is CRLF.
    pub(super) delimiter: Option<Data>,
    #[serde(default)]
    pub(super) on_exceed: OnExceed,
}

impl Config {
    pub(super) fn delimiter(&self) -> &[u8] {
        self.delimiter.as_ref().map_or(b"\r\n", |delimiter| &delimiter.0)
    }
}

/// Twisted's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "they are called so")]
pub(super) enum Receiver {
    LineReceiver,
    LineOnlyReceiver,
    NetstringReceiver,
    Int8StringReceiver,
    Int16StringReceiver,
    Int32StringReceiver,
}

/// What the application does about a frame over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnExceed {
    #[default]
    Close,
    /// Nothing: it only takes notice.
    Record,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Op {
    Data { data: Data },
    Pause,
    Resume,
    SendLine { data: Data },
    SendString { data: Data },
    SetRaw { n: usize },
    SetLine { extra: Data },
    Clear,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Expect {
    events: Vec<Event>,
    ops_done: usize,
    buffered: Option<Data>,
}

impl Expect {
    pub(super) fn into_events(self) -> Vec<Event> {
        let Self { mut events, ops_done, buffered } = self;
        events.extend(ending(ops_done, buffered));
        events
    }
}

/// How the case ended, as events, so that these are compared like all others.
pub(super) fn ending(ops_done: usize, buffered: Option<Data>) -> impl Iterator<Item = Event> {
    let buffered = buffered.map(|data| What::Buffered { data });
    [What::Ended].into_iter().chain(buffered).map(move |what| Event { at: ops_done, what })
}

pub(super) type Event = crate::compare::Event<What>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub(super) enum What {
    Line {
        data: Data,
    },
    Raw {
        data: Data,
    },
    String {
        data: Data,
    },
    LineMode {
        rest: Data,
    },
    Cleared {
        data: Data,
    },
    Exceeded {
        data: Data,
    },
    LengthExceeded {
        length: usize,
    },
    ParseError {
        reason: String,
    },
    Write {
        data: Data,
    },
    Lose,
    Pause,
    Resume,
    OpError {
        error: String,
    },

    /// A line over the limit, as twisty tells it.
    #[serde(skip)]
    Overlong(Overlong),
    /// A line that twisty would not send.
    #[serde(skip)]
    Refused,
    /// No operation follows.
    #[serde(skip)]
    Ended,
    /// What is left unread after that.
    #[serde(skip)]
    Buffered {
        data: Data,
    },
}

/// Bytes: in JSON a hex string, or an array of such and of runs of one byte.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Data(pub(super) Vec<u8>);

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Spec {
    Hex(String),
    Run { rep: String, n: usize },
    Parts(Vec<Self>),
}

impl Spec {
    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Hex(text) => {
                let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
                digits.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok()).collect()
            }
            Self::Run { rep, n } => Some(Self::Hex(rep.clone()).bytes()?.repeat(*n)),
            Self::Parts(parts) => Some(parts.iter().map(Self::bytes).collect::<Option<Vec<_>>>()?.concat()),
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spec = Spec::deserialize(deserializer)?;
        spec.bytes().map(Self).ok_or_else(|| D::Error::custom("not the bytes of a vector"))
    }
}

/// Long data by its ends.
impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        match self.0.split_at_checked(SHOWN) {
            Some((start, rest)) if !rest.is_empty() => {
                write!(f, "\"{}…\" ({} bytes)", start.escape_ascii(), self.0.len())
            }
            _ => write!(f, "\"{}\"", self.0.escape_ascii()),
        }
    }
}

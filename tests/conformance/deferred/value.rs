//! Values and errors, as vectors spell them.

use std::fmt;

use serde::Deserialize;
use twisty::{AlreadyCalled, CancelledError, Failure, FailureGroup, FirstError, TimeoutError};

/// All that a program's Deferreds hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    None,
    Int(i64),
    Str(String),
    List(Vec<Self>),
    /// Of a list.
    Results {
        results: Vec<Outcome>,
    },
    /// Of a list that waits for one success.
    First {
        first: Indexed,
    },
    Gathered {
        gathered: Vec<Self>,
    },
    /// Of a race.
    Winner {
        winner: Indexed,
    },
}

/// One of several, and which.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Indexed {
    pub(crate) index: usize,
    pub(crate) value: Box<Value>,
}

/// As `tag` writes it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Str(text) => f.write_str(text),
            Self::List(values) => {
                let texts: Vec<String> = values.iter().map(Self::to_string).collect();
                write!(f, "[{}]", texts.join(","))
            }
            _ => unreachable!("no program makes a text of {self:?}"),
        }
    }
}

/// An error that can be written down.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type")]
#[expect(clippy::enum_variant_names, reason = "Twisted calls three of them so")]
pub(crate) enum Error {
    E0 {
        msg: String,
    },
    E1 {
        msg: String,
    },
    E2 {
        msg: String,
    },
    E3 {
        msg: String,
    },
    E4 {
        msg: String,
    },
    CancelledError,
    TimeoutError {
        seconds: f64,
    },
    AlreadyCalledError,
    FirstError {
        index: usize,
        inner: Box<Self>,
    },
    FailureGroup {
        inner: Vec<Self>,
    },
    /// One that Twisted does not have.
    #[serde(skip)]
    Twisty(String),
}

/// Five errors that have nothing to do with one another.
macro_rules! five_errors {
    ($($name:ident)*) => {
        mod five {
            $(
                #[derive(Debug, thiserror::Error)]
                #[error("{0}")]
                pub(super) struct $name(pub(super) String);
            )*
        }

        impl Error {
            /// What a program fails a Deferred with.
            pub(crate) fn failure(&self) -> Failure {
                match self.clone() {
                    $(Self::$name { msg } => five::$name(msg).into(),)*
                    Self::CancelledError => CancelledError.into(),
                    other => unreachable!("no program raises {other:?}"),
                }
            }

            /// What a Deferred failed with.
            pub(crate) fn of(failure: &Failure) -> Self {
                $(if let Some(error) = failure.check::<five::$name>() {
                    return Self::$name { msg: error.0.clone() };
                })*
                if failure.check::<CancelledError>().is_some() {
                    Self::CancelledError
                } else if let Some(error) = failure.check::<TimeoutError>() {
                    Self::TimeoutError { seconds: error.limit.as_secs_f64() }
                } else if failure.check::<AlreadyCalled>().is_some() {
                    Self::AlreadyCalledError
                } else if let Some(FirstError { index, failure }) = failure.check() {
                    Self::FirstError { index: *index, inner: Box::new(Self::of(failure)) }
                } else if let Some(FailureGroup { failures }) = failure.check() {
                    Self::FailureGroup { inner: failures.iter().map(Self::of).collect() }
                } else {
                    Self::Twisty(failure.to_string())
                }
            }
        }
    };
}

five_errors!(E0 E1 E2 E3 E4);

impl Error {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::E0 { .. } => "E0",
            Self::E1 { .. } => "E1",
            Self::E2 { .. } => "E2",
            Self::E3 { .. } => "E3",
            Self::E4 { .. } => "E4",
            Self::CancelledError => "CancelledError",
            Self::TimeoutError { .. } => "TimeoutError",
            Self::AlreadyCalledError => "AlreadyCalledError",
            Self::FirstError { .. } => "FirstError",
            Self::FailureGroup { .. } => "FailureGroup",
            Self::Twisty(text) => text,
        }
    }
}

/// As `tag` writes it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "!{}", self.name())?;
        match self {
            Self::E0 { msg } | Self::E1 { msg } | Self::E2 { msg } | Self::E3 { msg } | Self::E4 { msg } => {
                write!(f, ":{msg}")
            }
            _ => Ok(()),
        }
    }
}

/// The result of a Deferred, or the Deferred whose result it waits for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Ok(Value),
    Err(Error),
    Wait(usize),
    /// Nowhere to be seen.
    #[serde(skip)]
    Lost,
}

impl Outcome {
    pub(crate) fn of(result: &Result<Value, Failure>) -> Self {
        match result {
            Ok(value) => Self::Ok(value.clone()),
            Err(failure) => Self::Err(Error::of(failure)),
        }
    }
}

/// As `tag` writes it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(value) => value.fmt(f),
            Self::Err(error) => error.fmt(f),
            Self::Wait(_) | Self::Lost => f.write_str("?"),
        }
    }
}

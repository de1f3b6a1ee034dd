//! The events that a handler can be `#[on(…)]`.

use proc_macro2::Ident;
use quote::ToTokens;

use crate::errors::Errors;
use crate::nearest::{nearest, unknown};
use crate::{datagram, duration};

/// Which call of `Protocol` brings the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Frame,
    Raw,
    Overlong,
    Timeout,
    Drain,
    Eof,
    WriteLost,
    Disconnect,
}

/// What an event brings along for its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    Nothing,
    /// Bytes, as any type that is made from a frame.
    Bytes,
    /// A value of the type with this name.
    Value(&'static str),
}

impl Kind {
    /// In the order of a connection's life.
    pub(crate) const ALL: [Self; 9] = [
        Self::Connect,
        Self::Frame,
        Self::Raw,
        Self::Overlong,
        Self::Timeout,
        Self::Drain,
        Self::Eof,
        Self::WriteLost,
        Self::Disconnect,
    ];

    pub(crate) const fn payload(self) -> Payload {
        match self {
            Self::Connect | Self::Timeout | Self::Drain | Self::Eof | Self::WriteLost => Payload::Nothing,
            Self::Frame | Self::Raw => Payload::Bytes,
            Self::Overlong => Payload::Value("Overlong"),
            Self::Disconnect => Payload::Value("Failure"),
        }
    }
}

/// The words for them; four for the frame, because each framing has its own.
const WORDS: [(&str, Kind); 12] = [
    ("connect", Kind::Connect),
    ("data", Kind::Frame),
    ("line", Kind::Frame),
    ("string", Kind::Frame),
    ("frame", Kind::Frame),
    ("raw", Kind::Raw),
    ("overlong", Kind::Overlong),
    ("timeout", Kind::Timeout),
    ("drain", Kind::Drain),
    ("eof", Kind::Eof),
    ("write_lost", Kind::WriteLost),
    ("disconnect", Kind::Disconnect),
];

/// The names of the same events elsewhere, mostly in Twisted: in small letters, without underscores.
const ALIASES: [(&str, &str); 23] = [
    ("connected", "connect"),
    ("connectionmade", "connect"),
    ("open", "connect"),
    ("opened", "connect"),
    ("datareceived", "data"),
    ("linereceived", "line"),
    ("stringreceived", "string"),
    ("framereceived", "frame"),
    ("message", "frame"),
    ("rawdatareceived", "raw"),
    ("linelengthexceeded", "overlong"),
    ("lengthlimitexceeded", "overlong"),
    ("timedout", "timeout"),
    ("timeoutconnection", "timeout"),
    ("idle", "timeout"),
    ("drained", "drain"),
    ("eofreceived", "eof"),
    ("readconnectionlost", "eof"),
    ("readlost", "eof"),
    ("writeconnectionlost", "write_lost"),
    ("connectionlost", "disconnect"),
    ("close", "disconnect"),
    ("closed", "disconnect"),
];

pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// `line`, where the user wrote it.
    pub(crate) word: Ident,
    /// `30s` of `timeout(30s)`
    pub(crate) wait: Option<duration::Span>,
}

impl Event {
    /// A misspelt event is taken for the nearest one, so that what else is wrong is found in the same run.
    pub(crate) fn new(
        written: &Ident,
        wait: Option<&syn::Result<duration::Span>>,
        errors: &mut Errors,
    ) -> Option<Self> {
        let name = understood(written, errors)?;
        let (_, kind) = WORDS.iter().find(|(word, _)| *word == name)?;
        let word = Ident::new(name, written.span());
        match (kind, wait) {
            (Kind::Timeout, None) if word == *written => {
                errors.at(written, "after how long? Write `#[on(timeout(30s))]`");
            }
            (Kind::Timeout, Some(Err(error))) => errors.push(error.clone()),
            (Kind::Timeout, Some(Ok(_))) | (_, None) => {} // a timeout by another name was reported
            (_, Some(_)) => errors.at(written, format!("`{name}` takes nothing in parentheses")),
        }
        Some(Self { kind: *kind, word, wait: wait.and_then(|wait| wait.clone().ok()) })
    }

    /// As a diagram says it: `line`, `timeout 30s`.
    pub(crate) fn label(&self) -> String {
        match &self.wait {
            Some(wait) => format!("{} {}", self.word, wait.to_token_stream()),
            None => self.word.to_string(),
        }
    }
}

/// The words for them.
pub(crate) fn words() -> [&'static str; 12] {
    WORDS.map(|(word, _)| word)
}

/// Whether it is a word for one, here or elsewhere.
pub(crate) fn is_event(name: &str) -> bool {
    let plain = name.replace('_', "").to_lowercase();
    words().contains(&name) || ALIASES.iter().any(|(alias, _)| *alias == plain)
}

fn understood(written: &Ident, errors: &mut Errors) -> Option<&'static str> {
    let name = written.to_string();
    let words = words();
    if datagram::WORDS.contains(&&*name) {
        let message =
            "is an event of datagrams, whose protocols have no states: write `#[protocol]` above their impl block";
        errors.at(written, format!("`{name}` {message}"));
        return None;
    }
    let plain = name.replace('_', "").to_lowercase();
    if let Some((_, meant)) = ALIASES.iter().find(|(alias, _)| *alias == plain) {
        let usage = if *meant == "timeout" { "timeout(30s)" } else { meant };
        errors.at(written, format!("the event `{name}` is called `{usage}` here"));
        return Some(meant);
    }
    if !words.contains(&&*name) {
        errors.at(written, unknown("event", written, &words));
    }
    nearest(&name, &words)
}

//! The application that every case runs: it writes down what it is told, and obeys messages such as `SEND hello`.

use std::marker::PhantomData;

use twisty::error::{ConnectionDone, Malformed, SendError};
use twisty::framing::Prefix;
use twisty::prelude::*;
use twisty::{Address, Overlong};

use super::case::{Config, Data, Event, Receiver, What};

/// A framing that stands for one of Twisted's receivers.
pub(super) trait Subject: Framing {
    fn new(config: &Config) -> Self;
    /// What every connection starts with, until its configuration is known.
    fn initial() -> Self;
    fn set_max_length(&mut self, bytes: usize);
    /// A frame, and a frame over the limit, as Twisted calls them.
    fn received(data: Data) -> What;
    fn exceeded(overlong: Overlong) -> What;

    // Of lines only; no case asks it of others.
    fn set_raw_mode(&mut self) {}
    fn set_line_mode(&mut self, _rest: &[u8]) {}
}

impl Subject for Line {
    fn new(config: &Config) -> Self {
        let line = Self::new().delimiter(config.delimiter().to_vec());
        line.max_length(config.max_length.unwrap_or(Self::MAX_LENGTH))
    }

    fn initial() -> Self {
        Self::new()
    }

    fn set_max_length(&mut self, bytes: usize) {
        self.set_max_length(bytes);
    }

    fn received(data: Data) -> What {
        What::Line { data }
    }

    fn exceeded(overlong: Overlong) -> What {
        What::Overlong(overlong)
    }

    fn set_raw_mode(&mut self) {
        self.set_raw_mode();
    }

    fn set_line_mode(&mut self, rest: &[u8]) {
        self.set_line_mode(rest);
    }
}

impl Subject for Netstring {
    fn new(config: &Config) -> Self {
        Self::new().max_length(config.max_length.unwrap_or(Self::MAX_LENGTH))
    }

    fn initial() -> Self {
        Self::new()
    }

    fn set_max_length(&mut self, bytes: usize) {
        self.set_max_length(bytes);
    }

    fn received(data: Data) -> What {
        What::String { data }
    }

    fn exceeded(_overlong: Overlong) -> What {
        What::ParseError { reason: "too_long".to_owned() }
    }
}

impl Subject for LengthPrefixed {
    fn new(config: &Config) -> Self {
        let prefix = match config.protocol {
            Receiver::Int8StringReceiver => Prefix::U8,
            Receiver::Int16StringReceiver => Prefix::U16,
            _ => Prefix::U32,
        };
        Self::new(prefix).max_length(config.max_length.unwrap_or(Self::MAX_LENGTH))
    }

    fn initial() -> Self {
        Self::int8()
    }

    fn set_max_length(&mut self, bytes: usize) {
        self.set_max_length(bytes);
    }

    fn received(data: Data) -> What {
        What::String { data }
    }

    fn exceeded(overlong: Overlong) -> What {
        What::LengthExceeded { length: overlong.length }
    }
}

/// The factory: what the case sets, and what the application and the replay both need.
pub(super) struct Stage<F> {
    pub(super) config: Config,
    pub(super) transport: Option<Transport<F>>,
    /// Bytes of the raw stretch that are still to come.
    pub(super) raw_wanted: usize,
    /// The operation that is done now.
    pub(super) at: usize,
    pub(super) log: Vec<Event>,
    /// The `write` events whose bytes have not been seen on the wire yet: place in the log, and length.
    unwritten: Vec<(usize, usize)>,
}

impl<F> Stage<F> {
    pub(super) fn new(config: Config) -> Self {
        Self { config, transport: None, raw_wanted: 0, at: 0, log: Vec::new(), unwritten: Vec::new() }
    }

    pub(super) fn note(&mut self, what: What) {
        self.log.push(Event { at: self.at, what });
    }

    pub(super) fn note_sent(&mut self, sent: &Result<usize, SendError>) {
        let what = match sent {
            Ok(length) => {
                self.unwritten.push((self.log.len(), *length));
                What::Write { data: Data(Vec::new()) }
            }
            Err(SendError::TooLong { .. }) => What::OpError { error: "StringTooLongError".to_owned() },
            Err(_) => What::Refused,
        };
        self.note(what);
    }

    /// Tells the `write` events of this operation what reached the wire; what belongs to none becomes one more.
    pub(super) fn note_wire(&mut self, mut sent: &[u8]) {
        for (at, length) in self.unwritten.drain(..) {
            let (data, rest) = sent.split_at(length.min(sent.len()));
            self.log[at].what = What::Write { data: data.into() };
            sent = rest;
        }
        if !sent.is_empty() {
            self.note(What::Write { data: sent.into() });
        }
    }
}

impl<F: Subject> Factory for Stage<F> {
    type Protocol = App<F>;

    fn build_protocol(&mut self, _peer: &Address) -> Option<App<F>> {
        Some(App(PhantomData))
    }
}

/// Sends a message; how many bytes it has on the wire.
pub(super) fn send<F: Subject>(transport: &Transport<F>, message: &[u8]) -> Result<usize, SendError> {
    let before = transport.queued();
    transport.try_send(message)?;
    Ok(transport.queued() - before)
}

pub(super) struct App<F>(PhantomData<F>);

impl<F: Subject> Protocol for App<F> {
    type Framing = F;
    type Factory = Stage<F>;

    fn framing() -> F {
        F::initial()
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        *cx.framing_mut() = F::new(&cx.factory().config);
        cx.factory_mut().transport = Some(cx.transport());
    }

    fn frame_received(&mut self, cx: &Context<Self>, frame: &[u8]) {
        cx.factory_mut().note(F::received(frame.into()));
        obey(cx, frame);
    }

    fn raw_received(&mut self, cx: &Context<Self>, data: &[u8]) {
        let mut stage = cx.factory_mut();
        stage.note(What::Raw { data: data.into() });
        if data.len() < stage.raw_wanted {
            stage.raw_wanted -= data.len();
            return;
        }
        let rest = &data[stage.raw_wanted..];
        stage.raw_wanted = 0;
        stage.note(What::LineMode { rest: rest.into() });
        cx.framing_mut().set_line_mode(rest);
    }

    fn frame_overlong(&mut self, cx: &Context<Self>, overlong: Overlong) {
        cx.factory_mut().note(F::exceeded(overlong));
    }

    /// Twisted's receivers ask for the close that twisty does by itself; if the application asked, that is noted
    /// already.
    fn connection_lost(&mut self, cx: &Context<Self>, reason: Failure) {
        let mut stage = cx.factory_mut();
        if let Some(malformed) = reason.check::<Malformed>() {
            let comma = malformed.expected.contains("comma");
            let reason = if comma { "missing_comma" } else { "missing_length" };
            stage.note(What::ParseError { reason: reason.to_owned() });
        } else if reason.check::<ConnectionDone>().is_none() && reason.check::<Overlong>().is_none() {
            stage.note(What::OpError { error: reason.to_string() });
        }
        if !stage.log.iter().any(|event| event.what == What::Lose) {
            stage.note(What::Lose);
        }
    }
}

/// Does what a message says: a word, and what follows its first blank. Anything else is just data.
fn obey<F: Subject>(cx: &Context<App<F>>, message: &[u8]) {
    let (word, rest) = word_and_rest(message);
    let receiver = cx.factory().config.protocol;
    let is_line = receiver == Receiver::LineReceiver;
    let can_pause = !matches!(receiver, Receiver::LineOnlyReceiver | Receiver::NetstringReceiver);
    match (word, rest, number(rest)) {
        (b"SEND", _, _) => {
            let sent = send(&cx.transport(), rest);
            cx.factory_mut().note_sent(&sent);
        }
        (b"CLOSE", b"", _) => {
            cx.factory_mut().note(What::Lose);
            cx.lose_connection();
        }
        (b"MAX", _, Some(bytes)) => cx.framing_mut().set_max_length(bytes),
        (b"PAUSE", b"", _) if can_pause => pause(cx),
        (b"BLIP", b"", _) if is_line => {
            pause(cx);
            cx.factory_mut().note(What::Resume);
            cx.resume_reading();
        }
        (b"RAW", _, Some(bytes)) if is_line => {
            cx.factory_mut().raw_wanted = bytes;
            cx.framing_mut().set_raw_mode();
        }
        // CLEAR and FEED ask for what twisty does not offer: see the departures.
        _ => {}
    }
}

fn pause<F: Subject>(cx: &Context<App<F>>) {
    cx.factory_mut().note(What::Pause);
    cx.pause_reading();
}

/// A message at its first blank.
pub(super) fn word_and_rest(message: &[u8]) -> (&[u8], &[u8]) {
    let blank = message.iter().position(|&byte| byte == b' ').unwrap_or(message.len());
    (&message[..blank], message.get(blank + 1..).unwrap_or_default())
}

/// One to six digits and nothing else.
pub(super) fn number(text: &[u8]) -> Option<usize> {
    let plain = (1..=6).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    plain.then(|| text.iter().fold(0, |number, digit| 10 * number + usize::from(digit - b'0')))
}

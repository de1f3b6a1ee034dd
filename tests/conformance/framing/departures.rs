//! The table of the differences between twisty and Twisted that are meant.
//!
//! A departure looks at the first difference that is left in a case and says whether it explains it, and how far. It
//! never speaks for what came before, and for what comes after only where the two have parted for good.

use super::app::{number, word_and_rest};
use super::case::{Case, Event, OnExceed, Receiver, What};
use crate::compare::{self, Ruling, Table};
use crate::report::Departure;

type Difference<'a> = compare::Difference<'a, Case, Event>;

/// All departures. `D` numbers are those of "Keep and diverge", the others Twisted's rules.
#[rustfmt::skip]
pub(super) const TABLE: Table<Case, Event> = &[
    (Departure {
        name: "a limit event carries sizes, not the buffer",
        reason: "D5, L3, L4: what the buffer holds depends on how the stream was cut",
    }, sizes_not_the_buffer),
    (Departure {
        name: "a framing is at its end after a limit error",
        reason: "D5, L5, O2, #8105: where the next frame starts depends on how the stream was cut, so an application that \
                 does not close is closed",
    }, end_after_a_limit),
    (Departure {
        name: "nothing is delivered after a close request",
        reason: "D5, L7, N5, I5: not even what came in the same chunk",
    }, silence_after_close),
    (Departure {
        name: "bytes left unread by a close are gone",
        reason: "D5, L6: nobody can ever read them",
    }, nothing_buffered_after_close),
    (Departure {
        name: "no feeding a protocol from inside its handler",
        reason: "D5, L10: impossible by type",
    }, no_feeding),
    (Departure {
        name: "no clearing of the buffer",
        reason: "D5, L12: what it would drop depends on how the stream was cut",
    }, no_clearing),
    (Departure {
        name: "the cuts of a raw stretch are not promised",
        reason: "D5: only its bytes are; what has waited comes in the chunks it arrived in, not joined",
    }, raw_cut_otherwise),
    (Departure {
        name: "a line with its delimiter in it is not sent",
        reason: "L15: the peer would read two lines",
    }, delimiter_refused),
    (Departure {
        name: "an unfinished line has the limit of LineReceiver",
        reason: "D5, O3: LineOnlyReceiver counts a part of the delimiter as line",
    }, one_limit_for_lines),
    (Departure {
        name: "netstrings are refused at the first wrong byte",
        reason: "D6, N4: whatever the cuts, and a newline is no digit",
    }, strict_netstrings),
    (Departure {
        name: "netstrings may have max_length 0",
        reason: "D6, N4: Twisted takes the logarithm of it and fails",
    }, empty_netstrings_only),
];

const ONE_FOR_ONE: Option<Ruling> = Some(Ruling::GoOnBehind { expected: 1, actual: 1 });

fn sizes_not_the_buffer(difference: &Difference<'_>) -> Option<Ruling> {
    let (expected, actual) = difference.heads()?;
    let (What::Exceeded { data }, What::Overlong(sizes)) = (&expected.what, &actual.what) else { return None };
    let agree = expected.at == actual.at
        && sizes.max_length == limit(difference)
        && (sizes.max_length + 1..=data.0.len()).contains(&sizes.length);
    if agree { ONE_FOR_ONE } else { None }
}

fn end_after_a_limit(difference: &Difference<'_>) -> Option<Ruling> {
    let last = &difference.before.last()?.what;
    let limit = matches!(last, What::Exceeded { .. } | What::LengthExceeded { .. });
    let overridden = difference.case.config.on_exceed == OnExceed::Record;
    let closes = matches!(difference.actual, [Event { what: What::Lose, .. }, Event { what: What::Ended, .. }, ..]);
    (limit && overridden && closes).then_some(Ruling::StopHere)
}

fn silence_after_close(difference: &Difference<'_>) -> Option<Ruling> {
    let silent = closed(difference) && difference.actual.first()?.what == What::Ended;
    let delivered = difference.expected.iter().position(|event| event.what == What::Ended)?;
    (silent && delivered > 0).then_some(Ruling::GoOnBehind { expected: delivered, actual: 0 })
}

fn nothing_buffered_after_close(difference: &Difference<'_>) -> Option<Ruling> {
    let (expected, actual) = difference.heads()?;
    let both = matches!((&expected.what, &actual.what), (What::Buffered { .. }, What::Buffered { .. }));
    if both && closed(difference) { ONE_FOR_ONE } else { None }
}

fn no_feeding(difference: &Difference<'_>) -> Option<Ruling> {
    let feeds = |event: &Event| match &event.what {
        What::Line { data } => matches!(word_and_rest(&data.0), (b"FEED", rest) if !rest.is_empty()),
        _ => false,
    };
    let fed = difference.case.config.protocol == Receiver::LineReceiver && difference.before.iter().any(feeds);
    fed.then_some(Ruling::StopHere)
}

fn no_clearing(difference: &Difference<'_>) -> Option<Ruling> {
    match &difference.expected.first()?.what {
        What::Cleared { data } if data.0.is_empty() => Some(Ruling::GoOnBehind { expected: 1, actual: 0 }),
        What::Cleared { .. } => Some(Ruling::StopHere),
        _ => None,
    }
}

fn raw_cut_otherwise(difference: &Difference<'_>) -> Option<Ruling> {
    let (expected, actual) = (Stretch::at_front_of(difference.expected)?, Stretch::at_front_of(difference.actual)?);
    let same = (&expected.bytes, expected.ended, expected.at) == (&actual.bytes, actual.ended, actual.at);
    same.then_some(Ruling::GoOnBehind { expected: expected.events, actual: actual.events })
}

/// Raw events that follow one another in one operation, and the return to lines if that ends them.
struct Stretch {
    events: usize,
    /// Without what was given back at the end, which was not wanted.
    bytes: Vec<u8>,
    ended: bool,
    at: usize,
}

impl Stretch {
    fn at_front_of(events: &[Event]) -> Option<Self> {
        let at = events.first()?.at;
        let mut stretch = Self { events: 0, bytes: Vec::new(), ended: false, at };
        for event in events.iter().take_while(|event| event.at == at) {
            match &event.what {
                What::Raw { data } => stretch.bytes.extend_from_slice(&data.0),
                What::LineMode { rest } => {
                    stretch.bytes.truncate(stretch.bytes.len().checked_sub(rest.0.len())?);
                    stretch.ended = true;
                }
                _ => break,
            }
            stretch.events += 1;
            if stretch.ended {
                break;
            }
        }
        (stretch.events > 0).then_some(stretch)
    }
}

fn delimiter_refused(difference: &Difference<'_>) -> Option<Ruling> {
    let (expected, actual) = difference.heads()?;
    let (What::Write { data }, What::Refused) = (&expected.what, &actual.what) else { return None };
    let delimiter = difference.case.config.delimiter();
    let line = data.0.strip_suffix(delimiter)?;
    let first = data.0.windows(delimiter.len()).position(|part| part == delimiter)?;
    if first < line.len() && expected.at == actual.at { ONE_FOR_ONE } else { None }
}

/// Between the two limits lies less than a delimiter. Twisted closes there; twisty waits for what the next bytes are.
fn one_limit_for_lines(difference: &Difference<'_>) -> Option<Ruling> {
    let What::Exceeded { data } = &difference.expected.first()?.what else { return None };
    let config = &difference.case.config;
    let undecided = limit(difference) + 1..limit(difference) + config.delimiter().len();
    let applies = config.protocol == Receiver::LineOnlyReceiver && undecided.contains(&data.0.len());
    applies.then_some(Ruling::StopHere)
}

/// Twisty's error comes no later than Twisted's, and is the end.
fn strict_netstrings(difference: &Difference<'_>) -> Option<Ruling> {
    use What::{Ended, Lose, ParseError};
    let [Event { what: ParseError { reason }, at }, Event { what: Lose, .. }, Event { what: Ended, .. }] =
        difference.actual
    else {
        return None;
    };
    let expected = difference.expected.first()?;
    let early = *at < expected.at || matches!(expected.what, ParseError { .. });
    let netstring = difference.case.config.protocol == Receiver::NetstringReceiver;
    (netstring && early && reason != "missing_comma").then_some(Ruling::StopHere)
}

fn empty_netstrings_only(difference: &Difference<'_>) -> Option<Ruling> {
    let failed = matches!(&difference.expected.first()?.what, What::OpError { error } if error == "ValueError");
    let netstring = difference.case.config.protocol == Receiver::NetstringReceiver;
    (failed && netstring && limit(difference) == 0).then_some(Ruling::StopHere)
}

/// Whether the connection was asked to close before the difference.
fn closed(difference: &Difference<'_>) -> bool {
    difference.before.iter().any(|event| event.what == What::Lose)
}

/// The limit in force at the difference: the last that a `MAX` set.
fn limit(difference: &Difference<'_>) -> usize {
    let set = |event: &Event| match &event.what {
        What::Line { data } | What::String { data } => match word_and_rest(&data.0) {
            (b"MAX", rest) => number(rest),
            _ => None,
        },
        _ => None,
    };
    let default = match difference.case.config.protocol {
        Receiver::LineReceiver | Receiver::LineOnlyReceiver => twisty::framing::Line::MAX_LENGTH,
        _ => twisty::framing::Netstring::MAX_LENGTH,
    };
    let initial = difference.case.config.max_length.unwrap_or(default);
    difference.before.iter().rev().find_map(set).unwrap_or(initial)
}

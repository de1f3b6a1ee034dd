//! Passes each line on to everyone else. The first line of a member is its name.

use std::mem;
use std::ops::Range;

use slab::Slab;

use super::frames::{each_line, encode_line};
use super::{Connection, Service, run, take_frames, write};
use crate::Result;

/// A member that lets so much wait for it is thrown out.
const LONGEST_QUEUE: usize = 1024 * 1024;

pub(in crate::servers) fn chat() -> Result {
    run(Chat::default())
}

#[derive(Default)]
struct Chat {
    /// All that was said in this turn, as it will be written.
    said: Vec<u8>,
}

#[derive(Default)]
struct Member {
    name: Option<Box<str>>,
    /// The line that has only partly arrived.
    tail: Vec<u8>,
    /// Which part of what was said in this turn is this member's own.
    own: Range<usize>,
}

impl Service for Chat {
    type Session = Member;

    fn respond<'a>(&mut self, member: &mut Member, input: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        scratch.clear();
        let Member { name, tail, own } = member;
        if *own == (0..0) {
            own.start = self.said.len();
        }
        take_frames(tail, input, |input| {
            each_line(input, |line| match name {
                Some(_) => encode_line(line, &mut self.said),
                None => {
                    let new: Box<str> = String::from_utf8_lossy(line).into();
                    scratch.extend_from_slice(format!("Welcome, {new}!\r\n").as_bytes());
                    *name = Some(new);
                }
            })
        })?;
        own.end = self.said.len();
        Some(scratch)
    }

    /// One write for each member, whoever spoke.
    fn end_turn(&mut self, connections: &mut Slab<Connection<Self>>) {
        if self.said.is_empty() {
            return;
        }
        connections.retain(|_, connection| {
            let own = mem::take(&mut connection.session.own);
            connection.session.name.is_none()
                || connection.hear(&self.said[..own.start]) && connection.hear(&self.said[own.end..])
        });
        self.said.clear();
    }
}

impl Connection<Chat> {
    /// Whether the connection stays.
    fn hear(&mut self, said: &[u8]) -> bool {
        if self.unsent.is_empty() {
            return write(&mut self.socket, said, &mut self.unsent).is_ok();
        }
        self.unsent.extend_from_slice(said);
        self.unsent.len() <= LONGEST_QUEUE
    }
}

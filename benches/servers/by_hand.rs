//! What twisty is measured against: a loop over mio, written for one purpose and as well as we can.
//!
//! One registration a connection (edge-triggered, for both directions), one read buffer and one reply buffer for all,
//! and for each ready connection one read and one write: a read that does not fill the buffer has emptied the socket,
//! so there is no second one to be told "would block". It is a real server, though: what a slow peer does not take is
//! kept, and that peer is not read until it took it; a line has a longest length; the end of a connection is noticed.

use std::io::{ErrorKind, Read, Result as IoResult, Write};
use std::net::SocketAddr;

use memchr::memchr_iter;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::announce;
use crate::Result;

const LISTENER: Token = Token(usize::MAX);
const READ_BUFFER: usize = 64 * 1024;
const LONGEST_LINE: usize = 16384;

/// Sends back what it gets.
pub(super) fn echo() -> Result {
    run::<Echo>()
}

/// Sends back each line.
pub(super) fn lines() -> Result {
    run::<Lines>()
}

/// What is done with the bytes of one connection.
trait Respond: Default {
    /// The reply to `input`, which is part of the input or put into `scratch`; `None` ends the connection.
    fn respond<'a>(&mut self, input: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]>;
}

#[derive(Default)]
struct Echo;

impl Respond for Echo {
    fn respond<'a>(&mut self, input: &'a [u8], _scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        Some(input)
    }
}

#[derive(Default)]
struct Lines {
    /// The line that has only partly arrived.
    tail: Vec<u8>,
}

impl Respond for Lines {
    fn respond<'a>(&mut self, input: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        scratch.clear();
        if self.tail.is_empty() {
            let consumed = respond_to_lines(input, scratch)?;
            self.tail.extend_from_slice(&input[consumed..]);
        } else {
            self.tail.extend_from_slice(input);
            let consumed = respond_to_lines(&self.tail, scratch)?;
            self.tail.drain(..consumed);
        }
        Some(scratch)
    }
}

/// Answers all whole lines of `input`; how much of it they are. `None` if a line is too long.
fn respond_to_lines(input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut start = 0;
    for newline in memchr_iter(b'\n', input) {
        let Some(line) = input[start..newline].strip_suffix(b"\r") else { continue };
        if line.len() > LONGEST_LINE {
            return None;
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        start = newline + 1;
    }
    (input.len() - start < LONGEST_LINE + 2).then_some(start)
}

/// The buffers that all connections share.
struct Buffers {
    read: Vec<u8>,
    scratch: Vec<u8>,
}

struct Connection<R> {
    socket: TcpStream,
    respond: R,
    /// What the peer has not taken yet: empty but for slow peers.
    unsent: Vec<u8>,
}

#[derive(PartialEq)]
enum Next {
    Wait,
    Close,
}

impl<R: Respond> Connection<R> {
    fn ready(&mut self, event: &Event, buffers: &mut Buffers) -> IoResult<Next> {
        if self.unsent.is_empty() && !event.is_readable() {
            return Ok(Next::Wait);
        }
        loop {
            if !self.flush()? {
                return Ok(Next::Wait);
            }
            let count = match self.socket.read(&mut buffers.read) {
                Ok(0) => return Ok(Next::Close),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Next::Wait),
                Err(error) => return Err(error),
            };
            let Some(reply) = self.respond.respond(&buffers.read[..count], &mut buffers.scratch) else {
                return Ok(Next::Close);
            };
            write(&mut self.socket, reply, &mut self.unsent)?;
            // Whatever comes later brings an event of its own; a close that came with the data has had its event.
            if count < buffers.read.len() && !event.is_read_closed() && self.unsent.is_empty() {
                return Ok(Next::Wait);
            }
        }
    }

    /// Writes what is left from before; whether all of it is gone.
    fn flush(&mut self) -> IoResult<bool> {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            write(&mut self.socket, &unsent, &mut self.unsent)?;
        }
        Ok(self.unsent.is_empty())
    }
}

/// Writes as much of `bytes` as the socket takes, and keeps the rest in `unsent`.
fn write(socket: &mut TcpStream, mut bytes: &[u8], unsent: &mut Vec<u8>) -> IoResult<()> {
    while !bytes.is_empty() {
        match socket.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                unsent.extend_from_slice(bytes);
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn run<R: Respond>() -> Result {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(format_args!("tcp:{}", listener.local_addr()?))?;
    let mut buffers = Buffers { read: vec![0; READ_BUFFER], scratch: Vec::new() };
    let mut connections = Slab::<Connection<R>>::new();
    let mut events = Events::with_capacity(1024);
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut connections)?;
                continue;
            }
            // One that is closed already may have another event in the same batch.
            let Some(connection) = connections.get_mut(event.token().0) else { continue };
            if connection.ready(event, &mut buffers).unwrap_or(Next::Close) == Next::Close {
                connections.remove(event.token().0);
            }
        }
    }
}

fn accept<R: Respond>(listener: &TcpListener, poll: &Poll, connections: &mut Slab<Connection<R>>) -> Result {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        socket.set_nodelay(true)?;
        let entry = connections.vacant_entry();
        poll.registry().register(&mut socket, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
        entry.insert(Connection { socket, respond: R::default(), unsent: Vec::new() });
    }
}

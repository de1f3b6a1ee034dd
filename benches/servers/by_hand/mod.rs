//! What twisty is measured against: a loop over mio, written for a few purposes and as well as we can.
//!
//! One registration a connection (edge-triggered, for both directions), one read buffer and one reply buffer for all,
//! and for each ready connection one read and one write: a read that does not fill the buffer has emptied the socket,
//! so there is no second one to be told "would block". It is a real server, though: what a slow peer does not take is
//! kept, and that peer is not read until it took it; a frame has a longest length; the end of a connection is noticed.
//!
//! The loop is the same for all; what a connection's bytes mean is a [`Service`], a file each. Datagrams have no
//! connections, and what is under TLS is not a `Service`'s to see: those have loops of their own.

mod chat;
mod datagrams;
mod echo;
mod frames;
mod quote;
mod tls;

use std::io::{ErrorKind, Read, Result as IoResult, Write};
use std::net::SocketAddr;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::SockRef;

use super::announce;
use crate::Result;

pub(super) use chat::chat;
pub(super) use datagrams::datagrams;
pub(super) use echo::echo;
pub(super) use frames::{lines, netstrings, strings};
pub(super) use quote::quote;
pub(super) use tls::echo_tls;

const LISTENER: Token = Token(usize::MAX);
const READ_BUFFER: usize = 64 * 1024;

/// What is done with the bytes of connections.
trait Service: Sized {
    /// What is kept of each connection.
    type Session: Default;

    /// Has a new connection; whether it stays.
    fn welcome(&mut self, _socket: &mut TcpStream) -> bool {
        true
    }

    /// The reply to `input`, which is part of the input or put into `scratch`; `None` ends the connection.
    fn respond<'a>(
        &mut self,
        session: &mut Self::Session,
        input: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]>;

    /// All that were ready have been heard.
    fn end_turn(&mut self, _connections: &mut Slab<Connection<Self>>) {}
}

/// The buffers that all connections share.
struct Buffers {
    read: Vec<u8>,
    scratch: Vec<u8>,
}

struct Connection<S: Service> {
    socket: TcpStream,
    session: S::Session,
    /// What the peer has not taken yet: empty but for slow peers.
    unsent: Vec<u8>,
}

#[derive(PartialEq)]
enum Next {
    Wait,
    Close,
}

impl<S: Service> Connection<S> {
    fn ready(&mut self, event: &Event, service: &mut S, buffers: &mut Buffers) -> IoResult<Next> {
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
            let reply = service.respond(&mut self.session, &buffers.read[..count], &mut buffers.scratch);
            let Some(reply) = reply else { return Ok(Next::Close) };
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

/// Gives `take` what has arrived, and keeps in `tail` what it leaves; `None` if it takes offence.
fn take_frames(tail: &mut Vec<u8>, input: &[u8], take: impl FnOnce(&[u8]) -> Option<usize>) -> Option<()> {
    if tail.is_empty() {
        let taken = take(input)?;
        tail.extend_from_slice(&input[taken..]);
    } else {
        tail.extend_from_slice(input);
        let taken = take(tail)?;
        tail.drain(..taken);
    }
    Some(())
}

fn run<S: Service>(mut service: S) -> Result {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    // Accepted sockets inherit it: no system call for each of them.
    SockRef::from(&listener).set_tcp_nodelay(true)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(format_args!("tcp:{}", listener.local_addr()?))?;
    let mut buffers = Buffers { read: vec![0; READ_BUFFER], scratch: Vec::new() };
    let mut connections = Slab::<Connection<S>>::new();
    let mut events = Events::with_capacity(1024);
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut service, &mut connections)?;
                continue;
            }
            // One that is closed already may have another event in the same batch.
            let Some(connection) = connections.get_mut(event.token().0) else { continue };
            if connection.ready(event, &mut service, &mut buffers).unwrap_or(Next::Close) == Next::Close {
                connections.remove(event.token().0);
            }
        }
        service.end_turn(&mut connections);
    }
}

fn accept<S: Service>(
    listener: &TcpListener,
    poll: &Poll,
    service: &mut S,
    connections: &mut Slab<Connection<S>>,
) -> Result {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if service.welcome(&mut socket) {
            let entry = connections.vacant_entry();
            poll.registry().register(&mut socket, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
            entry.insert(Connection { socket, session: S::Session::default(), unsent: Vec::new() });
        }
    }
}

//! Sends back what it gets, by TLS: rustls as the loop over plain sockets would have it.
//!
//! One read of the socket, as far as rustls takes it, one write for all records that this makes; a read that gives less
//! than rustls has room for has emptied the socket. Nothing is read of a peer that does not take its echoes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustls::{ServerConfig, ServerConnection};
use slab::Slab;
use socket2::SockRef;

use super::{LISTENER, Next, READ_BUFFER};
use crate::Result;
use crate::certificate;
use crate::servers::announce;

pub(in crate::servers) fn echo_tls() -> Result {
    let config = certificate::server_config()?;
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    SockRef::from(&listener).set_tcp_nodelay(true)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(format_args!("tcp:{}", listener.local_addr()?))?;
    let (mut buffer, mut connections) = (vec![0; READ_BUFFER], Slab::<Connection>::new());
    let mut events = Events::with_capacity(1024);
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &config, &mut connections)?;
                continue;
            }
            let Some(connection) = connections.get_mut(event.token().0) else { continue };
            if connection.ready(event, &mut buffer).unwrap_or(Next::Close) == Next::Close {
                connections.remove(event.token().0);
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    config: &Arc<ServerConfig>,
    connections: &mut Slab<Connection>,
) -> Result {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let entry = connections.vacant_entry();
        poll.registry().register(&mut socket, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
        let mut tls = ServerConnection::new(Arc::clone(config))?;
        // What is read of the socket at a time bounds it.
        tls.set_buffer_limit(None);
        entry.insert(Connection { socket, tls });
    }
}

struct Connection {
    socket: TcpStream,
    tls: ServerConnection,
}

impl Connection {
    fn ready(&mut self, event: &Event, buffer: &mut [u8]) -> Result<Next> {
        if !self.tls.wants_write() && !event.is_readable() {
            return Ok(Next::Wait);
        }
        while self.flush()? {
            let mut source = Source { socket: &mut self.socket, emptied: false };
            match self.tls.read_tls(&mut source) {
                Ok(0) => return Ok(Next::Close),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Next::Wait),
                Err(error) => return Err(error.into()),
            }
            let emptied = source.emptied;
            if self.echo(buffer)? == Next::Close {
                self.tls.send_close_notify();
                self.flush()?;
                return Ok(Next::Close);
            }
            // Whatever comes later brings an event of its own; a close that came with the data has had its event.
            if emptied && !event.is_read_closed() {
                self.flush()?;
                return Ok(Next::Wait);
            }
        }
        Ok(Next::Wait)
    }

    /// Decrypts what was read, and encrypts it again.
    fn echo(&mut self, buffer: &mut [u8]) -> Result<Next> {
        if let Err(error) = self.tls.process_new_packets() {
            // The peer is told what was wrong.
            self.flush()?;
            return Err(error.into());
        }
        loop {
            match self.tls.reader().read(buffer) {
                Ok(0) => return Ok(Next::Close),
                Ok(count) => self.tls.writer().write_all(&buffer[..count])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Next::Wait),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes the records that are there; whether all of them are gone.
    fn flush(&mut self) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// A socket that notices when it was emptied.
struct Source<'a> {
    socket: &'a mut TcpStream,
    emptied: bool,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        self.emptied = count < buffer.len();
        Ok(count)
    }
}

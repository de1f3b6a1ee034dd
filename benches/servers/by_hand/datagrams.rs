//! Sends back each datagram that it gets.
//!
//! An edge-triggered poll says once that there are datagrams, so they are read until there are none. An echo that the
//! system has no room for is kept, and nothing more is read until it is gone. Only then is the socket watched for room:
//! one that has some says so after everything that it sends.

use std::io::{ErrorKind, Result as IoResult};
use std::net::SocketAddr;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll};

use super::{LISTENER, READ_BUFFER};
use crate::Result;
use crate::servers::announce;

pub(in crate::servers) fn datagrams() -> Result {
    let mut poll = Poll::new()?;
    let mut socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    poll.registry().register(&mut socket, LISTENER, Interest::READABLE)?;
    announce(format_args!("udp:{}", socket.local_addr()?))?;
    let mut echo = Echo { socket, buffer: vec![0; READ_BUFFER], unsent: None };
    let mut events = Events::with_capacity(16);
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        let waited = echo.unsent.is_some();
        match echo.turn() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
            _ if echo.unsent.is_some() == waited => {}
            _ if waited => poll.registry().reregister(&mut echo.socket, LISTENER, Interest::READABLE)?,
            _ => poll.registry().reregister(&mut echo.socket, LISTENER, Interest::READABLE | Interest::WRITABLE)?,
        }
    }
}

struct Echo {
    socket: UdpSocket,
    buffer: Vec<u8>,
    /// The length of what is in the buffer and still to be sent, and to whom.
    unsent: Option<(usize, SocketAddr)>,
}

impl Echo {
    /// Goes on until it would block.
    fn turn(&mut self) -> IoResult<()> {
        loop {
            let (count, from) = match self.unsent.take() {
                Some(unsent) => unsent,
                None => self.socket.recv_from(&mut self.buffer)?,
            };
            if let Err(error) = self.socket.send_to(&self.buffer[..count], from) {
                self.unsent = Some((count, from));
                return Err(error);
            }
        }
    }
}

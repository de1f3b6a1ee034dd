//! Loads: clients that keep a server busy, and check every byte that it sends.

mod chat;
mod datagrams;
mod dialogue;
mod handshakes;
mod visits;

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::Result;
use crate::certificate;
use crate::tape::Tape;

pub use chat::Chat;
pub use datagrams::Exchange;
pub use dialogue::{Dialogue, Script};
pub use handshakes::Handshakes;
pub use visits::Visits;

/// What every client reads into.
const READ_BUFFER: usize = 64 * 1024;

/// How long a server may keep the clients waiting when it should only finish its last replies.
const PATIENCE: Duration = Duration::from_secs(10);

/// Neighbours start so many messages apart on the tape, whose length is no multiple of it: no two start at the same
/// place.
const APART: usize = 7;

/// A client's socket, and TLS over it.
pub type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// Clients that are connected to a server.
pub trait Load: fmt::Debug {
    /// Keeps all clients busy for so long, then lets them finish.
    ///
    /// # Errors
    /// When the server sends anything wrong, or nothing for too long.
    fn run(&mut self, duration: Duration) -> Result<Run>;
}

/// What a load did in one run.
#[derive(Debug)]
pub struct Run {
    began: Instant,
    /// How many operations it was.
    pub operations: u64,
    /// How many datagrams got lost, or their replies, and were sent again.
    pub lost: u64,
    /// How long they took together.
    pub elapsed: Duration,
    /// Nanoseconds that each of them took, or each batch of them.
    pub latencies: Histogram<u64>,
}

impl Run {
    fn begin() -> Self {
        // Three figures of up to a minute; it cannot fail. What takes longer counts as a minute.
        let latencies = Histogram::new_with_max(60_000_000_000, 3).expect("three figures are few enough");
        Self { began: Instant::now(), operations: 0, lost: 0, elapsed: Duration::ZERO, latencies }
    }

    /// So many operations have come to their end together.
    fn finished(&mut self, operations: usize, began: Instant) {
        self.operations += operations as u64;
        self.latencies.saturating_record(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    fn end(self) -> Self {
        Self { elapsed: self.began.elapsed(), ..self }
    }
}

/// How long one poll waits: not at all where the clients have a core of their own, so that servers are not charged for
/// waking them up.
const fn wait(spin: bool) -> Duration {
    if spin { Duration::ZERO } else { PATIENCE }
}

/// A reply that goes to the wrong client is noticed only if they do not say the same.
fn check_differ(clients: usize, tape: &Tape) -> Result {
    let messages = tape.count();
    if messages < clients || messages.is_multiple_of(APART) {
        return Err(format!("{clients} clients do not differ on a tape of {messages} messages").into());
    }
    Ok(())
}

fn connect(server: SocketAddr) -> Result<net::TcpStream> {
    let socket = net::TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Has the socket polled under this number from now on.
fn poll_socket(socket: net::TcpStream, poll: &Poll, number: usize) -> Result<TcpStream> {
    socket.set_nonblocking(true)?;
    let mut socket = TcpStream::from_std(socket);
    poll.registry().register(&mut socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

/// The handshake is made with the first bytes that are written.
fn over_tls(socket: TcpStream, config: &Arc<ClientConfig>) -> Result<TlsStream> {
    Ok(StreamOwned::new(certificate::client(config)?, socket))
}

/// Reads what is there of the last `awaited` bytes of `expected`; whether none are missing any more.
fn read_expected(socket: &mut impl Read, buffer: &mut [u8], expected: &[u8], awaited: &mut usize) -> Result<bool> {
    while *awaited > 0 {
        match socket.read(buffer) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(count) => *awaited -= check(&buffer[..count], &expected[expected.len() - *awaited..])?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// How many bytes were received, all of them as expected.
fn check(received: &[u8], expected: &[u8]) -> Result<usize> {
    if !expected.starts_with(received) {
        let (received, expected) = (received.escape_ascii(), expected.escape_ascii());
        return Err(format!("the server sent:\n{received}\nexpected:\n{expected}").into());
    }
    Ok(received.len())
}

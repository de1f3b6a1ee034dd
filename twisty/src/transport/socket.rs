//! What a stream connection reads from and writes to.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockAddr, SockRef};

use super::Ready;
use crate::protocol::{Address, Outbox, UnixAddress};

/// A stream socket, of any family: mio's `TcpStream` makes the calls that UNIX sockets understand as well.
///
/// It is registered once, edge-triggered; what the poll said last is remembered, so that no system call is made whose
/// answer is known.
pub(crate) struct Socket {
    /// The operating system's; none in memory.
    stream: Option<TcpStream>,
    /// What bytes go through on their way. Most have none, so it is one pointer.
    layer: Option<Box<Box<dyn Layer>>>,
    /// The poll watches the socket.
    registered: Registered,
    /// There may be something to read.
    readable: bool,
    /// A write may succeed.
    writable: bool,
    /// Delivery was resumed in this turn.
    resumed: bool,
    input: Input,
}

/// What changes bytes between a socket and its connection, or takes the place of the socket.
pub(crate) trait Layer {
    /// Reads as [`Read::read`] does: `Ok(0)` is the end, `WouldBlock` is that there is nothing now.
    fn read(&mut self, below: &mut Option<TcpStream>, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as [`Write::write_vectored`] does.
    fn write(&mut self, below: &mut Option<TcpStream>, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Whether there is input that was not read.
    fn has_input(&mut self, below: &mut Option<TcpStream>) -> bool;

    /// Says to the peer that nothing more comes.
    fn shutdown(&mut self, below: &mut Option<TcpStream>) -> io::Result<()>;

    /// The socket will be dropped without a shutdown: the peer is to learn that it was cut off.
    fn abort(&mut self) {}

    /// No poll watches what is in memory: it says itself when it is ready, under this token.
    fn watch(&mut self, _token: Token) {}

    /// What broke it, where there is no operating system's socket to ask.
    fn error(&self) -> Option<io::Error> {
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registered {
    Not,
    Yes,
    /// Under the token of an entry that has handed it on.
    Before,
}

/// What the peer may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    /// The peer has closed its side: a short read is not the end of what is there.
    Closing,
    /// The peer's last byte was read.
    Ended,
}

impl Socket {
    /// A connected socket. Fresh sockets can be written to without asking.
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self::of(Some(stream), None)
    }

    /// A connected one that is none of the operating system's.
    pub(crate) fn with_layer(layer: Box<dyn Layer>) -> Self {
        Self::of(None, Some(Box::new(layer)))
    }

    const fn of(stream: Option<TcpStream>, layer: Option<Box<Box<dyn Layer>>>) -> Self {
        Self {
            stream,
            layer,
            registered: Registered::Not,
            readable: false,
            writable: true,
            resumed: false,
            input: Input::Open,
        }
    }

    /// Has the poll watch it, under the token of the entry that it belongs to now.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
        match (&mut self.stream, self.registered) {
            (_, Registered::Yes) => return Ok(()),
            (Some(stream), Registered::Not) => registry.register(stream, token, BOTH)?,
            (Some(stream), Registered::Before) => registry.reregister(stream, token, BOTH)?,
            (None, _) => {
                if let Some(layer) = &mut self.layer {
                    layer.watch(token);
                }
            }
        }
        self.registered = Registered::Yes;
        Ok(())
    }

    /// It goes on to another entry of the reactor.
    pub(crate) const fn hand_on(mut self) -> Self {
        if matches!(self.registered, Registered::Yes) {
            self.registered = Registered::Before;
        }
        self
    }

    /// The poll says something.
    #[inline]
    pub(crate) fn note(&mut self, ready: Ready) {
        self.readable |= ready.readable || ready.read_closed || ready.error;
        self.writable |= ready.writable || ready.error;
        if self.input == Input::Open && (ready.read_closed || ready.error) {
            self.input = Input::Closing;
        }
    }

    #[inline]
    pub(crate) const fn is_readable(&self) -> bool {
        self.readable
    }

    #[inline]
    pub(crate) const fn is_writable(&self) -> bool {
        self.writable
    }

    /// Whether delivery was resumed in this turn already; from now on it was.
    #[inline]
    pub(crate) const fn has_resumed(&mut self) -> bool {
        std::mem::replace(&mut self.resumed, true)
    }

    /// It is this socket's turn again.
    #[inline]
    pub(crate) const fn begin_turn(&mut self) {
        self.resumed = false;
    }

    /// Nothing is to be read from it any more.
    pub(crate) const fn stop_reading(&mut self) {
        self.readable = false;
    }

    /// Reads once: `Ok(0)` is the end, `WouldBlock` is that there is nothing now.
    #[inline]
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match (&mut self.layer, &mut self.stream) {
            (Some(layer), below) => layer.read(below, buffer),
            (None, Some(stream)) => stream.read(buffer),
            (None, None) => Ok(0),
        };
        match &read {
            Ok(0) => (self.readable, self.input) = (false, Input::Ended),
            // A stream socket that gives less than asked for is empty, and the poll will say when it is not.
            Ok(count) => {
                self.readable = *count == buffer.len() || self.input == Input::Closing || self.layer.is_some();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
            Err(_) => {}
        }
        read
    }

    /// Writes once; how many bytes that took.
    #[inline]
    pub(crate) fn write(&mut self, output: &Outbox) -> io::Result<usize> {
        let (written, length) = output.with_slices(|slices| {
            let length = slices.iter().map(|slice| slice.len()).sum();
            (self.write_slices(slices), length)
        });
        match &written {
            Ok(count) => self.writable = *count == length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
            Err(_) => {}
        }
        written
    }

    #[inline]
    fn write_slices(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (&mut self.layer, &mut self.stream, slices) {
            (Some(layer), below, _) => layer.write(below, slices),
            (None, Some(stream), [one]) => stream.write(one),
            (None, Some(stream), several) => stream.write_vectored(several),
            (None, None, _) => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Whether there is input that was not read. Looks, because what the poll said last may be old: many clients speak
    /// before they are closed.
    pub(crate) fn look_for_input(&mut self) -> bool {
        self.readable = self.input != Input::Ended
            && match (&mut self.layer, &mut self.stream) {
                (Some(layer), below) => layer.has_input(below),
                (None, Some(stream)) => matches!(stream.peek(&mut [0]), Ok(1..)),
                (None, None) => false,
            };
        self.readable
    }

    /// Says to the peer that nothing more comes.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        match (&mut self.layer, &mut self.stream) {
            (Some(layer), below) => layer.shutdown(below),
            (None, Some(stream)) => stream.shutdown(Shutdown::Write),
            (None, None) => Ok(()),
        }
    }

    /// The error that the operating system keeps for it, if it does.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        match &self.stream {
            Some(stream) => stream.take_error().ok().flatten(),
            None => self.layer.as_ref()?.error(),
        }
    }

    /// Where it is connected to; [`ErrorKind::NotConnected`] while it is not.
    pub(crate) fn peer_address(&self) -> io::Result<Address> {
        self.address(|socket| socket.peer_addr())
    }

    /// Where it is.
    pub(crate) fn local_address(&self) -> io::Result<Address> {
        self.address(|socket| socket.local_addr())
    }

    fn address(&self, ask: impl FnOnce(SockRef<'_>) -> io::Result<SockAddr>) -> io::Result<Address> {
        let stream = self.stream.as_ref().ok_or(ErrorKind::NotConnected)?;
        let address = ask(SockRef::from(stream))?;
        let unix = || address.as_unix().map(|unix| UnixAddress::from(&unix).into());
        address.as_socket().map(Address::Tcp).or_else(unix).ok_or_else(|| ErrorKind::Unsupported.into())
    }

    /// Closing then sends a reset, and drops what the operating system has not sent yet.
    pub(crate) fn reset_when_closed(&mut self) {
        if let Some(layer) = &mut self.layer {
            layer.abort();
        }
        if let Some(stream) = &self.stream
            && let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO))
        {
            tracing::debug!(%error, "cannot reset a connection, closing it instead");
        }
    }
}

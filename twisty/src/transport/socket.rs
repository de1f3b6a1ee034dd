//! What a stream connection reads from and writes to.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockAddr, SockRef};

use super::Ready;
use crate::protocol::{Address, Outbox, TlsInfo, UnixAddress};

/// A stream socket, of any family: mio's `TcpStream` makes the calls that UNIX sockets understand as well.
///
/// It is registered once, edge-triggered; what the poll said last is remembered, so that no system call is made whose
/// answer is known.
pub(crate) struct Socket {
    /// The operating system's; none in memory.
    stream: Option<TcpStream>,
    /// What bytes go through on their way.
    layers: Layers,
    /// There may be something to read.
    readable: bool,
    /// A write may succeed.
    writable: bool,
    /// Four flags in one byte: with the others and the descriptor they make one word.
    notes: Notes,
    input: Input,
}

/// Each idle connection has one. In debug builds mio's sockets are larger.
#[cfg(not(debug_assertions))]
const _: () = assert!(size_of::<Socket>() <= 16);

/// What is known of a socket besides what the poll says.
#[derive(Debug, Clone, Copy)]
struct Notes(u8);

impl Notes {
    /// The poll watches it.
    const REGISTERED: u8 = 1;
    /// The poll watches it under the token of an entry that has handed it on.
    const HANDED_ON: u8 = 2;
    /// Delivery was resumed in this turn.
    const RESUMED: u8 = 4;
    /// More was produced in this turn.
    const PRODUCED: u8 = 8;

    const fn has(self, note: u8) -> bool {
        self.0 & note != 0
    }

    /// Whether it was so already; from now on it is.
    const fn take_down(&mut self, note: u8) -> bool {
        let was = self.has(note);
        self.0 |= note;
        was
    }

    const fn forget(&mut self, notes: u8) {
        self.0 &= !notes;
    }
}

/// What bytes go through on their way to the operating system's socket. Most sockets have none, so it is one pointer.
#[derive(Default)]
pub(crate) struct Layers(Option<Box<Box<dyn Layer>>>);

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

    /// Has what is beneath told under this token when it is ready: no poll watches what is in memory.
    fn watch(&mut self, token: Token);

    /// What broke what is beneath, where there is no operating system's socket to ask.
    fn error(&self) -> Option<io::Error>;

    /// Whether another read may bring something, before the poll says so.
    fn has_more(&self) -> bool {
        true
    }

    /// Writes what it holds back of what it was given, or has to say itself.
    fn flush(&mut self, _below: &mut Option<TcpStream>) -> io::Result<()> {
        Ok(())
    }

    /// Whether the peer still has to hear, or to say, that nothing more comes.
    fn lingers(&self) -> bool {
        false
    }

    /// What the two ends agreed on, where this is encryption.
    fn tls(&self) -> Option<Rc<TlsInfo>> {
        None
    }

    /// What is beneath, if nothing changes any more what passes through here.
    fn spent(&mut self) -> Option<Layers> {
        None
    }
}

fn unix_address(address: &SockAddr) -> UnixAddress {
    let path = address.as_pathname().map(UnixAddress::from_path);
    let name = || address.as_abstract_namespace().map(UnixAddress::from_abstract_name);
    path.or_else(name).unwrap_or(UnixAddress::UNNAMED)
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
        Self::of(Some(stream), Layers(None))
    }

    /// A connected one that is none of the operating system's.
    pub(crate) fn with_layer(layer: Box<dyn Layer>) -> Self {
        Self::of(None, Layers(Some(Box::new(layer))))
    }

    const fn of(stream: Option<TcpStream>, layers: Layers) -> Self {
        Self { stream, layers, readable: false, writable: true, notes: Notes(0), input: Input::Open }
    }

    /// Has the poll watch it, under the token of the entry that it belongs to now.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
        if self.notes.has(Notes::REGISTERED) {
            return Ok(());
        }
        match &mut self.stream {
            Some(stream) if self.notes.has(Notes::HANDED_ON) => registry.reregister(stream, token, BOTH)?,
            Some(stream) => registry.register(stream, token, BOTH)?,
            None => self.layers.watch(token),
        }
        self.notes.take_down(Notes::REGISTERED);
        Ok(())
    }

    /// It goes on to another entry of the reactor.
    pub(crate) const fn hand_on(mut self) -> Self {
        if self.notes.has(Notes::REGISTERED) {
            self.notes.take_down(Notes::HANDED_ON);
            self.notes.forget(Notes::REGISTERED);
        }
        self
    }

    /// Puts a layer on top. It may have read ahead.
    pub(crate) fn wrap(&mut self, layer: impl FnOnce(Layers) -> Box<dyn Layer>) {
        self.layers = Layers(Some(Box::new(layer(std::mem::take(&mut self.layers)))));
        self.readable = true;
    }

    /// Gives back what was read and belongs to who reads next.
    pub(crate) fn unread(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.wrap(|beneath| Box::new(Unread { bytes: bytes.to_vec(), front: 0, beneath }));
        }
    }

    /// Gives it to `work` as it is, for a layer to be made of.
    pub(crate) fn below<R>(&mut self, work: impl FnOnce(&mut Layers, &mut Option<TcpStream>) -> R) -> R {
        work(&mut self.layers, &mut self.stream)
    }

    /// The poll says something.
    #[inline]
    pub(crate) fn note(&mut self, ready: Ready) {
        self.readable |= (ready.readable || ready.read_closed || ready.error) && self.input != Input::Ended;
        self.writable |= ready.writable || ready.error;
        if self.layers.0.is_some() {
            // That it cannot be written will be seen by who reads or writes.
            let _again_later = self.layers.flush(&mut self.stream);
        }
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
        self.notes.take_down(Notes::RESUMED)
    }

    /// The same for what is sent because there was room for it.
    pub(crate) const fn has_produced(&mut self) -> bool {
        self.notes.take_down(Notes::PRODUCED)
    }

    /// It is this socket's turn again.
    #[inline]
    pub(crate) const fn begin_turn(&mut self) {
        self.notes.forget(Notes::RESUMED | Notes::PRODUCED);
    }

    /// Nothing is to be read from it any more.
    pub(crate) const fn stop_reading(&mut self) {
        self.readable = false;
    }

    /// Reads once: `Ok(0)` is the end, `WouldBlock` is that there is nothing now.
    #[inline]
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.layers.read(&mut self.stream, buffer);
        match &read {
            Ok(0) => (self.readable, self.input) = (false, Input::Ended),
            Ok(count) => self.readable = self.layers.has_more(*count, buffer.len()) || self.input == Input::Closing,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
            Err(_) => {}
        }
        read
    }

    /// Writes once, no more than `at_most` bytes; how many bytes that took.
    #[inline]
    pub(crate) fn write(&mut self, output: &Outbox, at_most: usize) -> io::Result<usize> {
        let (written, length) = output.with_first(at_most, |slices| {
            let length = slices.iter().map(|slice| slice.len()).sum();
            (self.layers.write(&mut self.stream, slices), length)
        });
        match &written {
            Ok(count) => self.writable = *count == length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
            Err(_) => {}
        }
        written
    }

    /// Closes it with a last word, as far as there is room for that at once: nobody waits for who may not come in.
    pub(crate) fn turn_away(mut self, answer: &[u8]) {
        let said = answer.is_empty() || self.layers.write(&mut self.stream, &[IoSlice::new(answer)]).is_ok();
        if !said || self.shutdown().is_err() {
            tracing::debug!("a client that may not come in is gone already");
        }
    }

    /// Whether there is input that was not read. Looks, because what the poll said last may be old: many clients speak
    /// before they are closed.
    pub(crate) fn look_for_input(&mut self) -> bool {
        self.readable = self.input != Input::Ended && self.layers.has_input(&mut self.stream);
        self.readable
    }

    /// Says to the peer that nothing more comes.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        self.layers.shutdown(&mut self.stream)
    }

    /// Closes our side in good order; whether the socket must stay for a moment. Closing one with unread input would reset
    /// it, and the peer might lose what we sent last.
    pub(crate) fn close(&mut self) -> bool {
        let unread = self.look_for_input();
        if !unread && self.layers.0.is_none() {
            return false;
        }
        self.shutdown().is_ok() && (unread || self.layers.0.as_ref().is_some_and(|layer| layer.lingers()))
    }

    /// What the two ends agreed on, if it is encrypted.
    pub(crate) fn tls(&self) -> Option<Rc<TlsInfo>> {
        self.layers.0.as_ref()?.tls()
    }

    /// The error that the operating system keeps for it, if it does.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        match &self.stream {
            Some(stream) => stream.take_error().ok().flatten(),
            None => self.layers.error(),
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
        let unix = || address.is_unix().then(|| unix_address(&address).into());
        address.as_socket().map(Address::Tcp).or_else(unix).ok_or_else(|| ErrorKind::Unsupported.into())
    }

    /// Closing then sends a reset, and drops what the operating system has not sent yet.
    pub(crate) fn reset_when_closed(&mut self) {
        self.layers.abort();
        if let Some(stream) = &self.stream
            && let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO))
        {
            tracing::debug!(%error, "cannot reset a connection, closing it instead");
        }
    }
}

impl Layers {
    /// Reads as [`Layer::read`] does.
    #[inline]
    pub(crate) fn read(&mut self, below: &mut Option<TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
        match (&mut self.0, below) {
            (Some(layer), below) => {
                let read = layer.read(below, buffer);
                if let Some(beneath) = layer.spent() {
                    *self = beneath;
                }
                read
            }
            (None, Some(stream)) => stream.read(buffer),
            (None, None) => Ok(0),
        }
    }

    /// Whether another read may bring something, after one that brought `count` bytes of those `asked` for. A stream socket
    /// that gives less than asked for is empty, and the poll will say when it is not.
    #[inline]
    pub(crate) fn has_more(&self, count: usize, asked: usize) -> bool {
        count == asked || self.0.as_ref().is_some_and(|layer| layer.has_more())
    }

    /// Writes as [`Layer::write`] does.
    #[inline]
    pub(crate) fn write(&mut self, below: &mut Option<TcpStream>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (&mut self.0, below, slices) {
            (Some(layer), below, _) => layer.write(below, slices),
            (None, Some(stream), [one]) => stream.write(one),
            (None, Some(stream), several) => stream.write_vectored(several),
            (None, None, _) => Err(ErrorKind::NotConnected.into()),
        }
    }

    pub(crate) fn has_input(&mut self, below: &mut Option<TcpStream>) -> bool {
        match (&mut self.0, below) {
            (Some(layer), below) => layer.has_input(below),
            (None, Some(stream)) => matches!(stream.peek(&mut [0]), Ok(1..)),
            (None, None) => false,
        }
    }

    pub(crate) fn flush(&mut self, below: &mut Option<TcpStream>) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |layer| layer.flush(below))
    }

    pub(crate) fn shutdown(&mut self, below: &mut Option<TcpStream>) -> io::Result<()> {
        match (&mut self.0, below) {
            (Some(layer), below) => layer.shutdown(below),
            (None, Some(stream)) => stream.shutdown(Shutdown::Write),
            (None, None) => Ok(()),
        }
    }

    pub(crate) fn abort(&mut self) {
        if let Some(layer) = &mut self.0 {
            layer.abort();
        }
    }

    pub(crate) fn watch(&mut self, token: Token) {
        if let Some(layer) = &mut self.0 {
            layer.watch(token);
        }
    }

    pub(crate) fn error(&self) -> Option<io::Error> {
        self.0.as_ref()?.error()
    }
}

/// What was read too early, in front of what is beneath.
struct Unread {
    bytes: Vec<u8>,
    front: usize,
    beneath: Layers,
}

impl Layer for Unread {
    fn read(&mut self, below: &mut Option<TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
        let left = &self.bytes[self.front..];
        if left.is_empty() {
            return self.beneath.read(below, buffer);
        }
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.front += count;
        Ok(count)
    }

    fn write(&mut self, below: &mut Option<TcpStream>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.beneath.write(below, slices)
    }

    fn has_input(&mut self, below: &mut Option<TcpStream>) -> bool {
        self.front < self.bytes.len() || self.beneath.has_input(below)
    }

    fn shutdown(&mut self, below: &mut Option<TcpStream>) -> io::Result<()> {
        self.beneath.shutdown(below)
    }

    fn abort(&mut self) {
        self.beneath.abort();
    }

    fn watch(&mut self, token: Token) {
        self.beneath.watch(token);
    }

    fn error(&self) -> Option<io::Error> {
        self.beneath.error()
    }

    fn flush(&mut self, below: &mut Option<TcpStream>) -> io::Result<()> {
        self.beneath.flush(below)
    }

    fn spent(&mut self) -> Option<Layers> {
        (self.front == self.bytes.len()).then(|| std::mem::take(&mut self.beneath))
    }
}

//! Stream sockets.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::{Driver, Status};
use crate::clock::Timestamp;
use crate::connection::{Connection, Step};
use crate::error::{ConnectionAborted, ConnectionDone, ConnectionLost};
use crate::failure::Failure;
use crate::protocol::{Outbox, Phase, Protocol};

/// A TCP socket and its connection.
///
/// The socket is registered once, edge-triggered; what the poll said last is remembered in `readable` and `writable`,
/// so that no system call is made whose answer is known.
pub(crate) struct Stream<P: Protocol> {
    socket: TcpStream,
    connection: Connection<P>,
    /// The poll watches the socket.
    registered: bool,
    /// There may be something to read.
    readable: bool,
    /// A write may succeed.
    writable: bool,
    input: Input,
    /// In which turn delivery was resumed last; no turn is at the start of the clock.
    resumed_at: Timestamp,
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

impl<P: Protocol> Stream<P> {
    /// Full reads from one socket in one turn; then it is the others' turn.
    const READS: usize = 4;
    /// How long a closed socket waits for a peer that was still sending.
    const LINGER: Duration = Duration::from_secs(2);

    /// A connected socket. Fresh sockets can be written to without asking.
    pub(crate) const fn new(socket: TcpStream, connection: Connection<P>) -> Self {
        Self {
            socket,
            connection,
            registered: false,
            readable: false,
            writable: true,
            input: Input::Open,
            resumed_at: Timestamp::ZERO,
        }
    }

    fn read(&mut self, now: Timestamp, buffer: &mut [u8]) {
        for _ in 0..Self::READS {
            if !self.readable || !(self.connection.wants_input() || self.connection.lingers_until().is_some()) {
                return;
            }
            match self.socket.read(buffer) {
                Ok(0) => self.end_of_input(now),
                Ok(count) => {
                    // A stream socket that gives less than asked for is empty, and the poll will say when it is not.
                    self.readable = count == buffer.len() || self.input == Input::Closing;
                    self.received(now, &buffer[..count]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) => self.failed(error),
            }
        }
    }

    fn received(&mut self, now: Timestamp, bytes: &[u8]) {
        if self.connection.phase() != Phase::Closed {
            self.connection.handle_bytes(now, bytes);
        }
    }

    /// While nothing is read, that the connection broke would not be noticed.
    fn look_for_error(&mut self) {
        if let Ok(Some(error)) = self.socket.take_error() {
            self.finish(Failure::of_a_peer(ConnectionLost::from(error)));
        }
    }

    fn end_of_input(&mut self, now: Timestamp) {
        (self.readable, self.input) = (false, Input::Ended);
        self.connection.stop_lingering();
        self.connection.handle_eof(now);
    }

    fn write(&mut self, now: Timestamp) {
        let written = write(&mut self.socket, &self.connection.output());
        match written {
            Ok((0, _)) => self.finish(Failure::of_a_peer(ConnectionLost::from(io::Error::from(ErrorKind::WriteZero)))),
            Ok((count, length)) => {
                self.writable = count == length;
                self.connection.handle_written(now, count);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: io::Error) {
        if error.kind() != ErrorKind::Interrupted {
            self.finish(Failure::of_a_peer(ConnectionLost::from(error)));
        }
    }

    fn finish(&mut self, reason: Failure) {
        self.readable = false;
        self.connection.finish(reason);
        self.connection.stop_lingering();
    }

    /// Closes in good order. Closing a socket with unread input would reset it, and the peer might lose what we sent
    /// last; so where input is left, only our side is closed and the rest is read away for a moment.
    fn close(&mut self, now: Timestamp) {
        self.connection.finish(Failure::of_a_peer(ConnectionDone));
        self.readable = self.has_input();
        if self.readable && self.socket.shutdown(Shutdown::Write).is_ok() {
            self.connection.linger(now + Self::LINGER);
        }
    }

    /// Looks, because what the poll said last may be old: many clients speak before they are closed.
    fn has_input(&mut self) -> bool {
        self.input != Input::Ended && matches!(self.socket.peek(&mut [0]), Ok(1..))
    }

    fn abort(&mut self) {
        reset_when_closed(&self.socket);
        self.finish(Failure::of_a_peer(ConnectionAborted));
    }

    fn status(&self, now: Timestamp) -> Status {
        let lingers = self.connection.lingers_until().is_some_and(|until| now < until);
        if self.connection.phase() == Phase::Closed && !lingers {
            Status::Gone
        } else if self.readable && (lingers || self.connection.wants_input()) {
            Status::Busy
        } else {
            Status::Waiting
        }
    }
}

impl<P: Protocol> Driver for Stream<P> {
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        if !self.registered {
            registry.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)?;
            self.registered = true;
        }
        Ok(())
    }

    fn open(&mut self, now: Timestamp) {
        self.connection.open(now);
        self.connection.transport().enter();
    }

    fn handle_event(&mut self, now: Timestamp, event: &Event, buffer: &mut [u8]) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_error();
        if self.input == Input::Open && (event.is_read_closed() || event.is_error()) {
            self.input = Input::Closing;
        }
        if event.is_error() && !self.connection.wants_input() {
            self.look_for_error();
        }
        self.handle_turn(now, buffer);
    }

    fn handle_turn(&mut self, now: Timestamp, buffer: &mut [u8]) {
        self.read(now, buffer);
        self.connection.transport().enter();
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.connection.handle_timeout(now);
        self.connection.transport().enter();
    }

    fn settle(&mut self, now: Timestamp) -> Status {
        loop {
            match self.connection.step(now, self.writable) {
                // A peer that reads as fast as we write could keep us here: the next turn goes on.
                Step::Resume if std::mem::replace(&mut self.resumed_at, now) == now => {
                    self.connection.transport().look_again();
                    return Status::Busy;
                }
                Step::Abort => self.abort(),
                Step::Write => self.write(now),
                Step::Close => self.close(now),
                Step::Resume => self.connection.handle_resume(now),
                Step::Run => self.connection.handle_fired(now),
                Step::Wait => return self.status(now),
            }
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.connection.deadline()
    }

    fn close(&mut self, at_once: bool) {
        let phase = if at_once { Phase::Aborting } else { Phase::Closing };
        self.connection.transport().close(phase, None);
        if at_once {
            self.connection.stop_lingering();
        }
        self.connection.transport().enter();
    }
}

/// Writes once; how many bytes of how many.
fn write(socket: &mut TcpStream, output: &Outbox) -> io::Result<(usize, usize)> {
    output.with_slices(|slices| match slices {
        [one] => socket.write(one).map(|count| (count, one.len())),
        several => {
            let length = several.iter().map(|slice| slice.len()).sum();
            socket.write_vectored(several).map(|count| (count, length))
        }
    })
}

/// Closing then sends a reset, and drops what the operating system has not sent yet.
fn reset_when_closed(socket: &TcpStream) {
    if let Err(error) = SockRef::from(socket).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "cannot reset a connection, closing it instead");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Raw;
    use crate::protocol::ForProtocol;

    #[derive(Default)]
    struct Echo;

    impl Protocol for Echo {
        type Framing = Raw;
        type Factory = ForProtocol<Self>;

        fn framing() -> Raw {
            Raw
        }
    }

    /// An idle connection may cost 300 bytes. With the 8 that an allocator adds, and its steps of 16, 96 of them are the
    /// stream, 96 (raw) to 160 (lines) what it shares with its handles, and 32 its entry in the reactor. The socket is not
    /// counted here: it takes 4 bytes, but 16 in a debug build.
    #[test]
    fn an_idle_stream_is_small() {
        let without_socket = size_of::<Stream<Echo>>() - size_of::<TcpStream>();
        assert!(without_socket <= 88, "{without_socket} bytes");
    }
}

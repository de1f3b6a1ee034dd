//! Stream sockets.

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::{Registry, Token};

use super::{Driver, Ready, Socket, Status, reason_of, upgrade};
use crate::clock::Timestamp;
use crate::connection::{Connection, Step};
use crate::error::{ConnectionAborted, ConnectionDone, ConnectionLost};
use crate::failure::Failure;
use crate::protocol::{Flow, Phase, Protocol};

/// A stream socket and its connection.
pub(crate) struct Stream<P: Protocol> {
    connection: Connection<P>,
    socket: Socket,
}

impl<P: Protocol> Stream<P> {
    /// Full reads from one socket in one turn; then it is the others' turn.
    const READS: usize = 4;
    /// How long a closed socket waits for a peer that was still sending.
    const LINGER: Duration = Duration::from_secs(2);

    pub(crate) fn new(socket: Socket, connection: Connection<P>) -> Self {
        connection.transport().set_tls(socket.tls());
        Self { connection, socket }
    }

    fn read(&mut self, now: Timestamp, buffer: &mut [u8]) {
        for _ in 0..Self::READS {
            if !self.socket.is_readable()
                || !(self.connection.wants_input() || self.connection.lingers_until().is_some())
            {
                return;
            }
            let room = self.connection.input_room(now).min(buffer.len());
            if room == 0 {
                return;
            }
            match self.socket.read(&mut buffer[..room]) {
                Ok(0) => self.end_of_input(now),
                Ok(count) => self.received(now, &buffer[..count]),
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
        if let Some(error) = self.socket.take_error() {
            self.finish(Failure::of_a_peer(ConnectionLost::from(error)));
        }
    }

    fn end_of_input(&mut self, now: Timestamp) {
        self.connection.stop_lingering();
        self.connection.handle_eof(now);
        if self.connection.phase() < Phase::Closing {
            // The system tells of the end first, also where the connection has broken since.
            self.look_for_error();
        }
    }

    fn write(&mut self, now: Timestamp) {
        let at_most = self.connection.output_room(now);
        let written = self.socket.write(&self.connection.output(), at_most);
        match written {
            Ok(0) => self.failed(ErrorKind::WriteZero.into()),
            Ok(count) => self.connection.handle_written(now, count),
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: io::Error) {
        if !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) {
            self.finish(reason_of(error));
        }
    }

    /// Goes on with TLS that begins in mid-connection; whether that waits for the peer.
    #[cold]
    fn upgrade(&mut self, now: Timestamp) -> bool {
        let unread = self.connection.unread().len();
        let gone_on = upgrade::go_on(self.connection.transport(), unread, &mut self.socket, now);
        gone_on.unwrap_or_else(|reason| {
            // What is queued was to be encrypted: it goes nowhere.
            self.connection.finish(reason);
            self.part(now);
            false
        })
    }

    fn finish(&mut self, reason: Failure) {
        self.socket.stop_reading();
        self.connection.finish(reason);
        self.connection.stop_lingering();
    }

    /// Closes our side.
    #[cold]
    fn shut_down(&mut self) {
        match self.socket.shutdown() {
            Ok(()) => self.connection.handle_shutdown(),
            Err(error) => self.failed(error),
        }
    }

    /// Closes in good order.
    fn close(&mut self, now: Timestamp) {
        self.connection.finish(Failure::of_a_peer(ConnectionDone));
        self.part(now);
    }

    /// The peer may need a moment for what was said last. What it sends until then is read away.
    fn part(&mut self, now: Timestamp) {
        if self.socket.close() {
            self.connection.linger(now + Self::LINGER);
        }
    }

    fn abort(&mut self) {
        self.socket.reset_when_closed();
        self.finish(Failure::of_a_peer(ConnectionAborted));
    }

    fn status(&self, now: Timestamp) -> Status {
        let lingers = self.connection.lingers_until().is_some_and(|until| now < until);
        if self.connection.phase() == Phase::Closed && !lingers {
            Status::Gone
        } else if self.socket.is_readable() && (lingers || self.connection.wants_input()) {
            Status::Busy
        } else {
            Status::Waiting
        }
    }
}

impl<P: Protocol> Driver for Stream<P> {
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.register(registry, token)
    }

    fn open(&mut self, now: Timestamp) {
        self.connection.open(now);
        self.connection.transport().enter();
    }

    fn handle_event(&mut self, now: Timestamp, ready: Ready, buffer: &mut [u8]) {
        self.socket.note(ready);
        if ready.error && !self.connection.wants_input() {
            self.look_for_error();
        }
        self.handle_turn(now, buffer);
    }

    fn handle_turn(&mut self, now: Timestamp, buffer: &mut [u8]) {
        self.socket.begin_turn();
        self.read(now, buffer);
        self.connection.transport().enter();
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.connection.handle_timeout(now);
        self.connection.transport().enter();
    }

    fn settle(&mut self, now: Timestamp) -> Status {
        loop {
            match self.connection.step(now, self.socket.is_writable()) {
                // A peer that reads as fast as we write could keep us here: the next turn goes on.
                Step::Resume if self.socket.has_resumed() => {
                    self.connection.transport().look_again();
                    return Status::Busy;
                }
                Step::Flow(Flow::Resume) if self.socket.has_produced() => return Status::Busy,
                Step::Abort => self.abort(),
                Step::Write => self.write(now),
                Step::Close => self.close(now),
                Step::Resume => self.connection.handle_resume(now),
                Step::Run => self.connection.handle_fired(now),
                Step::Flow(_) => self.connection.handle_flow(),
                Step::Shutdown => self.shut_down(),
                Step::Upgrade if self.upgrade(now) => return self.status(now),
                Step::Upgrade => {}
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

#[cfg(test)]
mod tests {
    use mio::net::TcpStream;

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
    /// stream, 96 (raw) to 160 (lines) what it shares with its handles, and 32 its entry in the reactor. The operating
    /// system's socket takes 4 of the stream's bytes, but 16 in a debug build.
    #[test]
    fn an_idle_stream_is_small() {
        let in_release = size_of::<Stream<Echo>>() - (size_of::<TcpStream>() - 4).next_multiple_of(8);
        assert!(in_release <= 88, "{in_release} bytes");
    }
}

//! Connections in memory, which behave as those of the operating system do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read};
use std::rc::Rc;

use mio::Token;
use mio::net::TcpStream;

use super::socket::Layer;
use super::{Ready, Socket};

/// What is to be said about the ends of wires: what the poll says about sockets.
#[derive(Default)]
pub(crate) struct Readiness(RefCell<Vec<(Token, Ready)>>);

impl Readiness {
    pub(crate) fn note(&self, token: Token, ready: Ready) {
        self.0.borrow_mut().push((token, ready));
    }

    pub(crate) fn take(&self) -> Vec<(Token, Ready)> {
        self.0.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// One of the two ends of a [`Wire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who has connected.
    Client,
    /// Who was connected to.
    Server,
}

/// A connection between two ends; bytes that are on their way wait at the end that they go to.
pub(crate) struct Wire {
    client: RefCell<End>,
    server: RefCell<End>,
    /// How much each end takes that is not read, as an operating system's socket does.
    limit: usize,
    readiness: Rc<Readiness>,
}

struct End {
    /// What has come and was not read.
    incoming: VecDeque<u8>,
    /// How much of it there may be; who sends more has to wait.
    limit: usize,
    /// Nothing more comes.
    ended: bool,
    /// The other side has cut the connection off.
    reset: bool,
    /// Nobody is here any more.
    closed: bool,
    /// Under which name it is told about, if it wants to be.
    token: Option<Token>,
}

impl Wire {
    /// A connection of which each end takes `limit` bytes that are not read.
    pub(crate) fn new(limit: usize, readiness: Rc<Readiness>) -> Rc<Self> {
        let end = || {
            RefCell::new(End {
                incoming: VecDeque::new(),
                limit,
                ended: false,
                reset: false,
                closed: false,
                token: None,
            })
        };
        Rc::new(Self { client: end(), server: end(), limit, readiness })
    }

    /// One whose server was never there.
    pub(crate) fn refused() -> Rc<Self> {
        let wire = Self::new(0, Rc::default());
        wire.abort(Side::Server);
        wire
    }

    /// This end, and the other.
    const fn ends(&self, side: Side) -> (&RefCell<End>, &RefCell<End>) {
        match side {
            Side::Client => (&self.client, &self.server),
            Side::Server => (&self.server, &self.client),
        }
    }

    fn tell(&self, end: &End, ready: Ready) {
        if let Some(token) = end.token {
            self.readiness.note(token, ready);
        }
    }

    /// Has news of this end told, beginning with how it stands.
    fn watch(&self, side: Side, token: Token) {
        let (own, other) = self.ends(side);
        own.borrow_mut().token = Some(token);
        let (own, other) = (own.borrow(), other.borrow());
        let (read_closed, error) = (own.ended || own.reset, own.reset);
        let readable = read_closed || !own.incoming.is_empty();
        self.tell(&own, Ready { readable, writable: error || other.room() > 0, read_closed, error });
    }

    /// Reads at this end, as a socket does: what came before a reset or the end comes before it.
    pub(crate) fn read(&self, side: Side, buffer: &mut [u8]) -> io::Result<usize> {
        let (own, other) = self.ends(side);
        let mut own = own.borrow_mut();
        if own.incoming.is_empty() {
            return match (own.reset, own.ended) {
                (true, _) => Err(ErrorKind::ConnectionReset.into()),
                (false, true) => Ok(0),
                (false, false) => Err(ErrorKind::WouldBlock.into()),
            };
        }
        let was_full = own.room() == 0;
        let count = own.incoming.read(buffer)?;
        if was_full && own.room() > 0 {
            self.tell(&other.borrow(), Ready::WRITABLE);
        }
        Ok(count)
    }

    /// Writes at this end, as much as the other takes.
    pub(crate) fn write(&self, side: Side, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let (own, other) = self.ends(side);
        let (mut own, mut other) = (own.borrow_mut(), other.borrow_mut());
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if own.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if other.ended && !other.closed {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if other.closed {
            // Nobody is there, and that is the answer to what was sent; it takes its way.
            own.reset = true;
            self.tell(&own, Ready::RESET);
            return Ok(length);
        }
        let room = other.room();
        if room == 0 && length > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = room.min(length);
        other.incoming.extend(slices.iter().flat_map(|slice| slice.iter()).take(count));
        self.tell(&other, Ready::READABLE);
        Ok(count)
    }

    /// Nothing more will be written at this end.
    pub(crate) fn shutdown(&self, side: Side) {
        let mut other = self.ends(side).1.borrow_mut();
        if !std::mem::replace(&mut other.ended, true) {
            self.tell(&other, Ready::ENDED);
        }
    }

    /// Cuts the connection off.
    pub(crate) fn abort(&self, side: Side) {
        let (own, other) = self.ends(side);
        own.borrow_mut().closed = true;
        let mut other = other.borrow_mut();
        if !std::mem::replace(&mut other.reset, true) {
            self.tell(&other, Ready::RESET);
        }
    }

    /// Nobody is at this end any more. That cuts the connection off where something was not read, as it does with a socket.
    fn close(&self, side: Side) {
        let unread = !self.ends(side).0.borrow().incoming.is_empty();
        let closed = std::mem::replace(&mut self.ends(side).0.borrow_mut().closed, true);
        match (closed, unread) {
            (true, _) => {}
            (false, true) => self.abort(side),
            (false, false) => self.shutdown(side),
        }
        self.ends(side).0.borrow_mut().incoming.clear();
    }

    fn has_input(&self, side: Side) -> bool {
        !self.ends(side).0.borrow().incoming.is_empty()
    }

    fn error(&self, side: Side) -> Option<io::Error> {
        self.ends(side).0.borrow().reset.then(|| ErrorKind::ConnectionReset.into())
    }
}

/// What a test does at its end of a wire.
impl Wire {
    /// What has come to this end; nobody else reads here.
    pub(crate) fn with_incoming<R>(&self, side: Side, look: impl FnOnce(&mut VecDeque<u8>) -> R) -> R {
        look(&mut self.ends(side).0.borrow_mut().incoming)
    }

    /// How much waits at most at an end that sets no limit of its own.
    pub(crate) const fn limit_of_socket(&self) -> usize {
        self.limit
    }

    /// Sets how much may wait at this end.
    pub(crate) fn set_limit(&self, side: Side, limit: usize) {
        let (own, other) = self.ends(side);
        own.borrow_mut().limit = limit;
        if own.borrow().room() > 0 {
            self.tell(&other.borrow(), Ready::WRITABLE);
        }
    }

    /// Writes at this end however much the other takes.
    pub(crate) fn push(&self, side: Side, bytes: &[u8]) {
        let (own, other) = self.ends(side);
        let mut other = other.borrow_mut();
        if !bytes.is_empty() && !own.borrow().reset && !other.ended && !other.closed {
            other.incoming.extend(bytes);
            self.tell(&other, Ready::READABLE);
        }
    }

    /// Whether the other side has said that nothing more comes.
    pub(crate) fn has_ended(&self, side: Side) -> bool {
        let own = self.ends(side).0.borrow();
        own.ended || own.reset
    }

    /// Whether the other side has cut the connection off.
    pub(crate) fn is_reset(&self, side: Side) -> bool {
        self.ends(side).0.borrow().reset
    }

    /// Whether somebody is at the other end.
    pub(crate) fn is_answered(&self, side: Side) -> bool {
        !self.ends(side).1.borrow().closed
    }
}

impl End {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.incoming.len())
    }
}

/// What a [`Socket`] in memory reads from and writes to; nobody is at its end of the wire when it is dropped.
struct Pipe {
    wire: Rc<Wire>,
    side: Side,
}

impl Socket {
    /// The socket at one end of a wire.
    pub(crate) fn in_memory(wire: Rc<Wire>, side: Side) -> Self {
        Self::with_layer(Box::new(Pipe { wire, side }))
    }
}

impl Layer for Pipe {
    fn read(&mut self, _none: &mut Option<TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
        self.wire.read(self.side, buffer)
    }

    fn write(&mut self, _none: &mut Option<TcpStream>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.wire.write(self.side, slices)
    }

    fn has_input(&mut self, _none: &mut Option<TcpStream>) -> bool {
        self.wire.has_input(self.side)
    }

    fn shutdown(&mut self, _none: &mut Option<TcpStream>) -> io::Result<()> {
        self.wire.shutdown(self.side);
        Ok(())
    }

    fn abort(&mut self) {
        self.wire.abort(self.side);
    }

    fn watch(&mut self, token: Token) {
        self.wire.watch(self.side, token);
    }

    fn error(&self) -> Option<io::Error> {
        self.wire.error(self.side)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.wire.close(self.side);
    }
}

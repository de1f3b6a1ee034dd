//! What happens on a socket before its connection exists: a PROXY header, a TLS handshake.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use mio::{Registry, Token};

use super::{Driver, Ready, Socket, Status};
use crate::clock::Timestamp;
use crate::error::{ConnectionAborted, HandshakeTimeout};
use crate::failure::Failure;
use crate::protocol::{Address, Agenda, ConnectionKey};

/// One thing that comes before the conversation.
///
/// It is asked to [`advance`](Self::advance) at first, and then whenever the poll says something about the socket, until
/// it answers [`Progress::Done`] or fails. Each time it does all that can be done without blocking: it reads until
/// `WouldBlock`, but nothing that belongs to who comes after it ([`Socket::unread`] gives back what does). It may
/// [wrap](Socket::wrap) the socket in a layer, and say that the ends are others than the socket's own.
pub(crate) trait Preface {
    /// Goes on.
    ///
    /// # Errors
    /// Why the peer is not let in; the connection is closed.
    fn advance(&mut self, socket: &mut Socket, ends: &mut Ends) -> Result<Progress, Failure>;
}

/// How far a preface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It waits for the peer.
    Waiting,
    /// It is over; the next one begins.
    Done,
}

/// Where the two ends of a connection are, as its protocol is told.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    pub(crate) host: Address,
    pub(crate) peer: Address,
}

/// What all clients of a port go through before they get a protocol, or a client does before it has one.
#[derive(Clone)]
pub(crate) struct Prologue {
    steps: Vec<Rc<dyn Fn() -> Box<dyn Preface>>>,
    timeout: Duration,
    /// Who the peer is, is said there.
    names_peer: bool,
}

impl Prologue {
    /// How long all of it may take, unless [`timeout`](Self::timeout) says otherwise.
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

    /// Adds one at the end.
    pub(crate) fn then(mut self, make: impl Fn() -> Box<dyn Preface> + 'static) -> Self {
        self.steps.push(Rc::new(make));
        self
    }

    /// Adds another prologue at the end. Both may take their time, as far as there is something to it.
    pub(crate) fn followed_by(mut self, other: Self) -> Self {
        self.timeout = match (self.is_empty(), other.is_empty()) {
            (_, true) => self.timeout,
            (true, false) => other.timeout,
            (false, false) => self.timeout.saturating_add(other.timeout),
        };
        self.steps.extend(other.steps);
        self
    }

    /// How long all of it may take.
    #[cfg(any(test, feature = "tls"))]
    pub(crate) const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same in no more time than this.
    pub(crate) fn within(&self, time: Duration) -> Self {
        Self { timeout: self.timeout.min(time), ..self.clone() }
    }

    /// The same, which says who the peer is: until then that is not known.
    pub(crate) const fn naming_peer(mut self) -> Self {
        self.names_peer = true;
        self
    }

    /// Whether it says who the peer is.
    pub(crate) const fn names_peer(&self) -> bool {
        self.names_peer
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Debug for Prologue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prologue").field("steps", &self.steps.len()).field("timeout", &self.timeout).finish()
    }
}

/// Nothing: the conversation begins at once.
impl Default for Prologue {
    fn default() -> Self {
        Self { steps: Vec::new(), timeout: Self::TIMEOUT, names_peer: false }
    }
}

/// What is left of a prologue, for one connection.
pub(crate) struct Prefaces {
    steps: VecDeque<Box<dyn Preface>>,
    limit: Duration,
    deadline: Timestamp,
}

impl Prefaces {
    /// All of it, from now on.
    pub(crate) fn begin(prologue: &Prologue, now: Timestamp) -> Self {
        let steps = prologue.steps.iter().map(|make| make()).collect();
        Self { steps, limit: prologue.timeout, deadline: now + prologue.timeout }
    }

    /// Does what can be done now.
    pub(crate) fn advance(&mut self, socket: &mut Socket, ends: &mut Ends) -> Result<Progress, Failure> {
        while let Some(step) = self.steps.front_mut() {
            if step.advance(socket, ends)? == Progress::Waiting {
                return Ok(Progress::Waiting);
            }
            self.steps.pop_front();
        }
        Ok(Progress::Done)
    }

    /// Adds one that comes before all others.
    pub(crate) fn put_first(&mut self, step: Box<dyn Preface>) {
        self.steps.push_front(step);
    }

    pub(crate) const fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Fails when the time is up.
    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), Failure> {
        if now < self.deadline { Ok(()) } else { Err(Failure::of_a_peer(HandshakeTimeout { limit: self.limit })) }
    }
}

/// Is given the socket when all prefaces are done, or why they are not.
pub(crate) type Greeted = Box<dyn FnOnce(Result<(Socket, Ends), Failure>) -> Kept>;

/// What is held as long as a socket that did not get through is still there: its place among the connections.
pub(crate) type Kept = Option<Box<dyn Any>>;

/// A socket that goes through its prefaces. What comes after them gets a new entry of the reactor, so that whatever is
/// built then is built as if the socket were fresh.
pub(crate) struct Greeting {
    /// Handed on in the end.
    socket: Option<Socket>,
    ends: Ends,
    prefaces: Prefaces,
    stage: Stage,
    /// `None` once it was told.
    done: Option<Greeted>,
    kept: Kept,
    /// Where it enters itself, to be settled.
    agenda: Rc<Agenda>,
    key: ConnectionKey,
}

enum Stage {
    Greeting,
    Greeted,
    Failed(Failure),
    /// It failed, and the peer may still read why: what it sends until then is thrown away.
    Lingering(Timestamp),
}

impl Greeting {
    /// How long a peer that was refused may take to read why.
    const LINGER: Duration = Duration::from_secs(2);
    /// Reads that are thrown away in one turn.
    const READS: usize = 4;

    pub(crate) fn new(
        (socket, ends): (Socket, Ends),
        prefaces: Prefaces,
        (agenda, key): (Rc<Agenda>, ConnectionKey),
        done: Greeted,
    ) -> Self {
        Self { socket: Some(socket), ends, prefaces, stage: Stage::Greeting, done: Some(done), kept: None, agenda, key }
    }

    fn advance(&mut self) {
        let (Stage::Greeting, Some(socket)) = (&self.stage, &mut self.socket) else { return };
        match self.prefaces.advance(socket, &mut self.ends) {
            Ok(Progress::Waiting) => {}
            Ok(Progress::Done) => self.stage = Stage::Greeted,
            Err(failure) => self.stage = Stage::Failed(failure),
        }
    }

    fn fail_if_late(&mut self, now: Timestamp) {
        if let (Stage::Greeting, Err(late)) = (&self.stage, self.prefaces.check_time(now)) {
            self.stage = Stage::Failed(late);
        }
    }

    fn tell(&mut self, result: Result<(Socket, Ends), Failure>) {
        if let Some(done) = self.done.take() {
            self.kept = done(result);
        }
    }

    /// What was said last, an alert say, must not be lost by a reset, as closing a socket with unread input brings about.
    fn refuse(&mut self, now: Timestamp, why: Failure) -> Status {
        // Nothing was said that could be lost, if it is we who go.
        let at_once = why.check::<ConnectionAborted>().is_some();
        self.tell(Err(why));
        if !at_once && self.socket.as_mut().is_some_and(|socket| socket.shutdown().is_ok()) {
            self.stage = Stage::Lingering(now + Self::LINGER);
            Status::Busy
        } else {
            Status::Gone
        }
    }

    fn read_away(&mut self, buffer: &mut [u8]) {
        let Some(socket) = &mut self.socket else { return };
        for _ in 0..Self::READS {
            match socket.read(buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => return self.stage = Stage::Lingering(Timestamp::ZERO),
            }
        }
    }
}

impl Driver for Greeting {
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.as_mut().map_or(Ok(()), |socket| socket.register(registry, token))
    }

    fn open(&mut self, _now: Timestamp) {
        self.advance();
        self.agenda.enter(self.key);
    }

    fn handle_event(&mut self, now: Timestamp, ready: Ready, buffer: &mut [u8]) {
        if let Some(socket) = &mut self.socket {
            socket.note(ready);
        }
        self.handle_turn(now, buffer);
    }

    fn handle_turn(&mut self, _now: Timestamp, buffer: &mut [u8]) {
        self.advance();
        if matches!(self.stage, Stage::Lingering(_)) {
            self.read_away(buffer);
        }
        self.agenda.enter(self.key);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.fail_if_late(now);
        self.agenda.enter(self.key);
    }

    fn settle(&mut self, now: Timestamp) -> Status {
        match std::mem::replace(&mut self.stage, Stage::Greeting) {
            Stage::Greeting => Status::Waiting,
            Stage::Greeted => {
                if let Some(socket) = self.socket.take() {
                    self.tell(Ok((socket.hand_on(), self.ends.clone())));
                }
                Status::Gone
            }
            Stage::Failed(why) => self.refuse(now, why),
            Stage::Lingering(until) if now < until => {
                self.stage = Stage::Lingering(until);
                let readable = self.socket.as_ref().is_some_and(Socket::is_readable);
                if readable { Status::Busy } else { Status::Waiting }
            }
            Stage::Lingering(_) => Status::Gone,
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Greeting => Some(self.prefaces.deadline()),
            Stage::Lingering(until) => Some(until),
            Stage::Greeted | Stage::Failed(_) => None,
        }
    }

    /// There is no conversation yet that could come to its end.
    fn close(&mut self, _at_once: bool) {
        self.stage = match self.stage {
            Stage::Lingering(_) => Stage::Lingering(Timestamp::ZERO),
            _ => Stage::Failed(Failure::of_a_peer(ConnectionAborted)),
        };
        self.agenda.enter(self.key);
    }
}

/// One that its reactor drops without a word has failed all the same.
impl Drop for Greeting {
    fn drop(&mut self) {
        self.tell(Err(Failure::of_a_peer(ConnectionAborted)));
    }
}

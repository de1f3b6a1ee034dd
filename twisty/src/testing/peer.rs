//! The test's ends of connections in memory.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::protocol::Address;
use crate::reactor::{Arrival, Backlog, Reactor};
use crate::transport::{Side, Wire};

/// The test's end of a connection on a [`Network`](super::Network); a clone is the same one.
///
/// Its methods are named as the program's protocol sees it: [`receive`](Self::receive) is what the protocol receives,
/// [`sent`](Self::sent) what it has sent. Dropping it changes nothing: the connection stays, and takes what is sent.
///
/// ```
/// # use twisty::prelude::*;
/// # #[protocol(line)] #[derive(Default)] struct Echo;
/// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
/// # let network = twisty::testing::Network::new();
/// network.reactor().listen("tcp:8007", Echo::factory())?;
/// let peer = network.connect("tcp:10.0.0.1:8007");
/// let same = peer.clone();
/// peer.receive("hello\r\n");
/// assert_eq!(same.sent(), "hello\r\n");
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct Peer {
    reactor: Reactor,
    wire: Rc<Wire>,
    side: Side,
    host: Address,
    peer: Address,
    /// How much of what has come was taken, where no more is taken.
    stuck: Rc<Cell<Option<usize>>>,
}

impl Peer {
    /// `host` is the program's end, as the program says; `peer` is this one.
    pub(super) fn new(reactor: Reactor, (wire, side): (Rc<Wire>, Side), (host, peer): (Address, Address)) -> Self {
        wire.set_limit(side, usize::MAX);
        Self { reactor, wire, side, host, peer, stuck: Rc::default() }
    }

    /// Sends bytes to the program, as one chunk. Like a network, it keeps them while the program does not read, and loses
    /// them once that has closed.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Echo::factory())?;
    /// let peer = network.connect("tcp:10.0.0.1:8007");
    /// peer.receive("hel").receive("lo\r\nhow are");
    /// assert_eq!(peer.sent(), "hello\r\n");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn receive(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.wire.push(self.side, bytes.as_ref());
        self.reactor.work();
        self
    }

    /// All that the program has sent (since [`take_sent`](Self::take_sent)), as text; bytes that are no UTF-8 show as `�`.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Echo::factory())?;
    /// # let peer = network.connect("tcp:10.0.0.1:8007");
    /// peer.receive("one\r\n").receive("two\r\n");
    /// assert_eq!(peer.sent(), "one\r\ntwo\r\n");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&self.sent_bytes()).into_owned()
    }

    /// All that the program has sent (since [`take_sent`](Self::take_sent)).
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(int16)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(string)] fn echo(&mut self, cx: &Context<Self>, s: &[u8]) { cx.send(s); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Echo::factory())?;
    /// # let peer = network.connect("tcp:10.0.0.1:8007");
    /// peer.receive(b"\0\x02\xff\xfe");
    /// assert_eq!(peer.sent_bytes(), b"\0\x02\xff\xfe");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn sent_bytes(&self) -> Vec<u8> {
        let taken = self.stuck.get().unwrap_or(usize::MAX);
        self.wire.with_incoming(self.side, |sent| sent.iter().take(taken).copied().collect())
    }

    /// What the program has sent since the last time this was asked.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Echo::factory())?;
    /// # let peer = network.connect("tcp:10.0.0.1:8007");
    /// assert_eq!(peer.receive("one\r\n").take_sent(), b"one\r\n");
    /// assert_eq!(peer.receive("two\r\n").take_sent(), b"two\r\n");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn take_sent(&self) -> Vec<u8> {
        let stuck = self.stuck.get();
        let taken = self.wire.with_incoming(self.side, |sent| {
            let count = stuck.map_or(sent.len(), |taken| taken.min(sent.len()));
            sent.drain(..count).collect()
        });
        if stuck.is_some() {
            self.stuck.set(Some(0));
            self.wire.set_limit(self.side, self.wire.limit_of_socket());
        }
        taken
    }

    /// Says that nothing more comes, as a client does that hangs up. The program sees it once it has read everything
    /// before; what it sends until it has closed as well still comes here.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Echo::factory())?;
    /// # let peer = network.connect("tcp:10.0.0.1:8007");
    /// peer.receive("one\r\n").disconnect();
    /// assert_eq!(peer.sent(), "one\r\n");
    /// assert!(!peer.is_connected());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn disconnect(&self) {
        self.wire.shutdown(self.side);
        self.reactor.work();
    }

    /// Cuts the connection off: the program sees a reset.
    ///
    /// ```
    /// # use twisty::{ConnectionLost, prelude::*};
    /// # #[factory(protocol = Guest)] #[derive(Default)] struct Room { lost: usize }
    /// # #[protocol(line, factory = Room)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #[on(disconnect)]
    /// fn leave(&mut self, cx: &Context<Self>, reason: Failure) {
    ///     cx.factory_mut().lost += usize::from(reason.check::<ConnectionLost>().is_some());
    /// }
    /// # #[on(line)]
    /// # fn hear(&mut self) {}
    /// # }
    /// # let network = twisty::testing::Network::new();
    /// # let room = Shared::from(Room::default());
    /// # network.reactor().listen("tcp:8007", room.clone())?;
    /// network.connect("tcp:10.0.0.1:8007").reset();
    /// assert_eq!(room.borrow().lost, 1);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn reset(&self) {
        self.wire.abort(self.side);
        self.reactor.work();
    }

    /// Takes no more of what the program sends. What does not fit into the network's buffer piles up in the program.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Echo::factory())?;
    /// # let peer = network.connect("tcp:10.0.0.1:8007");
    /// peer.stop_reading();
    /// assert_eq!(peer.receive("hello\r\n").sent(), "");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn stop_reading(&self) {
        let taken = self.stuck.get().unwrap_or_else(|| self.wire.with_incoming(self.side, |sent| sent.len()));
        self.stuck.set(Some(taken));
        self.wire.set_limit(self.side, taken.saturating_add(self.wire.limit_of_socket()));
    }

    /// Takes what the program sends again.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Echo::factory())?;
    /// # let peer = network.connect("tcp:10.0.0.1:8007");
    /// peer.stop_reading();
    /// peer.receive("hello\r\n");
    /// peer.start_reading();
    /// assert_eq!(peer.sent(), "hello\r\n");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn start_reading(&self) {
        self.stuck.set(None);
        self.wire.set_limit(self.side, usize::MAX);
        self.reactor.work();
    }

    /// Whether the program's end is open: it has neither closed it, for reading or writing, nor cut it off.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Strict;
    /// # #[protocol] impl Strict { #[on(line)] fn refuse(&mut self, cx: &Context<Self>) { cx.lose_connection(); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Strict::factory())?;
    /// let peer = network.connect("tcp:10.0.0.1:8007");
    /// assert!(peer.is_connected());
    /// assert!(!peer.receive("hi\r\n").is_connected());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.wire.is_answered(self.side) && !self.wire.has_ended(self.side)
    }

    /// Whether the program cut the connection off instead of closing it, or refused it. What is closed with unread input
    /// is cut off, as with any socket.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Strict;
    /// # #[protocol] impl Strict { #[on(line)] fn refuse(&mut self, cx: &Context<Self>) { cx.abort_connection(); } }
    /// # let network = twisty::testing::Network::new();
    /// # network.reactor().listen("tcp:8007", Strict::factory())?;
    /// let peer = network.connect("tcp:10.0.0.1:8007");
    /// assert!(peer.receive("hi\r\n").is_aborted());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.wire.is_reset(self.side)
    }

    /// The address of the program's end.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// let nobody = network.connect("tcp:10.0.0.1:8007");
    /// assert_eq!(nobody.host().to_string(), "tcp:10.0.0.1:8007");
    /// ```
    #[must_use]
    pub const fn host(&self) -> &Address {
        &self.host
    }

    /// The address of this end, which is the program's peer.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// let nobody = network.connect("tcp:10.0.0.1:8007");
    /// assert_eq!(nobody.peer().ip(), Some(std::net::Ipv4Addr::new(192, 168, 1, 1).into()));
    /// ```
    #[must_use]
    pub const fn peer(&self) -> &Address {
        &self.peer
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("sent", &self.sent()).field("is_connected", &self.is_connected()).finish()
    }
}

/// Where the test listens on a [`Network`](super::Network), as a server for the program's clients. Dropping it stops
/// that: those who wait are cut off, and later ones refused.
///
/// ```
/// let network = twisty::testing::Network::new();
/// let server = network.listen("tcp:10.0.0.9:80");
/// assert!(network.connect("tcp:10.0.0.9:80").is_connected());
/// assert!(server.accept().is_some());
/// drop(server);
/// assert!(!network.connect("tcp:10.0.0.9:80").is_connected());
/// ```
pub struct Listener {
    reactor: Reactor,
    backlog: Rc<Backlog>,
}

impl Listener {
    /// Those who may wait to be accepted; more are refused.
    pub(super) const BACKLOG: usize = 1024;

    pub(super) const fn new(reactor: Reactor, backlog: Rc<Backlog>) -> Self {
        Self { reactor, backlog }
    }

    /// Takes the client that waits longest, if one does.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// let server = network.listen("tcp:10.0.0.9:80");
    /// let client = network.connect("tcp:10.0.0.9:80");
    /// let accepted = server.accept().expect("somebody has come");
    /// client.receive("hello");
    /// assert_eq!(accepted.sent(), "hello");
    /// ```
    #[must_use]
    pub fn accept(&self) -> Option<Peer> {
        let Arrival { wire, host, peer } = self.backlog.take()?;
        let end = Peer::new(self.reactor.clone(), (wire, Side::Server), (peer, host));
        self.reactor.work();
        Some(end)
    }

    /// The address listened on, with the real port where 0 was asked for.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// let server = network.listen("tcp:10.0.0.9:0");
    /// assert!(network.connect(server.host()).is_connected());
    /// ```
    #[must_use]
    pub fn host(&self) -> &Address {
        self.backlog.host()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("host", self.host()).finish_non_exhaustive()
    }
}

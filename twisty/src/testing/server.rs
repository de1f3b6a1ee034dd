//! A server in memory.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use slotmap::SlotMap;

use super::Clock;
use crate::clock::{self, Entered, Timestamp};
use crate::connection::{Connection, Place, Step};
use crate::deferred;
use crate::error::{ConnectionAborted, ConnectionDone, ConnectionLost};
use crate::failure::Failure;
use crate::protocol::{Address, Agenda, ConnectionKey, Factory, Home, IntoShared, Phase, Protocol, Seat, TlsInfo};

/// A server in memory: the factory and its protocols as they stand, but you are the network and the clock.
///
/// Everything happens at once: when a method returns, all handlers have run. Only what is asked of a
/// [`Transport`](crate::Transport) from outside of all handlers waits for the next [`advance`](Self::advance).
///
/// A client reads at once whatever it is sent. So a pull producer without an end never comes to one here: give it one, or
/// let the client [stop reading](Client::stop_reading).
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::Server;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Echo;
///
/// #[protocol]
/// impl Echo {
///     #[on(line)]
///     fn echo(&mut self, cx: &Context<Self>, line: &str) {
///         cx.send(line);
///     }
/// }
///
/// let server = Server::new(Echo::factory());
/// let client = server.connect();
/// client.receive("hel").receive("lo\r\n");
/// assert_eq!(client.sent(), "hello\r\n");
/// ```
pub struct Server<F: Factory>(Rc<Memory<F>>);

/// One client of a [`Server`]; a clone is the same client.
///
/// Its methods are named as the server's protocol sees it: [`receive`](Self::receive) is what the protocol receives,
/// [`sent`](Self::sent) what it has sent. They panic when a handler of the same connection calls them.
///
/// ```
/// # use twisty::prelude::*;
/// # #[protocol(line)] #[derive(Default)] struct Echo;
/// # #[protocol] impl Echo {
/// #     #[on(line)]
/// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
/// # }
/// # let server = twisty::testing::Server::new(Echo::factory());
/// let client = server.connect();
/// let same = client.clone();
/// client.receive("hello\r\n");
/// assert_eq!(same.sent(), "hello\r\n");
/// ```
pub struct Client<F: Factory> {
    server: Rc<Memory<F>>,
    key: ConnectionKey,
}

struct Memory<F: Factory> {
    seat: Seat<F>,
    agenda: Rc<Agenda>,
    clock: Clock,
    ends: RefCell<SlotMap<ConnectionKey, End<F::Protocol>>>,
    /// Clients so far, so that each has an address of its own.
    clients: Cell<u16>,
}

/// One connection, and what is on the wire.
struct End<P: Protocol> {
    /// `None` once it is over, and while it is being driven.
    connection: Option<Connection<P>>,
    incoming: VecDeque<Vec<u8>>,
    /// The client sends nothing more.
    eof: bool,
    /// The server has seen that.
    eof_seen: bool,
    /// The client has hung up: it takes nothing more either.
    gone: bool,
    sent: Vec<u8>,
    /// The client does not take what is sent.
    stuck: bool,
    /// The server sends nothing more.
    shut: bool,
    aborted: bool,
    /// Why it ended.
    reason: Option<String>,
    /// Stands in for the one that is being driven.
    driven: bool,
}

impl<F: Factory> Server<F> {
    /// A server whose clock stands at zero.
    ///
    /// # Panics
    /// If the factory's `start` answers an error.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// use twisty::clock::{Clock, Timestamp};
    ///
    /// let server = twisty::testing::Server::new(Echo::factory());
    /// assert_eq!(server.now(), Timestamp::ZERO);
    /// assert_eq!(server.connections(), 0);
    /// ```
    pub fn new(factory: impl IntoShared<F>) -> Self {
        let seat = match factory.into_shared().start() {
            Ok(seat) => seat,
            Err(failure) => panic!("the factory does not start: {failure}"),
        };
        let (agenda, clock) = (Rc::default(), Clock::new());
        Self(Rc::new(Memory { seat, agenda, clock, ends: RefCell::default(), clients: Cell::new(0) }))
    }

    /// A new client. If the factory refuses it, it is not connected. Clients come from 192.168.1.1, each from a port of
    /// its own, to port 12345 of 10.0.0.1.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Guest, max_connections = 1)] #[derive(Default)] struct Room;
    /// # #[protocol(line, factory = Room)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// # }
    /// let server = twisty::testing::Server::new(Room); // `max_connections = 1`
    /// let (first, second) = (server.connect(), server.connect());
    /// assert!(first.is_connected());
    /// assert!(!second.is_connected());
    /// ```
    #[must_use]
    pub fn connect(&self) -> Client<F> {
        self.connect_from(self.0.next_address())
    }

    /// The same, of a client at `peer`.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # use twisty::{Address, prelude::*};
    /// # #[protocol(line)] #[derive(Default)] struct Mirror;
    /// # #[protocol] impl Mirror {
    /// #     #[on(line)]
    /// #     fn tell(&mut self, cx: &Context<Self>) -> String { cx.peer().to_string() }
    /// # }
    /// let server = twisty::testing::Server::new(Mirror::factory());
    /// let client = server.connect_from(Address::Tcp((Ipv4Addr::LOCALHOST, 4711).into()));
    /// assert_eq!(client.receive("who am I?\r\n").sent(), "tcp:127.0.0.1:4711\r\n");
    /// ```
    #[must_use]
    pub fn connect_from(&self, peer: Address) -> Client<F> {
        let memory = &self.0;
        let _entered = memory.enter();
        let host = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 12_345)).into();
        let shared = memory.seat.shared();
        let admitted = shared.admit(Some(&peer));
        let seat = admitted.is_ok().then(|| shared.seat());
        let build = |seat| Some((shared.borrow_mut().build_protocol(&peer)?, seat));
        let protocol = seat.and_then(build);
        let home = Home::of::<F::Protocol>(Rc::clone(&memory.agenda), host);
        let key = memory.ends.borrow_mut().insert_with_key(|key| {
            let place = Place { home, key, peer, watcher: None };
            let connection = protocol.map(|(protocol, seat)| Connection::new(protocol, seat, place));
            End { sent: admitted.err().unwrap_or_default(), ..End::new(connection) }
        });
        memory.drive(key, Connection::open);
        Client { server: Rc::clone(memory), key }
    }

    /// The factory, to look at.
    ///
    /// # Panics
    /// If the result of [`factory_mut`](Self::factory_mut) is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voter)] #[derive(Default)] struct Poll { votes: u32 }
    /// # #[protocol(line, factory = Poll)] #[derive(Default)] struct Voter;
    /// # #[protocol] impl Voter {
    /// #     #[on(line)]
    /// #     fn vote(&mut self, cx: &Context<Self>) { cx.factory_mut().votes += 1; }
    /// # }
    /// let server = twisty::testing::Server::new(Poll { votes: 0 });
    /// server.connect().receive("yes\r\nyes\r\n");
    /// assert_eq!(server.factory().votes, 2);
    /// ```
    #[must_use]
    pub fn factory(&self) -> Ref<'_, F> {
        self.0.seat.shared().borrow()
    }

    /// The factory, to change.
    ///
    /// # Panics
    /// If another result of `factory` or `factory_mut` is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voter)] #[derive(Default)] struct Poll { votes: u32 }
    /// # #[protocol(line, factory = Poll)] #[derive(Default)] struct Voter;
    /// # #[protocol] impl Voter {
    /// #     #[on(line)]
    /// #     fn vote(&mut self, cx: &Context<Self>) { cx.factory_mut().votes += 1; }
    /// # }
    /// let server = twisty::testing::Server::new(Poll { votes: 0 });
    /// server.factory_mut().votes = 40;
    /// server.connect().receive("yes\r\nyes\r\n");
    /// assert_eq!(server.factory().votes, 42);
    /// ```
    #[must_use]
    pub fn factory_mut(&self) -> RefMut<'_, F> {
        self.0.seat.shared().borrow_mut()
    }

    /// Connections open now.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// let client = server.connect();
    /// assert_eq!(server.connections(), 1);
    /// client.disconnect();
    /// assert_eq!(server.connections(), 0);
    /// ```
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.seat.shared().connections()
    }

    /// The server's clock, for timers of the factory's. It is the [`clock::current`] one while handlers run.
    ///
    /// Let time pass with [`Server::advance`]. [`Clock::advance`] moves the same time, but makes the clock's calls only,
    /// all of them at the end of it: what they ask of connections, and what connections wait for, is left for the next
    /// [`Server::advance`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// # use twisty::Transport;
    /// # #[factory(protocol = Member)] #[derive(Default)] struct Party { members: Vec<Transport<Line>> }
    /// # #[protocol(line, factory = Party)] #[derive(Default)] struct Member;
    /// # #[protocol] impl Member {
    /// #     #[on(connect)]
    /// #     fn join(&mut self, cx: &Context<Self>) { cx.factory_mut().members.push(cx.transport()); }
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// # }
    /// let server = twisty::testing::Server::new(Party::default());
    /// let client = server.connect();
    /// let member = server.factory().members[0].clone();
    /// server.clock().call_later(Duration::from_secs(3600), move || member.send("It is late"));
    /// server.advance(Duration::from_secs(3600));
    /// assert_eq!(client.sent(), "It is late\r\n");
    /// ```
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    /// Lets time pass. Everything that becomes due happens in order, each at its own time: what connections wait for,
    /// and the calls of the [`clock`](Self::clock); at the same time connections come first. A [`Clock`] of its own
    /// jumps to the end instead, as Twisted's does. What was asked of a [`Transport`](crate::Transport) from outside of
    /// all handlers happens too, and the clock's tasks are polled before time moves on.
    ///
    /// # Panics
    /// If a call of the clock does; what is due after it stays for the next time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::prelude::*;
    ///
    /// #[protocol(line)]
    /// #[derive(Default)]
    /// struct Impatient;
    ///
    /// #[protocol]
    /// impl Impatient {
    ///     #[on(line)]
    ///     fn nod(&mut self) -> &'static str {
    ///         "Yes?"
    ///     }
    ///
    ///     #[on(timeout(30s))]
    ///     fn hurry(&mut self) -> &'static str {
    ///         "Well?"
    ///     }
    /// }
    ///
    /// let server = twisty::testing::Server::new(Impatient::factory());
    /// let client = server.connect();
    /// server.advance(Duration::from_secs(29));
    /// assert_eq!(client.sent(), "");
    /// server.advance(Duration::from_secs(1));
    /// assert_eq!(client.sent(), "Well?\r\n");
    /// ```
    pub fn advance(&self, time: Duration) {
        let memory = &self.0;
        let until = memory.clock.now() + time;
        memory.work(until);
        memory.clock.move_to(until);
        memory.work(until);
    }
}

impl<F: Factory> Client<F> {
    /// Bytes from the client reach the server, as one chunk. Like a network, it keeps them while the server does not
    /// read, and loses them once it has closed.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// let client = server.connect();
    /// client.receive("hel").receive("lo\r\nhow are");
    /// assert_eq!(client.sent(), "hello\r\n");
    /// ```
    pub fn receive(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.with_end(|end| end.incoming.push_back(bytes.as_ref().to_vec()));
        self.server.drive(self.key, |_, _| {});
        self
    }

    /// All that the server has sent this client (since [`take_sent`](Self::take_sent)), as text; bytes that are no
    /// UTF-8 show as `�`.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// # let client = server.connect();
    /// client.receive("one\r\n");
    /// client.receive("two\r\n");
    /// assert_eq!(client.sent(), "one\r\ntwo\r\n");
    /// ```
    #[must_use]
    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&self.sent_bytes()).into_owned()
    }

    /// All that the server has sent this client (since [`take_sent`](Self::take_sent)).
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(int16)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(string)]
    /// #     fn echo(&mut self, cx: &Context<Self>, string: &[u8]) { cx.send(string); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// # let client = server.connect();
    /// client.receive(b"\0\x02\xff\xfe");
    /// assert_eq!(client.sent_bytes(), b"\0\x02\xff\xfe");
    /// ```
    #[must_use]
    pub fn sent_bytes(&self) -> Vec<u8> {
        self.with_end(|end| end.sent.clone())
    }

    /// What the server has sent since the last time this was asked.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// # let client = server.connect();
    /// client.receive("one\r\n");
    /// assert_eq!(client.take_sent(), b"one\r\n");
    /// client.receive("two\r\n");
    /// assert_eq!(client.take_sent(), b"two\r\n");
    /// ```
    #[must_use]
    pub fn take_sent(&self) -> Vec<u8> {
        self.with_end(|end| std::mem::take(&mut end.sent))
    }

    /// What reached the server but not its protocol yet: an unfinished frame, or what waits for a pause to end.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// # let client = server.connect();
    /// client.receive("one\r\ntw");
    /// assert_eq!(client.unread(), b"tw");
    /// ```
    #[must_use]
    pub fn unread(&self) -> Vec<u8> {
        self.with_end(|end| {
            let inbox = end.connection.as_ref().map(Connection::unread).unwrap_or_default();
            end.incoming.iter().fold(inbox.to_vec(), |unread, chunk| [unread.as_slice(), chunk].concat())
        })
    }

    /// The client hangs up. The server sees it once it has read everything before.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// # let client = server.connect();
    /// client.receive("one\r\n").disconnect();
    /// assert_eq!(client.sent(), "one\r\n");
    /// assert!(!client.is_connected());
    /// ```
    pub fn disconnect(&self) {
        self.with_end(|end| (end.eof, end.gone) = (true, true));
        self.server.drive(self.key, |_, _| {});
    }

    /// The client sends nothing more, but still reads. The server sees it once it has read everything before.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Judge;
    /// # #[protocol] impl Judge {
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// #[on(eof)]
    /// fn decide(&mut self, cx: &Context<Self>) -> &'static str {
    ///     cx.lose_connection();
    ///     "I have heard enough"
    /// }
    /// # }
    /// # let server = twisty::testing::Server::new(Judge::factory());
    /// let client = server.connect();
    /// client.receive("Not guilty!\r\n").half_close();
    /// assert_eq!(client.sent(), "I have heard enough\r\n");
    /// ```
    pub fn half_close(&self) -> &Self {
        self.with_end(|end| end.eof = true);
        self.server.drive(self.key, |_, _| {});
        self
    }

    /// Whether the server has said that it sends nothing more: with
    /// [`lose_write_connection`](crate::Transport::lose_write_connection), or because the connection is over.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Quiet;
    /// # #[protocol] impl Quiet {
    /// #[on(line)]
    /// fn fall_silent(&mut self, cx: &Context<Self>) {
    ///     cx.lose_write_connection();
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Quiet::factory()).connect();
    /// assert!(!client.write_side_is_closed());
    /// assert!(client.receive("hush\r\n").write_side_is_closed());
    /// ```
    #[must_use]
    pub fn write_side_is_closed(&self) -> bool {
        self.with_end(|end| end.shut || end.connection.is_none())
    }

    /// The connection breaks: the server sees a reset.
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
    /// # let server = twisty::testing::Server::new(Guest::factory());
    /// server.connect().reset();
    /// assert_eq!(server.factory().lost, 1);
    /// ```
    pub fn reset(&self) {
        let reset = ConnectionLost::from(io::Error::from(io::ErrorKind::ConnectionReset));
        self.server.with_connection(self.key, |connection, wire| wire.finish(connection, reset.into()));
        self.server.settle();
    }

    /// The client takes no more of what the server sends, so that it piles up there.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// # let client = server.connect();
    /// client.stop_reading();
    /// client.receive("hello\r\n");
    /// assert_eq!(client.sent(), "");
    /// ```
    pub fn stop_reading(&self) {
        self.with_end(|end| end.stuck = true);
    }

    /// The client takes what the server sends again.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// # let client = server.connect();
    /// client.stop_reading();
    /// client.receive("hello\r\n");
    /// client.start_reading();
    /// assert_eq!(client.sent(), "hello\r\n");
    /// ```
    pub fn start_reading(&self) {
        self.with_end(|end| end.stuck = false);
        self.server.drive(self.key, |_, _| {});
    }

    /// Whether the connection is open for the server: it has neither closed it nor seen the client do so.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let server = twisty::testing::Server::new(Echo::factory());
    /// let client = server.connect();
    /// assert!(client.is_connected());
    /// client.disconnect();
    /// assert!(!client.is_connected());
    /// ```
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.with_end(|end| end.connection.as_ref().is_some_and(|connection| connection.phase() < Phase::Closing))
    }

    /// Why the connection ended for the server, as its `disconnect` handler was told; `None` while it is open.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line, max_length = 10)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// let client = twisty::testing::Server::new(Echo::factory()).connect();
    /// client.receive("far too long a line\r\n");
    /// assert!(client.reason().is_some_and(|reason| reason.contains("10 are allowed")));
    /// ```
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.with_end(|end| end.reason.clone())
    }

    /// Whether the server cut the connection off instead of closing it.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Strict;
    /// # #[protocol] impl Strict {
    /// #[on(line)]
    /// fn refuse(&mut self, cx: &Context<Self>) {
    ///     cx.abort_connection();
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Strict::factory()).connect();
    /// assert!(client.receive("hi\r\n").is_aborted());
    /// ```
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.with_end(|end| end.aborted)
    }

    pub(super) fn has_closed_its_side(&self) -> bool {
        self.with_end(|end| end.eof)
    }

    fn with_end<R>(&self, look: impl FnOnce(&mut End<F::Protocol>) -> R) -> R {
        let end = &mut self.server.ends.borrow_mut()[self.key];
        assert!(!end.driven, "a handler of this connection runs: it cannot be its own network");
        look(end)
    }
}

impl<F: Factory> Memory<F> {
    fn next_address(&self) -> Address {
        let number = self.clients.get();
        self.clients.set(number.wrapping_add(1));
        SocketAddr::from((Ipv4Addr::new(192, 168, 1, 1), number.wrapping_add(50_000))).into()
    }

    fn next_deadline(&self) -> Option<(Timestamp, ConnectionKey)> {
        let _entered = self.enter();
        let ends = self.ends.borrow();
        let due = |(key, end): (_, &End<F::Protocol>)| Some((end.connection.as_ref()?.deadline()?, key));
        ends.iter().filter_map(due).min()
    }

    /// Does all that is wished, woken, or due by `until`.
    fn work(&self, until: Timestamp) {
        self.settle();
        while self.run_tasks() || self.step(until) {}
    }

    /// Does what is due first, at its time; false if nothing is due by `until`.
    fn step(&self, until: Timestamp) -> bool {
        let deadline = self.next_deadline().filter(|(due, _)| *due <= until);
        let call = self.clock.next_due().filter(|due| *due <= until);
        match (deadline, call) {
            (Some((due, key)), call) if call.is_none_or(|call| due <= call) => {
                self.clock.move_to(due);
                self.drive(key, |connection, now| connection.handle_timeout(now));
            }
            (_, Some(due)) => {
                self.clock.move_to(due);
                self.call_next();
            }
            (_, None) => return false,
        }
        true
    }

    /// Makes the clock's next call, then lets connections do what they wish. What it does wrong is nobody's fault here.
    fn call_next(&self) {
        self.agenda.with_own_fault(|| {
            self.clock.enter(|| self.clock.call_next());
            self.report_fault();
            self.settle();
        });
    }

    /// The same for the clock's tasks that were woken; false if none was.
    fn run_tasks(&self) -> bool {
        let mut any = false;
        self.agenda.with_own_fault(|| {
            any = self.clock.enter(|| self.clock.run_tasks(|| self.report_fault()));
            self.settle();
        });
        any
    }

    fn report_fault(&self) {
        if let Some(failure) = self.agenda.take_fault() {
            tracing::error!(%failure, "a call of the clock failed");
        }
    }

    /// Lets one connection do `work`, then all of them what they wish. A handler may play another client, so this nests:
    /// what the outer handler did wrong stays its own, and an entry that the inner round has used up is made again.
    fn drive(&self, key: ConnectionKey, work: impl FnOnce(&mut Connection<F::Protocol>, Timestamp)) {
        self.agenda.with_own_fault(|| {
            self.with_connection(key, |connection, _| {
                work(connection, self.clock.now());
                connection.transport().left_agenda();
                connection.transport().enter();
            });
            self.settle();
        });
    }

    /// Does what connections wish, until none wishes anything.
    fn settle(&self) {
        let mut round = Vec::new();
        while self.agenda.take(&mut round) {
            for &key in &round {
                self.with_connection(key, |connection, wire| wire.settle(connection, self.clock.now()));
            }
        }
    }

    /// Takes a connection out of its place while it works, so that its handlers may look at the server.
    /// The protocols' code runs by this server's clock.
    fn enter(&self) -> Entered {
        Entered::new(Rc::new(self.clock.clone()))
    }

    fn with_connection(
        &self,
        key: ConnectionKey,
        work: impl FnOnce(&mut Connection<F::Protocol>, &mut End<F::Protocol>),
    ) {
        let taken = self.ends.borrow_mut()[key].connection.take();
        let Some(mut connection) = taken else { return };
        let _entered = self.enter();
        let driven = End { driven: true, ..End::new(None) };
        let mut wire = std::mem::replace(&mut self.ends.borrow_mut()[key], driven);
        work(&mut connection, &mut wire);
        wire.connection = (connection.phase() != Phase::Closed).then_some(connection);
        self.ends.borrow_mut()[key] = wire;
    }
}

/// As a reactor that goes: what is still open is cut off, and that this fails Deferreds is no news.
impl<F: Factory> Drop for Memory<F> {
    fn drop(&mut self) {
        let _entered = self.enter();
        deferred::expect_broken_promises(|| drop(self.ends.take()));
    }
}

impl<P: Protocol> End<P> {
    const fn new(connection: Option<Connection<P>>) -> Self {
        Self {
            connection,
            incoming: VecDeque::new(),
            eof: false,
            eof_seen: false,
            gone: false,
            sent: Vec::new(),
            stuck: false,
            shut: false,
            aborted: false,
            reason: None,
            driven: false,
        }
    }

    /// Does what the connection wishes, and gives it what is on the wire while it reads.
    fn settle(&mut self, connection: &mut Connection<P>, now: Timestamp) {
        loop {
            match connection.step(now, !self.stuck) {
                Step::Abort => {
                    self.aborted = true;
                    self.finish(connection, Failure::of_a_peer(ConnectionAborted));
                }
                Step::Write if self.gone && connection.phase() < Phase::Closing && self.eof_seen => {
                    let broken = ConnectionLost::from(io::Error::from(io::ErrorKind::BrokenPipe));
                    self.finish(connection, Failure::of_a_peer(broken));
                }
                Step::Write => {
                    let before = self.sent.len();
                    let (sent, at_most) = (&mut self.sent, connection.output_room(now));
                    connection
                        .output()
                        .with_first(at_most, |slices| slices.iter().for_each(|slice| sent.extend_from_slice(slice)));
                    connection.handle_written(now, self.sent.len() - before);
                }
                Step::Close => self.finish(connection, Failure::of_a_peer(ConnectionDone)),
                Step::Resume => connection.handle_resume(now),
                Step::Run => connection.handle_fired(now),
                Step::Flow(_) => connection.handle_flow(),
                Step::Shutdown => {
                    self.shut = true;
                    connection.handle_shutdown();
                }
                Step::Wait if !(connection.wants_input() && self.deliver(connection, now)) => return,
                Step::Wait if self.incoming.is_empty() => {}
                // Others come before the next chunk, as they do between the turns of a reactor: they may hold it up.
                Step::Wait => return connection.transport().enter(),
                Step::Upgrade => self.upgrade(connection),
            }
        }
    }

    /// Nothing is encrypted in memory, but everything else is as if it were.
    #[cold]
    fn upgrade(&mut self, connection: &mut Connection<P>) {
        if let Some(upgrade) = connection.take_upgrade() {
            self.sent.extend_from_slice(&upgrade.clear);
            connection.transport().upgraded(Some(Rc::new(TlsInfo::in_memory())));
            upgrade.resolver.callback(());
        }
    }

    fn finish(&mut self, connection: &mut Connection<P>, reason: Failure) {
        connection.finish_seen(reason, |reason| self.reason = Some(reason.to_string()));
    }

    /// Delivers the next chunk, or the end; false if nothing has come.
    fn deliver(&mut self, connection: &mut Connection<P>, now: Timestamp) -> bool {
        if let Some(mut chunk) = self.incoming.pop_front() {
            let room = connection.input_room(now);
            if room < chunk.len() {
                self.incoming.push_front(chunk.split_off(room));
            }
            if room > 0 {
                connection.handle_bytes(now, &chunk);
            }
            return room > 0;
        }
        let ends = self.eof && !self.eof_seen;
        if ends {
            self.eof_seen = true;
            connection.handle_eof(now);
        }
        ends
    }
}

/// The manual clock: it starts at zero and moves only by [`advance`](Server::advance).
impl<F: Factory> clock::Clock for Server<F> {
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl<F: Factory> Clone for Client<F> {
    fn clone(&self) -> Self {
        Self { server: Rc::clone(&self.server), key: self.key }
    }
}

impl<F: Factory> fmt::Debug for Server<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

impl<F: Factory> fmt::Debug for Client<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("sent", &self.sent()).field("is_connected", &self.is_connected()).finish()
    }
}

//! Listening: ports, and the clients that come to them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::acceptor::{Acceptor, Client};
use super::entries::{Entry, Other, token_of};
use super::{Core, Job, Reactor};
use crate::clock::TimerKey;
use crate::connection::{Connection, Place};
use crate::error;
use crate::failure::Failure;
use crate::protocol::{Address, Agenda, ConnectionKey, Factory, Home, Reserved, Seat};
use crate::transport::{Driver, Ends, Prologue, Socket, Status, Stream};

/// A port that is listened on; dropping it changes nothing. (Twisted's `IListeningPort`.)
///
/// ```
/// use twisty::prelude::*;
///
/// # #[protocol(line)]
/// # #[derive(Default)]
/// # struct Echo;
/// # #[protocol]
/// # impl Echo {
/// #     #[on(line)]
/// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
/// # }
/// let reactor = Reactor::new()?;
/// let port = reactor.listen("tcp:0:interface=127.0.0.1", Echo::factory())?;
/// println!("listening on {}", port.host());
/// port.stop_listening();
/// # Ok::<(), twisty::Failure>(())
/// ```
pub struct Port {
    pub(super) reactor: Weak<Core>,
    pub(super) key: ConnectionKey,
    pub(super) host: Address,
}

impl Port {
    /// The address listened on, with the real port where 0 was asked for. (Twisted's `getHost`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// # }
    /// # let reactor = Reactor::new()?;
    /// let port = reactor.listen("tcp:0:interface=127.0.0.1", Guest::factory())?;
    /// assert!(port.host().ip().is_some_and(|ip| ip.is_loopback()));
    /// assert!(port.host().port().is_some_and(|port| port != 0));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn host(&self) -> Address {
        self.host.clone()
    }

    /// Closes the port; its connections live on.
    ///
    /// ```
    /// # use std::net::TcpStream;
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// # }
    /// # let reactor = Reactor::new()?;
    /// let port = reactor.listen("tcp:0:interface=127.0.0.1", Guest::factory())?;
    /// let _client = TcpStream::connect(("127.0.0.1", port.host().port().expect("TCP")))?;
    /// reactor.turn(None)?;
    /// port.stop_listening(); // nobody else comes in
    /// assert_eq!(reactor.connections(), 1);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn stop_listening(&self) {
        if let Some(core) = self.reactor.upgrade() {
            Reactor(core).remove(self.key);
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Reactor {
    /// Takes the clients of a socket that listens already.
    pub(super) fn listen_on(
        &self,
        mut socket: Acceptor,
        factory: Rc<dyn Welcome>,
        prologue: Prologue,
    ) -> io::Result<Port> {
        let host = socket.host()?;
        let mut entries = self.0.entries.borrow_mut();
        let key = entries.insert(Entry::Other(Other::Listener(None)));
        if let Err(error) = socket.register(&self.0.registry, token_of(key)) {
            entries.remove(key);
            return Err(error);
        }
        let home = factory.home(Rc::clone(&self.0.agenda), host.clone());
        let listener = Listener::new(socket, (factory, prologue), host.clone(), home);
        entries[key] = Entry::Other(Other::Listener(Some(Box::new(listener))));
        Ok(Port { reactor: Rc::downgrade(&self.0), key, host })
    }
}

impl Reactor {
    /// Makes the connection of a client: when it got through what comes before, if anything does. Until then it counts as
    /// one.
    pub(super) fn welcome(
        &self,
        factory: &Rc<dyn Welcome>,
        prologue: &Prologue,
        socket: Socket,
        home: Rc<Home>,
        peer: Address,
    ) {
        if prologue.is_empty() {
            self.add(|key| factory.welcome(socket, Place { home, key, peer, watcher: None }));
            return;
        }
        // Behind a proxy all clients come from one address, until each has said where it came from.
        let known = Some(&peer).filter(|_| !prologue.names_peer());
        let (factory, reserved) = (Rc::clone(factory), factory.reserve(known));
        let ends = Ends { host: home.host().clone(), peer: peer.clone() };
        self.go_through(socket, ends, prologue, move |reactor, greeted| match greeted {
            Ok((socket, ends)) => {
                drop(reserved);
                reactor.welcome_greeted(&*factory, home, socket, ends);
                None
            }
            Err(reason) => {
                report_unfinished(&peer, &reason);
                Some(reserved)
            }
        });
    }

    /// It may have learned meanwhile that its ends are others.
    fn welcome_greeted(&self, factory: &dyn Welcome, home: Rc<Home>, socket: Socket, Ends { host, peer }: Ends) {
        if let Err(answer) = factory.admit(Some(&peer)) {
            return socket.turn_away(&answer);
        }
        let moved = *home.host() != host;
        let home = if moved { factory.home(Rc::clone(&self.0.agenda), host) } else { home };
        self.add(|key| factory.welcome(socket, Place { home, key, peer, watcher: None }));
    }
}

/// A factory as a port sees it. This is all of listening that knows what is made, so that a program has the rest of it
/// once, and not once for each protocol.
pub(crate) trait Welcome {
    /// Whether a client may come in, as far as it is known who it is. If not, that is reported, and the answer is what to
    /// tell it.
    fn admit(&self, peer: Option<&Address>) -> Result<(), Vec<u8>>;

    /// A place among the connections, for one that has no protocol yet; until it is dropped.
    fn reserve(&self, peer: Option<&Address>) -> Box<dyn Any>;

    /// What the connections to `host` share.
    fn home(&self, agenda: Rc<Agenda>, host: Address) -> Rc<Home>;

    /// Makes a client's protocol and its connection; `None` refuses.
    fn welcome(&self, socket: Socket, place: Place) -> Option<Box<dyn Driver>>;
}

impl<F: Factory> Welcome for Seat<F> {
    fn admit(&self, peer: Option<&Address>) -> Result<(), Vec<u8>> {
        self.shared().admit(peer)
    }

    fn reserve(&self, peer: Option<&Address>) -> Box<dyn Any> {
        Box::new(Reserved::new(self.shared().seat(), peer))
    }

    fn home(&self, agenda: Rc<Agenda>, host: Address) -> Rc<Home> {
        Home::of::<F::Protocol>(agenda, host)
    }

    fn welcome(&self, socket: Socket, place: Place) -> Option<Box<dyn Driver>> {
        let seat = self.shared().seat();
        // A statement of its own, so that the protocol may use the factory.
        let protocol = self.shared().borrow_mut().build_protocol(&place.peer)?;
        Some(Box::new(Stream::new(socket, Connection::new(protocol, seat, place))))
    }
}

/// A listening socket, as the reactor drives it.
pub(super) struct Listener {
    acceptor: Acceptor,
    factory: Rc<dyn Welcome>,
    /// What comes before each connection.
    prologue: Prologue,
    host: Address,
    /// What the client that came last shares with the others.
    home: RefCell<Rc<Home>>,
    /// What is in the way of new clients was reported already, so that it is one line in the log and not a million.
    reported: Cell<bool>,
    /// When accepting is tried again.
    retry: Cell<Option<TimerKey>>,
}

impl Listener {
    /// Clients taken in one turn; then it is the connections' turn.
    const ACCEPTS: usize = 64;
    /// When to try again after the system ran out of something.
    const RETRY: Duration = Duration::from_millis(100);

    fn new(
        acceptor: Acceptor,
        (factory, prologue): (Rc<dyn Welcome>, Prologue),
        host: Address,
        home: Rc<Home>,
    ) -> Self {
        let (home, reported, retry) = (RefCell::new(home), Cell::new(false), Cell::new(None));
        Self { acceptor, factory, prologue, host, home, reported, retry }
    }

    /// Takes the clients that wait, up to a turn's share.
    pub(super) fn accept(&self, reactor: &Reactor, key: ConnectionKey) -> Status {
        for _ in 0..Self::ACCEPTS {
            // A handler of the client before may have closed the port.
            if !reactor.is_open(key) {
                return Status::Gone;
            }
            match self.acceptor.accept(&self.host) {
                Ok(client) => {
                    reactor.guarded(|| self.welcome(reactor, client));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Status::Waiting,
                Err(error) if is_exhaustion(&error) => return self.shed(reactor, key, &error),
                Err(error) if is_the_clients(&error) => {
                    tracing::debug!(%error, "a client was lost before it was accepted");
                }
                Err(error) => {
                    self.report(|| tracing::error!(%error, host = %self.host, "no client can be accepted"));
                    return self.try_later(reactor, key);
                }
            }
        }
        Status::Busy
    }

    fn welcome(&self, reactor: &Reactor, Client { socket, host, peer }: Client) {
        if let Err(answer) = self.factory.admit(Some(&peer).filter(|_| !self.prologue.names_peer())) {
            // Nobody would understand it before a handshake.
            let answer = if self.prologue.is_empty() { answer } else { Vec::new() };
            return socket.turn_away(&answer);
        }
        self.reported.set(false);
        let home = self.home_of(reactor, host);
        reactor.welcome(&self.factory, &self.prologue, socket, home, peer);
    }

    fn report(&self, report: impl FnOnce()) {
        if !self.reported.replace(true) {
            report();
        }
    }

    fn home_of(&self, reactor: &Reactor, host: Address) -> Rc<Home> {
        let mut home = self.home.borrow_mut();
        if *home.host() != host {
            *home = self.factory.home(Rc::clone(&reactor.0.agenda), host);
        }
        Rc::clone(&home)
    }

    /// Out of descriptors: turns away whoever waits, since they would wait forever.
    fn shed(&self, reactor: &Reactor, key: ConnectionKey, error: &io::Error) -> Status {
        self.report(
            || tracing::error!(%error, host = %self.host, "no room for new connections, they are closed at once"),
        );
        let turn_away = || (0..Self::ACCEPTS).find_map(|_| self.acceptor.accept(&self.host).err());
        match reactor.0.reserve.lend(turn_away) {
            Some(None) => Status::Busy,
            Some(Some(error)) if error.kind() == ErrorKind::WouldBlock => Status::Waiting,
            Some(Some(_)) | None => self.try_later(reactor, key),
        }
    }

    /// The poll says nothing about clients that wait already, so a timer has to.
    fn try_later(&self, reactor: &Reactor, key: ConnectionKey) -> Status {
        let mut timers = reactor.0.timers.borrow_mut();
        if self.retry.get().is_none_or(|retry| timers.when(retry).is_none()) {
            self.retry.set(Some(timers.insert(reactor.time() + Self::RETRY, Job::Entry(key))));
        }
        Status::Waiting
    }
}

/// Nothing that the operator can mend, unless it is.
fn report_unfinished(peer: &Address, reason: &Failure) {
    if error::is_orderly(reason) {
        tracing::debug!(%peer, %reason, "a client did not get to its connection");
    } else {
        tracing::info!(%peer, %reason, "a client did not get to its connection");
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// The client went away while it waited, its network broke, or a firewall refused it: the next one may be fine.
fn is_the_clients(error: &io::Error) -> bool {
    use ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable, PermissionDenied,
    };
    let kinds =
        [ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable, PermissionDenied];
    kinds.contains(&error.kind()) || error.raw_os_error() == Some(libc::EPROTO)
}

/// A descriptor kept free for the moment when there is no other.
pub(super) struct Reserve(RefCell<Option<File>>);

impl Reserve {
    pub(super) fn new() -> Self {
        Self(RefCell::new(Self::open()))
    }

    fn open() -> Option<File> {
        File::open("/dev/null").ok()
    }

    /// Frees the descriptor for `work`; `None` if there was none to free.
    fn lend<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        let reserved = self.0.take();
        let result = reserved.is_some().then(|| {
            drop(reserved);
            work()
        });
        *self.0.borrow_mut() = Self::open();
        result
    }
}

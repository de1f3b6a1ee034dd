//! Reactors in memory: their network is a table, and their time is set.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use mio::Token;

use super::dial::{Dialled, Dialling, Target};
use super::entries::key_of;
use super::{Reactor, Stage};
use crate::clock::{Entered, Timestamp};
use crate::deferred::Deferred;
use crate::failure::Failure;
use crate::protocol::{Address, UnixAddress};
use crate::task::defer_later;
use crate::transport::{Readiness, Ready, Side, Socket, Wire};

/// Where a reactor has its time and its sockets from.
pub(super) enum World {
    Machine { started: Instant },
    Memory(Rc<Memory>),
}

impl World {
    /// The machine's, with a clock that starts now.
    pub(super) fn machine() -> Self {
        Self::Machine { started: Instant::now() }
    }

    #[inline]
    pub(super) fn time(&self) -> Timestamp {
        match self {
            Self::Machine { started } => Timestamp::ZERO + started.elapsed(),
            Self::Memory(memory) => memory.now.get(),
        }
    }
}

/// A network in memory and its time.
pub(crate) struct Memory {
    now: Cell<Timestamp>,
    readiness: Rc<Readiness>,
    /// Who listens where.
    listening: RefCell<HashMap<Address, Weak<Backlog>>>,
    /// Where nobody answers, not even by a refusal.
    black_holes: RefCell<HashSet<Address>>,
    /// How much of a connection's bytes may be unread, each way.
    buffer: Cell<usize>,
    next_port: Cell<u16>,
    /// Turns are being made.
    working: Cell<bool>,
}

/// Those who have connected and were not accepted.
pub(crate) struct Backlog {
    host: Address,
    limit: usize,
    waiting: RefCell<VecDeque<Arrival>>,
    /// The entry of the reactor that accepts them, if one does.
    token: Cell<Option<Token>>,
    readiness: Rc<Readiness>,
}

/// Somebody who has connected: what for, and between whom.
pub(crate) struct Arrival {
    pub(crate) wire: Rc<Wire>,
    pub(crate) host: Address,
    pub(crate) peer: Address,
}

impl Memory {
    /// The first of the ports that nobody chose.
    const FREE_PORTS: u16 = 49_152;

    /// A network where nobody listens, at time zero.
    pub(crate) fn new(buffer: usize) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(Timestamp::ZERO),
            readiness: Rc::default(),
            listening: RefCell::default(),
            black_holes: RefCell::default(),
            buffer: Cell::new(buffer),
            next_port: Cell::new(Self::FREE_PORTS),
            working: Cell::new(false),
        })
    }

    /// Sets how much of a new connection's bytes may be unread, each way.
    pub(crate) fn set_buffer(&self, bytes: usize) {
        self.buffer.set(bytes);
    }

    pub(crate) fn add_black_hole(&self, address: Address) {
        self.black_holes.borrow_mut().insert(address);
    }

    /// Listens on an address, or on a free port of it.
    pub(crate) fn bind(&self, address: Address, limit: usize) -> io::Result<Rc<Backlog>> {
        let host = match address {
            Address::Tcp(asked) if asked.port() == 0 => {
                let mut ports = (Self::FREE_PORTS..=u16::MAX).map(|_| SocketAddr::new(asked.ip(), self.new_port()));
                let free = ports.find(|free| !self.is_taken(&(*free).into()));
                Address::Tcp(free.ok_or(ErrorKind::AddrInUse)?)
            }
            asked if self.is_taken(&asked) => return Err(ErrorKind::AddrInUse.into()),
            asked => asked,
        };
        let readiness = Rc::clone(&self.readiness);
        let (limit, token) = (limit.max(1), Cell::new(None));
        let backlog = Rc::new(Backlog { host: host.clone(), limit, waiting: RefCell::default(), token, readiness });
        self.listening.borrow_mut().insert(host, Rc::downgrade(&backlog));
        Ok(backlog)
    }

    /// Connects to who listens there.
    pub(crate) fn connect(&self, host: Address, peer: Address) -> io::Result<Rc<Wire>> {
        let backlog = self.find(&host).ok_or(ErrorKind::ConnectionRefused)?;
        if backlog.waiting.borrow().len() >= backlog.limit || self.is_black_hole(&host) {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let wire = Wire::new(self.buffer.get(), Rc::clone(&self.readiness));
        backlog.put(Arrival { wire: Rc::clone(&wire), host, peer });
        Ok(wire)
    }

    /// An address from which `to` can be reached: of that machine itself, or `v4` and `v6` of another, with a new port.
    pub(crate) fn address_towards(&self, to: &Address, v4: Ipv4Addr, v6: Ipv6Addr) -> Address {
        let ip: IpAddr = match to {
            Address::Tcp(to) if to.ip().is_loopback() => to.ip(),
            Address::Tcp(SocketAddr::V4(_)) => v4.into(),
            Address::Tcp(SocketAddr::V6(_)) => v6.into(),
            Address::Stdio => return Address::Stdio,
            _ => return UnixAddress::UNNAMED.into(),
        };
        SocketAddr::new(ip, self.new_port()).into()
    }

    fn new_port(&self) -> u16 {
        let port = self.next_port.get();
        self.next_port.set(port.checked_add(1).unwrap_or(Self::FREE_PORTS));
        port
    }

    fn is_black_hole(&self, address: &Address) -> bool {
        self.black_holes.borrow().contains(address)
    }

    fn is_taken(&self, address: &Address) -> bool {
        let overlaps = |other: &Address| match (address, other) {
            (Address::Tcp(one), Address::Tcp(other)) => {
                let same_ip = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
                same_ip && one.port() == other.port() && one.is_ipv4() == other.is_ipv4()
            }
            _ => address == other,
        };
        self.listening.borrow().iter().any(|(other, backlog)| overlaps(other) && backlog.strong_count() > 0)
    }

    /// Who listens on an address itself, or on all of its kind.
    fn find(&self, address: &Address) -> Option<Rc<Backlog>> {
        let listening = self.listening.borrow();
        let at = |address: &Address| listening.get(address).and_then(Weak::upgrade);
        let any = |address: &SocketAddr| match address.ip() {
            IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())),
            IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port())),
        };
        at(address).or_else(|| if let Address::Tcp(tcp) = address { at(&any(tcp).into()) } else { None })
    }
}

impl Backlog {
    /// The address listened on.
    pub(crate) const fn host(&self) -> &Address {
        &self.host
    }

    /// Takes the one that waits longest.
    pub(crate) fn take(&self) -> Option<Arrival> {
        self.waiting.borrow_mut().pop_front()
    }

    fn put(&self, arrival: Arrival) {
        self.waiting.borrow_mut().push_back(arrival);
        self.tell();
    }

    /// Has the reactor told under this token that somebody waits.
    pub(super) fn watch(&self, token: Token) {
        self.token.set(Some(token));
        if !self.waiting.borrow().is_empty() {
            self.tell();
        }
    }

    fn tell(&self) {
        if let Some(token) = self.token.get() {
            self.readiness.note(token, Ready::READABLE);
        }
    }
}

/// Those who wait are cut off.
impl Drop for Backlog {
    fn drop(&mut self) {
        self.waiting.take().iter().for_each(|arrival| arrival.wire.abort(Side::Server));
    }
}

impl Reactor {
    /// The addresses of the machine in memory.
    const V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

    /// A reactor that runs from now on, by [`work`](Self::work); nobody else may run it.
    pub(crate) fn in_memory(memory: Rc<Memory>) -> io::Result<Self> {
        let reactor = Self::of(World::Memory(memory))?;
        reactor.0.in_turn.set(true);
        reactor.0.stage.set(Stage::Running);
        Ok(reactor)
    }

    #[inline]
    pub(super) fn memory(&self) -> Option<&Rc<Memory>> {
        if let World::Memory(memory) = &self.0.world { Some(memory) } else { None }
    }

    /// As [`dial`](Self::dial); what comes of it is seen in the next turn, or never.
    pub(super) fn dial_in_memory(&self, memory: &Rc<Memory>, to: &Target, how: &Dialling) -> Deferred<Dialled> {
        let peer = match to {
            Target::Tcp(address) => Address::Tcp(*address),
            Target::Unix(address) => Address::Unix(address.clone()),
        };
        let mut host = memory.address_towards(&peer, Self::V4, Self::V6);
        if let (Address::Tcp(host), Some(bound)) = (&mut host, how.bind) {
            let port = if bound.port() == 0 { host.port() } else { bound.port() };
            *host = SocketAddr::new(if bound.ip().is_unspecified() { host.ip() } else { bound.ip() }, port);
        }
        let delay = if memory.is_black_hole(&peer) { Duration::MAX } else { Duration::ZERO };
        let memory = Rc::clone(memory);
        defer_later(delay, self, move || {
            let wire = memory.connect(peer.clone(), host.clone()).map_err(Failure::of_a_peer)?;
            Ok(Dialled { socket: Socket::in_memory(wire, Side::Client), host, peer })
        })
    }

    /// Delivers what the ends of connections in memory have to say.
    pub(super) fn dispatch_memory(&self, memory: &Memory) {
        for (token, ready) in memory.readiness.take() {
            self.drive(key_of(token), |driver, buffer, now| driver.handle_event(now, ready, buffer));
        }
    }

    /// Makes turns until nothing is left to do at this time, unless the run is over. Inside of a turn it does nothing: that
    /// goes on anyway.
    ///
    /// # Panics
    /// If there is no end to it.
    pub(crate) fn work(&self) {
        const TURNS: usize = 100_000;
        let Some(_working) = self.memory().filter(|_| self.is_running()).and_then(Working::begin) else { return };
        let _entered = Entered::new(Rc::new(self.clone()));
        let rests = (0..TURNS).any(|_| {
            self.work_once();
            self.rests()
        });
        assert!(rests, "the program still works after {TURNS} turns at {}, without time passing", self.time());
    }

    fn work_once(&self) {
        if let Err(error) = self.one_turn(Some(Duration::ZERO)) {
            panic!("the poll is broken: {error}");
        }
        self.advance_stage();
        if self.0.stage.get() >= Stage::Draining && self.connections() == 0 {
            self.end_run();
        }
    }

    /// Nothing is to be done before a later time, or at all.
    fn rests(&self) -> bool {
        let nothing_arrives = self.memory().is_none_or(|memory| memory.readiness.is_empty());
        let idle = nothing_arrives && self.is_idle() && self.0.mailbox.is_empty();
        !self.is_running() || (idle && self.next_due().is_none_or(|due| due > self.time()))
    }

    /// Lets time pass, and does what becomes due, each at its own time.
    ///
    /// # Panics
    /// If it is called inside of a turn, or [`work`](Self::work) panics.
    pub(crate) fn advance(&self, time: Duration) {
        let Some(memory) = self.memory() else { return };
        assert!(!memory.working.get(), "time cannot be moved on by what runs in it");
        let until = self.time() + time;
        self.work();
        while let Some(due) = self.next_due().filter(|due| *due <= until && self.is_running()) {
            self.move_to(memory, due);
        }
        self.move_to(memory, until);
    }

    fn move_to(&self, memory: &Memory, time: Timestamp) {
        memory.now.set(time);
        self.0.now.set(time);
        self.work();
    }
}

/// Turns are being made; however that ends, others can be made.
struct Working<'a>(&'a Memory);

impl<'a> Working<'a> {
    fn begin(memory: &'a Rc<Memory>) -> Option<Self> {
        (!memory.working.replace(true)).then(|| Self(memory))
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.working.set(false);
    }
}

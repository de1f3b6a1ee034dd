//! The handle to a port of datagrams.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::queue::Queue;
use super::{Destination, Limits};
use crate::error::{self, DatagramError, InvalidAddressError, MessageLengthError, MulticastJoinError};
use crate::failure::Failure;
use crate::protocol::{Address, Agenda, ConnectionKey, ToFrame, UnixAddress};

/// What carries datagrams: a socket, or a test. It never waits, and never calls a protocol.
pub(crate) trait Wire {
    /// Sends one: to the peer of a connected port where `to` is `None`.
    fn send(&self, data: &[u8], to: Option<&Address>) -> io::Result<()>;

    /// Makes `to` the only address that datagrams come from and go to.
    fn connect(&self, to: &Address) -> io::Result<()>;

    /// Changes a setting.
    fn set(&self, setting: &Setting) -> io::Result<()>;

    /// Bytes of the longest datagram that can be sent.
    fn longest(&self) -> usize;

    /// Whether it is told when more can be sent, after it could not. What it is not told of is lost instead of queued.
    fn tells_when_writable(&self) -> bool;
}

/// What can be set of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Broadcast(bool),
    Join(IpAddr, Interface),
    Leave(IpAddr, Interface),
    MulticastTtl(u8),
    MulticastLoopback(bool),
    MulticastInterface(Interface),
}

/// The network interface that multicast datagrams come from or go to.
///
/// ```
/// use std::net::Ipv4Addr;
/// use twisty::datagram::Interface;
///
/// assert_eq!(Interface::from(Ipv4Addr::LOCALHOST), Interface::Ip(Ipv4Addr::LOCALHOST));
/// assert_eq!(Interface::from(2), Interface::Index(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interface {
    /// The one that the system chooses.
    #[default]
    Any,
    /// The one with this address; for IPv4.
    Ip(Ipv4Addr),
    /// The one with this number, as `ip link` shows it; for IPv6, and to join and leave groups of IPv4.
    Index(u32),
}

impl From<Ipv4Addr> for Interface {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ip(address)
    }
}

impl From<u32> for Interface {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

/// A port of datagrams, to send with and to change; a clone is the same port. (Twisted's `IUDPTransport`,
/// `IMulticastTransport`.)
///
/// A [`DatagramContext`](super::DatagramContext) is one too; [`transport`](super::DatagramContext::transport) gives one to
/// keep. None of its methods calls a protocol.
///
/// ```
/// use twisty::datagram::DatagramTransport;
/// use twisty::prelude::*;
/// use twisty::testing::DatagramServer;
///
/// #[protocol(datagram)]
/// #[derive(Default)]
/// struct Register {
///     last: Option<(DatagramTransport, Address)>,
/// }
///
/// #[protocol]
/// impl Register {
///     #[on(datagram)]
///     fn sign_in(&mut self, cx: &DatagramContext<Self>, from: &Address) {
///         self.last = Some((cx.transport(), from.clone()));
///     }
///
///     #[on(stop)]
///     fn close(&mut self) {
///         let (transport, _) = self.last.take().expect("somebody was here");
///         assert!(!transport.is_listening());
///     }
/// }
///
/// let server = DatagramServer::new(Register::default());
/// server.receive("10.0.0.2:5000", "it is me").stop_listening();
/// ```
#[derive(Clone)]
pub struct DatagramTransport(Rc<Link>);

struct Link {
    /// `None` when the port is closed.
    wire: RefCell<Option<Box<dyn Wire>>>,
    agenda: Rc<Agenda>,
    key: ConnectionKey,
    host: Address,
    /// Of a connected port.
    peer: OnceCell<Address>,
    /// Who sent the datagram that is being handled.
    sender: RefCell<Option<Address>>,
    queue: RefCell<Queue>,
    max_queue: usize,
    /// The system takes nothing more until it says so.
    blocked: Cell<bool>,
    dropped: Cell<u64>,
    /// Whether that something was dropped stands in the log already: one line, and not a million.
    told_of_drops: Cell<bool>,
    /// The peer refused what was sent, and the protocol was not told yet.
    refused: Cell<bool>,
    /// Whether it stands on the agenda: there it stands once.
    entered: Cell<bool>,
    phase: Cell<Phase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Closing,
    Closed,
}

/// Where a new port stands.
pub(crate) struct Place {
    pub(crate) agenda: Rc<Agenda>,
    pub(crate) key: ConnectionKey,
    pub(crate) host: Address,
}

impl DatagramTransport {
    pub(super) fn new(wire: Box<dyn Wire>, place: Place, limits: Limits) -> Self {
        let Place { agenda, key, host } = place;
        Self(Rc::new(Link {
            wire: RefCell::new(Some(wire)),
            agenda,
            key,
            host,
            peer: OnceCell::new(),
            sender: RefCell::default(),
            queue: RefCell::default(),
            max_queue: limits.max_queue,
            blocked: Cell::new(false),
            dropped: Cell::new(0),
            told_of_drops: Cell::new(false),
            refused: Cell::new(false),
            entered: Cell::new(false),
            phase: Cell::new(Phase::Open),
        }))
    }

    // ---- sending

    /// Sends one datagram to the other side: who sent the datagram that is handled now, else the peer of a
    /// [connected](Self::connect) port. (Twisted's `write` without an address.)
    ///
    /// # Errors
    /// [`DatagramError::NotConnected`] when there is no other side; besides, as [`send_to`](Self::send_to).
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram)] struct Twice;
    /// # #[protocol] impl Twice {
    /// #[on(datagram)]
    /// fn twice(&mut self, cx: &DatagramContext<Self>, data: &[u8]) -> twisty::Result<()> {
    ///     cx.send(data)?;
    ///     cx.send(data)?;
    ///     Ok(())
    /// }
    /// # }
    /// let server = DatagramServer::new(Twice);
    /// assert_eq!(server.receive("10.0.0.2:5000", "hi").sent_to("10.0.0.2:5000"), ["hi", "hi"]);
    /// ```
    pub fn send(&self, data: impl ToFrame) -> Result<(), DatagramError> {
        let (data, sender) = (data.to_frame(), self.sender());
        if sender.is_none() && self.0.peer.get().is_none() {
            return Err(DatagramError::NotConnected);
        }
        self.deliver(&data, sender.as_ref())
    }

    /// Sends one datagram to an address. A connected port sends to its peer only. (Twisted's `write`.)
    ///
    /// It leaves at once. If the system does not take it yet it is queued, or dropped and counted as
    /// [`dropped`](Self::dropped) where too much waits already; a UNIX port that is not connected drops it in any case,
    /// because the system does not say when the other side has read. That nobody listens there is no error.
    ///
    /// # Errors
    /// - [`MessageLengthError`] when it is longer than a datagram can be,
    /// - [`InvalidAddressError`] when the address is none, or of another family than the port,
    /// - [`DatagramError::Closed`] after the port is closed,
    /// - else what the system said: that there is no way to there, or that broadcasts need
    ///   [`set_broadcast`](Self::set_broadcast).
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram)] struct Forward;
    /// # #[protocol] impl Forward {
    /// #[on(datagram)]
    /// fn forward(&mut self, cx: &DatagramContext<Self>, data: &[u8]) -> twisty::Result<()> {
    ///     Ok(cx.send_to(data, "10.0.0.9:514")?)
    /// }
    /// # }
    /// let server = DatagramServer::new(Forward);
    /// assert_eq!(server.receive("10.0.0.2:5000", "boot").sent_to("10.0.0.9:514"), ["boot"]);
    /// ```
    pub fn send_to(&self, data: impl ToFrame, to: impl Destination) -> Result<(), DatagramError> {
        self.deliver(&data.to_frame(), Some(&to.address()?))
    }

    fn deliver(&self, data: &[u8], to: Option<&Address>) -> Result<(), DatagramError> {
        self.check_open()?;
        let to = match (to, self.0.peer.get()) {
            (Some(to), Some(peer)) if to != peer => {
                let problem = format!("the port is connected to {peer}, so it sends to nobody else");
                return Err(InvalidAddressError { address: to.to_string(), problem }.into());
            }
            (_, Some(_)) => None,
            (to, None) => to,
        };
        to.map_or(Ok(()), |to| self.check_family(to))?;
        if self.0.blocked.get() {
            self.enqueue(data, to);
            return Ok(());
        }
        match self.send_now(data, to) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.0.blocked.set(self.with_wire(|wire| Ok(wire.tells_when_writable())).unwrap_or_default());
                self.enqueue(data, to);
                // From now on its socket is watched for room.
                self.enter();
                Ok(())
            }
            Err(source) => Err(self.explain(source, data.len(), to)),
            Ok(()) => Ok(()),
        }
    }

    /// The system tells of an earlier refusal instead of sending, so that it is asked twice.
    fn send_now(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        for _ in 0..2 {
            match self.with_wire(|wire| wire.send(data, to)) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => self.note_refusal(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                sent => return sent,
            }
        }
        Ok(())
    }

    /// Who is not connected is not told: datagrams get lost.
    fn note_refusal(&self) {
        if self.0.peer.get().is_some() {
            self.0.refused.set(true);
            self.enter();
        }
    }

    fn enqueue(&self, data: &[u8], to: Option<&Address>) {
        let fits = self.0.blocked.get() && self.0.queue.borrow_mut().push(data, to, self.0.max_queue);
        if !fits {
            self.count_dropped("they cannot be sent as fast (see `max_queue`)");
        }
    }

    fn explain(&self, source: io::Error, length: usize, to: Option<&Address>) -> DatagramError {
        if source.raw_os_error() == Some(libc::EMSGSIZE) {
            let longest = self.with_wire(|wire| Ok(wire.longest())).unwrap_or_default();
            return MessageLengthError { length, longest }.into();
        }
        let to = to.or(self.0.peer.get()).map(ToString::to_string).unwrap_or_default();
        DatagramError::Refused { to, source }
    }

    fn with_wire<R>(&self, work: impl FnOnce(&dyn Wire) -> io::Result<R>) -> io::Result<R> {
        self.0.wire.borrow().as_deref().map_or(Err(ErrorKind::NotConnected.into()), work)
    }

    fn check_open(&self) -> Result<(), DatagramError> {
        // What a handler returns is sent also when it has asked to close, as a stream's last words are.
        let last_words = self.0.phase.get() == Phase::Closing && self.0.sender.borrow().is_some();
        if self.is_listening() || last_words { Ok(()) } else { Err(DatagramError::Closed) }
    }

    fn check_family(&self, to: &Address) -> Result<(), InvalidAddressError> {
        let problem = match (&self.0.host, to) {
            (Address::Udp(SocketAddr::V4(_)), Address::Udp(SocketAddr::V4(_)))
            | (Address::Udp(SocketAddr::V6(_)), Address::Udp(SocketAddr::V6(_))) => return Ok(()),
            (Address::Unix(_), Address::Unix(to)) if *to != UnixAddress::UNNAMED => return Ok(()),
            (Address::Unix(_), Address::Unix(_)) => {
                "it is bound to no name, so nothing can be sent to it; bind the sending socket".to_owned()
            }
            (host, _) => format!("it is of another family than the port {host}; open one of its own family"),
        };
        Err(InvalidAddressError { address: to.to_string(), problem })
    }

    /// Bytes that wait for the system to take them.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = DatagramServer::new(Echo);
    /// server.block();
    /// server.receive("10.0.0.2:5000", "hello");
    /// assert_eq!(server.transport().queued(), 5);
    /// ```
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.queue.borrow().bytes()
    }

    /// Datagrams that were dropped so far: sent while too much was queued, received when too long, or while too many
    /// replies were waited for. What the network or the system has lost is not among them.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram, max_length = 4)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = DatagramServer::new(Echo); // `max_length = 4`
    /// server.receive("10.0.0.2:5000", "hello").receive("10.0.0.2:5000", "hi");
    /// assert_eq!((server.sent().len(), server.transport().dropped()), (1, 1));
    /// ```
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.get()
    }

    /// One more was dropped. It is said once, until all that was queued is gone.
    pub(super) fn count_dropped(&self, why: &'static str) {
        self.0.dropped.set(self.0.dropped.get() + 1);
        if !self.0.told_of_drops.replace(true) {
            tracing::warn!(host = %self.0.host, why, "datagrams are dropped");
        }
    }

    // ---- addresses

    /// The address of the port, with the real number where 0 was asked for. (Twisted's `getHost`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// assert_eq!(server.transport().host().to_string(), "udp:10.0.0.1:12345");
    /// ```
    #[must_use]
    pub fn host(&self) -> Address {
        self.0.host.clone()
    }

    /// The only address that datagrams come from and go to, if the port is connected.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// # let server = twisty::testing::DatagramServer::new(Echo);
    /// let transport = server.transport();
    /// transport.connect("10.0.0.9:53")?;
    /// assert_eq!(transport.peer(), Some("10.0.0.9:53".parse().map(twisty::Address::Udp).unwrap()));
    /// # Ok::<(), twisty::DatagramError>(())
    /// ```
    #[must_use]
    pub fn peer(&self) -> Option<Address> {
        self.0.peer.get().cloned()
    }

    /// Connects the port: datagrams come from this address and go to it only, [`send`](Self::send) needs no other, and that
    /// nobody listens there is the event `refused`. Once, and for good. (Twisted's `connect`.)
    ///
    /// # Errors
    /// [`DatagramError::AlreadyConnected`] the second time, [`InvalidAddressError`] as [`send_to`](Self::send_to), and what
    /// the system said.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram)] struct Client;
    /// # #[protocol] impl Client {
    /// #[on(start)]
    /// fn ask(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
    ///     cx.connect("10.0.0.9:53")?;
    ///     cx.send("who am I?")?;
    ///     Ok(())
    /// }
    /// # }
    /// assert_eq!(DatagramServer::new(Client).sent_to("10.0.0.9:53"), ["who am I?"]);
    /// ```
    pub fn connect(&self, to: impl Destination) -> Result<(), DatagramError> {
        self.check_open()?;
        let to = to.address()?;
        self.check_family(&to)?;
        if let Some(peer) = self.0.peer.get() {
            return Err(DatagramError::AlreadyConnected { peer: peer.to_string() });
        }
        self.with_wire(|wire| wire.connect(&to))
            .map_err(|source| DatagramError::Refused { to: to.to_string(), source })?;
        self.0.peer.get_or_init(|| to);
        Ok(())
    }

    /// Whether it is from somebody else than the peer of a connected port. What was connected to as `0.0.0.0` answers from
    /// another address, and who sends to a connected UNIX socket is the system's affair.
    pub(super) fn is_foreign(&self, from: &Address) -> bool {
        match (self.0.peer.get(), from) {
            (Some(Address::Udp(peer)), Address::Udp(from)) => {
                peer.port() != from.port() || (peer.ip() != from.ip() && !peer.ip().is_unspecified())
            }
            _ => false,
        }
    }

    // ---- settings

    /// Allows to send to all of a network, as to 255.255.255.255. Off by default. (Twisted's `setBroadcastAllowed`.)
    ///
    /// # Errors
    /// What the system said.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// # let server = twisty::testing::DatagramServer::new(Echo);
    /// let transport = server.transport();
    /// transport.set_broadcast(true)?;
    /// transport.send_to("is anybody there?", "255.255.255.255:9999")?;
    /// # Ok::<(), twisty::DatagramError>(())
    /// ```
    pub fn set_broadcast(&self, allowed: bool) -> Result<(), DatagramError> {
        self.set(Setting::Broadcast(allowed))
    }

    /// Receives what is sent to a multicast group from now on. (Twisted's `joinGroup`.)
    ///
    /// # Errors
    /// [`MulticastJoinError`] when the system refuses: the address is no group, of another family than the port, or there is no
    /// such interface.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # use twisty::prelude::*;
    /// # use twisty::datagram::Interface;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// # let server = twisty::testing::DatagramServer::new(Echo);
    /// let transport = server.transport();
    /// transport.join_group(Ipv4Addr::new(239, 1, 2, 3), Interface::Any)?;
    /// # Ok::<(), twisty::DatagramError>(())
    /// ```
    pub fn join_group(&self, group: impl Into<IpAddr>, interface: impl Into<Interface>) -> Result<(), DatagramError> {
        let (group, interface) = (group.into(), interface.into());
        self.change_group(group, Setting::Join(group, interface))
    }

    /// Receives what is sent to a multicast group no more. (Twisted's `leaveGroup`.)
    ///
    /// # Errors
    /// [`MulticastJoinError`] when it was not joined on that interface.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # use twisty::prelude::*;
    /// # use twisty::datagram::Interface;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// # let server = twisty::testing::DatagramServer::new(Echo);
    /// let transport = server.transport();
    /// let error = transport.leave_group(Ipv4Addr::new(239, 1, 2, 3), Interface::Any).unwrap_err();
    /// assert!(error.to_string().starts_with("the multicast group 239.1.2.3 cannot be joined or left"));
    /// ```
    pub fn leave_group(&self, group: impl Into<IpAddr>, interface: impl Into<Interface>) -> Result<(), DatagramError> {
        let (group, interface) = (group.into(), interface.into());
        self.change_group(group, Setting::Leave(group, interface))
    }

    fn change_group(&self, group: IpAddr, change: Setting) -> Result<(), DatagramError> {
        self.check_open()?;
        Ok(self.with_wire(|wire| wire.set(&change)).map_err(|source| MulticastJoinError { group, source })?)
    }

    /// How many routers a multicast datagram may pass; 1 by default, which is this network. (Twisted's `setTTL`.)
    ///
    /// # Errors
    /// What the system said.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Beacon;
    /// # #[protocol] impl Beacon {
    /// #[on(start)]
    /// fn prepare(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
    ///     cx.set_multicast_ttl(8)?;
    ///     cx.set_multicast_loopback(false)?;
    ///     cx.set_multicast_interface(std::net::Ipv4Addr::new(10, 0, 0, 1))?;
    ///     cx.send_to("here I am", "228.0.0.5:9999")?;
    ///     Ok(())
    /// }
    /// # }
    /// assert_eq!(twisty::testing::DatagramServer::new(Beacon).sent_to("228.0.0.5:9999"), ["here I am"]);
    /// ```
    pub fn set_multicast_ttl(&self, hops: u8) -> Result<(), DatagramError> {
        self.set(Setting::MulticastTtl(hops))
    }

    /// Whether ports of this machine, this one included, receive what it sends to groups that they joined. On by default.
    /// (Twisted's `setLoopbackMode`.)
    ///
    /// # Errors
    /// What the system said.
    pub fn set_multicast_loopback(&self, receives: bool) -> Result<(), DatagramError> {
        self.set(Setting::MulticastLoopback(receives))
    }

    /// The interface that multicast datagrams leave by: an address for IPv4, a number for IPv6. (Twisted's
    /// `setOutgoingInterface`.)
    ///
    /// # Errors
    /// What the system said; also that it cannot be said so for this family.
    pub fn set_multicast_interface(&self, interface: impl Into<Interface>) -> Result<(), DatagramError> {
        self.set(Setting::MulticastInterface(interface.into()))
    }

    fn set(&self, setting: Setting) -> Result<(), DatagramError> {
        self.check_open()?;
        self.with_wire(|wire| wire.set(&setting)).map_err(|source| DatagramError::Setting { source })
    }

    // ---- the end

    /// Closes the port at the end of this turn: what is queued is tried once more, and the event `stop` comes.
    /// (Twisted's `stopListening`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram)] struct Once;
    /// # #[protocol] impl Once {
    /// #[on(datagram)]
    /// fn once(&mut self, cx: &DatagramContext<Self>, data: String) -> String {
    ///     cx.stop_listening();
    ///     data
    /// }
    /// # }
    /// let server = DatagramServer::new(Once);
    /// server.receive("10.0.0.2:5000", "one").receive("10.0.0.2:5000", "two");
    /// assert_eq!(server.sent_to("10.0.0.2:5000"), ["one"]);
    /// ```
    pub fn stop_listening(&self) {
        if self.0.phase.get() == Phase::Open {
            self.0.phase.set(Phase::Closing);
            self.enter();
        }
    }

    /// Whether the port is open, and was not asked to close.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// let transport = server.transport();
    /// transport.stop_listening();
    /// assert!(!transport.is_listening());
    /// ```
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.0.phase.get() == Phase::Open
    }

    // ---- for whoever drives the port

    pub(super) fn enter(&self) {
        if !self.0.entered.replace(true) {
            self.0.agenda.enter(self.0.key);
        }
    }

    pub(super) fn left_agenda(&self) {
        self.0.entered.set(false);
    }

    pub(super) fn agenda(&self) -> &Agenda {
        &self.0.agenda
    }

    pub(super) fn phase(&self) -> Phase {
        self.0.phase.get()
    }

    /// Handles that are kept keep nothing open.
    pub(super) fn set_closed(&self) {
        self.0.phase.set(Phase::Closed);
        self.0.queue.take();
        self.0.wire.take();
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.0.blocked.get()
    }

    pub(super) fn is_refused(&self) -> bool {
        self.0.refused.get()
    }

    pub(super) fn take_refused(&self) -> bool {
        self.0.refused.replace(false)
    }

    /// Who sends what `work` replies to.
    pub(super) fn with_sender<R>(&self, sender: Option<Address>, work: impl FnOnce() -> R) -> R {
        /// Put back also when the handler panics.
        struct Outer<'a>(&'a RefCell<Option<Address>>, Option<Address>);

        impl Drop for Outer<'_> {
            fn drop(&mut self) {
                self.0.replace(self.1.take());
            }
        }

        let _outer = Outer(&self.0.sender, self.0.sender.replace(sender));
        work()
    }

    pub(super) fn sender(&self) -> Option<Address> {
        self.0.sender.borrow().clone()
    }

    /// Sends what is queued, as far as the system takes it.
    pub(super) fn flush(&self) {
        self.0.blocked.set(false);
        while let Some(queued) = self.pop() {
            match self.send_now(&queued.data, queued.to.as_ref()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.0.blocked.set(true);
                    return self.0.queue.borrow_mut().put_back(queued);
                }
                Err(source) => self.report(&self.explain(source, queued.data.len(), queued.to.as_ref()).into()),
                Ok(()) => {}
            }
        }
        self.0.told_of_drops.set(false);
    }

    /// A borrow of its own.
    fn pop(&self) -> Option<super::queue::Queued> {
        self.0.queue.borrow_mut().pop()
    }

    /// A reply that cannot be sent. That of who chose an address which nothing can be sent to, such as none or port 0, is no
    /// fault of ours.
    pub(super) fn report_unsent(&self, error: DatagramError) {
        let unreachable = matches!(error, DatagramError::InvalidAddress(_) | DatagramError::Refused { .. });
        if unreachable && self.0.sender.borrow().is_some() {
            tracing::info!(host = %self.0.host, %error, "a datagram was not replied to");
        } else {
            self.report(&error.into());
        }
    }

    /// What went wrong in a handler, which harms neither the port nor others.
    pub(crate) fn report(&self, failure: &Failure) {
        let host = &self.0.host;
        if error::is_peers_fault(failure) {
            tracing::info!(%host, %failure, "a datagram was not handled");
        } else {
            tracing::error!(%host, %failure, origin = %failure.origin(), "a handler of datagrams failed");
        }
    }
}

impl fmt::Debug for DatagramTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("DatagramTransport");
        debug.field("host", &self.0.host).field("peer", &self.0.peer.get()).field("queued", &self.queued());
        debug.finish_non_exhaustive()
    }
}

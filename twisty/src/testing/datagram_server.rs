//! A port of datagrams in memory.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use slotmap::SlotMap;

use super::Clock;
use crate::clock::{self, Entered, Timestamp};
use crate::datagram::{DatagramProtocol, DatagramTransport, Destination, Heart, Place, Setting, Wire};
use crate::deferred;
use crate::protocol::{Address, Agenda, ConnectionKey};

/// A port of datagrams in memory: the protocol as it stands, but you are the network and the clock.
///
/// It is port 12345 of 10.0.0.1. Everything happens at once: when a method returns, all handlers have run. Only what is
/// asked of a [`DatagramTransport`] from outside of all handlers waits for the next [`advance`](Self::advance); what it
/// sends leaves at once.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::DatagramServer;
///
/// #[protocol(datagram)]
/// struct Echo;
///
/// #[protocol]
/// impl Echo {
///     #[on(datagram)]
///     fn echo(&mut self, data: Vec<u8>) -> Vec<u8> {
///         data
///     }
/// }
///
/// let server = DatagramServer::new(Echo);
/// server.receive("10.0.0.2:5000", "hello").receive("10.0.0.3:5000", "");
/// assert_eq!(server.sent_to("10.0.0.2:5000"), ["hello"]);
/// assert_eq!(server.sent_to("10.0.0.3:5000"), [""]);
/// ```
pub struct DatagramServer(Rc<Memory>);

struct Memory {
    /// `None` once it is closed, and while it is being driven.
    heart: RefCell<Option<Heart>>,
    transport: DatagramTransport,
    incoming: RefCell<VecDeque<(Address, Vec<u8>)>>,
    network: Rc<Network>,
    agenda: Rc<Agenda>,
    clock: Clock,
}

/// What the port sends to.
#[derive(Default)]
struct Network {
    sent: RefCell<Vec<(Address, Vec<u8>)>>,
    peer: RefCell<Option<Address>>,
    groups: RefCell<BTreeSet<IpAddr>>,
    broadcast: Cell<bool>,
    blocked: Cell<bool>,
}

impl DatagramServer {
    /// A port whose clock stands at zero; its `start` has been called.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// assert!(server.transport().is_listening());
    /// ```
    #[must_use]
    pub fn new<P: DatagramProtocol>(protocol: P) -> Self {
        let (network, agenda, clock) = (Rc::<Network>::default(), Rc::<Agenda>::default(), Clock::new());
        let key = SlotMap::<ConnectionKey, ()>::with_key().insert(());
        let host = Address::Udp(SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 12_345)));
        let place = Place { agenda: Rc::clone(&agenda), key, host };
        let heart = Heart::new(protocol, Box::new(Rc::clone(&network)), place, Network::LONGEST);
        let transport = heart.transport().clone();
        let (heart, incoming) = (RefCell::new(Some(heart)), RefCell::default());
        let server = Self(Rc::new(Memory { heart, transport, incoming, network, agenda, clock }));
        server.0.drive(Heart::start);
        server
    }

    /// A datagram arrives. One that is too long for UDP never does, and a connected port hears its peer only.
    ///
    /// # Panics
    /// If `from` is no address.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// assert_eq!(server.receive("10.0.0.2:5000", "hello").sent().len(), 1);
    /// ```
    pub fn receive(&self, from: impl Destination, data: impl AsRef<[u8]>) -> &Self {
        let (from, data) = (address(&from), data.as_ref());
        let is_heard = self.0.network.peer.borrow().as_ref().is_none_or(|peer| *peer == from);
        if is_heard && data.len() <= Network::LONGEST {
            self.0.incoming.borrow_mut().push_back((from, data.to_vec()));
        }
        self.0.drive(|_| {});
        self
    }

    /// Nobody listens where the connected port sends to.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Client;
    /// # #[protocol] impl Client {
    /// #[on(start)]
    /// fn connect(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
    ///     Ok(cx.connect("10.0.0.9:53")?)
    /// }
    ///
    /// #[on(refused)]
    /// fn again(&mut self) -> &'static str {
    ///     "anybody there now?"
    /// }
    /// # #[on(datagram)] fn hear(&mut self) {}
    /// # }
    /// let server = twisty::testing::DatagramServer::new(Client);
    /// assert_eq!(server.refuse().sent_to("10.0.0.9:53"), ["anybody there now?"]);
    /// ```
    pub fn refuse(&self) -> &Self {
        self.0.drive(Heart::handle_refusal);
        self
    }

    /// The network takes nothing more, so that what is sent is queued, until [`unblock`](Self::unblock).
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// server.block().receive("10.0.0.2:5000", "hello");
    /// assert_eq!(server.transport().queued(), 5);
    /// ```
    pub fn block(&self) -> &Self {
        self.0.network.blocked.set(true);
        self
    }

    /// The network takes what was queued, and more.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// server.block().receive("10.0.0.2:5000", "hello");
    /// assert_eq!(server.sent().len(), 0);
    /// server.unblock();
    /// assert_eq!(server.sent().len(), 1);
    /// ```
    pub fn unblock(&self) -> &Self {
        self.0.network.blocked.set(false);
        self.0.drive(Heart::handle_writable);
        self
    }

    /// Closes the port, as the end of the program does.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// assert!(server.stop_listening().receive("10.0.0.2:5000", "late").sent().is_empty());
    /// ```
    pub fn stop_listening(&self) -> &Self {
        self.0.drive(|heart| heart.close());
        self
    }

    /// All that was sent (since [`take_sent`](Self::take_sent)), and to where.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// let (to, data) = server.receive("10.0.0.2:5000", "hello").sent().remove(0);
    /// assert_eq!((to.to_string().as_str(), &*data), ("udp:10.0.0.2:5000", &b"hello"[..]));
    /// ```
    #[must_use]
    pub fn sent(&self) -> Vec<(Address, Vec<u8>)> {
        self.0.network.sent.borrow().clone()
    }

    /// What was sent to one address (since [`take_sent`](Self::take_sent)), as text; bytes that are no UTF-8 show as `�`.
    ///
    /// # Panics
    /// If `to` is no address.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// assert_eq!(server.receive("10.0.0.2:5000", "hello").sent_to("10.0.0.2:5000"), ["hello"]);
    /// ```
    #[must_use]
    pub fn sent_to(&self, to: impl Destination) -> Vec<String> {
        let to = address(&to);
        let sent = self.0.network.sent.borrow();
        let there = sent.iter().filter(|(address, _)| *address == to);
        there.map(|(_, data)| String::from_utf8_lossy(data).into_owned()).collect()
    }

    /// What was sent since the last time this was asked, and to where.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// server.receive("10.0.0.2:5000", "hello");
    /// assert_eq!((server.take_sent().len(), server.take_sent().len()), (1, 0));
    /// ```
    #[must_use]
    pub fn take_sent(&self) -> Vec<(Address, Vec<u8>)> {
        self.0.network.sent.take()
    }

    /// The multicast groups that the port has joined.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::datagram::Interface;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// server.transport().join_group([228, 0, 0, 5], Interface::Any)?;
    /// assert_eq!(server.groups(), [std::net::IpAddr::from([228, 0, 0, 5])]);
    /// # Ok::<(), twisty::DatagramError>(())
    /// ```
    #[must_use]
    pub fn groups(&self) -> Vec<IpAddr> {
        self.0.network.groups.borrow().iter().copied().collect()
    }

    /// A handle to the port.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// let server = twisty::testing::DatagramServer::new(Echo);
    /// server.transport().send_to("hello", "10.0.0.2:5000")?;
    /// assert_eq!(server.sent_to("10.0.0.2:5000"), ["hello"]);
    /// # Ok::<(), twisty::DatagramError>(())
    /// ```
    #[must_use]
    pub fn transport(&self) -> DatagramTransport {
        self.0.transport.clone()
    }

    /// The port's clock: the [`clock::current`] one while handlers run. Let time pass with [`advance`](Self::advance).
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    /// Lets time pass: the calls of the clock that become due are made, each at its own time, and tasks are polled.
    ///
    /// # Panics
    /// If a call of the clock does.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// # use twisty::task::defer_later;
    /// # #[protocol(datagram)] struct Slow;
    /// # #[protocol] impl Slow {
    /// #[on(datagram)]
    /// fn think(&mut self, cx: &DatagramContext<Self>) -> Deferred<&'static str> {
    ///     defer_later(Duration::from_secs(3), &cx.clock(), || Ok("42"))
    /// }
    /// # }
    /// let server = twisty::testing::DatagramServer::new(Slow);
    /// server.receive("10.0.0.2:5000", "6 × 7").advance(Duration::from_secs(3));
    /// assert_eq!(server.sent_to("10.0.0.2:5000"), ["42"]);
    /// ```
    pub fn advance(&self, time: Duration) -> &Self {
        let memory = &self.0;
        let until = memory.clock.now() + time;
        memory.work(until);
        memory.clock.move_to(until);
        memory.work(until);
        self
    }
}

fn address(of: &impl Destination) -> Address {
    match of.address() {
        Ok(address) => address,
        Err(error) => panic!("{error}"),
    }
}

impl Memory {
    /// Lets the port do `work`, then what it wishes, and gives it what has arrived. A handler that plays the network finds
    /// the port out of its place; then this is left to who drives it.
    fn drive(&self, work: impl FnOnce(&mut Heart)) {
        let taken = self.heart.borrow_mut().take();
        let Some(mut heart) = taken else { return };
        self.agenda.with_own_fault(|| {
            let _entered = Entered::new(Rc::new(self.clock.clone()));
            work(&mut heart);
            let mut open = heart.settle();
            while let Some((from, data)) = self.arrived().filter(|_| open) {
                heart.handle_datagram(&data, &from);
                open = heart.settle();
            }
        });
        self.agenda.take(&mut Vec::new());
        *self.heart.borrow_mut() = self.is_open().then_some(heart);
    }

    fn arrived(&self) -> Option<(Address, Vec<u8>)> {
        self.incoming.borrow_mut().pop_front()
    }

    fn is_open(&self) -> bool {
        self.transport.is_listening()
    }

    /// Does all that is wished, woken, or due by `until`.
    fn work(&self, until: Timestamp) {
        self.drive(|_| {});
        loop {
            let ran = self.clock.enter(|| self.clock.run_tasks(|| {}));
            let due = self.clock.next_due().filter(|due| *due <= until);
            if let Some(due) = due.filter(|_| !ran) {
                self.clock.move_to(due);
                self.clock.enter(|| self.clock.call_next());
            }
            self.drive(|_| {});
            if !ran && due.is_none() {
                return;
            }
        }
    }
}

/// As a reactor that goes: what it still waits for is given up, and that this fails Deferreds is no news.
impl Drop for Memory {
    fn drop(&mut self) {
        let _entered = Entered::new(Rc::new(self.clock.clone()));
        deferred::expect_broken_promises(|| drop(self.heart.take()));
    }
}

impl Network {
    /// The longest datagram of IPv4.
    const LONGEST: usize = 65_507;

    fn change_groups(&self, group: IpAddr, joins: bool) -> io::Result<()> {
        if !group.is_multicast() || !group.is_ipv4() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let mut groups = self.groups.borrow_mut();
        let changed = if joins { groups.insert(group) } else { groups.remove(&group) };
        if changed { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL)) }
    }
}

impl Wire for Rc<Network> {
    fn send(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        let to = to.cloned().or_else(|| self.peer.borrow().clone()).ok_or(ErrorKind::NotConnected)?;
        if data.len() > Network::LONGEST {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        if to.ip() == Some(Ipv4Addr::BROADCAST.into()) && !self.broadcast.get() {
            return Err(ErrorKind::PermissionDenied.into());
        }
        if self.blocked.get() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.sent.borrow_mut().push((to, data.to_vec()));
        Ok(())
    }

    fn connect(&self, to: &Address) -> io::Result<()> {
        self.peer.replace(Some(to.clone()));
        Ok(())
    }

    fn set(&self, setting: &Setting) -> io::Result<()> {
        match setting {
            Setting::Broadcast(allowed) => self.broadcast.set(*allowed),
            Setting::Join(group, _) => self.change_groups(*group, true)?,
            Setting::Leave(group, _) => self.change_groups(*group, false)?,
            Setting::MulticastTtl(_) | Setting::MulticastLoopback(_) | Setting::MulticastInterface(_) => {}
        }
        Ok(())
    }

    fn longest(&self) -> usize {
        Network::LONGEST
    }

    fn tells_when_writable(&self) -> bool {
        true
    }
}

/// The manual clock: it starts at zero and moves only by [`advance`](DatagramServer::advance).
impl clock::Clock for DatagramServer {
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl fmt::Debug for DatagramServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramServer").field("transport", &self.0.transport).finish_non_exhaustive()
    }
}

//! A network in memory, and a reactor on it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use super::{FakeResolver, Listener, Peer};
use crate::clock::{Clock, Timestamp};
use crate::protocol::{Address, UnixAddress};
use crate::reactor::{Memory, Reactor};
use crate::transport::{Side, Wire};

/// A reactor without sockets and without time of its own: programs that take a [`Reactor`] run on it as they are, you
/// are the rest of the network and the clock.
///
/// The program's ports, connections, timers, tasks and Deferreds are those of any reactor; only what the operating system
/// would do is done here. When a method of the network or of a [`Peer`] returns, all that was to be done at this time is
/// done. What is asked of the reactor from outside is begun by the next one, by [`advance`](Self::advance) at the latest.
///
/// [`Reactor::defer_to_thread`] makes its calls on the reactor's thread, one after the other, so that a test runs the same
/// each time. What a program's own threads have called is waited for by nobody.
///
/// Datagrams and descriptors that were handed over are not there: listening for those is refused. Watching descriptors of
/// the program's own, and signals, are the machine's as ever.
///
/// A [`Server`](super::Server) is simpler where a factory is all there is. Twisted's counterpart: `MemoryReactorClock`,
/// which records what it is asked for and connects nobody.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::Network;
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
/// /// The program, as it is.
/// fn program(reactor: &Reactor) -> twisty::Result<()> {
///     reactor.listen("tcp:8007", Echo::factory())?;
///     Ok(())
/// }
///
/// let network = Network::new();
/// program(network.reactor())?;
/// let peer = network.connect("tcp:127.0.0.1:8007");
/// peer.receive("hel").receive("lo\r\n");
/// assert_eq!(peer.sent(), "hello\r\n");
/// # Ok::<(), twisty::Failure>(())
/// ```
pub struct Network {
    reactor: Reactor,
    memory: Rc<Memory>,
    names: FakeResolver,
}

impl Network {
    /// How many bytes of a connection may be unread each way, unless [`set_buffer`](Self::set_buffer) says otherwise.
    pub const BUFFER: usize = 64 * 1024;

    /// Where clients come from.
    const V4: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
    const V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, 1);

    /// A network on which nobody listens, and a reactor that runs, at time zero.
    ///
    /// # Panics
    /// When the operating system has no poll to give, through which other threads reach the reactor.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// assert!(network.reactor().is_running());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let memory = Memory::new(Self::BUFFER);
        let reactor = match Reactor::in_memory(Rc::clone(&memory)) {
            Ok(reactor) => reactor,
            Err(error) => panic!("there is no poll for a reactor: {error}"),
        };
        let names = FakeResolver::new(&super::Clock::new());
        reactor.set_name_resolver(Rc::new(names.clone()));
        Self { reactor, memory, names }
    }

    /// The reactor, for the program: it runs from the beginning until it is [stopped](Reactor::stop), and its
    /// connections are closed. Nobody else can run it. It is the clock as well, for what takes a
    /// [`Scheduler`](crate::clock::Scheduler).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let network = twisty::testing::Network::new();
    /// network.reactor().call_later(Duration::from_secs(3600), |reactor| reactor.stop().expect("it runs"));
    /// network.advance(Duration::from_secs(3600));
    /// assert!(!network.reactor().is_running());
    /// ```
    #[must_use]
    pub const fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// Connects to where the program listens, as its client. If nobody listens there, or takes no more clients, it is not
    /// connected.
    ///
    /// An address is written as an [`Address`] prints, or is one: `tcp:127.0.0.1:8007`, `tcp:[::1]:8007`,
    /// `unix:/run/quotes.sock`; `stdio:` is who reads and writes a program that listens there. Clients come from
    /// 192.168.1.1, each from a port of its own.
    ///
    /// # Panics
    /// If `address` is none.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// let network = twisty::testing::Network::new();
    /// let port = network.reactor().listen("tcp:0:interface=10.0.0.1", Echo::factory())?;
    /// assert!(network.connect(port.host()).is_connected());
    /// assert!(!network.connect("tcp:10.0.0.1:1").is_connected());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use = "the test's end of the connection"]
    pub fn connect(&self, address: impl fmt::Display) -> Peer {
        let host = parse(&address.to_string());
        let peer = self.memory.address_towards(&host, Self::V4, Self::V6);
        let wire = self.memory.connect(host.clone(), peer.clone()).unwrap_or_else(|_refused| Wire::refused());
        let end = Peer::new(self.reactor.clone(), (wire, Side::Client), (host, peer));
        self.reactor.work();
        end
    }

    /// Listens for the program's clients to be, as long as what it returns lives. Addresses are written as in
    /// [`connect`](Self::connect); of port 0, a free one is taken.
    ///
    /// # Panics
    /// If `address` is none, or somebody listens there.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// let server = network.listen("tcp:10.0.0.9:80");
    /// assert!(server.accept().is_none()); // nobody has come
    /// ```
    #[must_use = "it listens as long as it lives"]
    pub fn listen(&self, address: impl fmt::Display) -> Listener {
        match self.memory.bind(parse(&address.to_string()), Listener::BACKLOG) {
            Ok(backlog) => Listener::new(self.reactor.clone(), backlog),
            Err(error) => panic!("nobody can listen on {address}: {error}"),
        }
    }

    /// Has what connects to an address neither succeed nor fail, as behind a firewall that drops what it does not like.
    /// Addresses are written as in [`connect`](Self::connect).
    ///
    /// # Panics
    /// If `address` is none.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// network.black_hole("tcp:10.0.0.8:80");
    /// assert!(!network.connect("tcp:10.0.0.8:80").is_connected());
    /// ```
    pub fn black_hole(&self, address: impl fmt::Display) {
        self.memory.add_black_hole(parse(&address.to_string()));
    }

    /// Gives a name its addresses; what it had before is forgotten. Other names than those of this method have none.
    ///
    /// # Panics
    /// If one of them is no IP address.
    ///
    /// ```
    /// let network = twisty::testing::Network::new();
    /// network.resolve("example.org", ["10.0.0.9", "10.0.0.10"]);
    /// let addresses = network.reactor().resolve("example.org", 80).into_result().expect("it is there at once")?;
    /// assert_eq!(addresses, ["10.0.0.9:80".parse()?, "10.0.0.10:80".parse()?]);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn resolve<'a>(&self, name: &str, addresses: impl IntoIterator<Item = &'a str>) {
        let _the_same = self.names.clone().with(name, addresses);
    }

    /// Sets how many bytes of a connection may be unread each way: who sends more has to wait. For connections from now
    /// on; default: 64 KiB.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(raw)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(data)] fn echo(&mut self, cx: &Context<Self>, data: &[u8]) { cx.send(data); } }
    /// let network = twisty::testing::Network::new();
    /// network.set_buffer(4);
    /// network.reactor().listen("tcp:7", Echo::factory())?;
    /// let peer = network.connect("tcp:10.0.0.1:7");
    /// peer.stop_reading();
    /// peer.receive("longer than that");
    /// assert_eq!(peer.sent(), ""); // four bytes are on their way, the others wait in the program
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn set_buffer(&self, bytes: usize) {
        self.memory.set_buffer(bytes);
    }

    /// Lets time pass. Everything that becomes due happens in order, each at its own time; before, what was asked from
    /// outside of all handlers.
    ///
    /// # Panics
    /// If a handler calls it; or if something is always to be done, so that time cannot pass: after 100000 turns.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::clock::Clock;
    /// use twisty::task::LoopingCall;
    ///
    /// let network = twisty::testing::Network::new();
    /// let (told, hears) = std::sync::mpsc::channel();
    /// let every_minute = LoopingCall::new(network.reactor(), move || told.send(()).expect("it hears"));
    /// let _never_fires = every_minute.start(Duration::from_secs(60), true)?;
    /// network.advance(Duration::from_secs(24 * 3600));
    /// assert_eq!(hears.try_iter().count(), 24 * 60 + 1);
    /// assert_eq!(network.now().to_string(), "86400s");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn advance(&self, time: Duration) {
        self.reactor.advance(time);
    }
}

/// As [`Network::new`].
impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

/// The time is the reactor's: it starts at zero and moves only by [`advance`](Network::advance).
impl Clock for Network {
    fn now(&self) -> Timestamp {
        self.reactor.now()
    }
}

/// As a reactor that goes, whoever else has it: what still waits is given up.
impl Drop for Network {
    fn drop(&mut self) {
        self.reactor.give_up();
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("now", &self.now()).field("reactor", &self.reactor).finish_non_exhaustive()
    }
}

fn parse(text: &str) -> Address {
    let unix = |place: &str| match place.strip_prefix('@') {
        Some(name) => UnixAddress::from_abstract_name(name).into(),
        None => UnixAddress::from_path(place).into(),
    };
    let address = match text.split_once(':') {
        Some(("tcp", socket)) => socket.parse().ok().map(Address::Tcp),
        Some(("unix", place)) => Some(unix(place)),
        Some(("stdio", "")) => Some(Address::Stdio),
        _ => None,
    };
    address.unwrap_or_else(|| {
        panic!("{text:?} is no address, write `tcp:127.0.0.1:8007`, `tcp:[::1]:8007` or `unix:/run/quotes.sock`")
    })
}

//! Dialling: one stream socket on its way to its peer.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use mio::net::TcpStream;
use socket2::{Domain, SockAddr, TcpKeepalive, Type};

use super::entries::{Entry, Other, token_of};
use super::{Reactor, Welcome};
use crate::connection::Place;
use crate::deferred::{Deferred, Resolver};
use crate::endpoint::TcpOptions;
use crate::error::{HandlerPanicked, NoProtocol};
use crate::failure::Failure;
use crate::protocol::{Address, ConnectionKey, UnixAddress, Watcher};
use crate::transport::Socket;

/// Whom to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(UnixAddress),
}

/// How to reach it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dialling {
    /// The local address, where it matters.
    pub(crate) bind: Option<SocketAddr>,
    /// What is set on the socket, where it is of TCP.
    pub(crate) options: TcpOptions,
}

/// A socket that has reached its peer.
pub(crate) struct Dialled {
    pub(crate) socket: Socket,
    pub(crate) host: Address,
    pub(crate) peer: Address,
}

impl Dialling {
    /// A socket that has begun to connect.
    fn begin(&self, to: &Target) -> io::Result<TcpStream> {
        let (domain, peer) = match to {
            Target::Tcp(address) => (Domain::for_address(*address), (*address).into()),
            Target::Unix(address) => (Domain::UNIX, unix_address(address)?),
        };
        let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if let Target::Tcp(_) = to {
            self.prepare(&socket)?;
        }
        match socket.connect(&peer) {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            // Only of UNIX sockets, which do not wait: there would be no event when there is room.
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(crowded()),
            connected => connected?,
        }
        Ok(TcpStream::from_std(socket.into()))
    }

    fn prepare(&self, socket: &socket2::Socket) -> io::Result<()> {
        let TcpOptions { nodelay, keepalive, device, .. } = &self.options;
        socket.set_tcp_nodelay(*nodelay)?;
        if let Some(silence) = keepalive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(*silence))?;
        }
        if let Some(device) = device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        match self.bind {
            Some(local) => socket.bind(&local.into()).map_err(|error| cannot_bind(local, &error)),
            None => Ok(()),
        }
    }
}

pub(super) fn unix_address(address: &UnixAddress) -> io::Result<SockAddr> {
    match (address.path(), address.abstract_name()) {
        (Some(path), _) => SockAddr::unix(path),
        // As the operating system writes such a name.
        (None, Some(name)) => SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat())),
        (None, None) => Err(io::Error::new(ErrorKind::InvalidInput, "a socket without a name cannot be connected to")),
    }
}

fn crowded() -> io::Error {
    let problem = "the server does not accept, and as many clients wait as may (see the `backlog` of its endpoint)";
    io::Error::new(ErrorKind::WouldBlock, problem)
}

/// Twisted's `ConnectBindError`.
fn cannot_bind(local: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot connect from {local}: {error}"))
}

/// A socket that connects, as the reactor waits for it.
pub(super) struct Attempt {
    socket: Socket,
    resolver: Resolver<Dialled>,
}

/// Where a socket is, and where its peer.
struct Ends {
    host: Address,
    peer: Address,
}

impl Attempt {
    /// What came of it; `None` while that is open.
    fn outcome(&self) -> Option<io::Result<Ends>> {
        match self.socket.take_error() {
            Some(error) => Some(Err(error)),
            None => match self.ends() {
                Err(error) if error.kind() == ErrorKind::NotConnected => None,
                ends => Some(ends),
            },
        }
    }

    fn ends(&self) -> io::Result<Ends> {
        let peer = self.socket.peer_address()?;
        Ok(Ends { host: self.socket.local_address()?, peer })
    }

    /// Passes the socket on, or why there is none.
    fn end(mut self, outcome: io::Result<Ends>) {
        let dialled = match outcome {
            // A port that nobody listens on, and that the system chose for this very socket: it has reached itself.
            Ok(Ends { host, peer }) if host == peer && host.port().is_some() => {
                self.socket.reset_when_closed();
                Err(ErrorKind::ConnectionRefused.into())
            }
            Ok(Ends { host, peer }) => Ok(Dialled { socket: self.socket.hand_on(), host, peer }),
            Err(error) => Err(error),
        };
        self.resolver.fire(dialled.map_err(Failure::of_a_peer));
    }
}

impl Reactor {
    /// Connects one socket, without a time-out of its own. Where nothing is to be waited for, as with a network that is
    /// not there, the Deferred has failed already. Cancelling it closes the socket.
    pub(crate) fn dial(&self, to: &Target, how: &Dialling) -> Deferred<Dialled> {
        if let Some(memory) = self.memory() {
            return self.dial_in_memory(memory, to, how);
        }
        self.begin_to_dial(to, how).unwrap_or_else(|error| Deferred::fail(Failure::of_a_peer(error)))
    }

    fn begin_to_dial(&self, to: &Target, how: &Dialling) -> io::Result<Deferred<Dialled>> {
        let mut socket = Socket::new(how.begin(to)?);
        let mut entries = self.0.entries.borrow_mut();
        let key = entries.insert(Entry::Other(Other::Attempt(None)));
        if let Err(error) = socket.register(&self.0.registry, token_of(key)) {
            entries.remove(key);
            return Err(error);
        }
        let core = Rc::downgrade(&self.0);
        let (resolver, dialled) = Deferred::with_canceller(move |_| {
            if let Some(core) = core.upgrade() {
                Self(core).remove(key);
            }
        });
        entries[key] = Entry::Other(Other::Attempt(Some(Box::new(Attempt { socket, resolver }))));
        Ok(dialled)
    }

    /// Makes a connection of a socket that has reached its peer, and tells its protocol and `watcher`.
    ///
    /// Not from inside of a connection's handlers, which have what sockets are read into.
    pub(crate) fn greet(
        &self,
        dialled: Dialled,
        factory: &dyn Welcome,
        watcher: Rc<dyn Watcher>,
    ) -> Result<(), Failure> {
        let Dialled { socket, host, peer } = dialled;
        let (home, mut refused) = (factory.home(Rc::clone(&self.0.agenda), host), None);
        self.add(|key| {
            let place = Place { home, key, peer, watcher: Some(watcher) };
            let built = HandlerPanicked::catch(|| factory.welcome(socket, place)).map_err(Failure::from);
            let driver = built.and_then(|driver| driver.ok_or_else(|| NoProtocol.into()));
            driver.map_err(|why| refused = Some(why)).ok()
        });
        refused.map_or(Ok(()), Err)
    }

    /// The poll says something about a socket that connects.
    pub(super) fn look_at_attempt(&self, key: ConnectionKey) {
        let mut entries = self.0.entries.borrow_mut();
        let Some(Entry::Other(Other::Attempt(place))) = entries.get_mut(key) else { return };
        let Some(attempt) = place.take() else { return };
        match attempt.outcome() {
            Some(outcome) => {
                entries.remove(key);
                drop(entries);
                self.guarded(|| attempt.end(outcome));
            }
            None => *place = Some(attempt),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn free_address() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.local_addr().expect("an address")
    }

    fn dial(to: SocketAddr, bind: Option<SocketAddr>) -> Result<Dialled, Failure> {
        let reactor = Reactor::new().expect("a poll");
        let dialled = reactor.dial(&Target::Tcp(to), &Dialling { bind, ..Dialling::default() });
        while !dialled.has_result() {
            reactor.turn(None).expect("a turn");
        }
        assert!(reactor.0.entries.borrow().is_empty(), "nothing is left of the attempt");
        dialled.into_result().expect("it is there")
    }

    /// What happens by chance where a client dials a port of this machine again and again that nobody listens on.
    #[test]
    fn a_port_that_reaches_itself_is_refused() {
        let address = free_address();
        let failure = dial(address, Some(address)).err().expect("nobody listens there");
        let error: io::Error = failure.trap().expect("what a system says");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn it_comes_from_where_it_is_told() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let from = free_address();
        let dialled = dial(listener.local_addr().expect("an address"), Some(from)).expect("somebody listens");
        assert_eq!(dialled.host, from.into());
        assert_eq!(listener.accept().expect("a client").1, from);
    }

    #[test]
    fn what_cannot_be_bound_is_named() {
        let nowhere = SocketAddr::from(([192, 0, 2, 1], 0));
        let failure = dial(free_address(), Some(nowhere)).err().expect("this is not our address");
        assert!(failure.to_string().starts_with("cannot connect from 192.0.2.1:0: "), "{failure}");
    }
}

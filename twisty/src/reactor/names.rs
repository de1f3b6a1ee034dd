//! The resolver of a reactor.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::rc::{Rc, Weak};

use super::{Core, Reactor};
use crate::deferred::Deferred;
use crate::error::{DnsLookupError, ReactorError};
use crate::failure::Failure;
use crate::names::{self, NameResolver};

/// Asks the system for the addresses of names: `getaddrinfo`, in a thread of the reactor's
/// [`thread_pool`](Reactor::thread_pool). What a reactor uses unless it is told otherwise.
///
/// Cancelling a look-up drops its result, and the look-up itself if it has not begun. One that has begun keeps its thread
/// until the system gives up. It does not keep the reactor alive.
///
/// Twisted's `GAIResolver`, whose look-ups cannot be cancelled.
///
/// ```
/// use twisty::names::NameResolver;
/// use twisty::reactor::GetAddrInfo;
///
/// let reactor = twisty::Reactor::new()?;
/// let addresses = GetAddrInfo::new(&reactor).resolve("127.0.0.1");
/// while !addresses.has_result() {
///     reactor.turn(None)?;
/// }
/// assert_eq!(addresses.into_result().expect("it is there")?, ["127.0.0.1".parse::<std::net::IpAddr>()?]);
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct GetAddrInfo(Weak<Core>);

impl GetAddrInfo {
    /// One that uses the threads of `reactor`.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use twisty::reactor::GetAddrInfo;
    ///
    /// let reactor = twisty::Reactor::new()?;
    /// reactor.set_name_resolver(Rc::new(GetAddrInfo::new(&reactor))); // as it was
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn new(reactor: &Reactor) -> Self {
        Self(Rc::downgrade(&reactor.0))
    }
}

impl NameResolver for GetAddrInfo {
    fn resolve(&self, name: &str) -> Deferred<Vec<IpAddr>> {
        let Some(core) = self.0.upgrade() else { return Deferred::fail(ReactorError::Gone) };
        let name = name.to_owned();
        Reactor(core)
            .defer_to_thread(move || ask(&name).map_err(|source| Failure::from(DnsLookupError { name, source })))
    }
}

fn ask(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address: SocketAddr| address.ip()).collect())
}

impl fmt::Debug for GetAddrInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetAddrInfo").finish_non_exhaustive()
    }
}

impl Reactor {
    /// The addresses of a host, each with `port`, best first: of a name, by the reactor's resolver; of an IP address or
    /// `localhost`, at once. See [`names::resolve`] for what stands for a host and how it fails. (Twisted's
    /// `reactor.resolve`, which gives one address.)
    ///
    /// ```
    /// let reactor = twisty::Reactor::new()?;
    /// let addresses = reactor.resolve("localhost", 8007).into_result().expect("it is there at once")?;
    /// assert_eq!(addresses, ["[::1]:8007".parse()?, "127.0.0.1:8007".parse()?]);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[track_caller]
    pub fn resolve(&self, host: &str, port: u16) -> Deferred<Vec<SocketAddr>> {
        names::resolve(host, port, &*self.name_resolver())
    }

    /// Who is asked for the addresses of names. (Twisted's `reactor.nameResolver`.)
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// let cancelled = reactor.name_resolver().resolve("localhost");
    /// cancelled.cancel();
    /// assert!(cancelled.into_result().expect("it is over").is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn name_resolver(&self) -> Rc<dyn NameResolver> {
        let set = self.0.names.borrow().clone();
        set.unwrap_or_else(|| Rc::new(GetAddrInfo::new(self)))
    }

    /// Asks `names` from now on. The reactor keeps it; one that needs the reactor should not keep that.
    /// Default: [`GetAddrInfo`]. (Twisted's `installNameResolver`.)
    ///
    /// ```
    /// use std::rc::Rc;
    /// use twisty::testing::{Clock, FakeResolver};
    ///
    /// let reactor = twisty::Reactor::new()?;
    /// let names = FakeResolver::new(&Clock::new()).with("example.com", ["192.0.2.1"]);
    /// reactor.set_name_resolver(Rc::new(names));
    /// let addresses = reactor.resolve("example.com", 80).into_result().expect("it is there at once")?;
    /// assert_eq!(addresses, ["192.0.2.1:80".parse()?]);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn set_name_resolver(&self, names: Rc<dyn NameResolver>) {
        // A statement of its own, so that the old one may ask when it goes.
        let old = self.0.names.replace(Some(names));
        drop(old);
    }
}

//! Names of hosts, and which of their addresses to connect to.
//!
//! - [`NameResolver`]: what knows the addresses of names. A reactor asks [`GetAddrInfo`](crate::reactor::GetAddrInfo)
//!   unless it is told otherwise; a test asks a [`testing::FakeResolver`](crate::testing::FakeResolver).
//! - [`resolve`]: the addresses of whatever stands for a host: a name, an address, `localhost`.
//! - [`HappyEyeballs`]: connects to one of several addresses, a little after each other, the first that answers wins.

mod happy_eyeballs;
mod host;

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::deferred::{Deferred, maybe_deferred};
use crate::error::DnsLookupError;

pub use happy_eyeballs::HappyEyeballs;
use host::Host;

/// What knows the addresses of names.
///
/// It is asked by [`resolve`], and so with names only that it may know: in ASCII (others as Punycode), of letters, digits,
/// `-`, `_` and `.`, no longer than the DNS allows; with neither IP addresses nor `localhost`.
///
/// The addresses come in the order in which they are to be tried, best first, of both families at once, as `getaddrinfo`
/// gives them. None at all is a failed look-up. Cancelling the Deferred stops the look-up, or drops what it brings; it
/// should not wait for that.
///
/// Twisted's `IHostnameResolver`.
///
/// ```
/// use std::net::{IpAddr, Ipv4Addr};
/// use std::rc::Rc;
/// use twisty::names::NameResolver;
/// use twisty::{Deferred, Reactor};
///
/// /// Every host is this one.
/// struct Here;
///
/// impl NameResolver for Here {
///     fn resolve(&self, _name: &str) -> Deferred<Vec<IpAddr>> {
///         Deferred::succeed(vec![Ipv4Addr::LOCALHOST.into()])
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// reactor.set_name_resolver(Rc::new(Here));
/// let addresses = reactor.resolve("example.com", 80).into_result().expect("it is there at once")?;
/// assert_eq!(addresses, ["127.0.0.1:80".parse()?]);
/// # Ok::<(), twisty::Failure>(())
/// ```
pub trait NameResolver {
    /// The addresses of a name.
    fn resolve(&self, name: &str) -> Deferred<Vec<IpAddr>>;
}

/// The addresses of a host, each with `port`, best first. [`Reactor::resolve`](crate::Reactor::resolve) does it with the
/// reactor's own resolver.
///
/// | `host` | addresses |
/// |---|---|
/// | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | itself, at once |
/// | `fe80::1%2` | itself, in the scope of the interface with this index |
/// | `localhost`, `anything.localhost` | `::1`, then `127.0.0.1`, at once and without a network (RFC 6761) |
/// | `example.com` | what `names` knows |
/// | `bücher.example` | what `names` knows of `xn--bcher-kva.example` (UTS 46) |
///
/// The Deferred fails with [`DnsLookupError`] if `host` cannot be a name, or the resolver has no address for it; otherwise
/// as the resolver's does. It is cancelled as the resolver's is.
///
/// ```
/// use std::time::Duration;
/// use twisty::names;
/// use twisty::testing::{Clock, FakeResolver};
///
/// let clock = Clock::new();
/// let fake = FakeResolver::new(&clock).after(Duration::from_secs(1), "example.com", ["2001:db8::1", "192.0.2.1"]);
/// let addresses = names::resolve("example.com", 80, &fake);
/// clock.advance(Duration::from_secs(1));
/// let addresses = addresses.into_result().expect("a second has passed")?;
/// assert_eq!(addresses, ["[2001:db8::1]:80".parse()?, "192.0.2.1:80".parse()?]);
/// # Ok::<(), twisty::Failure>(())
/// ```
#[track_caller]
pub fn resolve(host: &str, port: u16, names: &dyn NameResolver) -> Deferred<Vec<SocketAddr>> {
    let name = match Host::parse(host, port) {
        Ok(Host::Known(addresses)) => return Deferred::succeed(addresses),
        Ok(Host::Name(name)) => name,
        Err(source) => return Deferred::fail(DnsLookupError { name: host.to_owned(), source }),
    };
    let given = host.to_owned();
    // One that panics has failed: whoever connects by it is to hear so.
    maybe_deferred(|| names.resolve(&name)).add_callback(move |addresses| {
        if addresses.is_empty() {
            let source = io::Error::new(io::ErrorKind::NotFound, "it has no address");
            return Err(DnsLookupError { name: given, source }.into());
        }
        Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    })
}

//! Names that a test makes up.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::Clock;
use crate::deferred::Deferred;
use crate::error::DnsLookupError;
use crate::failure::Failure;
use crate::names::NameResolver;
use crate::task::defer_later;

/// A resolver that knows what a test tells it, and notes what it is asked. A clone is the same resolver.
///
/// A look-up is answered at once, or when its delay has passed by the clock; cancelling it takes it off the clock. A name
/// that it was not told of fails with [`DnsLookupError`]. (Twisted's counterpart: the resolvers of its own tests, and
/// `MemoryReactor`, where every name is `127.0.0.1`.)
///
/// ```
/// use std::io::ErrorKind;
/// use std::time::Duration;
/// use twisty::names::NameResolver;
/// use twisty::testing::{Clock, FakeResolver};
///
/// let clock = Clock::new();
/// let names = FakeResolver::new(&clock)
///     .with("both.example", ["2001:db8::1", "192.0.2.1"])
///     .after(Duration::from_secs(5), "slow.example", ["192.0.2.2"])
///     .failing("gone.example", ErrorKind::ConnectionReset);
///
/// assert_eq!(names.resolve("both.example").into_result().expect("at once")?.len(), 2);
/// let slow = names.resolve("slow.example");
/// clock.advance(Duration::from_secs(5));
/// assert!(slow.into_result().expect("five seconds have passed").is_ok());
/// assert!(names.resolve("gone.example").into_result().expect("at once").is_err());
/// assert_eq!(names.asked(), ["both.example", "slow.example", "gone.example"]);
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct FakeResolver(Rc<Book>);

struct Book {
    clock: Clock,
    /// By the name in lower case.
    entries: RefCell<HashMap<String, Entry>>,
    asked: RefCell<Vec<String>>,
}

#[derive(Clone)]
struct Entry {
    delay: Duration,
    answer: Result<Vec<IpAddr>, io::ErrorKind>,
}

impl FakeResolver {
    /// One that knows no name.
    ///
    /// ```
    /// use twisty::names::NameResolver;
    /// use twisty::testing::{Clock, FakeResolver};
    ///
    /// let names = FakeResolver::new(&Clock::new());
    /// assert!(names.resolve("example.com").into_result().expect("at once").is_err());
    /// ```
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self(Rc::new(Book { clock: clock.clone(), entries: RefCell::default(), asked: RefCell::default() }))
    }

    /// Gives a name its addresses, or none; what it had before is forgotten.
    ///
    /// # Panics
    /// If one of them is no IP address.
    ///
    /// ```
    /// use twisty::names::NameResolver;
    /// use twisty::testing::{Clock, FakeResolver};
    ///
    /// let names = FakeResolver::new(&Clock::new()).with("example.com", ["192.0.2.1"]);
    /// assert!(names.resolve("Example.COM").into_result().expect("at once").is_ok());
    /// ```
    #[must_use = "it is the same resolver"]
    pub fn with<'a>(self, name: &str, addresses: impl IntoIterator<Item = &'a str>) -> Self {
        self.after(Duration::ZERO, name, addresses)
    }

    /// The same; they are told when `delay` has passed.
    ///
    /// # Panics
    /// If one of them is no IP address.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::names::NameResolver;
    /// use twisty::testing::{Clock, FakeResolver};
    ///
    /// let clock = Clock::new();
    /// let names = FakeResolver::new(&clock).after(Duration::from_secs(5), "example.com", ["192.0.2.1"]);
    /// let addresses = names.resolve("example.com");
    /// assert!(!addresses.has_result());
    /// clock.advance(Duration::from_secs(5));
    /// assert!(addresses.has_result());
    /// ```
    #[must_use = "it is the same resolver"]
    pub fn after<'a>(self, delay: Duration, name: &str, addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text:?} is no IP address"));
        let answer = Ok(addresses.into_iter().map(parse).collect());
        self.enter(name, Entry { delay, answer })
    }

    /// Has look-ups of a name fail, with [`DnsLookupError`].
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use twisty::names::NameResolver;
    /// use twisty::testing::{Clock, FakeResolver};
    ///
    /// let names = FakeResolver::new(&Clock::new()).failing("example.com", ErrorKind::ConnectionReset);
    /// assert!(names.resolve("example.com").into_result().expect("at once").is_err());
    /// ```
    #[must_use = "it is the same resolver"]
    pub fn failing(self, name: &str, error: io::ErrorKind) -> Self {
        self.enter(name, Entry { delay: Duration::ZERO, answer: Err(error) })
    }

    /// The names that were asked for, oldest first.
    ///
    /// ```
    /// use twisty::names;
    /// use twisty::testing::{Clock, FakeResolver};
    ///
    /// let fake = FakeResolver::new(&Clock::new()).with("example.com", ["192.0.2.1"]);
    /// assert!(names::resolve("example.com", 80, &fake).has_result());
    /// assert!(names::resolve("192.0.2.2", 80, &fake).has_result()); // known without asking
    /// assert_eq!(fake.asked(), ["example.com"]);
    /// ```
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.0.asked.borrow().clone()
    }

    fn enter(self, name: &str, entry: Entry) -> Self {
        self.0.entries.borrow_mut().insert(name.to_ascii_lowercase(), entry);
        self
    }
}

impl NameResolver for FakeResolver {
    fn resolve(&self, name: &str) -> Deferred<Vec<IpAddr>> {
        self.0.asked.borrow_mut().push(name.to_owned());
        let entry = self.0.entries.borrow().get(&name.to_ascii_lowercase()).cloned();
        let Entry { delay, answer } =
            entry.unwrap_or(Entry { delay: Duration::ZERO, answer: Err(io::ErrorKind::NotFound) });
        let name = name.to_owned();
        let answer = answer.map_err(|kind| Failure::from(DnsLookupError { name, source: kind.into() }));
        if delay.is_zero() { answer.into() } else { defer_later(delay, &self.0.clock, move || answer) }
    }
}

impl fmt::Debug for FakeResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeResolver").field("asked", &self.0.asked.borrow()).finish_non_exhaustive()
    }
}

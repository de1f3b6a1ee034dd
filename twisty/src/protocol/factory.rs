//! What makes protocols, and what they share.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::fmt;
use std::rc::Rc;

use super::policies::Rules;
use super::slow_consumer::Tally;
use super::{Address, ClientFactory, Door, Policies, Protocol};
use crate::error::HandlerPanicked;
use crate::failure::Failure;

/// Makes a [`Protocol`] for each connection, and holds what outlives one. `#[factory]` writes this for you.
///
/// The counterpart of `twisted.internet.protocol.Factory`. Its protocols reach it with
/// [`Context::factory`](super::Context::factory) and [`Context::factory_mut`](super::Context::factory_mut).
///
/// ```
/// use twisty::{Address, prelude::*};
///
/// #[derive(Default)]
/// struct Numbered {
///     visitors: u32,
/// }
///
/// impl Factory for Numbered {
///     type Protocol = Visitor;
///
///     fn build_protocol(&mut self, _peer: &Address) -> Option<Visitor> {
///         self.visitors += 1;
///         Some(Visitor { number: self.visitors })
///     }
/// }
///
/// #[protocol(line, factory = Numbered)]
/// struct Visitor {
///     number: u32,
/// }
///
/// #[protocol]
/// impl Visitor {
///     #[on(line)]
///     fn tell(&mut self) -> String {
///         format!("You are number {}.", self.number)
///     }
/// }
///
/// let server = twisty::testing::Server::new(Numbered::default());
/// server.connect();
/// assert_eq!(server.connect().receive("?\r\n").sent(), "You are number 2.\r\n");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a factory",
    label = "not a factory",
    note = "a protocol is served by its factory: `{Self}::factory()`",
    note = "a factory of your own has `#[factory(protocol = YourProtocol)]`"
)]
pub trait Factory: Sized + 'static {
    /// What it makes.
    type Protocol: Protocol<Factory = Self>;

    /// Makes the protocol for a new connection from `peer`. `None` refuses: the connection is closed at once.
    fn build_protocol(&mut self, peer: &Address) -> Option<Self::Protocol>;

    /// Called before the first port of this factory opens. (Twisted's `startFactory`.)
    ///
    /// # Errors
    /// What keeps the factory from working; then the port does not open, and `listen` answers with it.
    fn start(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Called when the last port of this factory is closed and its last connection gone. (Twisted's `stopFactory`.)
    fn stop(&mut self) {}

    /// Connections of ports open at once; those beyond are closed at once, and reported. A client's connections are not
    /// limited. Default: 16384.
    fn max_connections(&self) -> usize {
        16_384
    }

    /// Connections open at once of one peer: an IPv4 address, an IPv6 network of 64 bits, or this machine, for all UNIX
    /// sockets together. Those beyond are closed at once, and reported. A client's connections are not limited. Default: no
    /// limit.
    fn max_connections_per_peer(&self) -> usize {
        usize::MAX
    }

    /// This factory, under policies; for a server as it is. (Twisted's `WrappingFactory`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// use twisty::protocol::Policies;
    /// # #[protocol(line)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// # }
    /// let policies = Policies::new().max_age(Duration::from_secs(3600));
    /// let server = twisty::testing::Server::new(Guest::factory().with_policies(policies));
    /// let guest = server.connect();
    /// server.advance(Duration::from_secs(3600));
    /// assert!(!guest.is_connected());
    /// ```
    fn with_policies(self, policies: Policies) -> Shared<Self> {
        Shared::new(self, Some(policies))
    }
}

/// A factory with no state of its own. (Twisted's `Factory.forProtocol`.)
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(raw)]
/// struct Greeter {
///     greeting: &'static str,
/// }
///
/// #[protocol]
/// impl Greeter {
///     #[on(connect)]
///     fn greet(&mut self, cx: &Context<Self>) -> &'static str {
///         cx.lose_connection();
///         self.greeting
///     }
/// }
///
/// let server = twisty::testing::Server::new(ForProtocol::new(|| Greeter { greeting: "hi" }));
/// assert_eq!(server.connect().sent(), "hi");
/// ```
pub struct ForProtocol<P> {
    build: Box<dyn FnMut() -> Option<P>>,
}

impl<P> ForProtocol<P> {
    /// A factory that makes its protocols with `build`.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] struct Ticket { number: u32 }
    /// # #[protocol] impl Ticket {
    /// #     #[on(line)]
    /// #     fn say(&mut self) -> String { self.number.to_string() }
    /// # }
    /// let mut numbers = 1..;
    /// let tickets = ForProtocol::new(move || Ticket { number: numbers.next().expect("no end") });
    /// # let server = twisty::testing::Server::new(tickets);
    /// let (first, second) = (server.connect(), server.connect());
    /// assert_eq!(first.receive("?\r\n").sent(), "1\r\n");
    /// assert_eq!(second.receive("?\r\n").sent(), "2\r\n");
    /// ```
    pub fn new(mut build: impl FnMut() -> P + 'static) -> Self {
        Self { build: Box::new(move || Some(build())) }
    }

    /// A factory of this one protocol, and none after it.
    pub(crate) fn once(protocol: P) -> Self
    where
        P: 'static,
    {
        let mut protocol = Some(protocol);
        Self { build: Box::new(move || protocol.take()) }
    }
}

impl<P: Default + 'static> Default for ForProtocol<P> {
    fn default() -> Self {
        Self::new(P::default)
    }
}

impl<P: Protocol<Factory = Self>> Factory for ForProtocol<P> {
    type Protocol = P;

    fn build_protocol(&mut self, _peer: &Address) -> Option<P> {
        (self.build)()
    }
}

impl<P: Protocol<Factory = Self>> ClientFactory for ForProtocol<P> {}

impl<P> fmt::Debug for ForProtocol<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForProtocol<{}>", std::any::type_name::<P>())
    }
}

/// A factory as its ports and connections share it; clone it to listen on several ports with one factory.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::Shared;
///
/// # #[protocol(line)]
/// # #[derive(Default)]
/// # struct Echo;
/// # #[protocol]
/// # impl Echo {
/// #     #[on(line)]
/// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
/// # }
/// let shared = Shared::from(Echo::factory());
/// assert_eq!(shared.connections(), 0);
/// ```
pub struct Shared<F>(Rc<Site<F>>);

struct Site<F> {
    factory: RefCell<F>,
    door: Door,
    /// Ports and connections that keep the factory started.
    users: Cell<usize>,
    slow_consumers: Rc<Tally>,
}

impl<F: Factory> Shared<F> {
    /// Connections open now, those among them that have no protocol yet because their handshake goes on.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::protocol::Shared;
    /// # use twisty::testing::Server;
    /// # #[protocol(line)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// # }
    /// let shared = Shared::from(Guest::factory());
    /// let (front, back) = (Server::new(shared.clone()), Server::new(shared.clone()));
    /// let guests = [front.connect(), back.connect()];
    /// assert_eq!(shared.connections(), guests.len());
    /// ```
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.door.connections()
    }

    /// How many messages of broadcasts were not sent to a peer, because it was too slow; see
    /// [`SlowConsumerPolicy::Drop`](super::SlowConsumerPolicy::Drop). Those of connections that are gone count too.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Member)] #[derive(Default)] struct Party { members: Vec<Transport<Line>> }
    /// # #[protocol(line, factory = Party, slow_consumer = drop, high_water = 10)] #[derive(Default)] struct Member;
    /// # #[protocol] impl Member {
    /// # #[on(connect)]
    /// # fn join(&mut self, cx: &Context<Self>) { cx.factory_mut().members.push(cx.transport()); }
    /// # #[on(line)]
    /// # fn tell(&mut self, cx: &Context<Self>, line: &str) { twisty::broadcast(&cx.factory().members, line); }
    /// # }
    /// # let shared = Shared::from(Party::default());
    /// # let server = twisty::testing::Server::new(shared.clone());
    /// let (talker, listener) = (server.connect(), server.connect());
    /// listener.stop_reading(); // and the protocol says `slow_consumer = drop, high_water = 10`
    /// talker.receive("twelve bytes\r\n").receive("and more\r\n");
    /// assert_eq!(shared.dropped(), 1);
    /// ```
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.slow_consumers.dropped.get()
    }

    /// How many peers were cut off because they were too slow for what was broadcast to them; see
    /// [`SlowConsumerPolicy::Disconnect`](super::SlowConsumerPolicy::Disconnect).
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Member)] #[derive(Default)] struct Party { members: Vec<Transport<Line>> }
    /// # #[protocol(line, factory = Party, slow_consumer = disconnect, high_water = 10)] #[derive(Default)] struct Member;
    /// # #[protocol] impl Member {
    /// # #[on(connect)]
    /// # fn join(&mut self, cx: &Context<Self>) { cx.factory_mut().members.push(cx.transport()); }
    /// # #[on(line)]
    /// # fn tell(&mut self, cx: &Context<Self>, line: &str) { twisty::broadcast(&cx.factory().members, line); }
    /// # }
    /// # let shared = Shared::from(Party::default());
    /// # let server = twisty::testing::Server::new(shared.clone());
    /// let (talker, listener) = (server.connect(), server.connect());
    /// listener.stop_reading(); // and the protocol says `slow_consumer = disconnect, high_water = 10`
    /// talker.receive("twelve bytes\r\n").receive("and more\r\n");
    /// assert_eq!(shared.cut_off(), 1);
    /// ```
    #[must_use]
    pub fn cut_off(&self) -> u64 {
        self.0.slow_consumers.cut_off.get()
    }

    /// The factory, to look at.
    ///
    /// # Panics
    /// If the result of [`borrow_mut`](Self::borrow_mut) is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::protocol::Shared;
    /// # use twisty::testing::Server;
    /// # #[factory(protocol = Voter)] #[derive(Default)] struct Poll { votes: u32 }
    /// # #[protocol(line, factory = Poll)] #[derive(Default)] struct Voter;
    /// # #[protocol] impl Voter {
    /// #     #[on(line)]
    /// #     fn vote(&mut self, cx: &Context<Self>) { cx.factory_mut().votes += 1; }
    /// # }
    /// let shared = Shared::from(Poll { votes: 0 });
    /// Server::new(shared.clone()).connect().receive("yes\r\nyes\r\n");
    /// assert_eq!(shared.borrow().votes, 2);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, F> {
        let free = self.0.factory.try_borrow();
        free.unwrap_or_else(|_| panic!("the factory is being changed: an earlier `factory_mut()` is still held here"))
    }

    /// The factory, to change.
    ///
    /// # Panics
    /// If another result of `borrow` or `borrow_mut` is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::protocol::Shared;
    /// # use twisty::testing::Server;
    /// # #[factory(protocol = Greeter)] struct Greetings { word: String }
    /// # #[protocol(line, factory = Greetings)] #[derive(Default)] struct Greeter;
    /// # #[protocol] impl Greeter {
    /// #     #[on(line)]
    /// #     fn greet(&mut self, cx: &Context<Self>) { cx.send(&cx.factory().word); }
    /// # }
    /// let shared = Shared::from(Greetings { word: "Hello".into() });
    /// let server = Server::new(shared.clone());
    /// shared.borrow_mut().word = "Good night".into();
    /// assert_eq!(server.connect().receive("hi\r\n").sent(), "Good night\r\n");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn borrow_mut(&self) -> RefMut<'_, F> {
        let free = self.0.factory.try_borrow_mut();
        free.unwrap_or_else(|_| {
            panic!("the factory is in use: an earlier `factory()` or `factory_mut()` is still held here")
        })
    }

    fn new(factory: F, policies: Option<Policies>) -> Self {
        let (door, users) = (Door::new(policies), Cell::new(0));
        Self(Rc::new(Site { factory: RefCell::new(factory), door, users, slow_consumers: Rc::default() }))
    }

    /// Whether a connection from `peer` may come in. If not, that is reported, and the answer is what to tell it.
    pub(crate) fn admit(&self, peer: Option<&Address>) -> Result<(), Vec<u8>> {
        let factory = self.borrow();
        let limits = (factory.max_connections(), factory.max_connections_per_peer());
        drop(factory);
        self.0.door.admit(peer, limits)
    }

    /// The policies that its connections come under.
    pub(crate) fn rules(&self) -> Option<&Rc<Rules>> {
        self.0.door.rules()
    }

    /// Keeps the factory started for a port.
    pub(crate) fn start(&self) -> Result<Seat<F>, Failure> {
        if self.0.users.get() == 0 {
            self.borrow_mut().start()?;
        }
        Ok(self.seat())
    }

    /// Keeps the factory started for a connection.
    pub(crate) fn seat(&self) -> Seat<F> {
        self.0.users.set(self.0.users.get() + 1);
        Seat(self.clone())
    }
}

/// What can be served: a factory, or one that is [`Shared`] already.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::IntoShared;
///
/// fn count<F: Factory>(factory: impl IntoShared<F>) -> usize {
///     factory.into_shared().connections()
/// }
/// # #[protocol(line)] #[derive(Default)] struct Echo;
/// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
/// assert_eq!(count(Echo::factory()), 0);
/// assert_eq!(count(Shared::from(Echo::factory())), 0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served: it is not a factory",
    label = "not a factory",
    note = "a protocol is served by its factory: `{Self}::factory()`",
    note = "a factory of your own has `#[factory(protocol = YourProtocol)]`; `ForProtocol<P>` is one if `P` is a protocol, with `#[protocol]` on its struct and on its impl block"
)]
pub trait IntoShared<F: Factory> {
    /// The factory as its ports and connections share it.
    fn into_shared(self) -> Shared<F>;
}

#[diagnostic::do_not_recommend]
impl<F: Factory> IntoShared<F> for F {
    fn into_shared(self) -> Shared<F> {
        self.into()
    }
}

impl<F: Factory> IntoShared<F> for Shared<F> {
    fn into_shared(self) -> Self {
        self
    }
}

/// A port's or connection's hold on its factory; the last one to go stops it.
pub(crate) struct Seat<F: Factory>(Shared<F>);

impl<F: Factory> Seat<F> {
    pub(crate) fn shared(&self) -> &Shared<F> {
        &self.0
    }

    /// Where slow consumers are counted.
    pub(super) fn tally(&self) -> Rc<Tally> {
        Rc::clone(&self.0.0.slow_consumers)
    }

    /// Its connections, counted.
    pub(crate) fn door(&self) -> &Door {
        &self.0.0.door
    }
}

impl<F: Factory> Drop for Seat<F> {
    fn drop(&mut self) {
        let site = &self.0.0;
        site.users.set(site.users.get() - 1);
        if site.users.get() == 0 {
            stop(&mut || site.factory.borrow_mut().stop());
        }
    }
}

fn stop(factory: &mut dyn FnMut()) {
    if let Err(failure) = HandlerPanicked::catch(factory) {
        tracing::error!(%failure, "a factory could not be stopped");
    }
}

impl<F: Factory> From<F> for Shared<F> {
    fn from(factory: F) -> Self {
        Self::new(factory, None)
    }
}

impl<F> Clone for Shared<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<F> fmt::Debug for Shared<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("connections", &self.0.door.connections()).finish_non_exhaustive()
    }
}

/// A place among the connections of a factory, kept for one that has no protocol yet.
pub(crate) struct Reserved<F: Factory> {
    seat: Seat<F>,
    /// Whose it is, where that counts.
    peer: Option<Address>,
}

impl<F: Factory> Reserved<F> {
    pub(crate) fn new(seat: Seat<F>, peer: Option<&Address>) -> Self {
        let door = seat.door();
        let counted = peer.filter(|peer| door.enter(&|| (*peer).clone())).cloned();
        if peer.is_none() {
            door.enter_unknown();
        }
        Self { seat, peer: counted }
    }
}

impl<F: Factory> Drop for Reserved<F> {
    fn drop(&mut self) {
        self.seat.door().leave();
        if let Some(peer) = &self.peer {
            self.seat.door().leave_peer(peer);
        }
    }
}

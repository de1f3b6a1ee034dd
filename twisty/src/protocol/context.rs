//! What a handler is given besides its frame.

use std::any::Any;
use std::cell::{OnceCell, Ref, RefCell, RefMut};
use std::fmt;
use std::rc::Rc;

use super::promises::{self, Promises};
use super::{Address, Outcome, Protocol, Seat, States, TlsInfo, ToFrame, Transport, Watch};
use crate::clock::{self, Scheduler};
use crate::deferred::{Deferred, IntoDeferred};
use crate::failure::Failure;
use crate::framing::Line;

/// A connection as its own protocol sees it: its transport, its factory and its state.
///
/// All methods take `&self`, and none of them calls a protocol: whatever they cause happens after the handler.
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Polite;
///
/// #[protocol]
/// impl Polite {
///     #[on(line)]
///     fn reply(&mut self, cx: &Context<Self>, line: &str) {
///         cx.send(format!("You said {line}."));
///         cx.send("Good bye.");
///         cx.lose_connection();
///     }
/// }
///
/// let server = twisty::testing::Server::new(Polite::factory());
/// let client = server.connect();
/// client.receive("hi\r\nthere\r\n");
/// assert_eq!(client.sent(), "You said hi.\r\nGood bye.\r\n");
/// assert!(!client.is_connected());
/// ```
pub struct Context<P: Protocol> {
    transport: Transport<P::Framing>,
    seat: Seat<P::Factory>,
    /// A `RefCell`, made when it is first asked for: one box for as long as the connection lives.
    state: OnceCell<Box<dyn Any>>,
    /// `None` until it waits for something.
    promises: OnceCell<Rc<Promises<P, Self>>>,
}

impl<P: Protocol> Context<P> {
    pub(crate) fn new(transport: Transport<P::Framing>, seat: Seat<P::Factory>) -> Self {
        if seat.door().enter(&|| transport.peer()) {
            transport.set_counted();
        }
        if let Some(watch) = Watch::over(seat.shared().rules(), &P::limits()) {
            transport.set_watch(watch);
        }
        Self { transport, seat, state: OnceCell::new(), promises: OnceCell::new() }
    }

    /// The connection is over; called once.
    pub(crate) fn leave(&self) {
        if let Some(promises) = self.promises.get() {
            promises.end();
        }
        self.seat.door().leave();
        if self.transport.take_counted() {
            self.seat.door().leave_peer(&self.transport.peer());
        }
    }

    /// What the Deferreds are waited for with.
    pub(crate) fn promises(&self) -> Option<&Promises<P, Self>> {
        self.promises.get().map(Rc::as_ref)
    }

    /// The same, to call the protocol from elsewhere.
    pub(crate) fn shared_promises(&self) -> Rc<Promises<P, Self>> {
        Rc::clone(self.promises.get_or_init(Promises::new))
    }

    /// Has the outcome of `deferred` put into effect when it fires, at the place of this handler's reply.
    pub(crate) fn promise_reply<S: States, R: Outcome<P, S> + 'static>(&self, deferred: Deferred<R>) {
        let reply = self.transport.promise_reply();
        self.wait_for(deferred, move |_, cx, result| {
            let (mut result, mut next) = (Some(result), None);
            cx.transport.keep_promise(reply, || next = result.take().and_then(|result| result.apply(cx)));
            next.into_iter().for_each(|next: S| next.enter(cx));
            result.into_iter().for_each(promises::unheard);
        });
    }

    fn wait_for<T: 'static>(
        &self,
        deferred: Deferred<T>,
        job: impl FnOnce(&mut P, &Self, Result<T, Failure>) + 'static,
    ) {
        let transport = self.transport();
        let wake = move || {
            transport.disturb();
            transport.enter();
        };
        self.promises.get_or_init(Promises::new).wait_for(deferred, wake, job);
    }

    pub(crate) fn link(&self) -> &Transport<P::Framing> {
        &self.transport
    }

    /// A handle to this connection, to keep: in the factory, say, for others to send to.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Member)] #[derive(Default)] struct Party { members: Vec<Transport<Line>> }
    /// # #[protocol(line, factory = Party)] #[derive(Default)] struct Member;
    /// # #[protocol] impl Member {
    /// #[on(connect)]
    /// fn join(&mut self, cx: &Context<Self>) {
    ///     cx.factory_mut().members.push(cx.transport());
    /// }
    /// # #[on(line)]
    /// # fn hear(&mut self) {}
    /// # }
    /// # let server = twisty::testing::Server::new(Member::factory());
    /// let client = server.connect();
    /// assert!(server.factory().members[0].is_connected());
    /// ```
    #[must_use]
    pub fn transport(&self) -> Transport<P::Framing> {
        self.transport.clone()
    }

    /// The factory that this connection belongs to, to look at.
    ///
    /// # Panics
    /// If the result of [`factory_mut`](Self::factory_mut) is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Greeter)] struct Greetings { word: String }
    /// # #[protocol(line, factory = Greetings)] #[derive(Default)] struct Greeter;
    /// # #[protocol] impl Greeter {
    /// #[on(line)]
    /// fn greet(&mut self, cx: &Context<Self>, name: &str) -> String {
    ///     format!("{}, {name}!", cx.factory().word)
    /// }
    /// # }
    /// # let server = twisty::testing::Server::new(Greetings { word: "Hello".into() });
    /// # let client = server.connect();
    /// assert_eq!(client.receive("Ann\r\n").sent(), "Hello, Ann!\r\n");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn factory(&self) -> Ref<'_, P::Factory> {
        self.seat.shared().borrow()
    }

    /// The factory that this connection belongs to, to change.
    ///
    /// # Panics
    /// If another result of `factory` or `factory_mut` is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voter)] #[derive(Default)] struct Poll { votes: u32 }
    /// # #[protocol(line, factory = Poll)] #[derive(Default)] struct Voter;
    /// # #[protocol] impl Voter {
    /// #[on(line)]
    /// fn vote(&mut self, cx: &Context<Self>) {
    ///     cx.factory_mut().votes += 1;
    /// }
    /// # }
    /// # let server = twisty::testing::Server::new(Voter::factory());
    /// server.connect().receive("yes\r\n");
    /// assert_eq!(server.factory().votes, 1);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn factory_mut(&self) -> RefMut<'_, P::Factory> {
        self.seat.shared().borrow_mut()
    }

    /// Connections of this factory that are open now, this one included.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #[on(line)]
    /// fn count(&mut self, cx: &Context<Self>) -> String {
    ///     format!("{} here", cx.connections())
    /// }
    /// # }
    /// # let server = twisty::testing::Server::new(Guest::factory());
    /// let (first, _second) = (server.connect(), server.connect());
    /// assert_eq!(first.receive("how many?\r\n").sent(), "2 here\r\n");
    /// ```
    #[must_use]
    pub fn connections(&self) -> usize {
        self.seat.shared().connections()
    }

    /// Sends a frame to the peer; see [`Transport::send`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Twice;
    /// # #[protocol] impl Twice {
    /// #[on(line)]
    /// fn twice(&mut self, cx: &Context<Self>, line: &str) {
    ///     cx.send(line);
    ///     cx.send(line);
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Twice::factory()).connect();
    /// assert_eq!(client.receive("hi\r\n").sent(), "hi\r\nhi\r\n");
    /// ```
    #[inline]
    pub fn send(&self, frame: impl ToFrame) {
        self.transport.send(frame);
    }

    /// Writes bytes to the peer as they are, without any framing; see [`Transport::write`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Shell;
    /// # #[protocol] impl Shell {
    /// #[on(line)]
    /// fn prompt(&mut self, cx: &Context<Self>) {
    ///     cx.write("> ");
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Shell::factory()).connect();
    /// assert_eq!(client.receive("true\r\n").sent(), "> ");
    /// ```
    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        self.transport.write(bytes);
    }

    /// Closes this connection once everything sent so far is on its way; see [`Transport::lose_connection`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Polite;
    /// # #[protocol] impl Polite {
    /// #[on(line)]
    /// fn part(&mut self, cx: &Context<Self>) {
    ///     cx.send("Good bye.");
    ///     cx.lose_connection();
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Polite::factory()).connect();
    /// assert_eq!(client.receive("QUIT\r\nand more\r\n").sent(), "Good bye.\r\n");
    /// assert!(!client.is_connected());
    /// ```
    pub fn lose_connection(&self) {
        self.transport.lose_connection();
    }

    /// Closes our side of this connection once everything sent so far is on its way; see
    /// [`Transport::lose_write_connection`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Asker;
    /// # #[protocol] impl Asker {
    /// #[on(connect)]
    /// fn ask(&mut self, cx: &Context<Self>) -> &'static str {
    ///     cx.lose_write_connection(); // all is asked, now we listen
    ///     "What time is it?"
    /// }
    /// # #[on(line)]
    /// # fn hear(&mut self) {}
    /// # }
    /// # let client = twisty::testing::Server::new(Asker::factory()).connect();
    /// assert_eq!(client.sent(), "What time is it?\r\n");
    /// assert!(client.write_side_is_closed());
    /// ```
    pub fn lose_write_connection(&self) {
        self.transport.lose_write_connection();
    }

    /// Ends this connection at once; see [`Transport::abort_connection`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Strict;
    /// # #[protocol] impl Strict {
    /// #[on(line)]
    /// fn refuse(&mut self, cx: &Context<Self>) {
    ///     cx.send("this will never arrive");
    ///     cx.abort_connection();
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Strict::factory()).connect();
    /// assert!(client.receive("hi\r\n").is_aborted());
    /// assert_eq!(client.sent(), "");
    /// ```
    pub fn abort_connection(&self) {
        self.transport.abort_connection();
    }

    /// Closes this connection for a reason; see [`Transport::fail`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Radio;
    /// # #[protocol] impl Radio {
    /// #[on(line)]
    /// fn skip(&mut self, cx: &Context<Self>) {
    ///     cx.fail(Failure::message("that was the last song"));
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Radio::factory()).connect();
    /// assert!(!client.receive("next\r\n").is_connected());
    /// ```
    pub fn fail(&self, reason: impl Into<Failure>) {
        self.transport.fail(reason);
    }

    /// Stops delivery after this frame; see [`Transport::pause_reading`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Worker;
    /// # #[protocol] impl Worker {
    /// #[on(line)]
    /// fn start(&mut self, cx: &Context<Self>, job: &str) {
    ///     cx.send(job);
    ///     cx.pause_reading();
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Worker::factory()).connect();
    /// assert_eq!(client.receive("one\r\ntwo\r\n").sent(), "one\r\n");
    /// assert_eq!(client.unread(), b"two\r\n");
    /// ```
    pub fn pause_reading(&self) {
        self.transport.pause_reading();
    }

    /// Delivers again; see [`Transport::resume_reading`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Worker;
    /// # #[protocol] impl Worker {
    /// #[on(line)]
    /// fn start(&mut self, cx: &Context<Self>, job: &str) {
    ///     cx.pause_reading(); // until the job is done
    ///     if job == "nothing" {
    ///         cx.resume_reading();
    ///     }
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Worker::factory()).connect();
    /// assert_eq!(client.receive("nothing\r\nwash up\r\ndry\r\n").unread(), b"dry\r\n");
    /// ```
    pub fn resume_reading(&self) {
        self.transport.resume_reading();
    }

    /// The framing of this connection, to change its settings; see [`Transport::framing_mut`].
    ///
    /// # Panics
    /// If the result of an earlier call is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Brief;
    /// # #[protocol] impl Brief {
    /// #[on(line)]
    /// fn shorter(&mut self, cx: &Context<Self>, line: &str) {
    ///     cx.framing_mut().set_max_length(line.len());
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Brief::factory()).connect();
    /// assert!(client.receive("four\r\nfour\r\n").is_connected());
    /// assert!(!client.receive("fives\r\n").is_connected());
    /// ```
    #[must_use]
    pub fn framing_mut(&self) -> RefMut<'_, P::Framing> {
        self.transport.framing_mut()
    }

    /// Calls `then` with this protocol and the value of `deferred`, once it fires: right after the handlers that run
    /// now. A failure ends the connection, as a handler's does; so does one that `then` returns.
    ///
    /// When the connection is lost before, the Deferred is cancelled and `then` is never called. Nor is it called once the
    /// connection was asked to close. To see failures too, make them values first: `deferred.add_both(Ok)`.
    ///
    /// There is no limit to what is attached. A handler that attaches something for each frame calls
    /// [`pause_reading`](Self::pause_reading) until it is done, or a peer can have it attach without end.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Fan)] #[derive(Default)] struct Stage { next_song: Option<Resolver<String>> }
    /// # #[protocol(line, factory = Stage)] #[derive(Default)] struct Fan { heard: u32 }
    /// # #[protocol] impl Fan {
    /// #[on(line)]
    /// fn wait(&mut self, cx: &Context<Self>) {
    ///     let (resolver, song) = Deferred::<String>::new();
    ///     cx.factory_mut().next_song = Some(resolver);
    ///     cx.attach(song, |me, cx, song| {
    ///         me.heard += 1;
    ///         cx.send(format!("song {}: {song}", me.heard));
    ///     });
    /// }
    /// # }
    /// # let server = twisty::testing::Server::new(Stage::default());
    /// let fan = server.connect();
    /// fan.receive("what comes next?\r\n");
    /// let next_song = server.factory_mut().next_song.take().expect("somebody waits");
    /// next_song.callback("Yesterday".into());
    /// server.advance(std::time::Duration::ZERO);
    /// assert_eq!(fan.sent(), "song 1: Yesterday\r\n");
    /// ```
    pub fn attach<T, R>(&self, deferred: Deferred<T>, then: impl FnOnce(&mut P, &Self, T) -> R + 'static)
    where
        T: 'static,
        R: IntoDeferred<Value = ()>,
    {
        self.wait_for(deferred, |me, cx, result| match result {
            Ok(value) if cx.transport.is_connected() => match then(me, cx, value).into_deferred().into_result() {
                Ok(done) => Self::attached_is_done(me, cx, done),
                Err(pending) => cx.wait_for(pending, Self::attached_is_done),
            },
            Ok(_too_late) => {}
            Err(failure) => Self::attached_is_done(me, cx, Err(failure)),
        });
    }

    fn attached_is_done(_: &mut P, cx: &Self, result: Result<(), Failure>) {
        match result {
            Err(failure) if cx.transport.is_connected() => cx.fail(failure),
            late => promises::unheard(late),
        }
    }

    /// The clock that this connection lives by: its reactor, or the test's. Where a handler runs because the reactor is
    /// dropped, it is a clock that drops what it is to call.
    ///
    /// For use on the spot, not to be kept: in a protocol, which the reactor holds, or in a call that is to come, it would
    /// keep the reactor alive for ever.
    ///
    /// # Panics
    /// Outside of all handlers, where no clock runs; see [`clock::current`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// use twisty::task::defer_later;
    /// # #[protocol(line)] #[derive(Default)] struct Kitchen;
    /// # #[protocol] impl Kitchen {
    /// #[on(line)]
    /// fn tea(&mut self, cx: &Context<Self>) -> Deferred<&'static str> {
    ///     defer_later(Duration::from_secs(180), &cx.clock(), || Ok("tea is ready"))
    /// }
    /// # }
    /// # let server = twisty::testing::Server::new(Kitchen::factory());
    /// # let client = server.connect();
    /// client.receive("tea, please\r\n");
    /// server.advance(Duration::from_secs(180));
    /// assert_eq!(client.sent(), "tea is ready\r\n");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn clock(&self) -> Rc<dyn Scheduler> {
        match clock::current() {
            Some(clock) => clock,
            None => panic!("no clock runs here: `cx.clock()` is for handlers, and what they call"),
        }
    }

    /// The other end's address.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Mirror;
    /// # #[protocol] impl Mirror {
    /// #[on(line)]
    /// fn tell(&mut self, cx: &Context<Self>) -> String {
    ///     format!("you are {}", cx.peer())
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Mirror::factory()).connect();
    /// assert!(client.receive("who am I?\r\n").sent().starts_with("you are tcp:"));
    /// ```
    #[must_use]
    pub fn peer(&self) -> Address {
        self.transport.peer()
    }

    /// What the two ends have agreed on, if the connection is encrypted; see [`Transport::tls`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Careful;
    /// # #[protocol] impl Careful {
    /// #[on(line)]
    /// fn tell(&mut self, cx: &Context<Self>) -> &'static str {
    ///     if cx.tls().is_some() { "the secret" } else { "not in clear" }
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Careful::factory()).connect();
    /// assert_eq!(client.receive("what is it?\r\n").sent(), "not in clear\r\n");
    /// ```
    #[must_use]
    pub fn tls(&self) -> Option<Rc<TlsInfo>> {
        self.transport.tls()
    }

    /// This end's address.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Guide;
    /// # #[protocol] impl Guide {
    /// #[on(line)]
    /// fn tell(&mut self, cx: &Context<Self>) -> String {
    ///     format!("this is {}", cx.host())
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Guide::factory()).connect();
    /// assert!(client.receive("where am I?\r\n").sent().starts_with("this is tcp:"));
    /// ```
    #[must_use]
    pub fn host(&self) -> Address {
        self.transport.host()
    }

    /// The state of this connection, made by `S::default()` when first asked for. It is what `#[state_machine]` keeps
    /// its states in, so that your struct needs no field for them; a connection has one, of one type.
    ///
    /// # Panics
    /// If it is asked for as two different types, or while an earlier result is held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Counter;
    /// # #[protocol] impl Counter {
    /// #[on(line)]
    /// fn count(&mut self, cx: &Context<Self>) -> String {
    ///     *cx.state::<u32>() += 1;
    ///     cx.state::<u32>().to_string()
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Counter::factory()).connect();
    /// assert_eq!(client.receive("a\r\nb\r\n").sent(), "1\r\n2\r\n");
    /// ```
    #[must_use]
    pub fn state<S: Default + 'static>(&self) -> RefMut<'_, S> {
        let state = self.state.get_or_init(|| Box::new(RefCell::new(S::default())));
        match state.downcast_ref::<RefCell<S>>() {
            Some(state) => state.borrow_mut(),
            None => panic!("the state of this connection is not a {}", std::any::type_name::<S>()),
        }
    }
}

/// Between lines: raw mode.
///
/// ```
/// use twisty::prelude::*;
///
/// /// A number n on a line, then n bytes of anything.
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Upload {
///     body: Vec<u8>,
/// }
///
/// #[protocol]
/// impl Upload {
///     #[on(line)]
///     fn size(&mut self, cx: &Context<Self>, bytes: usize) {
///         cx.set_raw_mode_for(bytes);
///     }
///
///     #[on(raw)]
///     fn more(&mut self, cx: &Context<Self>, data: &[u8]) -> Option<String> {
///         self.body.extend_from_slice(data);
///         let complete = cx.raw_left() == 0; // comes true once, also for a body of no bytes
///         complete.then(|| format!("{} bytes received", std::mem::take(&mut self.body).len()))
///     }
/// }
///
/// let server = twisty::testing::Server::new(Upload::factory());
/// let client = server.connect();
/// client.receive("3\r\na\r\n0\r\n");
/// assert_eq!(client.sent(), "3 bytes received\r\n0 bytes received\r\n");
/// ```
impl<P: Protocol<Framing = Line>> Context<P> {
    /// Delivers all that follows, also of this chunk, as `raw` events; see [`Line::set_raw_mode`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Tunnel;
    /// # #[protocol] impl Tunnel {
    /// #[on(line)]
    /// fn open(&mut self, cx: &Context<Self>) {
    ///     cx.set_raw_mode();
    /// }
    /// # #[on(raw)]
    /// # fn pass(&mut self, cx: &Context<Self>, data: &[u8]) { cx.write(data); }
    /// # }
    /// # let client = twisty::testing::Server::new(Tunnel::factory()).connect();
    /// assert_eq!(client.receive("CONNECT\r\nany\0thing").sent(), "any\0thing"); // what `#[on(raw)]` wrote back
    /// ```
    pub fn set_raw_mode(&self) {
        self.framing_mut().set_raw_mode();
    }

    /// Delivers the next `bytes` bytes as `raw` events, then lines again; see [`Line::set_raw_mode_for`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Upload;
    /// # #[protocol] impl Upload {
    /// #[on(line)]
    /// fn size(&mut self, cx: &Context<Self>, bytes: usize) {
    ///     cx.set_raw_mode_for(bytes);
    /// }
    /// # #[on(raw)]
    /// # fn body(&mut self, cx: &Context<Self>, data: &[u8]) { cx.write(data); }
    /// # }
    /// # let client = twisty::testing::Server::new(Upload::factory()).connect();
    /// assert_eq!(client.receive("3\r\nabc2\r\nde").sent(), "abcde"); // what `#[on(raw)]` wrote back
    /// ```
    pub fn set_raw_mode_for(&self, bytes: usize) {
        self.framing_mut().set_raw_mode_for(bytes);
    }

    /// How many bytes of a counted raw stretch are still to come; see [`Line::raw_left`].
    #[must_use]
    pub fn raw_left(&self) -> usize {
        self.framing_mut().raw_left()
    }

    /// Delivers lines again, first those in `rest`, the part of its data that a `raw` handler does not want; see
    /// [`Line::set_line_mode`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Note;
    /// # #[protocol] impl Note {
    /// # #[on(connect)]
    /// # fn start(&mut self, cx: &Context<Self>) { cx.set_raw_mode(); }
    /// #[on(raw)]
    /// fn text(&mut self, cx: &Context<Self>, data: &[u8]) {
    ///     if let Some(end) = data.iter().position(|byte| *byte == 0) {
    ///         cx.set_line_mode(&data[end + 1..]);
    ///     }
    /// }
    /// # #[on(line)]
    /// # fn line(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// # let client = twisty::testing::Server::new(Note::factory()).connect();
    /// assert_eq!(client.receive("text\0line\r\n").sent(), "line\r\n"); // what `#[on(line)]` sent back
    /// ```
    pub fn set_line_mode(&self, rest: &[u8]) {
        self.framing_mut().set_line_mode(rest);
    }
}

impl<P: Protocol> fmt::Debug for Context<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("transport", &self.transport).finish_non_exhaustive()
    }
}

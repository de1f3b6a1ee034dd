//! Producers: what sends as much as a peer takes, and no more.

use super::{Limits, Phase, Rare, ToFrame, Transport};
use crate::error::{AlreadyProducing, NothingProduced};
use crate::framing::Framing;

/// What sends at its own pace, and can be held up: another connection, a timer, a sensor. Twisted's `IPushProducer`.
///
/// Registered with [`Transport::register_producer`], it is told when the queue of that connection goes over the
/// `high_water` of its protocol and when it has fallen to the `low_water`: one `pause`, then one `resume`, in turns. It is called
/// between the handlers, and may use any transport.
///
/// A [`Transport`] is one itself: while the connection that it feeds is too slow, it does not read.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use twisty::prelude::*;
/// use twisty::protocol::PushProducer;
///
/// /// Says whether whoever measures should go on.
/// struct Sensor(Rc<Cell<bool>>);
///
/// impl PushProducer for Sensor {
///     fn pause(&mut self) {
///         self.0.set(false);
///     }
///
///     fn resume(&mut self) {
///         self.0.set(true);
///     }
///
///     fn stop(&mut self) {
///         self.0.set(false);
///     }
/// }
/// # fn example(display: &Transport<Line>) -> twisty::Result<()> {
/// let measures = Rc::new(Cell::new(true));
/// display.register_producer(Sensor(Rc::clone(&measures)))?;
/// # Ok(())
/// # }
/// ```
pub trait PushProducer {
    /// Too much is queued: send nothing for now. (Twisted's `pauseProducing`.)
    fn pause(&mut self);

    /// The queue ran low: go on. Comes only after a [`pause`](Self::pause). (Twisted's `resumeProducing`.)
    fn resume(&mut self);

    /// The connection is lost: nobody takes any more. Comes at most once, last, and before `disconnect`. Not after
    /// [`Transport::unregister_producer`]. (Twisted's `stopProducing`.)
    fn stop(&mut self);
}

/// What sends when it is asked to: a file, the rows of a query. Twisted's `IPullProducer`.
///
/// Registered with [`Transport::register_pull_producer`]. A closure `FnMut(&Producing<'_>)` is one.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::Producing;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Count;
///
/// #[protocol]
/// impl Count {
///     #[on(line)]
///     fn count(&mut self, cx: &Context<Self>, to: u32) -> twisty::Result<()> {
///         let mut numbers = 1..=to;
///         cx.transport().register_pull_producer(move |out: &Producing<'_>| match numbers.next() {
///             Some(number) => out.send(number.to_string()),
///             None => out.finish(),
///         })?;
///         cx.lose_connection(); // once it has counted
///         Ok(())
///     }
/// }
///
/// let client = twisty::testing::Server::new(Count::factory()).connect();
/// assert_eq!(client.receive("3\r\n").sent(), "1\r\n2\r\n3\r\n");
/// assert!(!client.is_connected());
/// ```
pub trait PullProducer {
    /// The queue is at its `low_water` or below: send more, now, or [`finish`](Producing::finish). What sends nothing
    /// and is not finished ends the connection with [`NothingProduced`], since it would never be called again: one that
    /// has to wait is a [`PushProducer`]. (Twisted's `resumeProducing`.)
    fn produce(&mut self, out: &Producing<'_>);

    /// The connection is lost: nobody takes any more. Comes at most once, last, and before `disconnect`; not after
    /// [`finish`](Producing::finish) or [`Transport::unregister_producer`]. (Twisted's `stopProducing`.)
    fn stop(&mut self) {}
}

impl<T: FnMut(&Producing<'_>)> PullProducer for T {
    fn produce(&mut self, out: &Producing<'_>) {
        self(out);
    }
}

/// Two connections can be piped: what arrives at one is sent on the other, which holds the first one up while it is too slow.
impl<F: Framing> PushProducer for Transport<F> {
    fn pause(&mut self) {
        self.pause_reading();
    }

    fn resume(&mut self) {
        self.resume_reading();
    }

    fn stop(&mut self) {
        self.lose_connection();
    }
}

/// Where a [`PullProducer`] sends to, for as long as it is asked to.
///
/// ```
/// use twisty::protocol::Producing;
///
/// fn say_hello(out: &Producing<'_>) {
///     out.send("hello");
///     out.finish();
/// }
/// ```
#[expect(missing_debug_implementations, reason = "it is a call, and shows nothing")]
pub struct Producing<'a>(&'a dyn Consumer);

impl Producing<'_> {
    /// Sends a frame; see [`Transport::send`].
    pub fn send(&self, frame: impl ToFrame) {
        self.0.send_frame(&frame.to_frame());
    }

    /// Sends bytes as they are, without any framing; see [`Transport::write`].
    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        self.0.write_bytes(bytes.as_ref());
    }

    /// The producer is done: it is not called any more, and from now on another one can be registered.
    pub fn finish(&self) {
        self.0.finish();
    }
}

/// A transport whose framing is of no interest.
trait Consumer {
    fn send_frame(&self, frame: &[u8]);
    fn write_bytes(&self, bytes: &[u8]);
    fn finish(&self);
}

impl<F: Framing> Consumer for Transport<F> {
    fn send_frame(&self, frame: &[u8]) {
        self.send(frame);
    }

    fn write_bytes(&self, bytes: &[u8]) {
        self.write(bytes);
    }

    fn finish(&self) {
        self.unregister_producer();
    }
}

/// What a connection wants of its producer, or of its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Too much is queued.
    Pause,
    /// The queue ran low.
    Resume,
    /// The connection closes, and does not wait for it.
    Stop,
}

/// A producer that is registered.
pub(crate) struct Production {
    /// `None` while it is called.
    producer: Option<Producer>,
    paused: bool,
    /// Closing does not wait for it.
    given_up: bool,
}

enum Producer {
    Push(Box<dyn PushProducer>),
    Pull(Box<dyn PullProducer>),
}

impl Producer {
    fn stop(&mut self) {
        match self {
            Self::Push(producer) => producer.stop(),
            Self::Pull(producer) => producer.stop(),
        }
    }
}

impl Production {
    fn flow(&self, queued: usize, limits: &Limits) -> Option<Flow> {
        let mark = if self.paused { limits.low_water_mark() } else { limits.high_water };
        match &self.producer {
            _ if self.given_up => Some(Flow::Stop),
            Some(Producer::Push(_)) if self.paused != (queued > mark) => {
                Some(if self.paused { Flow::Resume } else { Flow::Pause })
            }
            Some(Producer::Pull(_)) if queued <= limits.low_water_mark() => Some(Flow::Resume),
            _ => None,
        }
    }

    /// The connection is lost.
    pub(crate) fn end(mut self) {
        if let Some(mut producer) = self.producer.take() {
            producer.stop();
        }
    }
}

impl Rare {
    /// Closing does not wait for the producer any more.
    pub(super) fn give_up_producer(&mut self) {
        if let Some(production) = &mut self.production {
            production.given_up = true;
        }
    }

    /// Takes the producer out, to be called without anything else being touched meanwhile.
    fn take_producer(&mut self, flow: Flow) -> Option<Producer> {
        let production = self.production.as_mut()?;
        production.paused = flow == Flow::Pause;
        let producer = production.producer.take();
        self.production.take_if(|_| flow == Flow::Stop);
        producer
    }

    /// Puts it back, unless its place is gone or taken; then it is answered, to be dropped elsewhere.
    fn put_back(&mut self, producer: Producer) -> Option<Producer> {
        match &mut self.production {
            Some(Production { producer: place @ None, .. }) => place.replace(producer),
            _ => Some(producer),
        }
    }
}

impl<F: Framing> Transport<F> {
    /// Has `producer` told when to pause and when to go on, so that what it sends on this connection does not pile up.
    /// One that comes while too much is queued is paused soon. (Twisted's `registerProducer(producer, True)`.)
    ///
    /// [`lose_connection`](Self::lose_connection) and [`lose_write_connection`](Self::lose_write_connection) wait until
    /// it is [unregistered](Self::unregister_producer): until then what is sent still goes out. While closing waits,
    /// something must be written every `close_timeout`, or the connection is cut off. They do not wait after an error, nor
    /// when the peer has closed: then the producer is stopped at once. On a connection that closes already so is
    /// `producer`, before this returns.
    ///
    /// # Errors
    /// [`AlreadyProducing`], and `producer` is dropped, if the connection has one.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(from: &Transport<Raw>, to: &Transport<Raw>) -> twisty::Result<()> {
    /// to.register_producer(from.clone())?; // while `to` is too slow, `from` is not read
    /// assert!(to.register_producer(from.clone()).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn register_producer(&self, producer: impl PushProducer + 'static) -> Result<(), AlreadyProducing> {
        self.register(Producer::Push(Box::new(producer)))
    }

    /// Asks `producer` for more each time the queue has fallen to the `low_water` of the protocol, first after the handlers of
    /// this turn. What else [`register_producer`](Self::register_producer) says holds too. (Twisted's
    /// `registerProducer(producer, False)`.)
    ///
    /// # Errors
    /// [`AlreadyProducing`], and `producer` is dropped, if the connection has one.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// use twisty::protocol::Producing;
    ///
    /// # fn example(peer: &Transport<Raw>) -> twisty::Result<()> {
    /// let mut chunks = vec!["one", "two", "three"].into_iter();
    /// peer.register_pull_producer(move |out: &Producing<'_>| match chunks.next() {
    ///     Some(chunk) => out.write(chunk),
    ///     None => out.finish(),
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn register_pull_producer(&self, producer: impl PullProducer + 'static) -> Result<(), AlreadyProducing> {
        self.register(Producer::Pull(Box::new(producer)))
    }

    fn register(&self, mut producer: Producer) -> Result<(), AlreadyProducing> {
        if self.phase() != Phase::Open {
            producer.stop();
            return Ok(());
        }
        let refused = self.with_rare(|rare| match rare.production {
            Some(_) => Some(producer),
            None => {
                rare.production = Some(Production { producer: Some(producer), paused: false, given_up: false });
                None
            }
        });
        self.enter();
        if refused.is_some() { Err(AlreadyProducing) } else { Ok(()) }
    }

    /// Forgets the producer, if there is one: it is not called any more. A connection that was asked to close and waited for
    /// it closes now. (Twisted's `unregisterProducer`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(from: &Transport<Raw>, to: &Transport<Raw>) -> twisty::Result<()> {
    /// to.register_producer(from.clone())?;
    /// to.lose_connection(); // open until nothing more comes from `from`
    /// to.unregister_producer();
    /// # Ok(())
    /// # }
    /// ```
    pub fn unregister_producer(&self) {
        drop(self.take_production());
        self.enter();
    }

    pub(crate) fn take_production(&self) -> Option<Production> {
        self.if_rare(|rare| rare.production.take()).flatten()
    }

    /// Whether a producer is registered.
    pub(super) fn has_producer(&self) -> bool {
        self.if_rare(|rare| rare.production.is_some()) == Some(true)
    }

    /// Whether closing waits for a producer.
    pub(crate) fn waits_for_producer(&self) -> bool {
        let waits = |rare: &mut Rare| rare.production.as_ref().is_some_and(|production| !production.given_up);
        self.if_rare(waits) == Some(true)
    }

    pub(super) fn give_up_producer(&self) {
        self.if_rare(Rare::give_up_producer);
    }

    /// What is to be done because of what is queued now, if anything is.
    #[inline]
    pub(crate) fn flow(&self) -> Option<Flow> {
        if self.has_rare() { self.flow_if_watched() } else { None }
    }

    #[cold]
    fn flow_if_watched(&self) -> Option<Flow> {
        self.if_rare(|rare| rare.drained || rare.production.is_some()).filter(|watched| *watched)?;
        // It may be code of the user's.
        let limits = (self.0.home.limits)();
        let queued = self.outbox().len();
        self.if_rare(|rare| {
            let flow = rare.production.as_ref().and_then(|production| production.flow(queued, &limits));
            if rare.drained { flow.or(Some(Flow::Resume)) } else { flow }
        })?
    }

    /// Whether the protocol is to be told that the queue ran low; once.
    pub(crate) fn take_drained(&self) -> bool {
        self.if_rare(|rare| std::mem::take(&mut rare.drained)) == Some(true)
    }

    /// Tells the producer what is wanted of it.
    pub(crate) fn call_producer(&self) {
        let Some(flow) = self.flow() else { return };
        let Some(mut producer) = self.if_rare(|rare| rare.take_producer(flow)).flatten() else { return };
        let before = self.outbox().len();
        match (&mut producer, flow) {
            (producer, Flow::Stop) => producer.stop(),
            (Producer::Push(producer), Flow::Pause) => producer.pause(),
            (Producer::Push(producer), Flow::Resume) => producer.resume(),
            (Producer::Pull(producer), _) => producer.produce(&Producing(self)),
        }
        let idle = matches!(producer, Producer::Pull(_)) && self.outbox().len() == before;
        let left = self.if_rare(|rare| rare.put_back(producer)).flatten();
        if idle && left.is_none() && self.phase() < Phase::Aborting && !self.agenda().has_fault() {
            self.fail(NothingProduced);
        }
    }
}

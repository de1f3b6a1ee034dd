//! The user's end of a connection: [`Transport`].

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use super::broadcast::Encoded;
use super::replies::Applying;
use super::{
    Address, Agenda, Compact, ConnectionKey, Home, Limits, Outbox, Owed, Queue, Rare, TlsInfo, ToFrame, Watch,
};
use crate::error::{OutboxFull, SendError};
use crate::failure::Failure;
use crate::framing::Framing;

/// A handle to one connection, to send on it from anywhere: another protocol, the factory, a timer.
///
/// Cheap to clone. It never blocks and never calls a protocol: what is sent is queued, and written once the handlers of
/// this turn have run. Once the connection closes, everything here is a silent no-op, as in Twisted.
///
/// Two handles are equal if they are of the same connection, so that they can be kept in sets.
///
/// ```
/// use twisty::prelude::*;
///
/// /// Everyone hears everyone.
/// #[factory(protocol = Member)]
/// #[derive(Default)]
/// struct Party {
///     members: Vec<Transport<Line>>,
/// }
///
/// #[protocol(line, factory = Party)]
/// #[derive(Default)]
/// struct Member;
///
/// #[protocol]
/// impl Member {
///     #[on(connect)]
///     fn join(&mut self, cx: &Context<Self>) {
///         cx.factory_mut().members.push(cx.transport());
///     }
///
///     #[on(line)]
///     fn say(&mut self, cx: &Context<Self>, line: &str) {
///         twisty::broadcast(&cx.factory().members, line);
///     }
///
///     #[on(disconnect)]
///     fn leave(&mut self, cx: &Context<Self>) {
///         cx.factory_mut().members.retain(|member| *member != cx.transport());
///     }
/// }
/// ```
pub struct Transport<F>(pub(super) Rc<Link<F>>);

/// What a connection and the handles to it share.
pub(super) struct Link<F> {
    /// Here rather than in the connection, because who sends needs it to encode.
    pub(super) framing: RefCell<F>,
    pub(super) outbox: RefCell<Outbox>,
    pub(super) phase: Cell<Phase>,
    /// Nothing changed how frames are delivered since that was looked at last. Cleared by what may change it.
    calm: Cell<bool>,
    /// What is sent now is a handler's outcome.
    pub(super) applying: Cell<Applying>,
    /// Whether replies are owed, in the outbox, or our side is closed or closes; so that what a handler returns is not simply
    /// sent. Each frame asks.
    pub(super) owes: Cell<bool>,
    /// The user paused reading.
    paused: Cell<bool>,
    delivery: Cell<Delivery>,
    /// Delivery was resumed, by the user or by a queue that drained, and had really stopped before.
    pub(super) restarted: Cell<bool>,
    /// Whether the connection is on the agenda.
    entered: Cell<bool>,
    /// What few connections have.
    pub(super) rare: Cell<Option<Box<Rare>>>,
    pub(super) home: Rc<Home>,
    key: ConnectionKey,
    peer: Compact,
}

/// How far a connection is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Open,
    /// TLS begins: open, but nothing is delivered and nothing written except by who sees to that.
    Upgrading,
    /// Our side is closed, or closes: nothing can be queued, but what the peer sends is delivered. See
    /// [`WriteSide`](super::half_close::WriteSide).
    Mute,
    /// Closes once the outbox is written; nothing is delivered, nothing can be queued.
    Closing,
    /// Closes at once.
    Aborting,
    /// `connection_lost` was called.
    Closed,
}

/// How far delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The inbox was looked through: it is at most one unfinished frame.
    Done,
    /// The same, but something was resumed since, or changed: it is to be looked through again.
    Again,
    /// The inbox was not looked through, because delivery stopped.
    Stopped,
    /// The peer sends nothing more, and all it sent was delivered.
    Ended,
}

impl<F: Framing> Transport<F> {
    pub(crate) fn new(framing: F, home: Rc<Home>, key: ConnectionKey, peer: Address) -> Self {
        Self(Rc::new(Link {
            framing: RefCell::new(framing),
            outbox: RefCell::default(),
            phase: Cell::new(Phase::Open),
            calm: Cell::new(false),
            applying: Cell::new(Applying::Nothing),
            owes: Cell::new(false),
            paused: Cell::new(false),
            delivery: Cell::new(Delivery::Done),
            restarted: Cell::new(false),
            entered: Cell::new(false),
            rare: Cell::new(None),
            home,
            key,
            peer: peer.into(),
        }))
    }

    /// Sends a frame. One that the framing cannot carry is not sent, and ends the connection whose handler tried to;
    /// [`try_send`](Self::try_send) tells instead.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.send("hello"); // goes out as "hello\r\n"
    /// # }
    /// ```
    #[inline]
    pub fn send(&self, frame: impl ToFrame) {
        if let Err(error) = self.try_send(frame) {
            self.blame(error);
        }
    }

    #[cold]
    pub(super) fn blame(&self, error: SendError) {
        self.agenda().blame(error.into());
    }

    /// Sends a frame if the framing can carry it.
    ///
    /// # Errors
    /// [`SendError`], and nothing is sent, when it cannot: a line with a delimiter in it, a string too long for its
    /// prefix.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// assert!(friend.try_send("two\r\nlines").is_err());
    /// # }
    /// ```
    #[inline]
    pub fn try_send(&self, frame: impl ToFrame) -> Result<(), SendError> {
        // Before anything is borrowed: it is code of the user's.
        let frame = frame.to_frame();
        self.append(|framing, out| framing.encode(&frame, out))
    }

    /// Writes bytes as they are, without any framing. (Twisted's `transport.write`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.write("HTTP/1.0 200 OK\r\n\r\n");
    /// # }
    /// ```
    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        // Before anything is borrowed, here too.
        let bytes = bytes.as_ref();
        let _infallible = self.append(|_, out| {
            out.extend_from_slice(bytes);
            Ok(())
        });
    }

    /// Sends a frame that others are sent too.
    #[inline]
    pub(super) fn send_encoded(&self, encoded: &Encoded) {
        if self.0.applying.get() == Applying::Reply {
            encoded.with_bytes(|bytes| self.write(bytes));
        } else if let Some(mut queue) = self.open_queue(Self::passes_by) {
            queue.append_encoded(encoded);
        }
    }

    #[inline]
    fn append(&self, append: impl FnOnce(&F, &mut Vec<u8>) -> Result<(), SendError>) -> Result<(), SendError> {
        if self.0.applying.get() == Applying::Reply {
            return self.append_reply(append);
        }
        let Some(mut queue) = self.open_queue(Self::is_overfull) else { return Ok(()) };
        queue.append(|out| append(&self.0.framing.borrow(), out))
    }

    /// The queue of the outbox, and the connection on the agenda, if something may be queued. Not for a peer that left too much
    /// unread, as `refuses` says.
    // Always: each frame that is sent comes here, and a hint is followed or not as the program is cut into units.
    #[inline(always)]
    fn open_queue(&self, refuses: impl FnOnce(&Self, &Queue) -> bool) -> Option<RefMut<'_, Queue>> {
        if !self.takes_messages() {
            return None;
        }
        let queue = RefMut::map(self.outbox(), |outbox| outbox.queue(self.agenda()));
        if refuses(self, &queue) {
            return None;
        }
        self.enter();
        Some(queue)
    }

    /// Whether what is sent now goes out: the connection is open, or this belongs to the outcome of a handler that closes it,
    /// or it waits for a producer.
    #[inline]
    pub(super) fn takes_messages(&self) -> bool {
        self.0.phase.get() <= Phase::Upgrading || self.takes_last_words()
    }

    #[cold]
    fn takes_last_words(&self) -> bool {
        let last_words = matches!(self.0.applying.get(), Applying::LastWords | Applying::Reply);
        last_words || (self.0.phase.get() < Phase::Aborting && self.waits_for_producer())
    }

    /// Whether the peer left too much unread; then it is cut off.
    #[inline]
    pub(super) fn is_overfull(&self, queue: &Queue) -> bool {
        queue.is_backlogged() && self.is_over_the_limit(queue.len())
    }

    #[cold]
    pub(super) fn is_over_the_limit(&self, queued: usize) -> bool {
        let limit = (self.0.home.limits)().outbox_limit;
        let overfull = queued > limit;
        if overfull {
            self.close(Phase::Aborting, Some(Failure::of_a_peer(OutboxFull { queued, limit })));
        }
        overfull
    }

    /// Closes the connection once everything sent so far, and what the running handler returns, has been handed to the
    /// operating system. Nothing is delivered and nothing can be sent from now on. The `disconnect` reason is [`ConnectionDone`](crate::ConnectionDone).
    ///
    /// A peer that does not take the rest within the protocol's `close_timeout` is cut off. A producer goes on first: see
    /// [`register_producer`](Self::register_producer).
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.send("bye");
    /// friend.lose_connection();
    /// # }
    /// ```
    pub fn lose_connection(&self) {
        self.close(Phase::Closing, None);
    }

    /// Ends the connection at once: what is queued is thrown away and the peer sees a reset. The `disconnect` reason is
    /// [`ConnectionAborted`](crate::ConnectionAborted); it comes after the running handler.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(spammer: Transport<Line>) {
    /// spammer.abort_connection();
    /// # }
    /// ```
    pub fn abort_connection(&self) {
        self.close(Phase::Aborting, None);
    }

    /// Closes the connection as [`lose_connection`](Self::lose_connection) does, for a reason that `disconnect` is
    /// given and that is reported.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.fail(Failure::message("the song is over"));
    /// # }
    /// ```
    pub fn fail(&self, reason: impl Into<Failure>) {
        self.close(Phase::Closing, Some(reason.into()));
    }

    pub(crate) fn close(&self, phase: Phase, reason: Option<Failure>) {
        if self.0.phase.get() == Phase::Closed {
            return;
        }
        // Also if it closes already: a panic after `lose_connection` is still why.
        if let Some(reason) = reason {
            let _second = self.with_rare(|rare| {
                rare.give_up_producer();
                match rare.reason {
                    Some(_) => Some(reason),
                    None => rare.reason.replace(reason),
                }
            });
        }
        if self.0.phase.get() < phase {
            // What is queued meanwhile is to be encrypted: without that, it goes nowhere.
            let in_clear = self.0.phase.get() == Phase::Upgrading;
            self.0.phase.set(if in_clear { phase.max(Phase::Aborting) } else { phase });
            self.disturb();
            self.enter();
        }
    }

    /// Stops delivery after the frame that is handled now, until [`resume_reading`](Self::resume_reading). What arrives
    /// meanwhile waits, here up to one read and then in the operating system, so the peer is slowed down.
    /// (Twisted's `pauseProducing`.)
    ///
    /// While paused, that the peer closes is not noticed either.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.pause_reading();
    /// friend.resume_reading();
    /// # }
    /// ```
    pub fn pause_reading(&self) {
        self.0.paused.set(true);
        self.disturb();
    }

    /// Delivers again; what has waited comes right after the handlers of this turn. (Twisted's `resumeProducing`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.resume_reading();
    /// # }
    /// ```
    pub fn resume_reading(&self) {
        if self.0.paused.replace(false) {
            self.0.restarted.set(true);
        }
        self.look_again();
        self.enter();
    }

    /// Ends the connection with [`IdleTimeout`](crate::IdleTimeout) when no byte moved for so long from now on, in either
    /// direction; `None` never does. What held before, whether declared or a policy. (Twisted's `TimeoutProtocol.setTimeout`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// let before = friend.set_idle_timeout(Some(Duration::from_secs(5)));
    /// friend.set_idle_timeout(before); // starts anew
    /// # }
    /// ```
    pub fn set_idle_timeout(&self, limit: Option<Duration>) -> Option<Duration> {
        self.enter();
        let limits = self.0.home.limits;
        self.with_rare(|rare| {
            let watch = rare.watch.get_or_insert_with(|| Watch::new(None, &limits()));
            watch.restarted = true;
            std::mem::replace(&mut watch.idle_timeout, limit)
        })
    }

    /// The framing of this connection, to change its settings in mid-conversation.
    ///
    /// # Panics
    /// If the result of an earlier call is still held.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.framing_mut().set_max_length(1024);
    /// # }
    /// ```
    #[must_use]
    pub fn framing_mut(&self) -> RefMut<'_, F> {
        self.disturb();
        self.decoder()
    }

    /// The same, for delivery itself.
    #[inline]
    pub(crate) fn decoder(&self) -> RefMut<'_, F> {
        self.0.framing.borrow_mut()
    }

    /// Puts the connection on the agenda, unless it is there.
    #[inline]
    pub(crate) fn enter(&self) {
        if !self.0.entered.get() {
            self.0.entered.set(true);
            self.agenda().enter(self.0.key);
        }
    }

    /// Whether frames are delivered as the last one was, if the outbox takes their replies.
    #[inline]
    pub(crate) fn is_calm(&self) -> bool {
        self.0.calm.get()
    }

    pub(crate) fn set_calm(&self, calm: bool) {
        self.0.calm.set(calm);
    }

    /// Has what else there is than frames looked at, before the next one.
    pub(crate) fn disturb(&self) {
        self.set_calm(false);
    }

    /// Has the inbox looked through, though nothing more may have come.
    pub(crate) fn look_again(&self) {
        if self.0.delivery.get() == Delivery::Done {
            self.0.delivery.set(Delivery::Again);
        }
    }

    /// Whether the inbox is to be looked through; once, if it is for another time.
    pub(crate) fn take_resumed(&self) -> bool {
        let delivery = self.0.delivery.get();
        if delivery == Delivery::Again {
            self.0.delivery.set(Delivery::Done);
        }
        matches!(delivery, Delivery::Again | Delivery::Stopped)
    }

    pub(crate) fn set_delivery(&self, delivery: Delivery) {
        self.0.delivery.set(delivery);
    }

    /// Whether no more is to be read: something waits in the inbox that was not looked through, or nothing more comes.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.0.delivery.get(), Delivery::Stopped | Delivery::Ended)
    }

    /// Whether the peer sends nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.delivery.get() == Delivery::Ended
    }

    /// Whether delivery had stopped, so that waiting for the peer starts anew.
    pub(crate) fn take_restarted(&self) -> bool {
        self.0.restarted.take()
    }

    pub(crate) fn left_agenda(&self) {
        self.0.entered.set(false);
    }

    /// Whether all is written that was sent; if not, `writable` says whether the peer takes it, as far as is known.
    pub(crate) fn look_after_outbox(&self, writable: bool) -> bool {
        let mut outbox = self.outbox();
        outbox.tidy(self.agenda());
        outbox.set_backlogged(!writable);
        outbox.is_empty()
    }

    /// Whether a frame may be delivered. Going over the high-water mark stops delivery until no more than the low-water mark
    /// is left, so that a peer which sends and never reads costs bounded memory.
    #[inline]
    pub(crate) fn accepts(&self, limits: fn() -> Limits) -> bool {
        let flows = !self.0.paused.get() && matches!(self.0.phase.get(), Phase::Open | Phase::Mute);
        // Most have nothing queued, and owe nothing.
        if self.outbox().is_idle() { flows } else { self.is_not_stalled(&limits()) && flows }
    }

    /// Whether neither what is queued nor what is owed is too much; that it is not any more is noticed here.
    fn is_not_stalled(&self, limits: &Limits) -> bool {
        let was_stalled = self.outbox().is_stalled();
        let stalled = self.queued() > if was_stalled { limits.low_water_mark() } else { limits.high_water };
        self.outbox().set_stalled(stalled);
        if was_stalled && !stalled {
            self.0.restarted.set(true);
            self.look_again();
            self.with_rare(|rare| rare.drained = true);
        }
        let waits = self.promised_replies() >= limits.max_pending_replies.max(1);
        !stalled && !waits
    }

    pub(crate) fn phase(&self) -> Phase {
        self.0.phase.get()
    }

    /// Ends it for good; why it was to close, if something said so.
    pub(crate) fn closed(&self) -> Option<Failure> {
        self.0.phase.set(Phase::Closed);
        self.disturb();
        self.outbox().clear(self.agenda());
        self.0.owes.set(false);
        self.if_rare(|rare| rare.reason.take()).flatten()
    }

    pub(crate) fn outbox(&self) -> RefMut<'_, Outbox> {
        self.0.outbox.borrow_mut()
    }

    pub(super) fn framing(&self) -> Ref<'_, F> {
        self.0.framing.borrow()
    }

    pub(crate) fn agenda(&self) -> &Agenda {
        &self.0.home.agenda
    }
}

impl<F> Transport<F> {
    /// Whether the connection is open: neither lost nor asked to close. It is while one of its sides is closed.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// friend.lose_connection();
    /// assert!(!friend.is_connected());
    /// # }
    /// ```
    #[must_use]
    #[inline]
    pub fn is_connected(&self) -> bool {
        self.0.phase.get() < Phase::Closing
    }

    /// Bytes that are sent but not yet handed to the operating system, replies among them that wait behind others.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// if friend.queued() > 100_000 {
    ///     friend.abort_connection(); // too slow for us
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn queued(&self) -> usize {
        let held = if self.0.owes.get() { self.owed(Owed::held) } else { 0 };
        self.0.outbox.borrow().len() + held
    }

    /// The other end's address, also after the connection is gone. (Twisted's `getPeer`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// println!("hello to {}", friend.peer());
    /// # }
    /// ```
    #[must_use]
    pub fn peer(&self) -> Address {
        (&self.0.peer).into()
    }

    /// What the two ends have agreed on, if the connection is encrypted; from [`Protocol::connection_made`](crate::Protocol)
    /// on over `tls:`, and when the Deferred of `start_tls` fires. (Twisted's `getPeerCertificate` and
    /// `negotiatedProtocol`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// let is_private = friend.tls().is_some();
    /// # }
    /// ```
    #[must_use]
    pub fn tls(&self) -> Option<Rc<TlsInfo>> {
        let rare = self.0.rare.take()?;
        let tls = rare.tls.clone();
        self.0.rare.set(Some(rare));
        tls
    }

    /// This end's address, also after the connection is gone. (Twisted's `getHost`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// println!("hello from {}", friend.host());
    /// # }
    /// ```
    #[must_use]
    pub fn host(&self) -> Address {
        self.0.home.host().clone()
    }
}

impl<F> Clone for Transport<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<F> PartialEq for Transport<F> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<F> Eq for Transport<F> {}

impl<F> Hash for Transport<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Rc::as_ptr(&self.0).hash(state);
    }
}

impl<F> fmt::Debug for Transport<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Transport");
        debug.field("peer", &self.peer()).field("phase", &self.0.phase.get()).field("queued", &self.queued());
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{Line, Raw};

    /// Its share of what an idle connection costs, without the framing's own; see `transport::Stream`.
    #[test]
    fn an_idle_link_is_small() {
        assert!(size_of::<RcBox<Raw>>() <= 88, "{} bytes", size_of::<RcBox<Raw>>());
        assert!(size_of::<RcBox<Line>>() <= 152, "{} bytes", size_of::<RcBox<Line>>());
    }

    /// What an `Rc` allocates.
    struct RcBox<F> {
        _counts: [usize; 2],
        _link: Link<F>,
    }
}

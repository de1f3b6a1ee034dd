//! The heart of one connection, without I/O: bytes in, bytes and wishes out.
//!
//! Whoever moves the bytes (a socket, a test) drives it:
//!
//! - **Input**: [`Connection::open`], once; then [`handle_bytes`](Connection::handle_bytes),
//!   [`handle_eof`](Connection::handle_eof), [`handle_timeout`](Connection::handle_timeout). Each says what time it is.
//! - **What next**: [`step`](Connection::step), until it answers [`Step::Wait`]. It is asked after every input, and
//!   whenever the connection stands on the [`Agenda`](crate::protocol::Agenda): somebody sent on it, or wants it
//!   closed.
//! - **Output**: [`output`](Connection::output), then [`handle_written`](Connection::handle_written).
//! - **The end**: [`finish`](Connection::finish), which every way out leads to.

mod deliver;
mod demands;

use std::cell::{Cell, RefMut};
use std::rc::Rc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{self, CloseTimeout, ConnectionAborted, HandlerPanicked};
use crate::failure::Failure;
use crate::protocol::{
    Address, Agenda, ConnectionKey, Context, Flow, Handles, Home, Inbox, Outbox, Phase, Promises, Protocol, Seat,
    Transport, Upgrade, Watcher,
};

pub(crate) struct Connection<P: Protocol> {
    protocol: P,
    cx: Context<P>,
    /// Bytes that arrived and are not consumed, if there are any.
    inbox: Option<Box<Inbox>>,
    /// Since when the protocol waits for a frame.
    waiting_since: Timestamp,
    /// When bytes last moved, in either direction.
    moved_at: Cell<Timestamp>,
    /// When closing takes too long: first to write what is queued, then for the peer to read it.
    close_by: Cell<Timestamp>,
}

/// What a connection wants its driver to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Reset the connection and [`finish`](Connection::finish) it.
    Abort,
    /// Write [`output`](Connection::output).
    Write,
    /// Close the connection in good order and [`finish`](Connection::finish) it.
    Close,
    /// Call [`handle_resume`](Connection::handle_resume).
    Resume,
    /// Call [`handle_fired`](Connection::handle_fired).
    Run,
    /// Call [`handle_flow`](Connection::handle_flow).
    Flow(Flow),
    /// Close our side of the connection, and call [`handle_shutdown`](Connection::handle_shutdown).
    Shutdown,
    /// TLS begins: go on with [`take_upgrade`](Connection::take_upgrade), and wait if there is nothing to go on with.
    Upgrade,
    /// Nothing until the next input.
    Wait,
}

/// Where a new connection stands.
pub(crate) struct Place {
    pub(crate) home: Rc<Home>,
    pub(crate) key: ConnectionKey,
    pub(crate) peer: Address,
    /// Who is told how it goes, besides its protocol.
    pub(crate) watcher: Option<Rc<dyn Watcher>>,
}

impl<P: Protocol> Connection<P> {
    pub(crate) fn new(protocol: P, seat: Seat<P::Factory>, place: Place) -> Self {
        let Place { home, key, peer, watcher } = place;
        home.count_for(&seat);
        let transport = Transport::new(P::framing(), home, key, peer);
        watcher.into_iter().for_each(|watcher| transport.set_watcher(watcher));
        Self {
            protocol,
            cx: Context::new(transport, seat),
            inbox: None,
            waiting_since: Timestamp::ZERO,
            moved_at: Cell::new(Timestamp::ZERO),
            close_by: Cell::new(Timestamp::NEVER),
        }
    }

    // ---- input

    /// The connection is there.
    pub(crate) fn open(&mut self, now: Timestamp) {
        self.waiting_since = now;
        self.moved_at.set(now);
        self.cx.link().watch_opened(now);
        self.cx.link().tell_of_begin();
        self.guarded(&mut |me| me.protocol.connection_made(&me.cx));
        self.cx.link().tell_of_success();
    }

    /// Bytes arrived, any number of them, cut anyhow.
    pub(crate) fn handle_bytes(&mut self, now: Timestamp, bytes: &[u8]) {
        self.moved_at.set(now);
        if self.cx.link().has_rare() {
            self.cx.link().watch_received(now, bytes);
        }
        self.wait_anew_if_restarted(now);
        self.guarded(&mut |me| me.accept(now, bytes));
    }

    /// What has waited since a pause may be delivered; the answer to [`Step::Resume`].
    pub(crate) fn handle_resume(&mut self, now: Timestamp) {
        self.wait_anew_if_restarted(now);
        self.guarded(&mut |me| {
            let mut inbox = me.inbox.take().unwrap_or_else(|| me.cx.link().agenda().inboxes.take());
            let (used, missing) = me.deliver(now, inbox.unread());
            inbox.advance(now, used);
            inbox.missing = missing;
            me.keep(inbox);
        });
    }

    /// Delivery had stopped and goes on: until now the peer waited, not we.
    fn wait_anew_if_restarted(&mut self, now: Timestamp) {
        if self.cx.link().take_restarted() {
            self.waiting_since = now;
            self.wait_anew_for_frame(now);
        }
    }

    /// Deferreds that the protocol waits for have fired; the answer to [`Step::Run`].
    pub(crate) fn handle_fired(&mut self, now: Timestamp) {
        while self.has_jobs() {
            self.guarded(&mut |me| me.run_job(now));
        }
    }

    /// The peer will send nothing more, so that an unfinished frame never will be one.
    pub(crate) fn handle_eof(&mut self, now: Timestamp) {
        self.handle_fired(now);
        self.cx.link().end_input();
        self.drop_inbox();
        if self.cx.link().is_connected() {
            self.guarded(&mut |me| me.protocol.eof_received(&me.cx));
        }
        self.close_if_spent();
    }

    /// Our side of the connection is closed; the answer to [`Step::Shutdown`].
    #[cold]
    pub(crate) fn handle_shutdown(&mut self) {
        self.cx.link().shut();
        self.guarded(&mut |me| me.protocol.write_connection_lost(&me.cx));
        self.close_if_spent();
    }

    fn close_if_spent(&self) {
        if self.cx.link().is_spent() {
            self.cx.link().close(Phase::Closing, None);
        }
    }

    /// Too much is queued, or little again; the answer to [`Step::Flow`].
    #[cold]
    pub(crate) fn handle_flow(&mut self) {
        if self.cx.link().take_drained() && self.cx.link().is_connected() {
            self.guarded(&mut |me| me.protocol.drained(&me.cx));
        }
        self.guarded(&mut |me| me.cx.link().call_producer());
    }

    /// Time passed: [`deadline`](Self::deadline) may have come. Early calls are harmless.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp) {
        let limits = P::limits();
        self.reopen(now);
        match self.cx.link().phase() {
            Phase::Closing if self.close_by.get() <= now => {
                let (queued, promised) = (self.cx.link().queued(), self.cx.link().promised_replies());
                let reason = CloseTimeout { limit: limits.close_timeout, queued, promised };
                self.cx.link().close(Phase::Aborting, Some(Failure::of_a_peer(reason)));
            }
            // While we do not read, or owe a reply, that nothing comes is not the peer's fault.
            Phase::Open | Phase::Mute
                if !self.accepts() || self.is_throttled() || self.cx.link().promised_replies() > 0 =>
            {
                self.waiting_since = now;
                if !self.waits_for_reader() {
                    self.moved_at.set(now);
                }
            }
            Phase::Open | Phase::Mute if self.timeout().is_some_and(|limit| self.waiting_since + limit <= now) => {
                self.waiting_since = now;
                self.guarded(&mut |me| me.protocol.timed_out(&me.cx));
            }
            _ => {}
        }
        if !self.accepts() || self.is_throttled() {
            self.wait_anew_for_frame(now);
        }
        if self.cx.link().is_connected()
            && let Some(reason) = self.overdue(now)
        {
            self.cx.link().fail(reason);
        }
    }

    // ---- what next

    /// What to do now, given whether the other side takes output.
    pub(crate) fn step(&self, now: Timestamp, writable: bool) -> Step {
        let link = self.cx.link();
        link.left_agenda();
        let throttled = link.has_rare() && self.holds_back(now, writable);
        let writable = writable && !throttled;
        let written = link.look_after_outbox(writable);
        match link.phase() {
            Phase::Aborting => Step::Abort,
            Phase::Closed => Step::Wait,
            Phase::Upgrading => self.step_of_upgrade(),
            _ if self.has_jobs() => Step::Run,
            _ if !written && writable => Step::Write,
            Phase::Closing => self.step_on_closing(now, written, throttled),
            Phase::Open | Phase::Mute => self.step_on(written),
        }
    }

    /// What to do while there is nothing to run or write.
    #[inline]
    fn step_on(&self, written: bool) -> Step {
        let link = self.cx.link();
        // It is noticed here that the queue ran low.
        let accepts = self.accepts();
        match link.flow() {
            Some(flow) => Step::Flow(flow),
            None if written && link.may_shut() => Step::Shutdown,
            None if accepts && link.take_resumed() => Step::Resume,
            None => Step::Wait,
        }
    }

    fn step_on_closing(&self, now: Timestamp, written: bool, throttled: bool) -> Step {
        let link = self.cx.link();
        if let Some(flow) = link.flow() {
            return Step::Flow(flow);
        }
        if written && !link.owes_words() && !link.waits_for_producer() {
            return Step::Close;
        }
        // What is held back here is not the peer's fault.
        if throttled || self.close_by.get() == Timestamp::NEVER {
            self.close_by.set(now + P::limits().close_timeout);
        }
        Step::Wait
    }

    #[cold]
    fn step_of_upgrade(&self) -> Step {
        if self.has_jobs() { Step::Run } else { Step::Upgrade }
    }

    /// Whether more bytes may be read: not while paused, closing, or with too much queued, and not before what is here
    /// already has been delivered.
    pub(crate) fn wants_input(&self) -> bool {
        !self.cx.link().is_stopped() && self.accepts() && !self.is_throttled()
    }

    /// Whether frames may be delivered.
    fn accepts(&self) -> bool {
        self.cx.link().accepts(P::limits)
    }

    /// How long the protocol waits for a frame. It is asked outside of its handlers, so it is guarded by itself.
    fn timeout(&self) -> Option<Duration> {
        if self.cx.link().has_ended() {
            return None;
        }
        HandlerPanicked::catch(|| self.protocol.timeout(&self.cx)).unwrap_or_else(|panicked| {
            self.cx.link().fail(panicked);
            None
        })
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, unless something happens before.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let waits = |since: Timestamp, limit: Option<Duration>| limit.map(|limit| since + limit);
        match self.cx.link().phase() {
            Phase::Upgrading => self.upgrade_deadline(),
            Phase::Closing => {
                let opens_at = self.cx.link().write_opens_at();
                let close_by = Some(self.close_by.get()).filter(|by| *by != Timestamp::NEVER);
                close_by.into_iter().chain(opens_at).min()
            }
            Phase::Open | Phase::Mute => {
                let quiet = waits(self.waiting_since, self.timeout());
                let idle = waits(self.moved_at.get(), self.idle_timeout());
                let begun = if self.inbox.is_some() { self.frame_due() } else { None };
                let watched = self.cx.link().watch_deadline();
                quiet.into_iter().chain(idle).chain(begun).chain(watched).min()
            }
            Phase::Closed => self.lingers_until(),
            Phase::Aborting => None,
        }
    }

    /// Nothing else is waited for meanwhile.
    #[cold]
    fn upgrade_deadline(&self) -> Option<Timestamp> {
        self.cx.link().upgrade_deadline()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.cx.link().phase()
    }

    pub(crate) fn transport(&self) -> &Transport<P::Framing> {
        self.cx.link()
    }

    /// Bytes that arrived and were not delivered.
    pub(crate) fn unread(&self) -> &[u8] {
        self.inbox.as_deref().map_or(&[], Inbox::unread)
    }

    /// The TLS that begins; the answer to [`Step::Upgrade`].
    pub(crate) fn take_upgrade(&self) -> Option<Upgrade> {
        self.cx.link().take_upgrade(self.unread().len())
    }

    // ---- output

    /// What is to be written.
    pub(crate) fn output(&self) -> RefMut<'_, Outbox> {
        self.cx.link().outbox()
    }

    /// The first `count` bytes of the output are written.
    #[inline]
    pub(crate) fn handle_written(&mut self, now: Timestamp, count: usize) {
        self.moved_at.set(now);
        if self.cx.link().has_rare() {
            self.cx.link().watch_written(now, count);
        }
        self.cx.link().outbox().advance(count);
        if self.close_by.get() != Timestamp::NEVER && self.cx.link().waits_for_producer() {
            // However long it is what the producer sends: the peer takes it.
            self.close_by.set(Timestamp::NEVER);
        }
    }

    // ---- the end

    /// Ends it, the first time this is called: `disconnect` with the reason it was closed for, or else with `reason`.
    pub(crate) fn finish(&mut self, reason: Failure) {
        self.finish_seen(reason, |_| {});
    }

    /// The same, with a look at the reason.
    pub(crate) fn finish_seen(&mut self, reason: Failure, look: impl FnOnce(&Failure)) {
        if self.cx.link().phase() == Phase::Closed {
            return;
        }
        self.close_by.set(Timestamp::NEVER);
        let reason = self.cx.link().closed().unwrap_or(reason);
        // A report shows what a user's error says of itself.
        let reported = HandlerPanicked::catch(|| {
            self.report(&reason);
            look(&reason);
        });
        self.drop_inbox();
        let stopped = self.cx.link().end_rare();
        let watcher = self.cx.link().take_mourner(&reason);
        let lost = HandlerPanicked::catch(|| self.protocol.connection_lost(&self.cx, reason));
        self.cx.leave();
        for panicked in [reported, stopped, lost].into_iter().filter_map(Result::err) {
            self.report(&panicked.into());
        }
        if let Some(failure) = self.cx.link().agenda().take_fault() {
            self.report(&failure);
        }
        if let Some((watcher, reason)) = watcher {
            watcher.lost(reason);
        }
    }

    /// What reaches this connection from outside.
    pub(crate) fn handles(&self) -> Handles<P> {
        (self.cx.transport(), self.cx.shared_promises())
    }

    /// Gives the peer of a finished connection until then to read what was written.
    pub(crate) fn linger(&self, until: Timestamp) {
        self.close_by.set(until);
    }

    /// Until when a finished connection lingers, if it does.
    pub(crate) fn lingers_until(&self) -> Option<Timestamp> {
        (self.phase() == Phase::Closed && self.close_by.get() != Timestamp::NEVER).then(|| self.close_by.get())
    }

    /// Does not wait for the peer of a finished connection any more.
    pub(crate) fn stop_lingering(&self) {
        if self.phase() == Phase::Closed {
            self.close_by.set(Timestamp::NEVER);
        }
    }

    // ---- delivery

    /// Whether something has fired that may be dealt with. While the peer leaves too much unread it waits, as frames do.
    fn has_jobs(&self) -> bool {
        self.cx.promises().is_some_and(Promises::has_jobs) && self.cx.link().outbox().len() <= P::limits().high_water
    }

    fn run_job(&mut self, now: Timestamp) {
        let Some(job) = self.cx.promises().and_then(Promises::next_job) else { return };
        job.run(&mut self.protocol, &self.cx);
        if self.cx.link().take_restarted() {
            // The peer was not idle, it waited too; and what comes next may have waited for this.
            self.waiting_since = now;
            self.cx.link().look_again();
        }
    }

    /// Runs handlers so that neither a panic nor a mistake gets past this connection, and no earlier one gets to it.
    fn guarded(&mut self, call: &mut dyn FnMut(&mut Self)) {
        report_stray(self.cx.link().agenda());
        if let Err(panicked) = HandlerPanicked::catch(|| call(self)) {
            self.cx.link().fail(panicked);
        }
        self.settle_fault();
    }

    /// After a handler: what it did wrong elsewhere, and what it has said last.
    fn settle_fault(&self) {
        self.cx.link().end_last_words();
        if let Some(failure) = self.cx.link().agenda().take_fault() {
            self.cx.link().fail(failure);
        }
    }

    fn report(&self, reason: &Failure) {
        report_end(std::any::type_name::<P>(), &self.cx.peer(), reason);
    }
}

/// A connection that its driver drops without a word is lost all the same.
impl<P: Protocol> Drop for Connection<P> {
    fn drop(&mut self) {
        self.finish(Failure::of_a_peer(ConnectionAborted));
    }
}

// What follows knows no protocol: a program has it once, and not once for each.

fn report_stray(agenda: &Agenda) {
    if let Some(failure) = agenda.take_fault() {
        tracing::error!(%failure, "something was sent outside of all handlers that cannot be");
    }
}

/// Once for each connection: an error if it is ours to mend, information if it is the peer's.
fn report_end(protocol: &str, peer: &Address, reason: &Failure) {
    if error::is_orderly(reason) {
        tracing::debug!(protocol, %peer, %reason, "connection closed");
    } else if error::is_peers_fault(reason) {
        tracing::info!(protocol, %peer, %reason, "connection closed");
    } else {
        tracing::error!(protocol, %peer, %reason, origin = %reason.origin(), "connection closed");
    }
}

#[cfg(test)]
mod tests {
    //! What no driver in memory brings about: input that comes before the connection was asked what next.

    use std::cell::Cell;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::rc::Rc;
    use std::time::Duration;

    use slotmap::SlotMap;

    use super::*;
    use crate::framing::Line;
    use crate::protocol::{Address, Agenda, ForProtocol, IntoShared};

    /// Pauses at its first line, and counts when it has waited too long.
    #[derive(Default)]
    struct Pupil {
        late: Cell<u32>,
    }

    impl Protocol for Pupil {
        type Framing = Line;
        type Factory = ForProtocol<Self>;

        fn framing() -> Line {
            Line::new()
        }

        fn frame_received(&mut self, cx: &Context<Self>, _: &[u8]) {
            cx.pause_reading();
        }

        fn timeout(&self, _: &Context<Self>) -> Option<Duration> {
            Some(Duration::from_secs(1))
        }

        fn timed_out(&mut self, _: &Context<Self>) {
            self.late.set(self.late.get() + 1);
        }
    }

    fn connect() -> Connection<Pupil> {
        let shared = ForProtocol::<Pupil>::default().into_shared();
        let address = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 8007)));
        let home = Home::of::<Pupil>(Rc::<Agenda>::default(), address.clone());
        let key = SlotMap::<ConnectionKey, ()>::with_key().insert(());
        Connection::new(Pupil::default(), shared.seat(), Place { home, key, peer: address, watcher: None })
    }

    #[test]
    fn a_time_out_counts_from_the_resumption_also_if_bytes_come_with_it() {
        let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
        let mut connection = connect();
        connection.open(at(0));
        connection.handle_bytes(at(0), b"hush\r\n");
        assert_eq!(connection.step(at(0), true), Step::Wait);
        connection.transport().resume_reading();
        connection.handle_bytes(at(800), b"hal");
        assert_eq!(connection.step(at(800), true), Step::Wait);
        connection.handle_timeout(at(1700));
        assert_eq!(connection.protocol.late.get(), 0);
        connection.handle_timeout(at(1800));
        assert_eq!(connection.protocol.late.get(), 1);
    }
}

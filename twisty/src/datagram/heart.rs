//! The heart of one port, without I/O: datagrams in; those that go out leave by its [`Wire`].
//!
//! Whoever moves the datagrams (a socket, a test) drives it:
//!
//! - **Input**: [`Heart::start`], once; then [`handle_datagram`](Heart::handle_datagram),
//!   [`handle_refusal`](Heart::handle_refusal), [`handle_writable`](Heart::handle_writable),
//!   [`begin_turn`](Heart::begin_turn).
//! - **What next**: [`settle`](Heart::settle), after every input, and whenever the port stands on the
//!   [`Agenda`](crate::protocol::Agenda).
//! - **The end**: [`finish`](Heart::finish), which every way out leads to.

use super::transport::{Phase, Place};
use super::{DatagramContext, DatagramProtocol, DatagramTransport, Limits, Wire};
use crate::error::HandlerPanicked;
use crate::failure::Failure;
use crate::protocol::{Address, Promises};

pub(crate) struct Heart {
    handlers: Box<dyn Handlers>,
    transport: DatagramTransport,
    limits: Limits,
}

/// A protocol as its port sees it. This is all that knows its type, so that a program has the rest once.
trait Handlers {
    fn start(&mut self);
    fn datagram(&mut self, data: &[u8], from: &Address);
    fn refused(&mut self);
    fn stop(&mut self);

    /// Deals with one Deferred that has fired; false if none has.
    fn run_job(&mut self) -> bool;

    /// Deferreds that have not fired.
    fn pending(&self) -> usize;

    /// Cancels them.
    fn give_up(&mut self);
}

struct Speaker<P: DatagramProtocol> {
    protocol: P,
    cx: DatagramContext<P>,
}

impl<P: DatagramProtocol> Handlers for Speaker<P> {
    fn start(&mut self) {
        self.protocol.start(&self.cx);
    }

    fn datagram(&mut self, data: &[u8], from: &Address) {
        self.protocol.datagram_received(&self.cx, data, from);
    }

    fn refused(&mut self) {
        self.protocol.connection_refused(&self.cx);
    }

    fn stop(&mut self) {
        self.protocol.stop(&self.cx);
    }

    fn run_job(&mut self) -> bool {
        let job = self.cx.promises().and_then(Promises::next_job);
        job.map(|job| job.run(&mut self.protocol, &self.cx)).is_some()
    }

    fn pending(&self) -> usize {
        self.cx.promises().map_or(0, Promises::pending)
    }

    fn give_up(&mut self) {
        self.cx.promises().into_iter().for_each(Promises::end);
    }
}

impl Heart {
    /// A heart that takes datagrams of up to `longest` bytes.
    pub(crate) fn new<P: DatagramProtocol>(protocol: P, wire: Box<dyn Wire>, place: Place, longest: usize) -> Self {
        let mut limits = P::limits();
        limits.max_length = limits.max_length.min(longest);
        let transport = DatagramTransport::new(wire, place, limits);
        let cx = DatagramContext::new(transport.clone());
        Self { handlers: Box::new(Speaker { protocol, cx }), transport, limits }
    }

    // ---- input

    /// The port is open.
    pub(crate) fn start(&mut self) {
        self.guarded(&mut |handlers| handlers.start());
    }

    /// A datagram arrived, whole.
    pub(crate) fn handle_datagram(&mut self, data: &[u8], from: &Address) {
        // It came before the port was connected, and the system has kept it.
        if self.transport.is_foreign(from) {
            return;
        }
        if data.len() > self.limits.max_length {
            return self
                .transport
                .count_dropped("one was received that is too long (see `max_length` and `max_packet_size`)");
        }
        if self.handlers.pending() >= self.limits.max_pending_replies {
            return self.transport.count_dropped("too many replies are waited for (see `max_pending_replies`)");
        }
        let transport = self.transport.clone();
        transport.with_sender(Some(from.clone()), || {
            self.guarded(&mut |handlers| handlers.datagram(data, from));
        });
    }

    /// A datagram arrived that the reader has no room for.
    pub(crate) fn handle_overlong(&mut self) {
        self.transport.count_dropped("one was received that is longer than any buffer");
    }

    /// Nobody listens where the port sends to.
    pub(crate) fn handle_refusal(&mut self) {
        if self.transport.peer().is_some() {
            self.guarded(&mut |handlers| handlers.refused());
        }
    }

    /// More can be sent.
    pub(crate) fn handle_writable(&mut self) {
        if self.transport.is_blocked() {
            self.transport.flush();
        }
    }

    /// A new turn: tells the protocol of a refusal that was heard of when it sent something. Only once in a turn, since who
    /// sends again at once is refused again.
    pub(crate) fn begin_turn(&mut self) {
        if self.transport.take_refused() {
            self.handle_refusal();
        }
    }

    // ---- what next

    /// Whether it wants another turn soon.
    pub(crate) fn is_busy(&self) -> bool {
        self.transport.is_refused()
    }

    /// Whether it waits to hear that more can be sent.
    pub(crate) fn is_blocked(&self) -> bool {
        self.transport.is_blocked()
    }

    /// Whether datagrams may still be handled.
    pub(crate) fn is_open(&self) -> bool {
        self.transport.phase() == Phase::Open
    }

    /// Does what handlers have left behind. False when the port is closed.
    pub(crate) fn settle(&mut self) -> bool {
        self.transport.left_agenda();
        while self.is_open() {
            if !self.run_job() {
                return true;
            }
        }
        self.finish();
        false
    }

    fn run_job(&mut self) -> bool {
        let mut any = false;
        self.guarded(&mut |handlers| any = handlers.run_job());
        any
    }

    pub(crate) const fn transport(&self) -> &DatagramTransport {
        &self.transport
    }

    /// Has the port settled in this turn.
    pub(crate) fn enter(&self) {
        self.transport.enter();
    }

    /// Closes the port when it is settled.
    pub(crate) fn close(&self) {
        self.transport.stop_listening();
    }

    // ---- the end

    /// Ends it, the first time this is called.
    pub(crate) fn finish(&mut self) {
        if self.transport.phase() == Phase::Closed {
            return;
        }
        self.transport.flush();
        self.transport.set_closed();
        self.guarded(&mut |handlers| handlers.stop());
        self.handlers.give_up();
    }

    /// Runs handlers so that neither a panic nor a mistake gets past this port, and no earlier one gets to it.
    fn guarded(&mut self, call: &mut dyn FnMut(&mut dyn Handlers)) {
        self.report_fault();
        if let Err(panicked) = HandlerPanicked::catch(|| call(&mut *self.handlers)) {
            self.report(&panicked.into());
        }
        self.report_fault();
    }

    /// What was sent on a stream's transport and cannot be.
    fn report_fault(&self) {
        if let Some(failure) = self.transport.agenda().take_fault() {
            self.report(&failure);
        }
    }

    /// A report shows what a user's error says of itself, which may panic too.
    fn report(&self, failure: &Failure) {
        HandlerPanicked::survive(|| self.transport.report(failure));
    }
}

/// A port that its driver drops without a word is closed all the same.
impl Drop for Heart {
    fn drop(&mut self) {
        self.finish();
    }
}

//! Connections of which one side is closed.

use super::{Delivery, Phase, Transport};
use crate::framing::Framing;

/// How far our side of a connection is closed while the other one is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum WriteSide {
    #[default]
    Open,
    /// It was asked to close, by a handler that still runs: what that returns is sent.
    LastWords,
    /// It closes once all is written that is queued or owed. Nothing can be added.
    Flushing,
    /// The peer knows that nothing more comes.
    Closed,
}

impl<F: Framing> Transport<F> {
    /// Closes our side of the connection, once everything sent so far, and what the running handler returns, has been
    /// handed to the operating system; then the peer sees the end of what we send, and `write_lost` comes. What is sent
    /// from now on is dropped, but what the peer sends is still delivered. (Twisted's `loseWriteConnection`.)
    ///
    /// The connection is over when the peer has closed its side too, or with
    /// [`lose_connection`](Self::lose_connection), which then does not wait any more. A registered producer goes on
    /// first, as with that.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Poet;
    /// # #[protocol] impl Poet {
    /// #[on(line)]
    /// fn recite(&mut self, cx: &Context<Self>) -> &'static str {
    ///     cx.transport().lose_write_connection();
    ///     "Shall I compare thee to a summer's day?"
    /// }
    /// # }
    /// # let client = twisty::testing::Server::new(Poet::factory()).connect();
    /// client.receive("a poem, please\r\n");
    /// assert_eq!(client.sent(), "Shall I compare thee to a summer's day?\r\n");
    /// assert!(client.is_connected() && client.write_side_is_closed());
    /// ```
    pub fn lose_write_connection(&self) {
        if self.phase() == Phase::Open {
            self.with_rare(|rare| rare.write_side = WriteSide::LastWords);
            self.0.owes.set(true);
            self.close(Phase::Mute, None);
        }
    }

    /// The running handler is over: if it asked to close our side, nothing more is said.
    #[inline]
    pub(crate) fn end_last_words(&self) {
        if self.phase() == Phase::Mute {
            self.fall_silent();
        }
    }

    #[cold]
    fn fall_silent(&self) {
        self.with_rare(|rare| {
            if rare.write_side == WriteSide::LastWords {
                rare.write_side = WriteSide::Flushing;
            }
        });
    }

    fn write_side(&self) -> WriteSide {
        self.if_rare(|rare| rare.write_side).unwrap_or_default()
    }

    /// Whether our side is closed, or closes.
    pub(super) fn is_mute(&self) -> bool {
        self.write_side() != WriteSide::Open
    }

    /// Whether nothing can be added to what is sent, because our side is closed or closes.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.write_side(), WriteSide::Flushing | WriteSide::Closed)
    }

    /// Whether our side is to be closed now that all is written: it was asked for, and nothing is still to come.
    #[inline]
    pub(crate) fn may_shut(&self) -> bool {
        self.phase() == Phase::Mute && self.has_said_all()
    }

    #[cold]
    fn has_said_all(&self) -> bool {
        self.write_side() != WriteSide::Closed && !self.owes_words() && !self.waits_for_producer()
    }

    /// Our side is closed now.
    pub(crate) fn shut(&self) {
        self.with_rare(|rare| rare.write_side = WriteSide::Closed);
    }

    /// The peer sends nothing more.
    pub(crate) fn end_input(&self) {
        self.set_delivery(Delivery::Ended);
    }

    /// Whether there is nobody left to talk: both sides are closed.
    pub(crate) fn is_spent(&self) -> bool {
        self.has_ended() && self.write_side() == WriteSide::Closed
    }

    /// Closes because the peer did: it gets what is queued, and nothing that is still to come.
    pub(crate) fn hang_up(&self) {
        self.forget_replies();
        self.give_up_producer();
        self.close(Phase::Closing, None);
    }
}

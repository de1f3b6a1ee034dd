//! What handlers return, put into effect: at once, or in the place of a reply that others are waited for.

use std::cell::Cell;

use super::{Owed, Phase, ReplyId, Transport};
use crate::error::SendError;
use crate::framing::Framing;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applying {
    /// It is a message: it goes out if the connection is open.
    Nothing,
    /// It is the outcome of a handler.
    Outcome,
    /// It is the outcome of a handler that has asked to close: it goes out all the same.
    LastWords,
    /// It is an outcome with a place among replies that are waited for: that of `Owed::place`.
    Reply,
}

impl<F: Framing> Transport<F> {
    /// What a handler returns is put into effect while this is held. It is sent also when the handler has asked to close: a
    /// returned reply comes before the end of the handler, whatever the handler said when. It is held back while earlier
    /// replies are waited for.
    #[inline]
    pub(crate) fn begin_outcome(&self) -> UntilApplied<'_> {
        let closing = self.0.phase.get() == Phase::Closing;
        let plainly = if closing { Applying::LastWords } else { Applying::Outcome };
        let what = if self.0.owes.get() { self.in_its_place() } else { plainly };
        UntilApplied::begin(&self.0.applying, what)
    }

    #[cold]
    fn in_its_place(&self) -> Applying {
        let silent = self.is_silent();
        if self.outbox().owed().is_none() {
            let last_words = matches!(self.0.phase.get(), Phase::Mute | Phase::Closing) && !silent;
            return if last_words { Applying::LastWords } else { Applying::Outcome };
        }
        let last = self.outbox().owed().and_then(|owed| owed.last(silent));
        let place = last.unwrap_or_else(|| self.add_reply(false, None));
        self.outbox().owe().place = place;
        Applying::Reply
    }

    fn add_reply(&self, promised: bool, behind: Option<ReplyId>) -> ReplyId {
        let id = self.agenda().next_reply();
        let silent = self.is_silent();
        self.outbox().owe().insert(id, promised, silent, behind);
        self.0.owes.set(true);
        self.disturb();
        id
    }

    /// The reply of the handler whose outcome is put into effect now is promised; what else belongs to the outcome comes
    /// behind it.
    pub(crate) fn promise_reply(&self) -> ReplyId {
        let behind = self.outbox().owed().map(|owed| owed.place).filter(|_| self.0.applying.get() == Applying::Reply);
        let promised = self.add_reply(true, behind);
        if self.0.applying.get() != Applying::Nothing {
            let place = self.add_reply(false, Some(promised));
            self.outbox().owe().place = place;
            self.0.applying.set(Applying::Reply);
        }
        promised
    }

    /// Has `apply` put into effect what a promised reply has come to. If that ends the connection, nothing follows but what
    /// was owed before. False, and nothing happens, if nobody wants it any more.
    pub(crate) fn keep_promise(&self, reply: ReplyId, apply: impl FnOnce()) -> bool {
        let wanted = self.outbox().owed_mut().is_some_and(|owed| owed.keep_promise(reply));
        if wanted {
            // Dropped last, also when applying it panics.
            let _sent_then = Keeping { transport: self, reply, before: self.ending() };
            let _until_applied = UntilApplied::begin(&self.0.applying, Applying::Reply);
            apply();
        }
        wanted
    }

    /// How far it is on its way out, and whether a reason is known, or will be.
    fn ending(&self) -> (Phase, bool) {
        let known = self.if_rare(|rare| rare.reason.is_some()) == Some(true) || self.agenda().has_fault();
        (self.0.phase.get(), known)
    }

    /// Queues the replies that wait for nothing any more.
    fn send_owed(&self) {
        self.0.restarted.set(true);
        let mut outbox = self.outbox();
        while let Some(bytes) = outbox.owed_mut().and_then(Owed::pop) {
            let queue = outbox.queue(self.agenda());
            if self.is_overfull(queue) {
                return;
            }
            queue.append_bytes(bytes);
        }
        let paid = outbox.owed().is_some_and(Owed::is_empty);
        drop(outbox);
        if paid {
            self.forget_replies();
        }
        self.enter();
    }

    /// Whether some are waited for, or wait behind others.
    pub(crate) fn owes_replies(&self) -> bool {
        self.0.owes.get()
    }

    /// Whether replies are waited for that will be sent.
    pub(crate) fn owes_words(&self) -> bool {
        self.0.owes.get() && self.outbox().owed().is_some_and(Owed::has_words)
    }

    /// How many replies are waited for.
    #[inline]
    pub(crate) fn promised_replies(&self) -> usize {
        if self.0.owes.get() { self.owed(Owed::promised) } else { 0 }
    }

    /// The peer is gone: it is owed nothing any more.
    pub(crate) fn forget_replies(&self) {
        self.outbox().forget_owed();
        self.0.owes.set(self.is_mute());
    }

    #[cold]
    pub(super) fn append_reply(
        &self,
        append: impl FnOnce(&F, &mut Vec<u8>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut outbox = self.outbox();
        outbox.owed_mut().map_or(Ok(()), |owed| owed.append(|out| append(&self.0.framing.borrow(), out)))
    }
}

impl<F> Transport<F> {
    #[cold]
    pub(super) fn owed(&self, count: impl FnOnce(&Owed) -> usize) -> usize {
        self.0.outbox.borrow().owed().map_or(0, count)
    }
}

/// While a handler's outcome is put into effect, and no longer: applying it may panic.
pub(crate) struct UntilApplied<'a>(&'a Cell<Applying>);

impl<'a> UntilApplied<'a> {
    #[inline]
    fn begin(applying: &'a Cell<Applying>, what: Applying) -> Self {
        applying.set(what);
        Self(applying)
    }
}

impl Drop for UntilApplied<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.set(Applying::Nothing);
    }
}

/// While a promised reply is made; when it is, what it was waited for with is sent.
struct Keeping<'a, F: Framing> {
    transport: &'a Transport<F>,
    reply: ReplyId,
    /// How far the connection was on its way out before.
    before: (Phase, bool),
}

impl<F: Framing> Drop for Keeping<'_, F> {
    fn drop(&mut self) {
        let (now, panicking) = (self.transport.ending(), std::thread::panicking());
        if let Some(owed) = self.transport.outbox().owed_mut()
            && (now != self.before || panicking)
        {
            if now == (Phase::Mute, false) && !panicking {
                owed.silence_behind(self.reply);
            } else {
                owed.drop_behind(self.reply);
            }
        }
        self.transport.send_owed();
    }
}

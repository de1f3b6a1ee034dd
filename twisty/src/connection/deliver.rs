//! From bytes to frames, and to the handlers.

use super::Connection;
use crate::clock::Timestamp;
use crate::error::FramingError;
use crate::failure::Failure;
use crate::framing::{Decoded, Framing};
use crate::protocol::{Delivery, Inbox, Protocol};

impl<P: Protocol> Connection<P> {
    /// Bytes that are first added to an unfinished frame to see whether they finish it; doubled until they do. What
    /// comes behind is then read where it lies.
    const FIRST_ADDED: usize = 4096;

    pub(super) fn accept(&mut self, now: Timestamp, mut bytes: &[u8]) {
        if let Some(inbox) = self.inbox.take() {
            bytes = self.finish_frame(now, inbox, bytes);
            if bytes.is_empty() {
                return;
            }
        }
        let (used, missing) = self.deliver(now, bytes);
        if used < bytes.len() && self.cx.link().is_connected() {
            let mut inbox = Inbox::keeping(&bytes[used..], &self.cx.link().agenda().inboxes);
            (inbox.missing, inbox.since) = (missing, now);
            self.inbox = Some(inbox);
        }
    }

    /// Adds to the inbox until its frame is whole and delivered; the bytes behind it.
    fn finish_frame<'a>(&mut self, now: Timestamp, mut inbox: Box<Inbox>, mut bytes: &'a [u8]) -> &'a [u8] {
        let mut added = Self::FIRST_ADDED;
        while !bytes.is_empty() && self.accepts() {
            let old = inbox.unread().len();
            let (more, rest) = bytes.split_at(added.max(inbox.missing).min(bytes.len()));
            inbox.append(more);
            let (used, missing) = self.deliver(now, inbox.unread());
            if used >= old {
                self.cx.link().agenda().inboxes.give(inbox);
                return &bytes[used - old..];
            }
            inbox.advance(now, used);
            inbox.missing = missing;
            bytes = rest;
            added *= 2;
        }
        if !bytes.is_empty() {
            inbox.append(bytes);
            self.cx.link().set_delivery(Delivery::Stopped);
        }
        self.keep(inbox);
        &[]
    }

    /// Hands out the frames at the front of `buffer`; how many bytes that took, and how many the next frame lacks at least.
    pub(super) fn deliver(&mut self, now: Timestamp, buffer: &[u8]) -> (usize, usize) {
        let (mut used, mut lacks, mut behind_frame) = (0, 1, false);
        self.cx.link().set_delivery(Delivery::Done);
        loop {
            // What the handler before left behind besides replies comes first.
            let calm = self.is_calm();
            let accepts = calm || self.settle(now);
            if used == buffer.len() && !self.cx.link().decoder().is_ready() {
                break;
            }
            if !accepts {
                self.cx.link().set_delivery(Delivery::Stopped);
                break;
            }
            let decoded = if calm && behind_frame {
                self.cx.link().decoder().decode_next(&buffer[used..])
            } else {
                self.cx.link().decoder().decode(&buffer[used..])
            };
            match decoded {
                Ok(Decoded::Frame { frame, consumed }) => {
                    used += consumed;
                    behind_frame = true;
                    self.protocol.frame_received(&self.cx, frame);
                }
                Ok(Decoded::Raw(data)) => {
                    behind_frame = false;
                    self.protocol.raw_received(&self.cx, data);
                    used += data.len() - self.cx.link().decoder().take_back().min(data.len());
                }
                Ok(Decoded::Incomplete { missing }) => {
                    lacks = missing;
                    break;
                }
                Err(error) => self.refuse(error),
            }
            self.waiting_since = now;
        }
        (used, lacks)
    }

    /// Whether there is nothing to look after but frames. Each frame asks, so it is one look at each of three cells.
    #[inline]
    fn is_calm(&self) -> bool {
        let link = self.cx.link();
        link.is_calm() && !link.agenda().has_fault() && link.outbox().len() <= P::limits().high_water
    }

    /// After a handler that left more behind than replies; whether the next frame may be delivered.
    #[cold]
    fn settle(&mut self, now: Timestamp) -> bool {
        self.settle_fault();
        while self.has_jobs() {
            self.run_job(now);
            self.settle_fault();
        }
        let accepts = self.accepts();
        self.cx.link().set_calm(accepts && !self.has_jobs() && !self.cx.link().owes_replies());
        accepts
    }

    /// Keeps an inbox, if there is something in it that will be delivered.
    pub(super) fn keep(&mut self, inbox: Box<Inbox>) {
        if inbox.unread().is_empty() || !self.cx.link().is_connected() {
            self.cx.link().agenda().inboxes.give(inbox);
        } else {
            self.inbox = Some(inbox.shrunk(&self.cx.link().agenda().inboxes));
        }
    }

    /// The peer broke the framing: nothing it sends can be understood any more.
    fn refuse(&mut self, error: FramingError) {
        let reason: Failure = match error {
            FramingError::Overlong(overlong) => {
                self.protocol.frame_overlong(&self.cx, overlong);
                Failure::of_a_peer(overlong)
            }
            FramingError::Malformed(malformed) => Failure::of_a_peer(malformed),
        };
        self.cx.link().fail(reason);
    }

    /// What is in the inbox will not be delivered.
    pub(super) fn drop_inbox(&mut self) {
        if let Some(inbox) = self.inbox.take() {
            self.cx.link().agenda().inboxes.give(inbox);
        }
    }
}

//! Bytes on their way out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::IoSlice;

use bytes::Bytes;

use super::Agenda;

/// What a connection has queued: small frames gathered in one buffer, large shared ones linked in between.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Finished pieces, in front of `tail`.
    pieces: VecDeque<Bytes>,
    /// What new frames are appended to.
    tail: Vec<u8>,
    /// How much of the first piece is written (of `tail`, where there is no piece).
    written: usize,
    length: usize,
}

impl Outbox {
    /// A shared frame of at least so many bytes is linked instead of copied.
    pub(crate) const WORTH_SHARING: usize = 4096;
    /// Pieces in one vectored write.
    pub(crate) const SLICES: usize = 16;

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Lets `append` add to the queue, in a buffer that is there already wherever possible.
    #[inline]
    pub(crate) fn append<E>(
        &mut self,
        agenda: &Agenda,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.tail.capacity() == 0 {
            self.tail = agenda.spare();
        }
        self.length += append_whole(&mut self.tail, append)?;
        Ok(())
    }

    /// Queues bytes that other connections queue too, without copying them.
    pub(crate) fn append_shared(&mut self, bytes: Bytes) {
        if !self.tail.is_empty() {
            self.pieces.push_back(std::mem::take(&mut self.tail).into());
        }
        self.length += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// Queues bytes that were made already.
    pub(crate) fn append_bytes(&mut self, agenda: &Agenda, bytes: Vec<u8>) {
        if bytes.len() >= Self::WORTH_SHARING {
            return self.append_shared(bytes.into());
        }
        let _infallible: Result<(), Infallible> = self.append(agenda, |out| {
            out.extend_from_slice(&bytes);
            Ok(())
        });
    }

    /// Fills `slices` with what is next to be written; the number of them.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; Self::SLICES]) -> usize {
        let pieces =
            self.pieces.iter().map(|piece| &piece[..]).chain((!self.tail.is_empty()).then_some(&self.tail[..]));
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(if count == 0 { &piece[self.written..] } else { piece });
            count += 1;
        }
        count
    }

    /// Forgets the first `count` bytes: they are written.
    pub(crate) fn advance(&mut self, agenda: &Agenda, count: usize) {
        self.length -= count;
        self.written += count;
        while let Some(first) = self.pieces.front()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.pieces.pop_front();
        }
        if self.length == 0 {
            self.clear(agenda);
        } else if self.pieces.is_empty() && self.written > self.tail.len() / 2 {
            // A queue that never runs empty must not keep what it wrote: each byte is moved at most once this way.
            self.tail.drain(..self.written);
            self.written = 0;
        }
    }

    pub(crate) fn clear(&mut self, agenda: &Agenda) {
        agenda.recycle(std::mem::take(&mut self.tail));
        if self.pieces.capacity() > 0 {
            self.pieces = VecDeque::new();
        }
        (self.written, self.length) = (0, 0);
    }
}

/// Lets `append` add to a buffer, all or nothing; how many bytes it added.
#[inline]
pub(super) fn append_whole<E>(
    buffer: &mut Vec<u8>,
    append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<usize, E> {
    let before = buffer.len();
    let appending = Appending { tail: buffer, keep: before };
    append(appending.tail)?;
    let added = appending.tail.len() - before;
    std::mem::forget(appending);
    Ok(added)
}

/// Takes back what was appended only in part: the encoder of a user's framing may fail half-way, or panic.
struct Appending<'a> {
    tail: &'a mut Vec<u8>,
    keep: usize,
}

impl Drop for Appending<'_> {
    #[inline]
    fn drop(&mut self) {
        self.tail.truncate(self.keep);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn add(agenda: &Agenda, outbox: &mut Outbox, bytes: impl IntoIterator<Item = u8>) {
        let added: Result<(), ()> = outbox.append(agenda, |out| {
            out.extend(bytes);
            Ok(())
        });
        added.expect("it never fails");
    }

    #[test]
    fn what_is_appended_only_in_part_is_taken_back() {
        let (agenda, mut outbox) = (Agenda::default(), Outbox::default());
        add(&agenda, &mut outbox, 0..10);
        let failed = outbox.append(&agenda, |out| {
            out.extend(10..20);
            Err("half-way")
        });
        assert_eq!(failed, Err("half-way"));
        let append = |outbox: &mut Outbox| -> Result<(), ()> {
            outbox.append(&agenda, |out| {
                out.extend(20..30);
                panic!("half-way")
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(|| append(&mut outbox))).is_err());
        add(&agenda, &mut outbox, 10..12);
        assert_eq!(contents(&outbox), (0..12).collect::<Vec<u8>>());
        outbox.advance(&agenda, 12);
        assert!(outbox.is_empty());
    }

    fn contents(outbox: &Outbox) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); Outbox::SLICES];
        let count = outbox.slices(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn pieces_keep_their_order_at_every_cut() {
        let expected: Vec<u8> = (0..=99).collect();
        for step in 1..=100 {
            let (agenda, mut outbox) = (Agenda::default(), Outbox::default());
            add(&agenda, &mut outbox, 0..10);
            outbox.append_shared(Bytes::from_owner((10..60).collect::<Vec<u8>>()));
            add(&agenda, &mut outbox, 60..70);
            outbox.append_shared(Bytes::from_owner((70..80).collect::<Vec<u8>>()));
            add(&agenda, &mut outbox, 80..100);
            let mut seen = Vec::new();
            while !outbox.is_empty() {
                let now = contents(&outbox);
                assert_eq!(now.len(), outbox.len());
                let take = step.min(now.len());
                seen.extend_from_slice(&now[..take]);
                outbox.advance(&agenda, take);
            }
            assert_eq!(seen, expected, "in steps of {step}");
        }
    }

    #[test]
    fn a_queue_that_never_runs_empty_stays_small() {
        let (agenda, mut outbox) = (Agenda::default(), Outbox::default());
        add(&agenda, &mut outbox, [0; 100]);
        for _ in 0..10_000 {
            add(&agenda, &mut outbox, [0; 50]);
            outbox.advance(&agenda, 50);
        }
        assert!(outbox.tail.capacity() < 1024, "{} bytes for 100 queued", outbox.tail.capacity());
    }
}

//! Bytes on their way out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::IoSlice;

use bytes::Bytes;

use super::broadcast::Encoded;
use super::segment::Segment;
use super::spares::SMALL;
use super::{Agenda, Owed, Spare};

/// What a connection has queued; a pointer and nothing else while that is nothing, and nothing is owed.
#[derive(Default)]
pub(crate) struct Outbox(Option<Box<Queue>>);

/// Small frames gathered in one buffer, large shared ones linked in between, what was broadcast behind them; and what may be
/// sent only later.
#[derive(Default)]
pub(crate) struct Queue {
    /// Finished pieces, in front of `tail`.
    pieces: VecDeque<Bytes>,
    /// What new frames are appended to.
    tail: Vec<u8>,
    /// What was broadcast in this turn, behind `tail`. It is appended there before anything else is, and when the peer does
    /// not take it now.
    segment: Option<Segment>,
    /// How much of the first piece is written (of `tail`, where there is no piece).
    written: usize,
    length: usize,
    /// The peer did not take all that was written last.
    backlogged: bool,
    /// The queue went over its high-water mark and has not drained yet.
    stalled: bool,
    /// Replies that are waited for, and those behind them.
    owed: Option<Box<Owed>>,
}

impl Outbox {
    /// A shared frame of at least so many bytes is linked instead of copied.
    pub(crate) const WORTH_SHARING: usize = 4096;
    /// Pieces in one vectored write.
    const SLICES: usize = 16;

    /// The queue, to add to it: in memory that is there already wherever possible.
    #[inline]
    pub(crate) fn queue(&mut self, agenda: &Agenda) -> &mut Queue {
        self.0.get_or_insert_with(|| agenda.outboxes.take())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.length)
    }

    /// Whether nothing is queued or owed, and that was noticed.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says whether the peer takes what is queued. If not, none of it stays with what is broadcast in this turn: a slow
    /// peer costs the memory of what it is sent, not of what others are.
    pub(crate) fn set_backlogged(&mut self, backlogged: bool) {
        if let Some(queue) = &mut self.0 {
            queue.backlogged = backlogged;
            if backlogged {
                queue.own_segment();
            }
        }
    }

    /// How much waits for a peer that did not take all that was written last.
    pub(crate) fn backlog(&self) -> Option<usize> {
        self.0.as_ref().filter(|queue| queue.backlogged).map(|queue| queue.length)
    }

    pub(crate) fn is_stalled(&self) -> bool {
        self.0.as_ref().is_some_and(|queue| queue.stalled)
    }

    /// Says whether too much is queued for more frames to be delivered; not of an empty outbox.
    pub(crate) fn set_stalled(&mut self, stalled: bool) {
        if let Some(queue) = &mut self.0 {
            queue.stalled = stalled;
        }
    }

    /// Shows what is next to be written, in the order of the slices.
    pub(crate) fn with_slices<R>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let Some(queue) = &self.0 else { return write(&[]) };
        let segment = queue.segment.as_ref().map(Segment::bytes);
        let segment = segment.as_deref().unwrap_or_default();
        let (one, mut several);
        let slices = if queue.pieces.is_empty() && (queue.tail.is_empty() || segment.is_empty()) {
            let only = if segment.is_empty() { &queue.tail[queue.written..] } else { segment };
            one = [IoSlice::new(only)];
            &one[..]
        } else {
            several = [IoSlice::new(&[]); Self::SLICES];
            let count = queue.fill(segment, &mut several);
            &several[..count]
        };
        write(slices)
    }

    /// The same, but no more than `at_most` bytes of it.
    #[inline]
    pub(crate) fn with_first<R>(&self, at_most: usize, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        if self.len() <= at_most { self.with_slices(write) } else { self.with_part(at_most, write) }
    }

    #[cold]
    fn with_part<R>(&self, at_most: usize, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        self.with_slices(|slices| {
            let (mut left, mut first) = (at_most, [IoSlice::new(&[]); Self::SLICES]);
            for (slice, first) in slices.iter().zip(&mut first) {
                *first = IoSlice::new(&slice[..left.min(slice.len())]);
                left -= first.len();
            }
            let count = first.iter().take_while(|slice| !slice.is_empty()).count();
            write(&first[..count])
        })
    }

    /// Forgets the first `count` bytes: they are written.
    pub(crate) fn advance(&mut self, count: usize) {
        if let Some(queue) = &mut self.0 {
            queue.advance(count);
        }
    }

    /// Takes out all that is queued.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        while !self.is_empty() {
            let before = all.len();
            self.with_slices(|slices| slices.iter().for_each(|slice| all.extend_from_slice(slice)));
            self.advance(all.len() - before);
        }
        all
    }

    /// Gives the queue's memory back once nothing is in it. While something is owed, or it was not seen yet that it drained,
    /// the queue stays, but not with a large buffer: who waits for a reply may wait for long.
    pub(crate) fn tidy(&mut self, agenda: &Agenda) {
        let Some(queue) = &mut self.0 else { return };
        if queue.length > 0 {
            return;
        }
        if queue.owed.is_none() && !queue.stalled {
            self.clear(agenda);
        } else if queue.tail.capacity() > SMALL {
            queue.tail = Vec::new();
        }
    }

    pub(crate) fn clear(&mut self, agenda: &Agenda) {
        if let Some(queue) = self.0.take() {
            agenda.outboxes.give(queue);
        }
    }

    // ---- replies that are owed

    pub(crate) fn owed(&self) -> Option<&Owed> {
        self.0.as_ref()?.owed.as_deref()
    }

    pub(crate) fn owed_mut(&mut self) -> Option<&mut Owed> {
        self.0.as_mut()?.owed.as_deref_mut()
    }

    /// What is owed, to owe one reply more. A queue that is made for it has no buffer yet.
    pub(crate) fn owe(&mut self) -> &mut Owed {
        self.0.get_or_insert_default().owed.get_or_insert_default()
    }

    pub(crate) fn forget_owed(&mut self) {
        if let Some(queue) = &mut self.0 {
            queue.owed = None;
        }
    }
}

impl Queue {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether the peer did not take all that was written last.
    #[inline]
    pub(crate) fn is_backlogged(&self) -> bool {
        self.backlogged
    }

    /// Lets `append` add to the queue, all or nothing.
    #[inline]
    pub(crate) fn append<E>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        if self.segment.is_some() {
            self.own_segment();
        }
        self.length += append_whole(&mut self.tail, append)?;
        Ok(())
    }

    /// Queues a frame that other connections queue too, without copying it.
    #[inline]
    pub(super) fn append_encoded(&mut self, encoded: &Encoded) {
        match encoded {
            Encoded::Small(next) => self.append_segment(next),
            Encoded::Large(bytes) => self.append_shared(bytes.clone()),
        }
    }

    #[inline]
    fn append_segment(&mut self, next: &Segment) {
        self.length += next.len();
        if let Some(segment) = &mut self.segment {
            if segment.extend(next) {
                return;
            }
            self.own_segment();
        }
        self.segment = Some(next.clone());
    }

    /// Copies what was broadcast, since it is not at the end any more, or is not written in this turn.
    #[cold]
    fn own_segment(&mut self) {
        if let Some(segment) = self.segment.take() {
            self.tail.extend_from_slice(&segment.bytes());
        }
    }

    fn append_shared(&mut self, bytes: Bytes) {
        self.own_segment();
        if !self.tail.is_empty() {
            self.pieces.push_back(std::mem::take(&mut self.tail).into());
        }
        self.length += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// Queues bytes that were made already.
    pub(crate) fn append_bytes(&mut self, bytes: Vec<u8>) {
        if bytes.len() >= Outbox::WORTH_SHARING {
            return self.append_shared(bytes.into());
        }
        let _infallible: Result<(), Infallible> = self.append(|out| {
            out.extend_from_slice(&bytes);
            Ok(())
        });
    }

    /// Fills `slices` with what is next to be written; the number of them.
    fn fill<'a>(&'a self, segment: &'a [u8], slices: &mut [IoSlice<'a>]) -> usize {
        let (mut count, behind) = (0, [&self.tail[..], segment].into_iter().filter(|part| !part.is_empty()));
        let parts = self.pieces.iter().map(|piece| &piece[..]).chain(behind);
        for (slice, piece) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(if count == 0 { &piece[self.written..] } else { piece });
            count += 1;
        }
        count
    }

    fn advance(&mut self, count: usize) {
        self.length -= count;
        self.written += count;
        while let Some(first) = self.pieces.front()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.pieces.pop_front();
        }
        if !self.pieces.is_empty() {
            return;
        }
        if self.written >= self.tail.len() {
            let beyond = self.written - self.tail.len();
            self.segment.take_if(|segment| segment.advance(beyond));
            self.tail.clear();
            self.written = 0;
        } else if self.written > self.tail.len() / 2 {
            // A queue that never runs empty must not keep what it wrote: each byte is moved at most once this way.
            self.tail.drain(..self.written);
            self.written = 0;
        }
    }
}

impl Spare for Queue {
    fn capacity(&self) -> usize {
        self.tail.capacity()
    }

    fn clear(&mut self) {
        if self.pieces.capacity() > 0 {
            self.pieces = VecDeque::new();
        }
        self.tail.clear();
        (self.segment, self.written, self.length, self.owed) = (None, 0, 0, None);
        (self.backlogged, self.stalled) = (false, false);
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
        let added: Result<(), ()> = outbox.queue(agenda).append(|out| {
            out.extend(bytes);
            Ok(())
        });
        added.expect("it never fails");
    }

    #[test]
    fn what_is_appended_only_in_part_is_taken_back() {
        let (agenda, mut outbox) = (Agenda::default(), Outbox::default());
        add(&agenda, &mut outbox, 0..10);
        let failed = outbox.queue(&agenda).append(|out| {
            out.extend(10..20);
            Err("half-way")
        });
        assert_eq!(failed, Err("half-way"));
        let append = |outbox: &mut Outbox| -> Result<(), ()> {
            outbox.queue(&agenda).append(|out| {
                out.extend(20..30);
                panic!("half-way")
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(|| append(&mut outbox))).is_err());
        add(&agenda, &mut outbox, 10..12);
        assert_eq!(contents(&outbox), (0..12).collect::<Vec<u8>>());
        outbox.advance(12);
        assert!(outbox.is_empty());
    }

    fn contents(outbox: &Outbox) -> Vec<u8> {
        outbox.with_slices(|slices| slices.iter().flat_map(|slice| slice.to_vec()).collect())
    }

    #[test]
    fn pieces_keep_their_order_at_every_cut() {
        let expected: Vec<u8> = (0..=99).collect();
        for step in 1..=100 {
            let (agenda, mut outbox) = (Agenda::default(), Outbox::default());
            add(&agenda, &mut outbox, 0..10);
            outbox.queue(&agenda).append_shared(Bytes::from_owner((10..60).collect::<Vec<u8>>()));
            add(&agenda, &mut outbox, 60..70);
            outbox.queue(&agenda).append_shared(Bytes::from_owner((70..80).collect::<Vec<u8>>()));
            add(&agenda, &mut outbox, 80..100);
            let mut seen = Vec::new();
            while !outbox.is_empty() {
                let now = contents(&outbox);
                assert_eq!(now.len(), outbox.len());
                let take = step.min(now.len());
                seen.extend_from_slice(&now[..take]);
                outbox.advance(take);
            }
            assert_eq!(seen, expected, "in steps of {step}");
        }
    }

    /// A few outboxes, each with what it should hold.
    struct Room {
        agenda: Agenda,
        members: Vec<(Outbox, Vec<u8>)>,
        random: fastrand::Rng,
    }

    impl Room {
        fn new(seed: u64) -> Self {
            let members = (0..4).map(|_| (Outbox::default(), Vec::new())).collect();
            Self { agenda: Agenda::default(), members, random: fastrand::Rng::with_seed(seed) }
        }

        fn text(&mut self) -> Vec<u8> {
            let length = self.random.usize(0..20);
            (0..length).map(|_| self.random.alphanumeric() as u8).collect()
        }

        fn broadcast(&mut self, encode: impl FnOnce(&Agenda, Vec<u8>) -> Encoded) {
            let text = self.text();
            let encoded = encode(&self.agenda, text.clone());
            let Self { agenda, members, random } = self;
            for (outbox, expected) in members.iter_mut().filter(|_| random.bool()) {
                outbox.queue(agenda).append_encoded(&encoded);
                expected.extend_from_slice(&text);
            }
        }

        fn reply(&mut self) {
            let text = self.text();
            let index = self.random.usize(0..self.members.len());
            let (outbox, expected) = &mut self.members[index];
            add(&self.agenda, outbox, text.iter().copied());
            expected.extend_from_slice(&text);
        }

        fn write_some(&mut self) {
            let (part, index) = (self.random.f32(), self.random.usize(0..self.members.len()));
            let (outbox, expected) = &mut self.members[index];
            write(outbox, expected, part);
        }

        /// Some can be written to, some cannot; then nobody has any part of the turn's broadcasts.
        fn end_turn(&mut self) {
            for (outbox, expected) in &mut self.members {
                write(outbox, expected, f32::from(self.random.bool()));
                outbox.tidy(&self.agenda);
                outbox.set_backlogged(!outbox.is_empty());
            }
            assert!(!self.agenda.broadcasts.are_held());
            assert!(!self.agenda.take(&mut Vec::new()));
        }

        fn act(&mut self) {
            match self.random.u8(0..10) {
                0..=3 => self.broadcast(|agenda, text| Encoded::Small(agenda.broadcasts.add(text))),
                4 => self.broadcast(|_, text| Encoded::Large(text.into())),
                5 | 6 => self.reply(),
                7 | 8 => self.write_some(),
                _ => self.end_turn(),
            }
        }
    }

    #[test]
    fn whatever_is_sent_to_whom_keeps_its_order_at_every_cut() {
        for seed in 0..300 {
            let mut room = Room::new(seed);
            for step in 0..100 {
                room.act();
                room.members
                    .iter()
                    .for_each(|(outbox, expected)| compare(outbox, expected, &format!("{seed}, {step}")));
            }
        }
    }

    /// Writes a part of what can be written at once.
    fn write(outbox: &mut Outbox, expected: &mut Vec<u8>, part: f32) {
        let count = (contents(outbox).len() as f32 * part) as usize;
        outbox.advance(count);
        expected.drain(..count);
    }

    fn compare(outbox: &Outbox, expected: &[u8], at: &str) {
        let next = contents(outbox);
        assert_eq!(outbox.len(), expected.len(), "{at}");
        assert_eq!(next.is_empty(), expected.is_empty(), "{at}");
        assert!(expected.starts_with(&next), "{at}: {} instead of {}", next.escape_ascii(), expected.escape_ascii());
    }

    #[test]
    fn a_delivery_copies_nothing_unless_the_peer_is_slow() {
        let (agenda, mut fast, mut slow) = (Agenda::default(), Outbox::default(), Outbox::default());
        for text in ["one", "two"] {
            let encoded = Encoded::Small(agenda.broadcasts.add(text.into()));
            for outbox in [&mut fast, &mut slow] {
                outbox.queue(&agenda).append_encoded(&encoded);
            }
        }
        let place = |outbox: &Outbox| outbox.with_slices(|slices| (slices.len(), slices[0].as_ptr()));
        assert_eq!(place(&fast), place(&slow));
        assert_eq!(place(&fast).0, 1);
        fast.advance(6);
        slow.advance(2);
        assert!(agenda.broadcasts.are_held());
        slow.set_backlogged(true);
        assert!(!agenda.broadcasts.are_held(), "by one who is slow");
        assert_eq!(contents(&slow), b"etwo");
        assert!(slow.0.expect("something is queued").capacity() < 64);
    }

    #[test]
    fn who_waits_for_a_reply_keeps_no_large_buffer() {
        let (agenda, mut outbox) = (Agenda::default(), Outbox::default());
        add(&agenda, &mut outbox, [0; 50_000]);
        outbox.owe();
        outbox.advance(50_000);
        outbox.tidy(&agenda);
        assert!(outbox.0.as_ref().is_some_and(|queue| queue.tail.capacity() <= SMALL));
        outbox.forget_owed();
        outbox.tidy(&agenda);
        assert!(outbox.0.is_none());
    }

    #[test]
    fn a_queue_that_never_runs_empty_stays_small() {
        let (agenda, mut outbox) = (Agenda::default(), Outbox::default());
        add(&agenda, &mut outbox, [0; 100]);
        for _ in 0..10_000 {
            add(&agenda, &mut outbox, [0; 50]);
            outbox.advance(50);
        }
        let capacity = outbox.0.expect("something is queued").capacity();
        assert!(capacity < 1024, "{capacity} bytes for 100 queued");
    }
}

//! Searching a stream for a byte, each byte of it once.

use memchr::memchr;
use wide::u8x16;

/// Finds one byte after the other, in a buffer that loses bytes in front and gains them behind.
///
/// It looks at 128 bytes at a time and remembers all that it found there: where the byte is frequent, as the ends of short
/// lines are, that costs a fraction of a search for each. Where it is rare, `memchr` does the rest.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Bytes at the front of the buffer that were looked at.
    searched: usize,
    /// They are bytes behind what was consumed last: only who knows that they are the same still may rely on them.
    ahead: bool,
    /// What was found in the last 128 of them and not handed out yet, a bit each.
    found: [u64; 2],
}

impl Scan {
    pub(super) const NEW: Self = Self { searched: 0, ahead: false, found: [0; 2] };
    const BLOCK: usize = 128;

    /// The next place of `byte`, behind those that were handed out; `None` if there is none in `buffer` so far.
    #[inline]
    pub(super) fn next(&mut self, buffer: &[u8], byte: u8) -> Option<usize> {
        if self.found == [0; 2] { self.look(buffer, byte) } else { Some(self.take_found()) }
    }

    #[inline]
    fn take_found(&mut self) -> usize {
        let [near, far] = self.found.map(u128::from);
        let found = far << 64 | near;
        let rest = found & (found - 1);
        self.found = [rest as u64, (rest >> 64) as u64];
        self.searched + found.trailing_zeros() as usize - Self::BLOCK
    }

    /// Looks at the next block, then for the next place.
    #[inline(never)]
    fn look(&mut self, buffer: &[u8], byte: u8) -> Option<usize> {
        if let Some(block) = buffer[self.searched..].first_chunk::<{ Self::BLOCK }>() {
            let (near, far) = block.split_at(Self::BLOCK / 2);
            self.found = [places(near, byte), places(far, byte)];
            self.searched += Self::BLOCK;
            if self.found != [0; 2] {
                return Some(self.take_found());
            }
        }
        let found = memchr(byte, &buffer[self.searched..]);
        self.searched = found.map_or(buffer.len(), |place| self.searched + place + 1);
        self.ahead &= found.is_some();
        found.map(|_| self.searched - 1)
    }

    /// The buffer has lost its first `count` bytes, which were all handed out or passed.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        self.searched -= count;
        self.ahead = true;
    }

    /// Forgets what was seen behind what was consumed last.
    #[inline]
    pub(super) fn forget_ahead(&mut self) {
        if self.ahead {
            *self = Self::NEW;
        }
    }
}

/// What was looked at is no setting: lines that are set up alike are equal.
impl PartialEq for Scan {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Scan {}

/// Where `byte` is in half a block: a bit for each place.
#[inline]
fn places(half: &[u8], byte: u8) -> u64 {
    let is_byte = |part: &[u8; 16]| u64::from(u8x16::new(*part).simd_eq(u8x16::splat(byte)).to_bitmask());
    half.as_chunks().0.iter().rev().fold(0, |places, part| places << 16 | is_byte(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All places of a byte, found in a buffer that grows by `step` bytes and loses what was handed out.
    fn all(bytes: &[u8], step: usize) -> Vec<usize> {
        let (mut scan, mut front, mut places) = (Scan::NEW, 0, Vec::new());
        for end in (0..=bytes.len()).step_by(step).chain([bytes.len()]) {
            while let Some(place) = scan.next(&bytes[front..end], b'\n') {
                places.push(front + place);
                scan.consume(place + 1);
                front += place + 1;
            }
        }
        places
    }

    #[test]
    fn finds_what_is_there_however_it_is_cut() {
        let mut random = fastrand::Rng::with_seed(64);
        for rarity in [1, 2, 5, 20, 100, 1000] {
            let bytes: Vec<u8> = (0..2000).map(|_| if random.u32(0..rarity) == 0 { b'\n' } else { b'x' }).collect();
            let expected: Vec<_> = (0..bytes.len()).filter(|place| bytes[*place] == b'\n').collect();
            for step in [1, 7, 63, 64, 65, 200, 2000] {
                assert_eq!(all(&bytes, step), expected, "one in {rarity}, in steps of {step}");
            }
        }
    }
}

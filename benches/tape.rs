//! What clients send and expect, prepared before the clock runs.

/// An endless stream of messages of one size.
#[derive(Debug, Clone)]
pub struct Tape {
    /// All messages, twice: any batch is one slice, also where the tape starts over.
    bytes: Vec<u8>,
    count: usize,
    size: usize,
}

impl Tape {
    /// A tape of the messages that `message` makes of their numbers. It starts over after `count` of them, which are
    /// also the largest batch.
    ///
    /// # Panics
    /// If they are not all of one size.
    pub fn new(count: usize, message: impl Fn(usize) -> Vec<u8>) -> Self {
        let size = message(0).len();
        let bytes: Vec<u8> = (0..count).chain(0..count).flat_map(message).collect();
        assert_eq!(bytes.len(), 2 * count * size, "all messages of a tape have one size");
        Self { bytes, count, size }
    }

    /// How many messages differ.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The bytes of `count` messages, from number `first` on.
    pub fn batch(&self, first: usize, count: usize) -> &[u8] {
        let start = first % self.count * self.size;
        &self.bytes[start..start + count * self.size]
    }
}

/// Printable, and different for each number.
pub fn text(number: usize, length: usize) -> Vec<u8> {
    let letters = (b'a'..=b'z').cycle().skip(number % 26);
    number.to_string().bytes().chain(*b" ").chain(letters).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_may_pass_the_end_of_the_tape() {
        let tape = Tape::new(256, |number| vec![number as u8; 2]);
        assert_eq!(tape.batch(256 + 255, 2), [255, 255, 0, 0]);
        assert_eq!(tape.batch(255, 256).len(), 2 * 256);
    }
}

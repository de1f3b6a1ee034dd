//! What clients send and expect, prepared before the clock runs.

/// Distinct messages before a tape starts over; also the largest batch.
pub const MESSAGES: usize = 256;

/// An endless stream of messages of one size.
#[derive(Debug, Clone)]
pub struct Tape {
    /// All messages, twice: any batch is one slice, also where the tape starts over.
    bytes: Vec<u8>,
    message: usize,
}

impl Tape {
    /// A tape of the messages that `message` makes of their numbers.
    ///
    /// # Panics
    /// If they are not all of one size.
    pub fn new(message: impl Fn(usize) -> Vec<u8>) -> Self {
        let size = message(0).len();
        let mut bytes = Vec::new();
        for number in (0..MESSAGES).chain(0..MESSAGES) {
            bytes.extend(message(number));
        }
        assert_eq!(bytes.len(), 2 * MESSAGES * size, "all messages of a tape have one size");
        Self { bytes, message: size }
    }

    /// The bytes of `count` messages, from number `first` on.
    pub fn batch(&self, first: usize, count: usize) -> &[u8] {
        let start = first % MESSAGES * self.message;
        &self.bytes[start..start + count * self.message]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_may_pass_the_end_of_the_tape() {
        let tape = Tape::new(|number| vec![number as u8; 2]);
        assert_eq!(tape.batch(MESSAGES + 255, 2), [255, 255, 0, 0]);
        assert_eq!(tape.batch(255, MESSAGES).len(), 2 * MESSAGES);
    }
}

//! Netstrings: `5:hello,`.

use super::{Decoded, Framing};
use crate::error::{FramingError, Malformed, Overlong, SendError};

/// Strings that say their length in decimal: `5:hello,`. See <https://cr.yp.to/proto/netstrings.txt>.
///
/// The counterpart of Twisted's `NetstringReceiver`, with the grammar taken strictly: no leading zeros, no sign, no
/// blank, refused at the first byte that is wrong. A string of exactly [`max_length`](Self::max_length) bytes (default
/// 99999) is allowed.
///
/// ```
/// use twisty::framing::{Decoded, Framing, Netstring};
///
/// let mut netstring = Netstring::new();
/// assert_eq!(netstring.decode(b"5:hello,0:,"), Ok(Decoded::Frame { frame: b"hello", consumed: 8 }));
/// assert!(netstring.decode(b"05:hello,").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Netstring {
    max_length: usize,
}

impl Netstring {
    /// Longest string allowed by default, in bytes. Twisted's `NetstringReceiver.MAX_LENGTH`.
    pub const MAX_LENGTH: usize = 99_999;
    /// A longer one is too long for any limit: no memory holds it, and one digit more could not be counted.
    const LARGEST: usize = usize::MAX / 10 - 1;

    /// Netstrings of up to 99999 bytes.
    ///
    /// ```
    /// use twisty::framing::{Decoded, Framing, Netstring};
    ///
    /// assert_eq!(Netstring::new().decode(b"2:hi,"), Ok(Decoded::Frame { frame: b"hi", consumed: 5 }));
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { max_length: Self::MAX_LENGTH }
    }

    /// Netstrings of at most `bytes` bytes.
    ///
    /// ```
    /// use twisty::framing::{Framing, Netstring};
    ///
    /// assert!(Netstring::new().max_length(4).decode(b"5").is_err());
    /// ```
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.set_max_length(bytes);
        self
    }

    /// Changes the longest string allowed, from the next string on.
    ///
    /// ```
    /// use twisty::framing::{Framing, Netstring};
    ///
    /// let mut netstring = Netstring::new();
    /// netstring.set_max_length(4);
    /// assert!(netstring.decode(b"5").is_err());
    /// ```
    pub fn set_max_length(&mut self, bytes: usize) {
        self.max_length = bytes;
    }

    /// The length, and where the payload starts; `None` while the colon has not arrived. Refuses at the first byte that
    /// cannot be right, so that the answer never depends on how the digits were cut.
    #[inline]
    fn length(self, buffer: &[u8]) -> Result<Option<(usize, usize)>, FramingError> {
        let (mut length, longest) = (0_usize, self.max_length.min(Self::LARGEST));
        for (at, &byte) in buffer.iter().enumerate() {
            match byte {
                b'0'..=b'9' if length > 0 || at == 0 => {
                    length = 10 * length + usize::from(byte - b'0');
                }
                b':' if at > 0 => return Ok(Some((length, at + 1))),
                _ => return Err(Self::refused(at, buffer)),
            }
            if length > longest {
                return Err(Overlong { length, max_length: longest }.into());
            }
        }
        Ok(None)
    }

    #[cold]
    fn refused(at: usize, buffer: &[u8]) -> FramingError {
        Malformed::new(Self::expected(at, buffer[0]), &[buffer[at]]).into()
    }

    const fn expected(at: usize, first: u8) -> &'static str {
        match (at, first) {
            (0, _) => "a digit, the length of a netstring,",
            (_, b'0') => "a colon after a netstring's length of 0",
            _ => "a digit or a colon in a netstring's length",
        }
    }
}

impl Default for Netstring {
    fn default() -> Self {
        Self::new()
    }
}

impl Framing for Netstring {
    #[inline]
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        let Some((length, start)) = self.length(buffer)? else { return Ok(Decoded::Incomplete { missing: 1 }) };
        let end = start.saturating_add(length);
        match buffer.get(end) {
            Some(b',') => Ok(Decoded::Frame { frame: &buffer[start..end], consumed: end + 1 }),
            Some(&other) => Err(Malformed::new("the comma after a netstring", &[other]).into()),
            None => Ok(Decoded::Incomplete { missing: end.saturating_add(1) - buffer.len() }),
        }
    }

    #[inline]
    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        out.extend_from_slice(itoa::Buffer::new().format(frame.len()).as_bytes());
        out.push(b':');
        out.extend_from_slice(frame);
        out.push(b',');
        Ok(())
    }

    #[inline]
    fn encodes_like(&self, _other: &Self) -> bool {
        true
    }
}

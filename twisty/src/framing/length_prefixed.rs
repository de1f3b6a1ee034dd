//! Strings behind a binary length.

use super::{Decoded, Framing};
use crate::error::{FramingError, Overlong, SendError};

/// Strings that follow their length, a binary number of one to eight bytes.
///
/// The counterpart of Twisted's `Int8StringReceiver`, `Int16StringReceiver` and `Int32StringReceiver`; the length
/// counts the payload only. A string of exactly [`max_length`](Self::max_length) bytes (default 99999) is allowed, a
/// longer one is refused as soon as its prefix is there.
///
/// ```
/// use twisty::framing::{Decoded, Endian, Framing, LengthPrefixed, Prefix};
///
/// let mut int16 = LengthPrefixed::int16();
/// assert_eq!(int16.decode(b"\0\x02hi"), Ok(Decoded::Frame { frame: b"hi", consumed: 4 }));
///
/// let mut little = LengthPrefixed::new(Prefix::U24).endian(Endian::Little);
/// assert_eq!(little.decode(b"\x02\0\0hi"), Ok(Decoded::Frame { frame: b"hi", consumed: 5 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthPrefixed {
    prefix: Prefix,
    endian: Endian,
    max_length: usize,
}

/// Width of a length prefix.
///
/// ```
/// assert_eq!(twisty::framing::Prefix::U24.bytes(), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// One byte, strings of up to 255 bytes.
    U8,
    /// Two bytes, strings of up to 65535 bytes.
    U16,
    /// Three bytes, strings of up to 16777215 bytes.
    U24,
    /// Four bytes, strings of up to 4294967295 bytes.
    U32,
    /// Eight bytes.
    U64,
}

impl Prefix {
    /// Width in bytes.
    ///
    /// ```
    /// use twisty::framing::Prefix;
    ///
    /// assert_eq!(Prefix::U8.bytes(), 1);
    /// assert_eq!(Prefix::U64.bytes(), 8);
    /// ```
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U24 => 3,
            Self::U32 => 4,
            Self::U64 => 8,
        }
    }

    const fn largest(self) -> u64 {
        u64::MAX >> self.spare_bits()
    }

    /// How much narrower it is than 64 bits.
    const fn spare_bits(self) -> usize {
        64 - 8 * self.bytes()
    }
}

/// Order of the bytes of a length prefix.
///
/// ```
/// assert_eq!(twisty::framing::Endian::default(), twisty::framing::Endian::Big);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Endian {
    /// Most significant byte first, as is usual on networks.
    #[default]
    Big,
    /// Least significant byte first.
    Little,
}

impl LengthPrefixed {
    /// Longest string allowed by default, in bytes. Twisted's `IntNStringReceiver.MAX_LENGTH`.
    pub const MAX_LENGTH: usize = 99_999;

    /// Strings of up to 99999 bytes behind a big-endian length.
    ///
    /// ```
    /// use twisty::framing::{Decoded, Framing, LengthPrefixed, Prefix};
    ///
    /// let mut int24 = LengthPrefixed::new(Prefix::U24);
    /// assert_eq!(int24.decode(b"\0\0\x02hi"), Ok(Decoded::Frame { frame: b"hi", consumed: 5 }));
    /// ```
    #[must_use]
    pub const fn new(prefix: Prefix) -> Self {
        Self { prefix, endian: Endian::Big, max_length: Self::MAX_LENGTH }
    }

    /// One byte of length. Twisted's `Int8StringReceiver`.
    ///
    /// ```
    /// use twisty::framing::{Decoded, Framing, LengthPrefixed};
    ///
    /// let mut int8 = LengthPrefixed::int8();
    /// assert_eq!(int8.decode(b"\x02hi"), Ok(Decoded::Frame { frame: b"hi", consumed: 3 }));
    /// ```
    #[must_use]
    pub const fn int8() -> Self {
        Self::new(Prefix::U8)
    }

    /// Two bytes of length, big-endian. Twisted's `Int16StringReceiver`.
    ///
    /// ```
    /// # use twisty::framing::{Framing, LengthPrefixed};
    /// let mut out = Vec::new();
    /// LengthPrefixed::int16().encode(b"hi", &mut out)?;
    /// assert_eq!(out, b"\0\x02hi");
    /// # Ok::<(), twisty::SendError>(())
    /// ```
    #[must_use]
    pub const fn int16() -> Self {
        Self::new(Prefix::U16)
    }

    /// Four bytes of length, big-endian. Twisted's `Int32StringReceiver`.
    ///
    /// ```
    /// # use twisty::framing::{Framing, LengthPrefixed};
    /// let mut out = Vec::new();
    /// LengthPrefixed::int32().encode(b"hi", &mut out)?;
    /// assert_eq!(out, b"\0\0\0\x02hi");
    /// # Ok::<(), twisty::SendError>(())
    /// ```
    #[must_use]
    pub const fn int32() -> Self {
        Self::new(Prefix::U32)
    }

    /// The length in another byte order.
    ///
    /// ```
    /// use twisty::framing::{Decoded, Endian, Framing, LengthPrefixed};
    ///
    /// let mut little = LengthPrefixed::int16().endian(Endian::Little);
    /// assert_eq!(little.decode(b"\x01\0x"), Ok(Decoded::Frame { frame: b"x", consumed: 3 }));
    /// ```
    #[must_use]
    pub const fn endian(mut self, endian: Endian) -> Self {
        self.endian = endian;
        self
    }

    /// Strings of at most `bytes` bytes.
    ///
    /// ```
    /// use twisty::framing::{Framing, LengthPrefixed};
    ///
    /// assert!(LengthPrefixed::int8().max_length(4).decode(b"\x05").is_err());
    /// ```
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.set_max_length(bytes);
        self
    }

    /// Changes the longest string allowed, from the next string on.
    ///
    /// ```
    /// use twisty::framing::{Framing, LengthPrefixed};
    ///
    /// let mut int8 = LengthPrefixed::int8();
    /// int8.set_max_length(4);
    /// assert!(int8.decode(b"\x05").is_err());
    /// ```
    pub fn set_max_length(&mut self, bytes: usize) {
        self.max_length = bytes;
    }

    /// The length that `buffer` begins with, if all of it is there. The usual one is read without a detour: where the next
    /// string is depends on it.
    #[inline]
    fn length(self, buffer: &[u8]) -> Option<u64> {
        if (self.prefix, self.endian) == (Prefix::U32, Endian::Big) {
            return Some(u64::from(u32::from_be_bytes(*buffer.first_chunk()?)));
        }
        self.other_length(buffer)
    }

    fn other_length(self, buffer: &[u8]) -> Option<u64> {
        let number = match self.prefix {
            Prefix::U8 => u64::from(*buffer.first()?) << 56,
            Prefix::U16 => u64::from(u16::from_be_bytes(*buffer.first_chunk()?)) << 48,
            Prefix::U24 => {
                let [a, b, c] = *buffer.first_chunk()?;
                u64::from(u32::from_be_bytes([a, b, c, 0])) << 32
            }
            Prefix::U32 => u64::from(u32::from_be_bytes(*buffer.first_chunk()?)) << 32,
            Prefix::U64 => u64::from_be_bytes(*buffer.first_chunk()?),
        };
        // Its bytes are the first ones of the number so far.
        Some(match self.endian {
            Endian::Big => number >> self.prefix.spare_bits(),
            Endian::Little => number.swap_bytes(),
        })
    }

    #[inline]
    fn append_length(self, length: u64, out: &mut Vec<u8>) {
        let bytes = match self.endian {
            Endian::Big => (length << self.prefix.spare_bits()).to_be_bytes(),
            Endian::Little => length.to_le_bytes(),
        };
        // Each a copy of fixed size, and no call.
        match self.prefix {
            Prefix::U8 => out.extend_from_slice(&bytes[..1]),
            Prefix::U16 => out.extend_from_slice(&bytes[..2]),
            Prefix::U24 => out.extend_from_slice(&bytes[..3]),
            Prefix::U32 => out.extend_from_slice(&bytes[..4]),
            Prefix::U64 => out.extend_from_slice(&bytes),
        }
    }
}

impl Framing for LengthPrefixed {
    #[inline]
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        let start = self.prefix.bytes();
        let Some(length) = self.length(buffer) else {
            return Ok(Decoded::Incomplete { missing: start - buffer.len() });
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > self.max_length {
            return Err(Overlong { length, max_length: self.max_length }.into());
        }
        let string = &buffer[start..];
        Ok(match string.get(..length) {
            Some(frame) => Decoded::Frame { frame, consumed: start + length },
            None => Decoded::Incomplete { missing: length - string.len() },
        })
    }

    #[inline]
    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        let (length, largest) = (frame.len() as u64, self.prefix.largest());
        if length > largest {
            let bits = 8 * self.prefix.bytes() as u32;
            return Err(SendError::TooLong { length: frame.len(), bits, largest });
        }
        out.reserve(self.prefix.bytes() + frame.len());
        self.append_length(length, out);
        out.extend_from_slice(frame);
        Ok(())
    }

    #[inline]
    fn encodes_like(&self, other: &Self) -> bool {
        (self.prefix, self.endian) == (other.prefix, other.endian)
    }
}

//! Lines, with stretches of raw bytes between them.

use std::borrow::Cow;

use memchr::memchr;

use super::{Decoded, Framing};
use crate::error::{FramingError, Overlong, SendError};

/// Lines that end in a delimiter, CRLF by default; the delimiter is not part of the frame.
///
/// The counterpart of Twisted's `LineReceiver`. A line of exactly [`max_length`](Self::max_length) bytes (default
/// 16384) is allowed, one more is [`Overlong`]. Bytes of the delimiter that stand alone belong to the line.
///
/// In *raw mode* bytes are delivered as they arrive, without a limit: for a counted stretch (a body whose length a line
/// announced) or an open-ended one. The rest of the same chunk is already delivered in the new mode.
///
/// ```
/// use twisty::framing::{Decoded, Framing, Line};
///
/// let mut line = Line::new().delimiter(&b"\n"[..]).max_length(80);
/// assert_eq!(line.decode(b"GET\r\n"), Ok(Decoded::Frame { frame: b"GET\r", consumed: 5 }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    delimiter: Cow<'static, [u8]>,
    max_length: usize,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Line {
        /// How much of the unfinished line was searched, so that a line in single bytes costs linear time.
        searched: usize,
    },
    /// Lines again, behind a raw event whose handler gave back so many bytes.
    LineAgain {
        unread: usize,
    },
    /// A counted raw stretch; one of 0 bytes is over with the next event.
    RawFor(usize),
    Raw,
}

impl Line {
    /// Longest line allowed by default, in bytes without the delimiter. Twisted's `LineReceiver.MAX_LENGTH`.
    pub const MAX_LENGTH: usize = 16_384;

    /// Lines of up to 16384 bytes that end in CRLF.
    ///
    /// ```
    /// use twisty::framing::{Decoded, Framing, Line};
    ///
    /// assert_eq!(Line::new().decode(b"hi\r\nyou"), Ok(Decoded::Frame { frame: b"hi", consumed: 4 }));
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        let delimiter = Cow::Borrowed(b"\r\n".as_slice());
        Self { delimiter, max_length: Self::MAX_LENGTH, mode: Mode::Line { searched: 0 } }
    }

    /// Lines that end in `delimiter`.
    ///
    /// # Panics
    /// If `delimiter` is empty.
    ///
    /// ```
    /// use twisty::framing::{Decoded, Framing, Line};
    ///
    /// let mut line = Line::new().delimiter(&b"\0"[..]);
    /// assert_eq!(line.decode(b"a\0b"), Ok(Decoded::Frame { frame: b"a", consumed: 2 }));
    /// ```
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<Cow<'static, [u8]>>) -> Self {
        self.delimiter = delimiter.into();
        assert!(!self.delimiter.is_empty(), "a line needs a delimiter of at least one byte");
        self
    }

    /// Lines of at most `bytes` bytes, the delimiter not counted.
    ///
    /// ```
    /// use twisty::framing::{Framing, Line};
    ///
    /// assert!(Line::new().max_length(3).decode(b"four\r\n").is_err());
    /// ```
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.set_max_length(bytes);
        self
    }

    /// Changes the longest line allowed, from the next line on.
    ///
    /// ```
    /// use twisty::framing::{Framing, Line};
    ///
    /// let mut line = Line::new();
    /// line.set_max_length(3);
    /// assert!(line.decode(b"four\r\n").is_err());
    /// ```
    pub fn set_max_length(&mut self, bytes: usize) {
        self.max_length = bytes;
    }

    /// Delivers all that follows as `raw` events, until [`set_line_mode`](Self::set_line_mode).
    ///
    /// ```
    /// use twisty::framing::{Decoded, Framing, Line};
    ///
    /// let mut line = Line::new();
    /// line.set_raw_mode();
    /// assert_eq!(line.decode(b"a\r\nb"), Ok(Decoded::Raw(b"a\r\nb")));
    /// ```
    pub fn set_raw_mode(&mut self) {
        self.mode = Mode::Raw;
    }

    /// Delivers the next `bytes` bytes as `raw` events, in as many as the network makes of them, then lines again. There is
    /// at least one event: 0 bytes are a `raw` event without any. [`raw_left`](Self::raw_left) tells which is the last.
    ///
    /// ```
    /// use twisty::framing::{Decoded, Framing, Line};
    ///
    /// let mut line = Line::new();
    /// line.set_raw_mode_for(3);
    /// assert_eq!(line.decode(b"abcd\r\n"), Ok(Decoded::Raw(b"abc")));
    /// assert_eq!(line.decode(b"d\r\n"), Ok(Decoded::Frame { frame: b"d", consumed: 3 }));
    /// ```
    pub fn set_raw_mode_for(&mut self, bytes: usize) {
        self.mode = Mode::RawFor(bytes);
    }

    /// How many bytes of a counted raw stretch are still to come. In a `raw` handler, 0 means that this was the last event.
    ///
    /// ```
    /// use twisty::framing::{Framing, Line};
    ///
    /// let mut line = Line::new();
    /// line.set_raw_mode_for(3);
    /// assert!(line.decode(b"ab").is_ok());
    /// assert_eq!(line.raw_left(), 1);
    /// ```
    #[must_use]
    pub const fn raw_left(&self) -> usize {
        match self.mode {
            Mode::RawFor(bytes) => bytes,
            Mode::Line { .. } | Mode::LineAgain { .. } | Mode::Raw => 0,
        }
    }

    /// Delivers lines again. `rest` is what a `raw` handler did not want of the bytes it was given: it is read again,
    /// as lines. (Twisted's `setLineMode(extra)`.)
    ///
    /// ```
    /// use twisty::framing::{Framing, Line};
    ///
    /// let mut line = Line::new();
    /// line.set_raw_mode();
    /// line.set_line_mode(b"the rest");
    /// assert_eq!(line.take_back(), 8);
    /// ```
    pub fn set_line_mode(&mut self, rest: &[u8]) {
        self.mode = Mode::LineAgain { unread: rest.len() };
    }

    #[inline]
    fn find_line<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        let searched = if let Mode::Line { searched } = self.mode { searched } else { 0 };
        if let Some(length) = self.first_line(buffer, searched) {
            self.mode = Mode::Line { searched: 0 };
            return self.checked(&buffer[..length], length + self.delimiter.len());
        }
        self.mode = Mode::Line { searched: buffer.len() };
        if buffer.len() >= self.max_length.saturating_add(self.delimiter.len()) {
            return Err(self.overlong());
        }
        Ok(Decoded::Incomplete { missing: 1 })
    }

    /// The length of the first line; no delimiter ends before `from`. It looks for the last byte of the delimiter, then
    /// back: nothing is prepared per line, and a delimiter that was cut needs no special case.
    #[inline]
    fn first_line(&self, buffer: &[u8], mut from: usize) -> Option<usize> {
        let (last, before) = self.delimiter.split_last()?;
        while let Some(at) = memchr(*last, &buffer[from..]) {
            let found = from + at;
            if ends_with(&buffer[..found], before) {
                return Some(found - before.len());
            }
            from = found + 1;
        }
        None
    }

    /// Whether a delimiter could end in `line`, or in the delimiter behind it before its own end.
    #[inline]
    fn may_end_in(&self, line: &[u8]) -> bool {
        let Some((last, before)) = self.delimiter.split_last() else { return true };
        contains(line, *last) || before.iter().any(|byte| byte == last)
    }

    #[cold]
    fn refused(&self) -> SendError {
        SendError::ContainsDelimiter { delimiter: self.delimiter.escape_ascii().to_string() }
    }

    #[inline]
    fn checked<'a>(&self, frame: &'a [u8], consumed: usize) -> Result<Decoded<'a>, FramingError> {
        if frame.len() > self.max_length { Err(self.overlong()) } else { Ok(Decoded::Frame { frame, consumed }) }
    }

    /// Says the same length whether the end of the line was seen or not.
    #[cold]
    fn overlong(&self) -> FramingError {
        Overlong { length: self.max_length.saturating_add(1), max_length: self.max_length }.into()
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Framing for Line {
    #[inline]
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        match self.mode {
            Mode::Line { .. } | Mode::LineAgain { .. } => self.find_line(buffer),
            Mode::Raw => Ok(Decoded::Raw(buffer)),
            Mode::RawFor(wanted) if buffer.len() < wanted => {
                self.mode = Mode::RawFor(wanted - buffer.len());
                Ok(Decoded::Raw(buffer))
            }
            Mode::RawFor(wanted) => {
                self.mode = Mode::Line { searched: 0 };
                Ok(Decoded::Raw(&buffer[..wanted]))
            }
        }
    }

    /// Refuses what would not be read as this one line again: a line with its delimiter in it, or one whose end makes
    /// the delimiter begin too early, as `x|` does with `||`.
    #[inline]
    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        let start = out.len();
        out.reserve(frame.len() + self.delimiter.len());
        out.extend_from_slice(frame);
        match *self.delimiter {
            [one] => out.push(one),
            [one, two] => out.extend_from_slice(&[one, two]),
            ref more => out.extend_from_slice(more),
        }
        // Most lines do not even contain the last byte of the delimiter, so that is asked first.
        if !self.may_end_in(frame) || self.first_line(&out[start..], 0) == Some(frame.len()) {
            return Ok(());
        }
        out.truncate(start);
        Err(self.refused())
    }

    fn encodes_like(&self, other: &Self) -> bool {
        self.delimiter == other.delimiter
    }

    fn is_ready(&self) -> bool {
        self.mode == Mode::RawFor(0)
    }

    fn take_back(&mut self) -> usize {
        let Mode::LineAgain { unread } = self.mode else { return 0 };
        self.mode = Mode::Line { searched: 0 };
        unread
    }
}

/// Whether a byte occurs. In a short line it hardly ever does, and then looking at all of it is faster than stopping
/// early.
#[inline]
fn contains(line: &[u8], byte: u8) -> bool {
    const SHORT: usize = 256;
    if line.len() <= SHORT {
        line.iter().fold(false, |found, other| found | (*other == byte))
    } else {
        memchr(byte, line).is_some()
    }
}

/// As the slice's own, without a call for the usual delimiters of one and two bytes.
#[inline]
fn ends_with(bytes: &[u8], suffix: &[u8]) -> bool {
    match suffix {
        [] => true,
        [one] => bytes.last() == Some(one),
        _ => bytes.ends_with(suffix),
    }
}

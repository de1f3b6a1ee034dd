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
    delimiter: Delimiter,
    max_length: usize,
    mode: Mode,
    /// How much of the unfinished line was searched, so that a line in single bytes costs linear time.
    searched: usize,
    /// Bytes of the last raw event that its handler gave back.
    unread: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Line,
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
        Self { delimiter: Delimiter::Two(*b"\r\n"), max_length: Self::MAX_LENGTH, mode: Mode::Line, searched: 0, unread: 0 }
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
        self.delimiter = Delimiter::new(delimiter.into());
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
        self.switch(Mode::Raw);
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
        self.switch(Mode::RawFor(bytes));
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
            Mode::Line | Mode::Raw => 0,
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
        self.switch(Mode::Line);
        self.unread = rest.len();
    }

    fn switch(&mut self, mode: Mode) {
        self.mode = mode;
        self.searched = 0;
        self.unread = 0;
    }

    #[inline]
    fn find_line<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        if let Some(length) = self.first_line(buffer, self.searched) {
            self.searched = 0;
            return self.checked(&buffer[..length], length + self.delimiter.bytes().len());
        }
        self.searched = buffer.len();
        if buffer.len() >= self.max_length.saturating_add(self.delimiter.bytes().len()) {
            return Err(self.overlong());
        }
        Ok(Decoded::Incomplete { missing: 1 })
    }

    /// The length of the first line; no delimiter ends before `from`.
    #[inline]
    fn first_line(&self, buffer: &[u8], from: usize) -> Option<usize> {
        match &self.delimiter {
            Delimiter::One(last) => first_line(buffer, from, [], *last),
            Delimiter::Two([before, last]) => first_line(buffer, from, [*before], *last),
            more => {
                let (last, before) = more.bytes().split_last()?;
                first_line(buffer, from, before, *last)
            }
        }
    }

    #[cold]
    fn refused(&self) -> SendError {
        SendError::ContainsDelimiter { delimiter: self.delimiter.bytes().escape_ascii().to_string() }
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
            Mode::Line => self.find_line(buffer),
            Mode::Raw => Ok(Decoded::Raw(buffer)),
            Mode::RawFor(wanted) if buffer.len() < wanted => {
                self.mode = Mode::RawFor(wanted - buffer.len());
                Ok(Decoded::Raw(buffer))
            }
            Mode::RawFor(wanted) => {
                self.mode = Mode::Line;
                Ok(Decoded::Raw(&buffer[..wanted]))
            }
        }
    }

    /// Refuses what would not be read as this one line again: a line with its delimiter in it, or one whose end makes
    /// the delimiter begin too early, as `x|` does with `||`.
    #[inline]
    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        let start = out.len();
        out.reserve(frame.len() + self.delimiter.bytes().len());
        out.extend_from_slice(frame);
        match &self.delimiter {
            Delimiter::One(one) => out.push(*one),
            Delimiter::Two(two) => out.extend_from_slice(two),
            more => out.extend_from_slice(more.bytes()),
        }
        // Most lines do not even contain the last byte of the delimiter, so that is asked first.
        if !self.delimiter.may_end_in(frame) || self.first_line(&out[start..], 0) == Some(frame.len()) {
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
        std::mem::take(&mut self.unread)
    }
}

/// What ends a line, the usual ones of one and two bytes without a detour.
#[derive(Debug, Clone)]
enum Delimiter {
    One(u8),
    Two([u8; 2]),
    Static(&'static [u8]),
    Owned(Box<[u8]>),
}

impl Delimiter {
    fn new(bytes: Cow<'static, [u8]>) -> Self {
        match (&*bytes, &bytes) {
            ([], _) => panic!("a line needs a delimiter of at least one byte"),
            ([one], _) => Self::One(*one),
            ([one, two], _) => Self::Two([*one, *two]),
            (_, Cow::Borrowed(bytes)) => Self::Static(bytes),
            (bytes, Cow::Owned(_)) => Self::Owned(bytes.into()),
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Two(two) => two,
            Self::Static(more) => more,
            Self::Owned(more) => more,
        }
    }

    /// Whether one could end in `line`, or in the delimiter behind it before its own end.
    #[inline]
    fn may_end_in(&self, line: &[u8]) -> bool {
        match self {
            Self::One(last) => contains(line, *last),
            Self::Two([before, last]) => contains(line, *last) || before == last,
            Self::Static(_) | Self::Owned(_) => true,
        }
    }
}

impl PartialEq for Delimiter {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Delimiter {}

/// Looks for the last byte of the delimiter, then back: nothing is prepared per line, and a delimiter that was cut needs
/// no special case.
#[inline]
fn first_line(buffer: &[u8], mut from: usize, before: impl AsRef<[u8]>, last: u8) -> Option<usize> {
    let before = before.as_ref();
    while let Some(at) = memchr(last, &buffer[from..]) {
        let found = from + at;
        if buffer[..found].ends_with(before) {
            return Some(found - before.len());
        }
        from = found + 1;
    }
    None
}

/// Whether a byte occurs. In a short line it hardly ever does, and then looking at all of it, in blocks, is faster than
/// stopping early.
#[inline]
fn contains(line: &[u8], byte: u8) -> bool {
    const SHORT: usize = 256;
    if line.len() > SHORT {
        return memchr(byte, line).is_some();
    }
    let in_blocks = occurs_in_blocks::<16>(line, byte).or_else(|| occurs_in_blocks::<4>(line, byte));
    in_blocks.unwrap_or_else(|| line.contains(&byte))
}

/// `None` if the line is shorter than a block. The last block reaches back into the one before.
#[inline]
fn occurs_in_blocks<const N: usize>(line: &[u8], byte: u8) -> Option<bool> {
    let last = line.last_chunk::<N>()?;
    let occurs_in = |block: &[u8; N]| block.iter().fold(false, |found, other| found | (*other == byte));
    Some(line.as_chunks().0.iter().fold(occurs_in(last), |found, block| found | occurs_in(block)))
}

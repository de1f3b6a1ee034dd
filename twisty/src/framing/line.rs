//! Lines, with stretches of raw bytes between them.

use std::borrow::Cow;

use wide::u8x16;

use super::scan::Scan;
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
    /// Where its last byte is; each byte is looked at once, also of a line that comes in single bytes.
    ends: Scan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Line,
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
        Self { delimiter: Delimiter::CRLF, max_length: Self::MAX_LENGTH, mode: Mode::Line, ends: Scan::NEW }
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
            Mode::Line | Mode::LineAgain { .. } | Mode::Raw => 0,
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
        self.switch(Mode::LineAgain { unread: rest.len() });
    }

    fn switch(&mut self, mode: Mode) {
        self.mode = mode;
        self.ends = Scan::NEW;
    }

    #[inline]
    fn find_line<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        if let Some((length, end)) = self.delimiter.find(buffer, &mut self.ends) {
            self.ends.consume(end);
            return self.checked(&buffer[..length], end);
        }
        if buffer.len() >= self.max_length.saturating_add(self.delimiter.len()) {
            return Err(self.overlong());
        }
        Ok(Decoded::Incomplete { missing: 1 })
    }

    #[cold]
    fn refused(&self) -> SendError {
        SendError::ContainsDelimiter { delimiter: self.delimiter.to_bytes().escape_ascii().to_string() }
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
            Mode::Line | Mode::LineAgain { .. } => self.find_line(buffer),
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
        out.extend_from_slice(frame);
        self.delimiter.append_to(out);
        // Most lines do not even contain the last byte of the delimiter, so that is asked first.
        let may_end_early = self.delimiter.overlaps || contains(frame, self.delimiter.last);
        if may_end_early && self.delimiter.ends_early(&out[start..]) {
            out.truncate(start);
            return Err(self.refused());
        }
        Ok(())
    }

    fn encodes_like(&self, other: &Self) -> bool {
        self.delimiter == other.delimiter
    }

    fn is_ready(&self) -> bool {
        self.mode == Mode::RawFor(0)
    }

    fn take_back(&mut self) -> usize {
        let Mode::LineAgain { unread } = self.mode else { return 0 };
        self.mode = Mode::Line;
        unread
    }
}

/// What ends a line. Its last byte is what is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Delimiter {
    before: Before,
    last: u8,
    /// Whether it could begin in the line before it, and end too early.
    overlaps: bool,
}

/// What must stand in front of the last byte; for the usual delimiters it takes no detour.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Before {
    Nothing,
    One(u8),
    More(Box<Cow<'static, [u8]>>),
}

impl Delimiter {
    const CRLF: Self = Self { before: Before::One(b'\r'), last: b'\n', overlaps: false };

    fn new(bytes: Cow<'static, [u8]>) -> Self {
        match *bytes {
            [] => panic!("a line needs a delimiter of at least one byte"),
            [last] => Self { before: Before::Nothing, last, overlaps: false },
            [before, last] => Self { before: Before::One(before), last, overlaps: before == last },
            [.., last] => Self { before: Before::More(Box::new(bytes)), last, overlaps: true },
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match &self.before {
            Before::Nothing => 1,
            Before::One(_) => 2,
            Before::More(all) => all.len(),
        }
    }

    /// The length of the first line of `buffer`, without its delimiter and with it. It looks for the last byte, then back:
    /// a delimiter that was cut needs no special case.
    #[inline(always)]
    fn find(&self, buffer: &[u8], ends: &mut Scan) -> Option<(usize, usize)> {
        loop {
            let last = ends.next(buffer, self.last)?;
            let before = match &self.before {
                Before::Nothing => 0,
                Before::One(before) if buffer[..last].last() == Some(before) => 1,
                Before::More(all) if buffer[..=last].ends_with(all) => all.len() - 1,
                Before::One(_) | Before::More(_) => continue,
            };
            return Some((last - before, last + 1));
        }
    }

    /// Whether `line`, which ends in a delimiter, would be read as more than one.
    #[cold]
    fn ends_early(&self, line: &[u8]) -> bool {
        let mut ends = Scan::NEW;
        self.find(line, &mut ends).is_none_or(|(_, end)| end < line.len())
    }

    #[inline]
    fn append_to(&self, out: &mut Vec<u8>) {
        match &self.before {
            Before::Nothing => out.push(self.last),
            Before::One(before) => out.extend_from_slice(&[*before, self.last]),
            Before::More(all) => out.extend_from_slice(all),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.append_to(&mut bytes);
        bytes
    }
}

/// Whether a byte occurs. In a line it hardly ever does, so looking at all of it is faster than stopping early.
#[inline]
fn contains(line: &[u8], byte: u8) -> bool {
    let Some(last) = line.last_chunk() else { return line.contains(&byte) };
    let is_byte = |block: &[u8; 16]| u8x16::new(*block).simd_eq(u8x16::splat(byte));
    line.as_chunks().0.iter().fold(is_byte(last), |found, block| found | is_byte(block)).any()
}

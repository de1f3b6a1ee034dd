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
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    /// Lines. The scan knows where their ends may be: it looks at each byte once, also of a line that comes in single ones.
    Line(Scan),
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
        Self { delimiter: Delimiter::CRLF, max_length: Self::MAX_LENGTH, mode: Mode::Line(Scan::NEW) }
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
        if let Mode::Line(ends) = &mut self.mode {
            *ends = Scan::NEW;
        }
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
            Mode::Line(_) | Mode::LineAgain { .. } | Mode::Raw => 0,
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

    /// The length of the first line, without its delimiter and with it; `None` if it is not all there, or too long.
    #[inline]
    fn next_line(&mut self, buffer: &[u8]) -> Option<(usize, usize)> {
        let Mode::Line(ends) = &mut self.mode else { return None };
        self.delimiter.take(buffer, ends).filter(|(length, _)| *length <= self.max_length)
    }

    /// Whatever is no whole line: a call of its own, so that looking for lines needs none.
    #[inline(never)]
    fn decode_rest<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        match &mut self.mode {
            // All but the beginning of a delimiter belongs to the line.
            Mode::Line(_) if buffer.len() < self.max_length.saturating_add(self.delimiter.len()) => {
                Ok(Decoded::Incomplete { missing: 1 })
            }
            Mode::Line(_) => Err(self.overlong()),
            Mode::LineAgain { .. } => {
                self.mode = Mode::Line(Scan::NEW);
                self.decode(buffer)
            }
            Mode::Raw => Ok(Decoded::Raw(buffer)),
            Mode::RawFor(wanted) if buffer.len() < *wanted => {
                *wanted -= buffer.len();
                Ok(Decoded::Raw(buffer))
            }
            Mode::RawFor(wanted) => {
                let raw = &buffer[..*wanted];
                self.mode = Mode::Line(Scan::NEW);
                Ok(Decoded::Raw(raw))
            }
        }
    }

    #[cold]
    fn refused(&self) -> SendError {
        SendError::ContainsDelimiter { delimiter: self.delimiter.to_bytes().escape_ascii().to_string() }
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
    #[inline(never)]
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        if let Mode::Line(ends) = &mut self.mode {
            ends.forget_ahead();
        }
        self.decode_next(buffer)
    }

    // Always: a connection calls it from one place, for each line.
    #[inline(always)]
    fn decode_next<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        match self.next_line(buffer) {
            Some((length, consumed)) => Ok(Decoded::Frame { frame: &buffer[..length], consumed }),
            None => self.decode_rest(buffer),
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

    #[inline]
    fn encodes_like(&self, other: &Self) -> bool {
        (self.delimiter.last, &self.delimiter.before) == (other.delimiter.last, &other.delimiter.before)
    }

    fn is_ready(&self) -> bool {
        self.mode == Mode::RawFor(0)
    }

    fn take_back(&mut self) -> usize {
        let Mode::LineAgain { unread } = self.mode else { return 0 };
        self.mode = Mode::Line(Scan::NEW);
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

    /// Takes the first line of `buffer`: its length without the delimiter, and with it. It looks for the last byte, then back:
    /// a delimiter that was cut needs no special case.
    #[inline(always)]
    fn take(&self, buffer: &[u8], ends: &mut Scan) -> Option<(usize, usize)> {
        loop {
            let last = ends.next(buffer, self.last)?;
            let before = match &self.before {
                Before::Nothing => 0,
                Before::One(before) if buffer[..last].last() == Some(before) => 1,
                Before::More(all) if buffer[..=last].ends_with(all) => all.len() - 1,
                Before::One(_) | Before::More(_) => continue,
            };
            ends.consume(last + 1);
            return Some((last - before, last + 1));
        }
    }

    /// Whether `line`, which ends in a delimiter, would be read as more than one.
    #[cold]
    fn ends_early(&self, line: &[u8]) -> bool {
        let mut ends = Scan::NEW;
        self.take(line, &mut ends).is_none_or(|(_, end)| end < line.len())
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

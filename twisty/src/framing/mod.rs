//! Framing: bytes to frames and back, without I/O.
//!
//! A TCP connection carries a stream of bytes, cut wherever the network liked; a protocol wants whole messages. A
//! [`Framing`] finds them. The built-in ones:
//!
//! | framing | `#[protocol(…)]` | its frame is the event | longest frame, by default |
//! |---|---|---|---|
//! | [`Raw`] | `raw` | `data`: bytes as they arrive | – |
//! | [`Line`] | `line` | `line`: up to a delimiter; `raw` in raw mode | 16384 bytes |
//! | [`Netstring`] | `netstring` | `string`: `5:hello,` | 99999 bytes |
//! | [`LengthPrefixed`] | `int8`, `int16`, `int32`, `length_prefixed(…)` | `string` | 99999 bytes |
//!
//! Their rules are those of `twisted.protocols.basic`, with three exceptions made on purpose: what a protocol sees
//! never depends on how the stream was cut, a framing that met an error says nothing more, and every input costs linear
//! time.

mod length_prefixed;
mod line;
mod netstring;
mod raw;
mod scan;

pub use length_prefixed::{Endian, LengthPrefixed, Prefix};
pub use line::Line;
pub use netstring::Netstring;
pub use raw::Raw;

use crate::error::{FramingError, SendError};

/// Finds frames in a stream of bytes, and writes frames into one.
///
/// # The loop that a framing runs in
///
/// A connection keeps the bytes that are not consumed yet and calls [`decode`](Self::decode) with all of them:
///
/// - [`Decoded::Frame`]: the frame is delivered, `consumed` bytes are dropped from the front, and `decode` is called
///   again with what follows; or [`decode_next`](Self::decode_next), if the handler left the framing alone.
/// - [`Decoded::Raw`]: the same, but delivered as the `raw` event; then [`take_back`](Self::take_back) is asked how
///   much of it the handler did not want.
/// - [`Decoded::Incomplete`]: `decode` is called again when more has arrived, with the same bytes in front and at least
///   one more behind them. A framing may therefore remember how far it has looked, and should: that is what keeps a
///   frame that arrives in single bytes from costing quadratic time. `missing` is how many bytes it needs at least (1
///   if it cannot know).
/// - `Err`: the connection closes and `decode` is never called again.
///
/// An empty buffer is passed in only if [`is_ready`](Self::is_ready) asks for it, and a frame never leaves the buffer: it is a part of it, borrowed.
///
/// A length that the peer sent is only ever compared, never allocated.
///
/// # A framing of your own
///
/// Fixed-size records, say. In a protocol it is named by its path, and its frames are the event `frame`:
/// `#[protocol(Records)]`, `#[on(frame)]`.
///
/// ```
/// use twisty::framing::{Decoded, Framing};
/// use twisty::{FramingError, SendError};
///
/// #[derive(Default)]
/// struct Records;
///
/// impl Framing for Records {
///     fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
///         Ok(match buffer.get(..8) {
///             Some(frame) => Decoded::Frame { frame, consumed: 8 },
///             None => Decoded::Incomplete { missing: 8 - buffer.len() },
///         })
///     }
///
///     fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
///         if frame.len() != 8 {
///             return Err(SendError::Refused(format!("a record has 8 bytes, not {}", frame.len())));
///         }
///         out.extend_from_slice(frame);
///         Ok(())
///     }
/// }
///
/// assert_eq!(Records.decode(b"abc"), Ok(Decoded::Incomplete { missing: 5 }));
/// assert_eq!(Records.decode(b"abcdefghi"), Ok(Decoded::Frame { frame: b"abcdefgh", consumed: 8 }));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a framing",
    label = "not a framing",
    note = "the framings are `raw`, `line`, `netstring`, `int8`, `int16`, `int32` and `length_prefixed(…)`; for one of your own write `impl Framing for {Self}`"
)]
pub trait Framing: Sized + 'static {
    /// Looks for a frame at the front of `buffer`.
    ///
    /// # Errors
    /// [`FramingError::Overlong`] when the frame exceeds the limit, as soon as that is certain;
    /// [`FramingError::Malformed`] when the bytes are not of this framing's grammar.
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError>;

    /// The same right behind a frame: `buffer` is what follows the frame that was found last, and nobody has used this framing
    /// in between. One that has looked further than that frame may go on from there, which [`decode`](Self::decode) may not:
    /// what it is given behind a frame need not be what was there.
    ///
    /// # Errors
    /// As those of [`decode`](Self::decode), which it is unless a framing says otherwise.
    #[inline]
    fn decode_next<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        self.decode(buffer)
    }

    /// Appends `frame`, as it travels, to `out`. `out` may hold earlier frames: only append, and nothing on an error.
    ///
    /// # Errors
    /// [`SendError`] when this framing cannot carry `frame`.
    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError>;

    /// Whether what `other` encodes may be sent on this one's connections as it is. A broadcast is encoded once for all
    /// that agree. False unless a framing says otherwise.
    fn encodes_like(&self, _other: &Self) -> bool {
        false
    }

    /// Whether there is something to deliver that needs no further bytes: then `decode` is called even with none. True only
    /// right after a handler has changed the framing; the end of an empty raw stretch, say.
    fn is_ready(&self) -> bool {
        false
    }

    /// How many bytes at the end of the last [`Decoded::Raw`] its handler gave back, to be decoded anew.
    fn take_back(&mut self) -> usize {
        0
    }
}

/// What [`Framing::decode`] found at the front of the buffer.
///
/// ```
/// use twisty::framing::{Decoded, Framing, Line};
///
/// let mut line = Line::new();
/// assert_eq!(line.decode(b"hi\r\nyou"), Ok(Decoded::Frame { frame: b"hi", consumed: 4 }));
/// assert_eq!(line.decode(b"you"), Ok(Decoded::Incomplete { missing: 1 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole frame.
    Frame {
        /// The frame's payload.
        frame: &'a [u8],
        /// Bytes it took in the buffer, with prefix or delimiter.
        consumed: usize,
    },
    /// Bytes outside of any frame, from the front of the buffer; see [`Line::set_raw_mode`].
    Raw(&'a [u8]),
    /// No whole frame yet.
    Incomplete {
        /// How many more bytes are needed at least, never 0.
        missing: usize,
    },
}

/// Marks the framings whose frames are the `line` event. Implement it for a line framing of your own.
///
/// ```
/// fn takes_lines<F: twisty::framing::DeliversLines>() {}
/// takes_lines::<twisty::framing::Line>();
/// ```
#[diagnostic::on_unimplemented(
    message = "the framing of this protocol, `{Self}`, has no `line` event",
    label = "no such event here",
    note = "write `#[on(data)]` for `raw`, `#[on(string)]` for `netstring`, `int8`, `int16`, `int32` and `length_prefixed`, `#[on(frame)]` for a framing of your own; or make it `#[protocol(line)]`"
)]
pub trait DeliversLines: Framing {}

/// Marks the framings whose frames are the `string` event. Implement it for a string framing of your own.
///
/// ```
/// fn takes_strings<F: twisty::framing::DeliversStrings>() {}
/// takes_strings::<twisty::framing::Netstring>();
/// ```
#[diagnostic::on_unimplemented(
    message = "the framing of this protocol, `{Self}`, has no `string` event",
    label = "no such event here",
    note = "write `#[on(line)]` for `line`, `#[on(data)]` for `raw`, `#[on(frame)]` for a framing of your own; or make it `#[protocol(netstring)]` or `#[protocol(int16)]`"
)]
pub trait DeliversStrings: Framing {}

/// Marks the framings whose frames are the `data` event: bytes as they arrive.
///
/// ```
/// fn takes_data<F: twisty::framing::DeliversData>() {}
/// takes_data::<twisty::framing::Raw>();
/// ```
#[diagnostic::on_unimplemented(
    message = "the framing of this protocol, `{Self}`, has no `data` event",
    label = "no such event here",
    note = "write `#[on(line)]` for `line`, `#[on(string)]` for `netstring`, `int8`, `int16`, `int32` and `length_prefixed`, `#[on(frame)]` for a framing of your own; or make it `#[protocol(raw)]`"
)]
pub trait DeliversData: Framing {}

/// Marks the framings with a raw mode, whose bytes are the `raw` event.
///
/// ```
/// fn has_a_raw_mode<F: twisty::framing::DeliversRaw>() {}
/// has_a_raw_mode::<twisty::framing::Line>();
/// ```
#[diagnostic::on_unimplemented(
    message = "the framing of this protocol, `{Self}`, has no `raw` event",
    label = "no such event here",
    note = "only the `line` framing has a raw mode; bytes without any framing are `#[protocol(raw)]` with `#[on(data)]`"
)]
pub trait DeliversRaw: Framing {}

/// Marks the framings with a longest frame, which makes the `overlong` event.
///
/// ```
/// fn has_a_limit<F: twisty::framing::DeliversOverlong>() {}
/// has_a_limit::<twisty::framing::Line>();
/// ```
#[diagnostic::on_unimplemented(
    message = "the framing of this protocol, `{Self}`, has no `overlong` event",
    label = "no such event here",
    note = "nothing can be too long for it; `line`, `netstring`, `int8`, `int16`, `int32` and `length_prefixed` have a `max_length`"
)]
pub trait DeliversOverlong: Framing {}

impl DeliversData for Raw {}
impl DeliversLines for Line {}
impl DeliversRaw for Line {}
impl DeliversOverlong for Line {}
impl DeliversStrings for Netstring {}
impl DeliversOverlong for Netstring {}
impl DeliversStrings for LengthPrefixed {}
impl DeliversOverlong for LengthPrefixed {}

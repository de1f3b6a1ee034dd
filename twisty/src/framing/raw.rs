//! No framing at all.

use super::{Decoded, Framing};
use crate::error::{FramingError, SendError};

/// Bytes as they arrive: each `data` event is what one read brought, and what is sent goes out as it is.
///
/// How the stream is cut means nothing; a protocol that needs whole messages wants another framing.
///
/// ```
/// use twisty::framing::{Decoded, Framing, Raw};
///
/// assert_eq!(Raw.decode(b"anything"), Ok(Decoded::Frame { frame: b"anything", consumed: 8 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Raw;

impl Framing for Raw {
    #[inline]
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        Ok(Decoded::Frame { frame: buffer, consumed: buffer.len() })
    }

    #[inline]
    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        out.extend_from_slice(frame);
        Ok(())
    }

    #[inline]
    fn encodes_like(&self, _other: &Self) -> bool {
        true
    }
}

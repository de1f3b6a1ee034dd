//! One frame for many.

use bytes::Bytes;

use super::segment::Segment;
use super::{Outbox, ToFrame, Transport};
use crate::error::SendError;
use crate::framing::Framing;

/// Sends one frame to many connections. It is encoded once, and shared by all instead of copied for each.
///
/// A frame that the framing cannot carry goes to nobody, and ends the connection whose handler tried to send it. A peer that
/// is too slow for what it is sent is passed by, or cut off, where its protocol says so:
/// [`SlowConsumerPolicy`](crate::protocol::SlowConsumerPolicy).
///
/// ```
/// use twisty::prelude::*;
///
/// fn announce(members: &[Transport<Line>], news: &str) {
///     twisty::broadcast(members, news);
/// }
/// ```
pub fn broadcast<'a, F: Framing>(to: impl IntoIterator<Item = &'a Transport<F>>, frame: impl ToFrame) {
    let frame = frame.to_frame();
    let mut encoded: Option<(&Transport<F>, Encoded)> = None;
    for transport in to.into_iter().filter(|transport| transport.takes_messages()) {
        if !encoded.as_ref().is_some_and(|(first, _)| encode_alike(first, transport)) {
            if !encode_alike(transport, transport) {
                transport.send_own(&frame);
                continue;
            }
            match Encoded::new(transport, &frame) {
                Ok(bytes) => encoded = Some((transport, bytes)),
                Err(error) => return transport.blame(error),
            }
        }
        if let Some((_, bytes)) = &encoded {
            transport.send_encoded(bytes);
        }
    }
}

/// A frame that goes to many.
pub(super) enum Encoded {
    /// Among those of this turn. Who is slow to take it will copy it.
    Small(Segment),
    /// In memory of its own, for as long as one of them needs it: nobody copies so much.
    Large(Bytes),
}

impl Encoded {
    fn new<F: Framing>(transport: &Transport<F>, frame: &[u8]) -> Result<Self, SendError> {
        let broadcasts = &transport.agenda().broadcasts;
        let mut out = broadcasts.take_frame();
        transport.framing().encode(frame, &mut out)?;
        let small = out.len() < Outbox::WORTH_SHARING;
        Ok(if small { Self::Small(broadcasts.add(out)) } else { Self::Large(broadcasts.copy(out)) })
    }

    pub(super) fn with_bytes(&self, look: impl FnOnce(&[u8])) {
        match self {
            Self::Small(segment) => look(&segment.bytes()),
            Self::Large(bytes) => look(bytes),
        }
    }
}

#[inline]
fn encode_alike<F: Framing>(one: &Transport<F>, other: &Transport<F>) -> bool {
    one.framing().encodes_like(&other.framing())
}

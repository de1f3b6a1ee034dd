//! One frame for many.

use bytes::Bytes;

use super::{Agenda, Outbox, ToFrame, Transport};
use crate::error::SendError;
use crate::framing::Framing;

/// Sends one frame to many connections. It is encoded once, and a large one is shared instead of copied.
///
/// A frame that the framing cannot carry goes to nobody, and ends the connection whose handler tried to send it.
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
    let mut encoded: Option<(&Transport<F>, Encoded<'a>)> = None;
    for transport in to {
        if !encoded.as_ref().is_some_and(|(first, _)| encode_alike(first, transport)) {
            match Encoded::new(transport, &frame) {
                Ok(bytes) => encoded = Some((transport, bytes)),
                Err(error) => return transport.blame(error),
            }
        }
        if let Some((_, bytes)) = &encoded {
            bytes.append_to(transport);
        }
    }
}

/// A frame that goes to many: copied into each outbox if it is small, shared by all if it is large.
enum Encoded<'a> {
    /// In an outbox of its own, whose memory goes back to this agenda.
    Small(Outbox, &'a Agenda),
    Large(Bytes),
}

impl<'a> Encoded<'a> {
    fn new<F: Framing>(transport: &'a Transport<F>, frame: &[u8]) -> Result<Self, SendError> {
        let (agenda, mut outbox) = (transport.agenda(), Outbox::default());
        outbox.queue(agenda).append(|out| transport.framing().encode(frame, out))?;
        let small = outbox.len() < Outbox::WORTH_SHARING;
        Ok(if small { Self::Small(outbox, agenda) } else { Self::Large(outbox.take_appended(agenda).into()) })
    }

    fn append_to<F: Framing>(&self, transport: &Transport<F>) {
        match self {
            Self::Small(outbox, _) => transport.write(outbox.appended()),
            Self::Large(bytes) => transport.write_shared(bytes),
        }
    }
}

impl Drop for Encoded<'_> {
    fn drop(&mut self) {
        if let Self::Small(outbox, agenda) = self {
            outbox.clear(agenda);
        }
    }
}

fn encode_alike<F: Framing>(one: &Transport<F>, other: &Transport<F>) -> bool {
    one == other || one.framing().encodes_like(&other.framing())
}

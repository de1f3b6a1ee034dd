//! What expansions of `#[protocol]` call for datagrams.

use crate::datagram::{DatagramContext, DatagramOutcome, DatagramProtocol};
use crate::failure::Failure;
use crate::protocol::FromFrame;

/// The datagram as the type that a handler's argument has; one that is none is reported.
#[inline]
pub fn argument<'a, P: DatagramProtocol, T: FromFrame<'a>>(cx: &DatagramContext<P>, data: &'a [u8]) -> Option<T> {
    T::from_frame(data).map_err(|error| cx.report(&Failure::of_a_peer(error))).ok()
}

/// What a handler returned, put into effect.
#[inline]
pub fn outcome<P: DatagramProtocol, O: DatagramOutcome<P>>(cx: &DatagramContext<P>, outcome: O) {
    outcome.apply(cx);
}

/// What a handler returned as a `Result`, put into effect.
#[inline]
pub fn result<P: DatagramProtocol, O: DatagramOutcome<P>, E: Refusal<P>>(
    cx: &DatagramContext<P>,
    result: Result<O, E>,
) {
    match result {
        Ok(outcome) => outcome.apply(cx),
        Err(refusal) => refusal.apply(cx),
    }
}

/// What the `Err` of a handler can be: the same as its other outcomes, but the mistake made there is another.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no reply: return `Result<_, Failure>`, and `?` converts it",
    label = "the `Err` is neither a reply nor a `Failure`",
    note = "`twisty::Result<_>` is short for `Result<_, Failure>`; to send the error, return its text: `Result<_, String>`"
)]
pub trait Refusal<P: DatagramProtocol> {
    fn apply(self, cx: &DatagramContext<P>);
}

#[diagnostic::do_not_recommend]
impl<P: DatagramProtocol, O: DatagramOutcome<P>> Refusal<P> for O {
    #[inline]
    fn apply(self, cx: &DatagramContext<P>) {
        DatagramOutcome::apply(self, cx);
    }
}

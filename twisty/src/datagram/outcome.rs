//! What a handler of datagrams returns, and what becomes of it.

use super::{DatagramContext, DatagramProtocol};
use crate::deferred::Deferred;
use crate::failure::Failure;
use crate::protocol::{Replies, ToFrame};

/// What a handler of `P` can return.
///
/// | a handler returns | then |
/// |---|---|
/// | `()` | nothing |
/// | text, bytes, or your own [`ToFrame`] | it is sent to who sent the datagram; by other handlers, to the peer of a connected port |
/// | `Option<…>` | the same, or nothing |
/// | `Vec<…>` of replies, an array, `impl Iterator<Item = …>` | each is sent as a datagram of its own |
/// | `Result<…, reply>` | an `Err` is sent too |
/// | `Result<…, Failure>` | an `Err` is reported; the port stays open |
/// | `Deferred<…>` | the same as its value, once it fires |
///
/// Replies to different datagrams keep no order. What cannot be sent is reported.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::DatagramServer;
///
/// #[protocol(datagram)]
/// struct Double;
///
/// #[protocol]
/// impl Double {
///     #[on(datagram)]
///     fn double(&mut self, number: Result<u32, twisty::InvalidFrame>) -> Result<String, String> {
///         number.map(|number| (2 * number).to_string()).map_err(|error| error.to_string())
///     }
/// }
///
/// let server = DatagramServer::new(Double);
/// assert_eq!(server.receive("10.0.0.2:5000", "21").sent_to("10.0.0.2:5000"), ["42"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler of datagrams cannot return `{Self}`",
    label = "no reply",
    note = "a number is sent as `n.to_string()`, a type of your own implements `ToFrame`",
    note = "else return nothing, text, bytes, or an `Option`, a `Vec`, `impl Iterator`, `Result<_, Failure>` or `Deferred` of these; inside another type an iterator is `Replies(iterator)`"
)]
pub trait DatagramOutcome<P: DatagramProtocol> {
    /// Sends what is to be sent, reports what failed.
    fn apply(self, cx: &DatagramContext<P>);
}

#[diagnostic::do_not_recommend]
impl<P: DatagramProtocol, R: ToFrame> DatagramOutcome<P> for R {
    #[inline]
    fn apply(self, cx: &DatagramContext<P>) {
        if let Err(error) = cx.send(self) {
            cx.report_unsent(error);
        }
    }
}

impl<P: DatagramProtocol> DatagramOutcome<P> for () {
    #[inline]
    fn apply(self, _cx: &DatagramContext<P>) {}
}

impl<P: DatagramProtocol> DatagramOutcome<P> for Failure {
    fn apply(self, cx: &DatagramContext<P>) {
        cx.report(&self);
    }
}

impl<P: DatagramProtocol, O: DatagramOutcome<P>> DatagramOutcome<P> for Option<O> {
    #[inline]
    fn apply(self, cx: &DatagramContext<P>) {
        if let Some(outcome) = self {
            outcome.apply(cx);
        }
    }
}

impl<P: DatagramProtocol, O: DatagramOutcome<P>, E: DatagramOutcome<P>> DatagramOutcome<P> for Result<O, E> {
    #[inline]
    fn apply(self, cx: &DatagramContext<P>) {
        match self {
            Ok(outcome) => outcome.apply(cx),
            Err(refusal) => refusal.apply(cx),
        }
    }
}

impl<P: DatagramProtocol, R: ToFrame> DatagramOutcome<P> for Vec<R> {
    fn apply(self, cx: &DatagramContext<P>) {
        Replies(self).apply(cx);
    }
}

impl<P: DatagramProtocol, R: ToFrame, const N: usize> DatagramOutcome<P> for [R; N] {
    fn apply(self, cx: &DatagramContext<P>) {
        Replies(self).apply(cx);
    }
}

impl<P: DatagramProtocol, R: ToFrame, I: IntoIterator<Item = R>> DatagramOutcome<P> for Replies<I> {
    fn apply(self, cx: &DatagramContext<P>) {
        for reply in self.0 {
            reply.apply(cx);
        }
    }
}

impl<P: DatagramProtocol, R: DatagramOutcome<P> + 'static> DatagramOutcome<P> for Deferred<R> {
    fn apply(self, cx: &DatagramContext<P>) {
        match self.into_result() {
            Ok(result) => result.apply(cx),
            Err(pending) => cx.promise_reply(pending),
        }
    }
}

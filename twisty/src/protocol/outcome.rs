//! What a handler returns, and what becomes of it.

use super::{Context, Protocol, ToFrame};
use crate::deferred::Deferred;
use crate::failure::Failure;

/// What a handler of `P` can return. `S` is the set of states of its machine; the handlers of a protocol without states
/// are
/// [`Stateless`].
///
/// | a handler returns | then |
/// |---|---|
/// | `()` | nothing |
/// | text, bytes, or your own [`ToFrame`] | it is sent as a frame |
/// | a state of its machine | the connection is in that state |
/// | `(reply, state)` | both |
/// | `Option<…>` | the same, or nothing |
/// | `Vec<…>`, an array, `impl Iterator<Item = …>` | each is sent, in order |
/// | `Result<…, reply>` | an `Err` is sent too, and the state stays |
/// | `Result<…, Failure>` | an `Err` ends the connection with that reason |
/// | `Deferred<…>` | the same as its value, once it fires; a failure ends the connection |
///
/// Replies go out in the order of their requests: one that is returned while an earlier one is still waited for waits
/// behind it. What a handler sends by itself, with `cx.send`, does not. While
/// [`max_pending_replies`](super::Limits::max_pending_replies) are waited for, nothing more is read, so that neither is the
/// peer's end noticed. They are waited for also when the program closes the connection, up to its `close_timeout`; once it is
/// lost, or the peer has closed its side, what has not fired is cancelled.
///
/// A state is entered when its Deferred fires; frames that come before are handled in the old one. `max_pending_replies = 1`
/// has the next frame wait.
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Spell;
///
/// #[protocol]
/// impl Spell {
///     #[on(line)]
///     fn letters(&mut self, word: String) -> impl Iterator<Item = String> {
///         word.chars().map(|letter| letter.to_string()).collect::<Vec<_>>().into_iter()
///     }
/// }
///
/// let server = twisty::testing::Server::new(Spell::factory());
/// assert_eq!(server.connect().receive("ab\r\n").sent(), "a\r\nb\r\n");
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "neither a reply nor a state of this machine",
    note = "a number is sent as `n.to_string()`, a type of your own implements `ToFrame`, a state stands in `#[state_machine(…)]`",
    note = "else return text, bytes, `(reply, state)`, or an `Option`, a `Vec`, `impl Iterator`, `Result<_, Failure>` or `Deferred` of these; inside another type an iterator is `Replies(iterator)`"
)]
pub trait Outcome<P: Protocol, S> {
    /// Sends what is to be sent; the state to go to, if it changes.
    fn apply(self, cx: &Context<P>) -> Option<S>;
}

/// The states of a protocol that has none: no value of it exists.
///
/// ```
/// # use twisty::prelude::*;
/// # use twisty::protocol::{Outcome, Stateless};
/// struct GoodBye; // what a handler may return
///
/// impl<P: Protocol> Outcome<P, Stateless> for GoodBye {
///     fn apply(self, cx: &Context<P>) -> Option<Stateless> {
///         cx.send("Good bye.");
///         cx.lose_connection();
///         None
///     }
/// }
/// # #[protocol(line)] #[derive(Default)] struct Polite;
/// # #[protocol] impl Polite {
/// #     #[on(line)]
/// #     fn part(&mut self) -> GoodBye { GoodBye }
/// # }
/// # let client = twisty::testing::Server::new(Polite::factory()).connect();
/// # assert_eq!(client.receive("hi\r\n").sent(), "Good bye.\r\n");
/// # assert!(!client.is_connected());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stateless {}

#[diagnostic::do_not_recommend]
impl<P: Protocol, S, R: ToFrame> Outcome<P, S> for R {
    #[inline]
    fn apply(self, cx: &Context<P>) -> Option<S> {
        cx.send(self);
        None
    }
}

impl<P: Protocol, S> Outcome<P, S> for () {
    #[inline]
    fn apply(self, _cx: &Context<P>) -> Option<S> {
        None
    }
}

impl<P: Protocol, S> Outcome<P, S> for Failure {
    fn apply(self, cx: &Context<P>) -> Option<S> {
        cx.fail(self);
        None
    }
}

impl<P: Protocol, S: States, R: Outcome<P, S> + 'static> Outcome<P, S> for Deferred<R> {
    fn apply(self, cx: &Context<P>) -> Option<S> {
        match self.into_result() {
            Ok(result) => result.apply(cx),
            Err(pending) => {
                cx.promise_reply(pending);
                None
            }
        }
    }
}

/// The states of a machine, as something that it can be put into between two events.
///
/// ```
/// # use twisty::prelude::*;
/// # use twisty::protocol::States;
/// # #[protocol(line)] #[derive(Default)] struct Counter;
/// # #[protocol] impl Counter {
/// #[on(line)]
/// fn set(&mut self, cx: &Context<Self>, count: u32) -> String {
///     count.enter(cx); // the state is a `u32`
///     cx.state::<u32>().to_string()
/// }
/// # }
/// # let client = twisty::testing::Server::new(Counter::factory()).connect();
/// assert_eq!(client.receive("7\r\n").sent(), "7\r\n");
/// ```
pub trait States: Sized {
    /// Makes it the state of this connection.
    fn enter<P: Protocol>(self, cx: &Context<P>);
}

#[diagnostic::do_not_recommend]
impl<S: Default + 'static> States for S {
    fn enter<P: Protocol>(self, cx: &Context<P>) {
        *cx.state::<S>() = self;
    }
}

impl States for Stateless {
    fn enter<P: Protocol>(self, _cx: &Context<P>) {
        match self {}
    }
}

/// A reply and the next state.
impl<P: Protocol, S, R: Outcome<P, S>, N: Outcome<P, S>> Outcome<P, S> for (R, N) {
    #[inline]
    fn apply(self, cx: &Context<P>) -> Option<S> {
        let first = self.0.apply(cx);
        self.1.apply(cx).or(first)
    }
}

impl<P: Protocol, S, O: Outcome<P, S>> Outcome<P, S> for Option<O> {
    #[inline]
    fn apply(self, cx: &Context<P>) -> Option<S> {
        self.and_then(|outcome| outcome.apply(cx))
    }
}

impl<P: Protocol, S, O: Outcome<P, S>, E: Outcome<P, S>> Outcome<P, S> for Result<O, E> {
    #[inline]
    fn apply(self, cx: &Context<P>) -> Option<S> {
        match self {
            Ok(outcome) => outcome.apply(cx),
            Err(refusal) => refusal.apply(cx),
        }
    }
}

impl<P: Protocol, S, R: ToFrame> Outcome<P, S> for Vec<R> {
    fn apply(self, cx: &Context<P>) -> Option<S> {
        Replies(self).apply(cx)
    }
}

impl<P: Protocol, S, R: ToFrame, const N: usize> Outcome<P, S> for [R; N] {
    fn apply(self, cx: &Context<P>) -> Option<S> {
        Replies(self).apply(cx)
    }
}

/// Several replies from any iterator, where `impl Iterator` cannot be said: `(Replies(lines), NextState)`.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::Replies;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Count;
///
/// #[protocol]
/// impl Count {
///     #[on(line)]
///     fn up_to(&mut self, n: u8) -> Option<Replies<Vec<String>>> {
///         (n < 10).then(|| Replies((1..=n).map(|i| i.to_string()).collect()))
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Replies<I>(pub I);

impl<P: Protocol, S, R: ToFrame, I: IntoIterator<Item = R>> Outcome<P, S> for Replies<I> {
    fn apply(self, cx: &Context<P>) -> Option<S> {
        for reply in self.0 {
            cx.send(reply);
        }
        None
    }
}

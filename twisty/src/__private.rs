//! What expanded code calls, and what anchors its errors at the user's own tokens. Not for people.

pub mod chain;
pub mod datagram;

use crate::error::{FramingError, SendError};
use crate::failure::Failure;
use crate::framing::{self, Decoded, Framing};
use crate::protocol::{Context, FromFrame, Outcome, Protocol, Stateless};

// ---- calling a handler -----------------------------------------------------------------------------------------------

/// Runs the handler of a protocol without states: its arguments, its call and its outcome.
#[inline]
pub fn handle(handler: impl FnOnce() -> Option<Stateless>) {
    let _never: Option<Stateless> = handler();
}

/// Runs the handler for the state that the machine is in, and goes to the state that it leads to.
#[inline]
pub fn step<P: Protocol, S: Default + 'static>(cx: &Context<P>, handler: impl FnOnce(&mut S) -> Option<S>) {
    let mut state = cx.state::<S>();
    if let Some(next) = handler(&mut state) {
        *state = next;
    }
}

/// The frame as the type that a handler's argument has; a frame that is none ends the connection.
#[inline]
pub fn argument<'a, P: Protocol, T: FromFrame<'a>>(cx: &Context<P>, frame: &'a [u8]) -> Option<T> {
    match T::from_frame(frame) {
        Ok(value) => Some(value),
        Err(error) => {
            cx.fail(Failure::of_a_peer(error));
            None
        }
    }
}

/// What a handler returned, put into effect.
#[inline]
pub fn outcome<P: Protocol, S, O: Outcome<P, S>>(cx: &Context<P>, outcome: O) -> Option<S> {
    let _until_applied = cx.link().begin_outcome();
    outcome.apply(cx)
}

/// What a handler returned as a `Result`, put into effect.
#[inline]
pub fn result<P: Protocol, S, O: Outcome<P, S>, E: Refusal<P, S>>(cx: &Context<P>, result: Result<O, E>) -> Option<S> {
    let _until_applied = cx.link().begin_outcome();
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
pub trait Refusal<P: Protocol, S> {
    fn apply(self, cx: &Context<P>) -> Option<S>;
}

#[diagnostic::do_not_recommend]
impl<P: Protocol, S, O: Outcome<P, S>> Refusal<P, S> for O {
    #[inline]
    fn apply(self, cx: &Context<P>) -> Option<S> {
        Outcome::apply(self, cx)
    }
}

/// A frame came in a state that has no handler for it: the peer is out of step, or the machine forgot a handler.
#[cold]
pub fn untaken<P: Protocol>(cx: &Context<P>) {
    tracing::warn!(peer = %cx.peer(), "a frame came that no handler takes in this state");
}

/// The peer sends nothing more, in a state that has no handler for that.
pub fn hang_up<P: Protocol>(cx: &Context<P>) {
    cx.link().hang_up();
}

/// The next state after a handler that took its state by value. The macro checks what it can see; an alias in a return
/// type can hide that there may be no next state, and a machine without any must not go on in silence.
#[inline]
pub fn led_on<P: Protocol, S>(cx: &Context<P>, next: Option<S>) -> Option<S> {
    if next.is_none() && cx.transport().is_connected() {
        cx.fail(Failure::message("a handler took its state by value and led to no next one"));
    }
    next
}

/// What a type that a connection can start in has: a `Default`.
#[diagnostic::on_unimplemented(
    message = "a connection cannot start in the state `{Self}`: it has no `Default`",
    label = "the first state is where a connection starts",
    note = "write `#[derive(Default)]` on `struct {Self}`, or name another state first"
)]
pub trait FirstState {
    fn first_state() -> Self;
}

#[diagnostic::do_not_recommend]
impl<S: Default> FirstState for S {
    fn first_state() -> Self {
        Self::default()
    }
}

/// The state that a connection starts in.
pub fn first_state<S: FirstState>() -> S {
    S::first_state()
}

// ---- asking at the user's tokens -------------------------------------------------------------------------------------

pub const fn delivers_lines<F: framing::DeliversLines>() {}
pub const fn delivers_strings<F: framing::DeliversStrings>() {}
pub const fn delivers_data<F: framing::DeliversData>() {}
pub const fn delivers_raw<F: framing::DeliversRaw>() {}
pub const fn delivers_overlong<F: framing::DeliversOverlong>() {}

// ---- the protocol of a factory ---------------------------------------------------------------------------------------

/// `P`, if `F` is the factory that it names. Asked as a trait, because the compiler has no words of ours for two types
/// that differ.
pub type Made<P, F> = <<P as Protocol>::Factory as Makes<P, F>>::Protocol;

/// See [`Made`].
#[diagnostic::on_unimplemented(
    message = "the protocol `{P}` does not name `{F}` as its factory",
    label = "write `#[protocol(…, factory = {F})]` on `{P}`",
    note = "the factory that it names is `{Self}`, which it has as long as it names no other"
)]
pub trait Makes<P, F> {
    type Protocol;
}

impl<P, F> Makes<P, F> for F {
    type Protocol = P;
}

// ---- the hooks of a factory ------------------------------------------------------------------------------------------

/// What the function behind `build = …` of `#[factory]` can return: the protocol, or `None` to refuse.
#[diagnostic::on_unimplemented(
    message = "`build` must make `{P}`, not `{Self}`",
    label = "this function",
    note = "its signature is `fn(&mut self, peer: &Address) -> {P}`, or `-> Option<{P}>` to refuse connections"
)]
pub trait Built<P> {
    fn built(self) -> Option<P>;
}

impl<P> Built<P> for P {
    fn built(self) -> Option<P> {
        Some(self)
    }
}

impl<P> Built<P> for Option<P> {
    fn built(self) -> Self {
        self
    }
}

pub fn built<P>(built: impl Built<P>) -> Option<P> {
    built.built()
}

/// What the function behind `start = …` of `#[factory]` can return.
#[diagnostic::on_unimplemented(
    message = "`start` cannot return `{Self}`",
    label = "this function",
    note = "its signature is `fn(&mut self)`, or `fn(&mut self) -> Result<(), E>` with an error that `?` makes a `Failure` of"
)]
pub trait Started {
    fn started(self) -> Result<(), Failure>;
}

impl Started for () {
    fn started(self) -> Result<(), Failure> {
        Ok(())
    }
}

impl<E: Into<Failure>> Started for Result<(), E> {
    fn started(self) -> Result<(), Failure> {
        self.map_err(Into::into)
    }
}

pub fn started(started: impl Started) -> Result<(), Failure> {
    started.started()
}

// ---- after a mistake -------------------------------------------------------------------------------------------------

/// The framing of a protocol whose own one was not understood. It has every event, so that nothing else is called
/// wrong.
#[derive(Debug)]
pub struct UnknownFraming;

impl Framing for UnknownFraming {
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        Ok(Decoded::Raw(buffer))
    }

    fn encode(&self, _frame: &[u8], _out: &mut Vec<u8>) -> Result<(), SendError> {
        Ok(())
    }
}

impl framing::DeliversLines for UnknownFraming {}
impl framing::DeliversStrings for UnknownFraming {}
impl framing::DeliversData for UnknownFraming {}
impl framing::DeliversRaw for UnknownFraming {}
impl framing::DeliversOverlong for UnknownFraming {}

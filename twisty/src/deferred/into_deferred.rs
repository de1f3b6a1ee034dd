//! What a callback may return.

use super::Deferred;
use crate::failure::Failure;

/// What a callback of a [`Deferred`] returns. In Twisted that is anything; here `map` is for other values.
///
/// | a callback returns | the next one gets |
/// |---|---|
/// | `()` | `()` |
/// | `Result<U, Failure>`, so `?` works in it | the value, or the failure |
/// | `Deferred<U>` | its result, once it has one |
///
/// A callback that never returns, since it panics or exits, has to say what it would return:
/// `|_| -> twisty::Result<()> { panic!() }`.
///
/// ```
/// use twisty::{Deferred, Failure};
///
/// let port = Deferred::succeed("8007").add_callback(|text| {
///     let port: u16 = text.parse()?;
///     Ok(port)
/// });
/// assert_eq!(port.into_result().expect("it is there").ok(), Some(8007));
/// ```
#[diagnostic::on_unimplemented(
    message = "a callback cannot return `{Self}`",
    label = "neither `()`, `Result<_, Failure>` nor `Deferred<_>`",
    note = "a callback that returns a plain value is added with `map`, or returns it as `Ok(…)`",
    note = "a callback that always panics says what it would return: `|_| -> twisty::Result<()> {{ panic!() }}`",
    note = "`?` makes a `Failure` of any error; a `Result` with another error becomes one by `Ok(result?)`"
)]
pub trait IntoDeferred {
    /// What the next callback gets.
    type Value: 'static;

    /// The result, or the promise of it.
    fn into_deferred(self) -> Deferred<Self::Value>;
}

impl IntoDeferred for () {
    type Value = ();

    #[inline]
    fn into_deferred(self) -> Deferred<()> {
        Deferred::succeed(())
    }
}

impl<U: 'static> IntoDeferred for Result<U, Failure> {
    type Value = U;

    #[inline]
    fn into_deferred(self) -> Deferred<U> {
        Deferred::ready(self)
    }
}

impl<U: 'static> IntoDeferred for Deferred<U> {
    type Value = U;

    #[inline]
    fn into_deferred(self) -> Self {
        self
    }
}

//! The first of several Deferreds.

use super::list::{DeferredList, failures};
use super::{Deferred, IntoDeferred};
use crate::error::FailureGroup;

/// The first success of these, and which of them it was, counted from 0. (Twisted's `race`.)
///
/// The others are cancelled, in order, before the result is passed on, and whatever comes of them is dropped. A failure
/// wins nothing: if all have failed, so has the race, with a [`FailureGroup`]. A race of none fails at once, where
/// Twisted's never fires. Cancelling the race cancels all of them.
///
/// ```
/// use twisty::{Deferred, race};
///
/// let (_never, slow) = Deferred::<&str>::new();
/// let (resolver, fast) = Deferred::new();
/// let page = race([slow, fast]);
/// resolver.callback("a page");
/// assert_eq!(page.into_result().expect("one has won").unwrap(), (1, "a page"));
/// ```
#[track_caller]
pub fn race<T: 'static>(members: impl IntoIterator<Item = impl IntoDeferred<Value = T>>) -> Deferred<(usize, T)> {
    let lost = |results| Err(FailureGroup { failures: failures(results) }.into());
    DeferredList::new(members).cancel_losers().join(Some(|index, value| (index, value)), lost)
}

//! Failures that nobody handled, as a test's business.

use std::fmt;
use std::rc::Rc;

use crate::deferred;
use crate::failure::Failure;

/// While it lives, failures that no errback handles are kept here instead of being reported; those not
/// [taken](Self::take) make the test fail when it goes.
///
/// It sees the Deferreds of its own thread, on which it stays. Of several at a time, the youngest sees them. Twisted's counterpart: trial, which fails a test that leaves errors in the
/// log, and `flushLoggedErrors`.
///
/// ```should_panic
/// let _none = twisty::testing::UnhandledFailures::forbid();
/// twisty::Deferred::<u32>::fail(twisty::ConnectionDone).map(|n| println!("{n}"));
/// ```
///
/// ```compile_fail,E0277
/// let none = twisty::testing::UnhandledFailures::forbid();
/// std::thread::spawn(move || drop(none)); // where nobody has seen any
/// ```
#[must_use = "it forbids them as long as it lives"]
pub struct UnhandledFailures {
    /// Shared with this thread, to which it is bound.
    kept: Rc<deferred::Kept>,
}

impl UnhandledFailures {
    /// Forbids them from now on.
    ///
    /// ```
    /// let _none = twisty::testing::UnhandledFailures::forbid();
    /// twisty::Deferred::<()>::fail(twisty::ConnectionDone).add_errback(|why| println!("{why}"));
    /// ```
    pub fn forbid() -> Self {
        Self { kept: deferred::catch() }
    }

    /// Those there were so far, oldest first: they do not make the test fail any more.
    ///
    /// ```
    /// let unhandled = twisty::testing::UnhandledFailures::forbid();
    /// drop(twisty::Deferred::<()>::fail(twisty::ConnectionDone));
    /// let failures = unhandled.take();
    /// assert!(failures[0].check::<twisty::ConnectionDone>().is_some());
    /// ```
    #[must_use]
    pub fn take(&self) -> Vec<Failure> {
        self.kept.take()
    }
}

impl Drop for UnhandledFailures {
    fn drop(&mut self) {
        let failures = self.kept.take();
        if !failures.is_empty() && !std::thread::panicking() {
            let all: Vec<String> = failures.iter().map(|failure| format!("{failure:?}")).collect();
            panic!("nobody handled {} failure(s):\n{}", failures.len(), all.join("\n"));
        }
    }
}

impl fmt::Debug for UnhandledFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnhandledFailures").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectionDone, Deferred};

    fn fail() {
        drop(Deferred::<()>::fail(ConnectionDone));
    }

    #[test]
    fn the_youngest_that_lives_sees_them() {
        let [eldest, middle, youngest] = [(); 3].map(|()| UnhandledFailures::forbid());
        drop(middle);
        fail();
        assert_eq!((eldest.take().len(), youngest.take().len()), (0, 1));
        drop(youngest);
        fail();
        assert_eq!(eldest.take().len(), 1);
    }

    #[test]
    fn in_whatever_order_they_go_nothing_is_left_behind() {
        let (first, second) = (UnhandledFailures::forbid(), UnhandledFailures::forbid());
        let kept = [&first, &second].map(|guard| Rc::downgrade(&guard.kept));
        drop(first);
        drop(second);
        assert!(kept.iter().all(|kept| kept.strong_count() == 0));
        let new = UnhandledFailures::forbid();
        fail();
        assert_eq!(new.take().len(), 1);
    }

    #[test]
    #[should_panic(expected = "nobody handled 1 failure(s)")]
    fn an_elder_one_keeps_what_it_has_seen() {
        let elder = UnhandledFailures::forbid();
        fail();
        drop(UnhandledFailures::forbid());
        drop(elder);
    }
}

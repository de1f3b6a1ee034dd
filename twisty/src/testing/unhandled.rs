//! Failures that nobody handled, as a test's business.

use std::fmt;

use crate::deferred;
use crate::failure::Failure;

/// While it lives, failures that no errback handles are kept here instead of being reported; those not
/// [taken](Self::take) make the test fail when it goes.
///
/// It sees the Deferreds of its own thread. Twisted's counterpart: trial, which fails a test that leaves errors in the
/// log, and `flushLoggedErrors`.
///
/// ```should_panic
/// let _none = twisty::testing::UnhandledFailures::forbid();
/// twisty::Deferred::<u32>::fail(twisty::ConnectionDone).map(|n| println!("{n}"));
/// ```
#[must_use = "it forbids them as long as it lives"]
pub struct UnhandledFailures {
    /// What an outer one has kept.
    before: Option<Vec<Failure>>,
}

impl UnhandledFailures {
    /// Forbids them from now on.
    ///
    /// ```
    /// let _none = twisty::testing::UnhandledFailures::forbid();
    /// twisty::Deferred::<()>::fail(twisty::ConnectionDone).add_errback(|why| println!("{why}"));
    /// ```
    pub fn forbid() -> Self {
        Self { before: deferred::catch() }
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
        deferred::take()
    }
}

impl Drop for UnhandledFailures {
    fn drop(&mut self) {
        let failures = deferred::release(self.before.take());
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

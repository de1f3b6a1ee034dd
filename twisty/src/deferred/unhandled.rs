//! Failures that nobody handled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::error::{self, CancelledError, FailureGroup, FirstError, ResolverDropped, TaskError};
use crate::failure::Failure;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Where they are kept while a test looks: the last of these.
    static CAUGHT: RefCell<Vec<Rc<Kept>>> = const { RefCell::new(Vec::new()) };
    /// Promises are being broken because whoever was to keep them ends.
    static ENDING: Cell<bool> = const { Cell::new(false) };
}

/// How many failures went unhandled on this thread so far: their Deferred went away, and no errback had taken them.
///
/// Each is also reported through `tracing`, with the failure, where it arose and the way it took: as an error, or as
/// information where it is the peer's fault.
/// [`testing::UnhandledFailures`](crate::testing::UnhandledFailures) makes them fail a test. Twisted logs
/// "Unhandled error in Deferred" when the garbage collector comes by; here it is when the last handle goes.
///
/// ```
/// use twisty::deferred::unhandled_failures;
///
/// let before = unhandled_failures();
/// drop(twisty::Deferred::<()>::fail(twisty::ConnectionDone));
/// assert_eq!(unhandled_failures() - before, 1);
/// ```
#[must_use]
pub fn unhandled_failures() -> u64 {
    COUNT.try_with(Cell::get).unwrap_or_default()
}

/// Nobody can handle it any more.
#[cold]
pub(crate) fn report(failure: Failure) {
    if ENDING.try_with(Cell::get).unwrap_or_default() && is_broken_promise(&failure) {
        tracing::debug!(failure = ?failure, "the end of a reactor failed a Deferred");
        return;
    }
    let _thread_ends = COUNT.try_with(|count| count.set(count.get() + 1));
    let kept = CAUGHT.try_with(|caught| caught.borrow().last().cloned());
    match kept.ok().flatten() {
        Some(kept) => kept.borrow_mut().push(failure),
        // Peers may go away whenever they like: that is no error of the program.
        None if error::is_peers_fault(&failure) => {
            tracing::info!(failure = ?failure, "nobody handled the failure of a Deferred");
        }
        None => tracing::error!(failure = ?failure, "nobody handled the failure of a Deferred"),
    }
}

/// Whether all that failed was cancelled or never fired. In a loop: lists may be nested to any depth.
fn is_broken_promise(failure: &Failure) -> bool {
    let mut failures = vec![failure];
    while let Some(failure) = failures.pop() {
        if let Some(first) = failure.check::<FirstError>() {
            failures.push(&first.failure);
        } else if let Some(FailureGroup { failures: all }) = failure.check()
            && !all.is_empty()
        {
            failures.extend(all);
        } else if failure.check_any::<(CancelledError, ResolverDropped)>().is_none()
            && failure.check() != Some(&TaskError::SchedulerStopped)
        {
            return false;
        }
    }
    true
}

/// Runs `end`, which drops what was to fire Deferreds: that they are cancelled, or never fired, is no news then.
pub(crate) fn expect_broken_promises(end: impl FnOnce()) {
    struct Ending(bool);

    impl Drop for Ending {
        fn drop(&mut self) {
            let _thread_ends = ENDING.try_with(|ending| ending.set(self.0));
        }
    }

    let _until_it_ends = Ending(ENDING.try_with(|ending| ending.replace(true)).unwrap_or_default());
    end();
}

/// Failures that were kept instead of being reported.
pub(crate) type Kept = RefCell<Vec<Failure>>;

/// Keeps unhandled failures instead of reporting them, until [`release`]. Of several the youngest gets them.
pub(crate) fn catch() -> Rc<Kept> {
    let kept = Rc::default();
    CAUGHT.with_borrow_mut(|caught| caught.push(Rc::clone(&kept)));
    kept
}

/// Ends what [`catch`] began.
pub(crate) fn release(kept: &Rc<Kept>) {
    let _thread_ends = CAUGHT.try_with(|caught| {
        let mut caught = caught.borrow_mut();
        caught.retain(|other| !Rc::ptr_eq(other, kept));
        // A test that counts what is left in memory finds nothing of it.
        caught.shrink_to_fit();
    });
}

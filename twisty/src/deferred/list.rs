//! Several Deferreds of one type at once.

use std::panic::Location;

use super::joint::{Collect, Decision, Joint, Late};
use super::{Deferred, IntoDeferred};
use crate::error::FirstError;
use crate::failure::Failure;

/// Waits for several Deferreds, and says how each of them ended. (Twisted's `DeferredList`.)
///
/// Options first, then [`all`](Self::all) or [`first`](Self::first). The list takes the Deferreds' failures over, and
/// whoever gets its result handles them. A failure that is not in the result, because it comes after the list has fired or
/// came before the [`first`](Self::first) success, went unhandled, and is reported, unless
/// [`consume_errors`](Self::consume_errors) says otherwise.
///
/// Cancelling what `all` or `first` gave, before it has fired, cancels the Deferreds, in order; what comes of that, the
/// list collects as ever. Afterwards it does nothing to them.
///
/// ```
/// use twisty::{Deferred, DeferredList};
///
/// let (resolver, slow) = Deferred::new();
/// let lines = DeferredList::new([Deferred::succeed("a line"), slow]).all().map(|results| {
///     results.into_iter().map(|line| line.unwrap_or("no line")).collect::<Vec<_>>()
/// });
/// resolver.errback(twisty::ConnectionDone);
/// assert_eq!(lines.into_result().expect("all are over").unwrap(), ["a line", "no line"]);
/// ```
#[derive(Debug)]
#[must_use = "it waits for nothing before `all` or `first` is called"]
pub struct DeferredList<T: 'static> {
    members: Vec<Deferred<T>>,
    fire_on_one_errback: bool,
    late: Late,
    made: &'static Location<'static>,
}

/// What [`DeferredList::first`] comes to.
///
/// ```
/// use twisty::{Deferred, DeferredList, deferred::FirstSuccess};
///
/// let mirrors = [Deferred::fail(twisty::ConnectionDone), Deferred::succeed("a page")];
/// let first = DeferredList::new(mirrors).first().into_result().expect("it is there").unwrap();
/// assert!(matches!(first, FirstSuccess::First { index: 1, value: "a page" }));
/// ```
#[derive(Debug)]
pub enum FirstSuccess<T> {
    /// One succeeded.
    First {
        /// Which one, counted from 0.
        index: usize,
        /// With what.
        value: T,
    },
    /// None did: why, in the order of the list.
    AllFailed(Vec<Failure>),
}

impl<T: 'static> DeferredList<T> {
    /// A list of these, in this order.
    ///
    /// ```
    /// let list = twisty::DeferredList::new([Ok(1), Ok(2)]).all();
    /// assert_eq!(list.into_result().expect("all are there").unwrap().len(), 2);
    /// ```
    #[track_caller]
    pub fn new(members: impl IntoIterator<Item = impl IntoDeferred<Value = T>>) -> Self {
        let made = Location::caller();
        let members = members.into_iter().map(IntoDeferred::into_deferred).collect();
        Self { members, fire_on_one_errback: false, late: Late::Reported, made }
    }

    /// Fails with [`FirstError`] at the first failure, without waiting for the others; they run on. Default: waits for
    /// all. (Twisted's `fireOnOneErrback`.)
    ///
    /// ```
    /// use twisty::{Deferred, DeferredList, FirstError};
    ///
    /// let (_resolver, slow) = Deferred::<u32>::new();
    /// let list = DeferredList::new([slow, Deferred::fail(twisty::ConnectionDone)]).fire_on_one_errback().all();
    /// let failure = list.into_result().expect("it does not wait").unwrap_err();
    /// assert_eq!(failure.check::<FirstError>().map(|error| error.index), Some(1));
    /// ```
    pub fn fire_on_one_errback(mut self) -> Self {
        self.fire_on_one_errback = true;
        self
    }

    /// Drops failures that are not in the result. Default: they are reported as unhandled. (Twisted's `consumeErrors`.)
    ///
    /// ```
    /// use twisty::{ConnectionDone, Deferred, DeferredList, deferred::unhandled_failures};
    ///
    /// let before = unhandled_failures();
    /// let mirrors = [Deferred::succeed("a page"), Deferred::fail(ConnectionDone)];
    /// drop(DeferredList::new(mirrors).consume_errors().first());
    /// assert_eq!(unhandled_failures(), before);
    /// ```
    pub fn consume_errors(mut self) -> Self {
        self.late = Late::Consumed;
        self
    }

    /// The results of all, in the order of the list, once all have one.
    ///
    /// ```
    /// use twisty::{Deferred, DeferredList};
    ///
    /// let none: [Deferred<u32>; 0] = [];
    /// assert!(DeferredList::new(none).all().into_result().expect("nothing to wait for").unwrap().is_empty());
    /// ```
    pub fn all(self) -> Deferred<Vec<Result<T, Failure>>> {
        self.join(None, Ok)
    }

    /// The first success, or all failures if there is none. The others run on; [`race`](super::race()) cancels them.
    /// (Twisted's `fireOnOneCallback`.)
    ///
    /// ```
    /// use twisty::{Deferred, DeferredList, deferred::FirstSuccess};
    ///
    /// let (_resolver, slow) = Deferred::new();
    /// let first = DeferredList::new([slow, Deferred::succeed(2)]).first();
    /// let first = first.into_result().expect("it does not wait").unwrap();
    /// assert!(matches!(first, FirstSuccess::First { index: 1, value: 2 }));
    /// ```
    pub fn first(self) -> Deferred<FirstSuccess<T>> {
        let first = |index, value| FirstSuccess::First { index, value };
        self.join(Some(first), |results| Ok(FirstSuccess::AllFailed(failures(results))))
    }

    /// Cancels the others as soon as the list fires.
    pub(super) const fn cancel_losers(mut self) -> Self {
        self.late = Late::Cancelled;
        self
    }

    /// Fires with what `first` makes of the first success, if it is given, else with what `finish` makes of all results.
    pub(super) fn join<O: 'static>(self, first: Option<fn(usize, T) -> O>, finish: Finish<T, O>) -> Deferred<O> {
        if self.members.is_empty() {
            return Deferred::ready(finish(Vec::new()));
        }
        let results = self.members.iter().map(|_| None).collect();
        let collector = Results { results, first, fire_on_one_errback: self.fire_on_one_errback, finish };
        let handles: Vec<_> = self.members.iter().map(Deferred::cancel_handle).collect();
        let joint = Joint::new(collector, handles, self.late, self.made);
        for (index, member) in self.members.into_iter().enumerate() {
            joint.join(index, member, move |collector, result| collector.collect(index, result));
        }
        joint.into_deferred()
    }
}

/// The values of all of these, in their order, or [`FirstError`] as soon as one fails. (Twisted's `gatherResults`.)
///
/// The others run on when one has failed; their failures are reported as unhandled. Cancelling what this gives cancels
/// all of them. [`Gather`](super::Gather) and the macro `gather!` do the same for Deferreds of different types.
///
/// ```
/// use twisty::{Deferred, gather};
///
/// let (resolvers, downloads): (Vec<_>, Vec<_>) = (0..3).map(|_| Deferred::new()).unzip();
/// let pages = gather(downloads);
/// for (index, resolver) in resolvers.iter().enumerate().rev() {
///     resolver.callback(format!("page {index}"));
/// }
/// assert_eq!(pages.into_result().expect("all are there").unwrap(), ["page 0", "page 1", "page 2"]);
/// ```
#[track_caller]
pub fn gather<T: 'static>(members: impl IntoIterator<Item = impl IntoDeferred<Value = T>>) -> Deferred<Vec<T>> {
    DeferredList::new(members).fire_on_one_errback().join(None, |results| results.into_iter().collect())
}

/// What the members of a list have brought.
struct Results<T, O> {
    results: Vec<Option<Result<T, Failure>>>,
    first: Option<fn(usize, T) -> O>,
    fire_on_one_errback: bool,
    finish: Finish<T, O>,
}

/// Makes one result of all.
type Finish<T, O> = fn(Vec<Result<T, Failure>>) -> Result<O, Failure>;

impl<T, O> Results<T, O> {
    fn collect(&mut self, index: usize, result: Result<T, Failure>) -> Decision<O> {
        match (result, self.first) {
            (Ok(value), Some(first)) => return Some(Ok(first(index, value))),
            (Err(failure), _) if self.fire_on_one_errback => return Some(Err(FirstError { index, failure }.into())),
            (result, _) => self.results[index] = Some(result),
        }
        None
    }
}

impl<T: 'static, O: 'static> Collect for Results<T, O> {
    type Output = O;

    fn finish(&mut self) -> Result<O, Failure> {
        (self.finish)(std::mem::take(&mut self.results).into_iter().flatten().collect())
    }

    fn outvoted(self) -> Vec<Failure> {
        self.results.into_iter().flatten().filter_map(Result::err).collect()
    }
}

/// Why each of these failed.
pub(super) fn failures<T>(results: Vec<Result<T, Failure>>) -> Vec<Failure> {
    results.into_iter().filter_map(Result::err).collect()
}

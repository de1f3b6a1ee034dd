//! The firing half of a [`Deferred`](super::Deferred).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::chain::{Chain, Head, Site};
use super::link::{self, Flow, Place, Slot, Source};
use crate::error::{AlreadyCalled, CancelledError, HandlerPanicked, ResolverDropped};
use crate::failure::Failure;

/// Fires a [`Deferred`](super::Deferred), once.
///
/// In Twisted whoever has a Deferred can fire it. Here the two halves are apart: who promises keeps the resolver, who
/// waits gets the Deferred.
///
/// A resolver that is dropped unfired fails its Deferred with [`ResolverDropped`], so that nobody waits for ever. It does
/// so before `drop` returns, except from inside of a callback that runs for that very reason: those that go there have
/// their turn after it, in the order in which they went.
///
/// ```
/// use twisty::Deferred;
///
/// let (resolver, answer) = Deferred::new();
/// let answer = answer.map(|n: u32| n * 2);
/// resolver.callback(21);
/// assert_eq!(answer.into_result().expect("it was fired").ok(), Some(42));
/// ```
pub struct Resolver<T: 'static>(Rc<Origin<T>>);

/// What a canceller is: it is given the resolver and may fire it.
pub(super) type Canceller<T> = Box<dyn FnOnce(&Resolver<T>)>;

/// The first place of a chain, where the result comes from.
pub(super) struct Origin<T: 'static> {
    chain: Chain,
    canceller: Cell<Option<Canceller<T>>>,
    /// The canceller runs. What it drops is no broken promise: if it fires nothing, the Deferred is cancelled.
    cancelling: Cell<bool>,
    slot: Slot<T>,
}

impl<T: 'static> Resolver<T> {
    pub(super) fn new(made: &'static Location<'static>, canceller: Option<Canceller<T>>) -> Self {
        // `new_cyclic` for the same reason as in `link::add`.
        Self(Rc::new_cyclic(|_| Origin {
            chain: Chain::new(made),
            canceller: Cell::new(canceller),
            cancelling: Cell::new(false),
            slot: Slot::new(),
        }))
    }

    pub(super) fn source(&self) -> Rc<Source<T>> {
        Rc::clone(&self.0) as Rc<Source<T>>
    }

    /// Fires with a value: all callbacks that can run have run when this returns. (Twisted's `Deferred.callback`.)
    ///
    /// # Panics
    /// If it was fired before; [`try_callback`](Self::try_callback) tells instead. One result that comes after a
    /// cancellation is swallowed, where the Deferred has no canceller to stop whoever brings it.
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::new();
    /// let answer = answer.map(|n: u32| println!("the answer is {n}"));
    /// resolver.callback(42); // prints it
    /// # assert!(answer.has_result());
    /// ```
    #[track_caller]
    pub fn callback(&self, value: T) {
        self.fire(Ok(value));
    }

    /// Fires with a failure. (Twisted's `Deferred.errback`.)
    ///
    /// # Panics
    /// As [`callback`](Self::callback).
    ///
    /// ```
    /// use twisty::{ConnectionDone, Deferred};
    ///
    /// let (resolver, poem) = Deferred::<String>::new();
    /// let poem = poem.add_errback(|why| Ok(format!("no poem: {why}")));
    /// resolver.errback(ConnectionDone);
    /// assert_eq!(poem.into_result().expect("it was fired").unwrap(), "no poem: the connection was closed cleanly");
    /// ```
    #[track_caller]
    pub fn errback(&self, failure: impl Into<Failure>) {
        self.fire(Err(failure.into()));
    }

    /// Fires with either.
    ///
    /// # Panics
    /// As [`callback`](Self::callback).
    ///
    /// ```
    /// let (resolver, number) = twisty::Deferred::<u16>::new();
    /// resolver.fire("8007".parse().map_err(twisty::Failure::from));
    /// assert_eq!(number.into_result().expect("it was fired").ok(), Some(8007));
    /// ```
    #[track_caller]
    pub fn fire(&self, result: Result<T, Failure>) {
        if let Err(error) = self.try_fire(result) {
            panic!("{error}");
        }
    }

    /// Fires with a value, unless it was fired before.
    ///
    /// # Errors
    /// [`AlreadyCalled`]; the value is dropped.
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::new();
    /// assert!(resolver.try_callback(1).is_ok());
    /// assert!(resolver.try_callback(2).is_err());
    /// assert_eq!(answer.into_result().expect("it was fired").ok(), Some(1));
    /// ```
    #[track_caller]
    pub fn try_callback(&self, value: T) -> Result<(), AlreadyCalled> {
        self.try_fire(Ok(value))
    }

    /// Fires with a failure, unless it was fired before.
    ///
    /// # Errors
    /// [`AlreadyCalled`]; the failure is dropped.
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::new();
    /// resolver.callback(1);
    /// assert!(resolver.try_errback(twisty::ConnectionDone).is_err());
    /// # drop(answer);
    /// ```
    #[track_caller]
    pub fn try_errback(&self, failure: impl Into<Failure>) -> Result<(), AlreadyCalled> {
        self.try_fire(Err(failure.into()))
    }

    /// Fires with either, unless it was fired before.
    ///
    /// # Errors
    /// [`AlreadyCalled`]; the result is dropped.
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::new();
    /// assert!(resolver.try_fire(Ok(1)).is_ok());
    /// # drop(answer);
    /// ```
    #[track_caller]
    pub fn try_fire(&self, result: Result<T, Failure>) -> Result<(), AlreadyCalled> {
        if let Some(place) = self.begin(result, Location::caller())? {
            link::run(place);
        }
        Ok(())
    }

    /// Whether it was fired, or its Deferred cancelled. (Twisted's `Deferred.called`.)
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::<u32>::new();
    /// answer.cancel();
    /// assert!(resolver.is_called());
    /// # let _ = answer.into_result();
    /// ```
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.0.chain.called().is_some()
    }

    /// Whether nobody is left to be told: neither a handle nor a callback, nor another chain that waits for this one.
    pub(super) fn is_deserted(&self) -> bool {
        Rc::strong_count(&self.0) == 1 && !self.0.slot.is_awaited()
    }

    /// Fires without running anything yet: where to begin, unless the result was swallowed.
    pub(super) fn begin(
        &self,
        result: Result<T, Failure>,
        site: &'static Location<'static>,
    ) -> Result<Option<Rc<dyn Flow>>, AlreadyCalled> {
        let chain = &self.0.chain;
        match chain.called() {
            None => Ok(Some(Rc::clone(&self.0).begin(result, site))),
            Some(_) if chain.take_suppression() => Ok(None),
            Some(called) => Err(AlreadyCalled { made: chain.made(), called, again: site }),
        }
    }
}

impl<T: 'static> Origin<T> {
    fn begin(self: Rc<Self>, mut result: Result<T, Failure>, site: &'static Location<'static>) -> Rc<dyn Flow> {
        self.chain.set_called(site);
        if let Err(failure) = &mut result {
            failure.promised(self.chain.made());
        }
        self.slot.put(result);
        if let Some(canceller) = self.canceller.take() {
            HandlerPanicked::survive(|| drop(canceller));
        }
        self
    }

    fn fail(self: Rc<Self>, failure: Failure, site: Site) {
        let place = self.begin(Err(failure), site);
        link::run(place);
    }
}

impl<T: 'static> Place for Origin<T> {
    type Value = T;

    fn slot(&self) -> &Slot<T> {
        &self.slot
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn head(self: Rc<Self>) -> Rc<dyn Head> {
        self
    }
}

/// The beginning of a chain for what has fired without one.
#[cold]
pub(super) fn fired(site: &'static Location<'static>) -> Rc<dyn Head> {
    let Resolver(origin) = &Resolver::<()>::new(site, None);
    origin.chain.set_called(site);
    Rc::clone(origin) as Rc<dyn Head>
}

impl<T: 'static> Head for Origin<T> {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn root(self: Rc<Self>) -> Rc<dyn Head> {
        self
    }

    fn cancel_uncalled(self: Rc<Self>, _others: &mut Vec<Rc<dyn Head>>, site: Site) {
        if self.cancelling.get() {
            return;
        }
        match self.canceller.take() {
            Some(canceller) => {
                // This resolver is never dropped unfired: it is fired below.
                let resolver = Resolver(Rc::clone(&self));
                self.cancelling.set(true);
                let cancelled = HandlerPanicked::catch(|| canceller(&resolver));
                self.cancelling.set(false);
                if self.chain.called().is_none() {
                    self.fail(cancelled.map_or_else(Failure::from, |()| Failure::from(CancelledError).at(site)), site);
                }
            }
            None => {
                self.chain.suppress_one();
                self.fail(Failure::from(CancelledError).at(site), site);
            }
        }
    }

    fn abandon(self: Rc<Self>) {
        if self.chain.called().is_none() {
            self.fail(ResolverDropped.into(), Location::caller());
        }
    }
}

thread_local! {
    /// Chains whose resolvers were dropped while another one was being failed for that reason: failing them there would
    /// nest as deep as they hold one another.
    static ABANDONED: RefCell<Option<VecDeque<Rc<dyn Head>>>> = const { RefCell::new(None) };
}

/// Nobody is told if nobody waits.
impl<T: 'static> Drop for Resolver<T> {
    fn drop(&mut self) {
        if self.is_called() || self.0.cancelling.get() || self.is_deserted() {
            return;
        }
        let head: Rc<dyn Head> = Rc::clone(&self.0) as Rc<dyn Head>;
        let first = ABANDONED.try_with(|abandoned| match &mut *abandoned.borrow_mut() {
            Some(others) => {
                others.push_back(Rc::clone(&head));
                false
            }
            nobody => {
                *nobody = Some(VecDeque::new());
                true
            }
        });
        if first.unwrap_or(true) {
            abandon_all(head);
        }
    }
}

fn abandon_all(first: Rc<dyn Head>) {
    let another =
        || ABANDONED.try_with(|abandoned| abandoned.borrow_mut().as_mut().and_then(VecDeque::pop_front)).ok().flatten();
    let mut next = Some(first);
    while let Some(head) = next {
        // A value whose `drop` panics shall keep none of the others from being told.
        HandlerPanicked::survive(|| head.abandon());
        next = another();
    }
    let _thread_ends = ABANDONED.try_with(|abandoned| abandoned.take());
}

impl<T: 'static> fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("made", self.0.chain.made()).field("is_called", &self.is_called()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use crate::Deferred;

    /// One that has fired, and waits for the other.
    fn fired_and_waiting() -> (crate::Resolver<u32>, Deferred<()>, Deferred<u32>) {
        let (resolver, inner) = Deferred::<u32>::new();
        let (lent, rest) = inner.map(|n| n + 1).hand_over();
        (resolver, rest, Deferred::succeed(()).add_callback(|()| lent))
    }

    #[test]
    fn what_has_fired_stays_called_while_it_waits() {
        let (resolver, _inner, outer) = fired_and_waiting();
        assert!(outer.is_called() && !outer.has_result());
        resolver.callback(41);
        assert_eq!(outer.into_result().expect("it is there").ok(), Some(42));
    }

    #[test]
    fn pausing_what_waits_does_not_pause_what_it_waits_for() {
        let (resolver, inner, mut outer) = fired_and_waiting();
        let paused = outer.pause();
        resolver.callback(41);
        assert!(inner.has_result(), "it is not paused");
        let outer = outer.into_result().expect_err("it is paused");
        paused.unpause();
        assert_eq!(outer.into_result().expect("it is there").ok(), Some(42));
    }

    #[test]
    fn a_promise_is_broken_to_the_chain_that_waits() {
        for fired in [false, true] {
            let ((resolver, source), (promise, inner)) = (Deferred::new(), Deferred::<u32>::new());
            let source = if fired { Deferred::succeed(()) } else { source };
            let outer = source.add_callback(|()| inner).map(|n| n + 1);
            let _unless_it_is_dropped = resolver.try_callback(());
            drop(promise);
            let failure = outer.into_result().expect("it does not wait for ever").expect_err("the promise was broken");
            assert!(failure.check::<crate::ResolverDropped>().is_some());
        }
    }

    #[test]
    fn resolvers_fail_in_the_order_in_which_they_are_dropped() {
        let order = Rc::new(RefCell::new(Vec::new()));
        let owned = [1, 2, 3].map(|number| {
            let (order, (resolver, deferred)) = (Rc::clone(&order), Deferred::<u32>::new());
            deferred.add_both(move |_| order.borrow_mut().push(number));
            resolver
        });
        let (resolver, deferred) = Deferred::<u32>::new();
        deferred.add_both(move |_| drop(owned));
        drop(resolver);
        assert_eq!(*order.borrow(), [1, 2, 3]);
    }

    #[test]
    fn cancelling_what_waits_cancels_what_it_waits_for() {
        let (resolver, _inner, outer) = fired_and_waiting();
        outer.cancel();
        assert!(resolver.is_called());
        let failure = outer.into_result().expect("it is over").expect_err("it was cancelled");
        assert!(failure.check::<crate::CancelledError>().is_some());
    }

    /// Fires `resolver`, and looks at `rest` from inside of the callback of whoever gets the value.
    fn adds_to_the_rest_from_inside(resolver: &crate::Resolver<u32>, first: Deferred<u32>, rest: Deferred<()>) {
        let calls = Rc::new(RefCell::new(Vec::new()));
        let [inside, after, behind] = [0; 3].map(|_| Rc::clone(&calls));
        first
            .map(move |_| {
                assert!(!rest.has_result());
                rest.map(move |()| behind.borrow_mut().push("rest"));
                inside.borrow_mut().push("first");
            })
            .map(move |()| after.borrow_mut().push("second"));
        resolver.callback(1);
        assert_eq!(*calls.borrow(), ["first", "second", "rest"]);
    }

    #[test]
    fn a_callback_added_to_the_rest_meanwhile_waits() {
        let (resolver, deferred) = Deferred::new();
        let (first, rest) = deferred.hand_over();
        adds_to_the_rest_from_inside(&resolver, first, rest);

        let ((resolver, deferred), (other, first)) = (Deferred::new(), Deferred::new());
        adds_to_the_rest_from_inside(&resolver, first, deferred.chain_deferred(other));
    }
}

//! How a result travels: from link to link, in a loop.
//!
//! A chain is a list of links, each owned by the one before it; the handle that the user holds owns the last one. A
//! link has a [`Slot`] for what it results in. Once the slot is filled, [`run`] asks the link to [`flow`](Flow::flow):
//! to give its result to the next one, which makes its own result of it and is asked in turn. Nothing calls the next
//! from inside of the one before, so the length of a chain costs no stack.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::rc::Rc;

use super::chain::{self, Chain, Head, Site, Waits};
use super::{Deferred, Held, Resolver, State};
use crate::error::{DeferredCycle, HandlerPanicked};
use crate::failure::Failure;

/// Where a run goes on later: what stands on top comes first.
pub(super) type Stack = Vec<Rc<dyn Flow>>;

/// A place in a chain that has a result to pass on.
pub(super) trait Flow {
    /// Gives the result to whoever is next; where to go on.
    fn flow(self: Rc<Self>, stack: &mut Stack) -> Option<Rc<dyn Flow>>;
}

/// A place in a chain: it results in a value.
pub(super) trait Place: Flow {
    type Value;
    fn slot(&self) -> &Slot<Self::Value>;
    fn chain(&self) -> &Chain;
    fn head(self: Rc<Self>) -> Rc<dyn Head>;

    /// Its turn has come.
    fn settle(&self) {}
}

/// Where a `T` will come from.
pub(super) type Source<T> = dyn Place<Value = T>;

impl<P: Place + 'static> Flow for P {
    fn flow(self: Rc<Self>, stack: &mut Stack) -> Option<Rc<dyn Flow>> {
        self.settle();
        if self.chain().is_paused() {
            Rc::clone(&self).chain().stop_at(self);
            return None;
        }
        self.slot().flow(stack)
    }
}

/// A place in a chain that waits for another Deferred's result.
pub(super) trait Accept<T> {
    /// Takes it for its own; where to go on.
    fn accept(self: Rc<Self>, result: Result<T, Failure>) -> Rc<dyn Flow>;
}

/// A place in a chain that makes its result of a `T`.
pub(super) trait Receive<T> {
    /// Takes what the place before resulted in; where to go on.
    fn receive(self: Rc<Self>, input: Result<T, Failure>, stack: &mut Stack) -> Option<Rc<dyn Flow>>;
}

/// A result on its way, and where it goes.
pub(super) struct Slot<T> {
    result: Cell<Held<T>>,
    /// The callback added to it. As long as there is none, the handle's owner may still add one, or take the result.
    next: Cell<Option<Rc<dyn Receive<T>>>>,
    /// The link of another chain whose callback returned this Deferred. Instead of `next`, and not in an enum with it:
    /// a pointer goes through registers, an enum of two through memory.
    outer: Cell<Option<Rc<dyn Accept<T>>>>,
}

impl<T> Slot<T> {
    pub(super) const fn new() -> Self {
        Self { result: Cell::new(Held::nothing()), next: Cell::new(None), outer: Cell::new(None) }
    }

    #[inline]
    pub(super) fn put(&self, result: Result<T, Failure>) {
        self.result.set(Held::new(result));
    }

    #[inline]
    pub(super) fn take(&self) -> Option<Result<T, Failure>> {
        self.result.replace(Held::nothing()).take()
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        let held = self.result.replace(Held::nothing());
        let full = held.is_full();
        self.result.set(held);
        full
    }

    /// Whether another chain waits for the result.
    pub(super) fn is_awaited(&self) -> bool {
        let outer = self.outer.take();
        let awaited = outer.is_some();
        self.outer.set(outer);
        awaited
    }

    /// Nobody is next as yet. Not to drop nobody saves the load, which the processor would wait for: see [`add`].
    #[inline]
    fn lead_to(&self, next: Rc<dyn Receive<T>>) {
        mem::forget(self.next.replace(Some(next)));
    }

    /// Puts what was waited for here, by a callback added at `site`.
    fn accept(&self, mut result: Result<T, Failure>, head: &dyn Head, site: &'static Location<'static>) {
        head.waits().end();
        if let Err(failure) = &mut result {
            failure.passed_on(site);
        }
        self.put(result);
    }

    #[inline]
    pub(super) fn flow(&self, stack: &mut Stack) -> Option<Rc<dyn Flow>> {
        if let Some(next) = self.next.take() {
            return next.receive(self.take()?, stack);
        }
        let outer = self.outer.take()?;
        Some(outer.accept(self.take()?))
    }
}

/// Passes results on until nothing is left to do.
pub(super) fn run(first: Rc<dyn Flow>) {
    let mut stack = Stack::new();
    let mut next = Some(first);
    while let Some(place) = next {
        next = place.flow(&mut stack).or_else(|| stack.pop());
    }
}

/// The same from several places, one after the other.
pub(super) fn run_all(places: Vec<Rc<dyn Flow>>) {
    places.into_iter().for_each(run);
}

/// Runs a step of a chain. Its panic is a failure like any other, and a failure remembers that it passed here.
#[inline]
pub(super) fn step<T, U>(
    step: impl FnOnce(Result<T, Failure>) -> Deferred<U>,
    input: Result<T, Failure>,
    site: &'static Location<'static>,
) -> Deferred<U> {
    let output = HandlerPanicked::catch(|| step(input)).unwrap_or_else(|panicked| Deferred::fail(panicked));
    output.passed_on(site)
}

/// A callback in its chain.
struct Link<T, U, F> {
    head: Rc<dyn Head>,
    callback: Cell<Option<F>>,
    /// Where it was added.
    site: &'static Location<'static>,
    slot: Slot<U>,
    input: PhantomData<fn(T)>,
}

impl<T, U, F> Receive<T> for Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Deferred<U> + 'static,
{
    fn receive(self: Rc<Self>, input: Result<T, Failure>, _stack: &mut Stack) -> Option<Rc<dyn Flow>> {
        let output = step(self.callback.take()?, input, self.site);
        let inner = match output.0 {
            State::Ready(mut held) => {
                self.slot.put(held.take()?);
                return Some(self);
            }
            State::Pending(inner) => inner,
        };
        if let Some(result) = take_now(&*inner) {
            self.slot.put(result);
            return Some(self);
        }
        if std::ptr::eq(inner.chain(), self.chain()) || chain::closes_a_circle(Rc::clone(&inner).head(), &self.head) {
            self.slot.put(Err(DeferredCycle.into()));
            return Some(self);
        }
        wait_for(inner, self);
        None
    }
}

impl<T: 'static, U: 'static, F: 'static> Place for Link<T, U, F> {
    type Value = U;

    fn slot(&self) -> &Slot<U> {
        &self.slot
    }

    fn chain(&self) -> &Chain {
        self.head.chain()
    }

    fn head(self: Rc<Self>) -> Rc<dyn Head> {
        Rc::clone(&self.head)
    }
}

impl<T, U, F> Accept<U> for Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: 'static,
{
    fn accept(self: Rc<Self>, result: Result<U, Failure>) -> Rc<dyn Flow> {
        self.slot.accept(result, &*self.head, self.site);
        self
    }
}

/// The result of a place, if nothing keeps it from being passed on.
#[inline]
pub(super) fn take_now<T>(source: &Source<T>) -> Option<Result<T, Failure>> {
    let slot = source.slot();
    if slot.is_full() && !source.chain().is_paused() { slot.take() } else { None }
}

/// Leads from a place to the next. If it has a result already, it is paused, and goes on from here.
#[inline]
fn lead<T>(source: Rc<Source<T>>, to: impl FnOnce(&Slot<T>)) {
    let slot = source.slot();
    to(slot);
    if slot.is_full() {
        Rc::clone(&source).chain().stop_at(source);
    }
}

/// Has a place of another chain get the result, when it is there.
pub(super) fn wait_for<T, P: Place + Accept<T> + 'static>(inner: Rc<Source<T>>, outer: Rc<P>) {
    Rc::clone(&outer).head().waits().begin(&Rc::clone(&inner).head());
    lead(inner, |slot| slot.outer.set(Some(outer)));
}

/// What has fired goes on after `inner`, which a callback added at `site` has returned: a link whose callback has run. It
/// is not `inner` itself: each of the two can be paused without the other.
#[cold]
pub(super) fn waiting<T: 'static>(
    inner: Rc<Source<T>>,
    head: Rc<dyn Head>,
    site: &'static Location<'static>,
) -> Rc<Source<T>> {
    let callback = Cell::new(None::<fn()>);
    let link = Rc::new(Link { head, callback, site, slot: Slot::new(), input: PhantomData::<fn(())> });
    wait_for(inner, Rc::clone(&link));
    link
}

/// Adds a callback to a place.
#[inline]
pub(super) fn add<T: 'static, U: 'static>(
    source: Rc<Source<T>>,
    callback: impl FnOnce(Result<T, Failure>) -> Deferred<U> + 'static,
    site: &'static Location<'static>,
) -> Rc<Source<U>> {
    // Nothing is cyclic here. `new` would put the link together on the stack and copy it, wider than it was written, which
    // stalls the processor; this writes it where it will be, if what is wide is made in here.
    let link = Rc::new_cyclic(|_| Link {
        head: Rc::clone(&source).head(),
        callback: Cell::new(Some(callback)),
        site,
        slot: Slot::new(),
        input: PhantomData,
    });
    let next = Rc::clone(&link);
    lead(source, |slot| slot.lead_to(next));
    link
}

/// Where a chain goes on without a value, after somebody else got it.
struct Rest<R> {
    head: Rc<dyn Head>,
    slot: Slot<()>,
    /// What it results in once whoever got the value has run: a callback added by then waits.
    left: Cell<Held<()>>,
    /// Who gets the value.
    receiver: R,
}

impl<R> Rest<R> {
    fn new(head: Rc<dyn Head>, receiver: R) -> Rc<Self> {
        Rc::new(Self { head, slot: Slot::new(), left: Cell::new(Held::nothing()), receiver })
    }
}

impl<R: 'static> Place for Rest<R> {
    type Value = ();

    fn slot(&self) -> &Slot<()> {
        &self.slot
    }

    fn chain(&self) -> &Chain {
        self.head.chain()
    }

    fn head(self: Rc<Self>) -> Rc<dyn Head> {
        Rc::clone(&self.head)
    }

    fn settle(&self) {
        if let Some(result) = self.left.replace(Held::nothing()).take() {
            self.slot.put(result);
        }
    }
}

/// What a receiver that gives the value away leaves: its own result, and where to go on before passing that on.
pub(super) type GivenAway = (Result<(), Failure>, Option<Rc<dyn Flow>>);

/// Adds a place that gives the value to `receiver`, which may set another chain going, and then goes on without.
pub(super) fn give_away<T: 'static>(
    source: Rc<Source<T>>,
    receiver: impl FnOnce(Result<T, Failure>) -> GivenAway + 'static,
) -> Rc<Source<()>> {
    let head = Rc::clone(&source).head();
    let rest = Rest::new(head, Cell::new(Some(receiver)));
    let next = Rc::clone(&rest);
    lead(source, |slot| slot.lead_to(next));
    rest
}

impl<T: 'static, F: FnOnce(Result<T, Failure>) -> GivenAway + 'static> Receive<T> for Rest<Cell<Option<F>>> {
    fn receive(self: Rc<Self>, input: Result<T, Failure>, stack: &mut Stack) -> Option<Rc<dyn Flow>> {
        let receiver = self.receiver.take()?;
        let (result, place) = receiver(input);
        self.left.set(Held::new(result));
        if place.is_none() {
            return Some(self);
        }
        stack.push(self);
        place
    }
}

/// Adds a place that fires another chain with the result, and then goes on.
pub(super) fn forward<T: 'static>(
    source: Rc<Source<T>>,
    other: Resolver<T>,
    site: &'static Location<'static>,
) -> Rc<Source<()>> {
    give_away(source, move |input| match other.begin(input, site) {
        Ok(place) => (Ok(()), place),
        Err(called) => (Err(Failure::from(called)), None),
    })
}

/// Adds a place that leads to two: one with the result and, afterwards, one without.
pub(super) fn hand_over<T: 'static>(source: Rc<Source<T>>) -> (Rc<Source<T>>, Rc<Source<()>>) {
    let head = Rc::clone(&source).head();
    let handed = Rc::new(Handed { root: Rc::clone(&head).root(), waits: Waits::new(), slot: Slot::new() });
    handed.waits.begin(&head);
    let rest = Rest::new(head, Rc::clone(&handed));
    let next = Rc::clone(&rest);
    lead(source, |slot| slot.lead_to(next));
    (handed, rest)
}

/// Where the result goes that [`hand_over`] gives away: the beginning of a branch.
struct Handed<T> {
    root: Rc<dyn Head>,
    /// Until the result is here, that is what is before it.
    waits: Waits,
    slot: Slot<T>,
}

impl<T: 'static> Place for Handed<T> {
    type Value = T;

    fn slot(&self) -> &Slot<T> {
        &self.slot
    }

    fn chain(&self) -> &Chain {
        self.root.chain()
    }

    fn head(self: Rc<Self>) -> Rc<dyn Head> {
        self
    }
}

/// It is the chain's in everything but what it waits for.
impl<T: 'static> Head for Handed<T> {
    fn chain(&self) -> &Chain {
        self.root.chain()
    }

    fn root(self: Rc<Self>) -> Rc<dyn Head> {
        Rc::clone(&self.root)
    }

    fn waits(&self) -> &Waits {
        &self.waits
    }

    fn cancel_uncalled(self: Rc<Self>, others: &mut Vec<Rc<dyn Head>>, site: Site) {
        Rc::clone(&self.root).cancel_uncalled(others, site);
    }

    fn abandon(self: Rc<Self>) {
        Rc::clone(&self.root).abandon();
    }
}

impl<T: 'static> Receive<T> for Rest<Rc<Handed<T>>> {
    fn receive(self: Rc<Self>, input: Result<T, Failure>, stack: &mut Stack) -> Option<Rc<dyn Flow>> {
        let handed = Rc::clone(&self.receiver);
        handed.waits.end();
        handed.slot.put(input);
        self.left.set(Held::new(Ok(())));
        stack.push(self);
        Some(handed)
    }
}

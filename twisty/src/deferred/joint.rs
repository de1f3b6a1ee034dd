//! A Deferred that many others fire together.
//!
//! Each member's result goes to the [`Joint`], which has a [`Collect`] for it, and then the member goes on without. The
//! joint is a place at the beginning of a chain of its own. It fires when the collector has enough, or when all have
//! come; so a member that has the last word leads on to the joint's chain in the same loop, not by recursion.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use super::chain::{CancelHandle, Chain, Head};
use super::link::{self, Flow, GivenAway, Place, Slot};
use super::{Deferred, State};
use crate::error::{CancelledError, HandlerPanicked};
use crate::failure::Failure;

/// Keeps what the members bring.
pub(super) trait Collect: 'static {
    /// What it makes of that.
    type Output: 'static;

    /// All have come, and nothing was decided before.
    fn finish(&mut self) -> Result<Self::Output, Failure>;

    /// The failures that have come and do not count, since something else was decided.
    fn outvoted(self) -> Vec<Failure>
    where
        Self: Sized,
    {
        Vec::new()
    }
}

/// What a collector says to a result: `None` as long as it wants more.
pub(super) type Decision<O> = Option<Result<O, Failure>>;

/// What happens to the members that come too late to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// They run on, and their failures are nobody's.
    Reported,
    /// They run on, and their failures are dropped.
    Consumed,
    /// They are cancelled, and whatever comes is dropped.
    Cancelled,
}

/// Where the results of several chains meet and another one begins. `M` holds what cancels the members, in order.
pub(super) struct Joint<C: Collect, M> {
    chain: Chain,
    slot: Slot<C::Output>,
    /// What has come; `None` once that is enough.
    collector: RefCell<Option<C>>,
    missing: Cell<usize>,
    members: M,
    late: Late,
}

impl<C: Collect, M: AsRef<[CancelHandle]> + 'static> Joint<C, M> {
    pub(super) fn new(collector: C, members: M, late: Late, made: &'static Location<'static>) -> Rc<Self> {
        let missing = Cell::new(members.as_ref().len());
        let collector = RefCell::new(Some(collector));
        Rc::new(Self { chain: Chain::new(made), slot: Slot::new(), collector, missing, members, late })
    }

    /// Gives the joint what comes out of `member`, through `collect`.
    pub(super) fn join<T: 'static>(
        self: &Rc<Self>,
        index: usize,
        member: Deferred<T>,
        collect: impl FnOnce(&mut C, Result<T, Failure>) -> Decision<C::Output> + 'static,
    ) {
        let joint = Rc::clone(self);
        let receive = move |result| joint.receive(index, result, collect);
        match member.settled() {
            // Nobody can wait for the joint yet, so there is nowhere to go on.
            Ok(result) => drop(Deferred::from(receive(result).0)),
            Err(source) => drop(link::give_away(source, receive)),
        }
    }

    pub(super) fn into_deferred(self: Rc<Self>) -> Deferred<C::Output> {
        Deferred(State::Pending(self))
    }

    fn receive<T>(
        self: Rc<Self>,
        index: usize,
        result: Result<T, Failure>,
        collect: impl FnOnce(&mut C, Result<T, Failure>) -> Decision<C::Output>,
    ) -> GivenAway {
        let mut place = self.collector.borrow_mut();
        let Some(collector) = &mut *place else {
            drop(place);
            return (self.come_too_late(result), None);
        };
        self.missing.set(self.missing.get() - 1);
        let mut decision = collect(collector, result);
        if decision.is_none() && self.missing.get() == 0 {
            decision = Some(collector.finish());
        }
        let Some(outcome) = decision else { return (Ok(()), None) };
        // Values that are dropped with the collector are the user's, and may come back here, or panic.
        let collector = place.take();
        drop(place);
        HandlerPanicked::survive(|| self.let_go(collector));
        HandlerPanicked::survive(|| self.cancel_losers(index));
        (Ok(()), self.fire(outcome))
    }

    /// The failures in it are as much, or as little, to be told of as those that will come too late.
    fn let_go(&self, collector: Option<C>) {
        let failures = collector.map(Collect::outvoted).unwrap_or_default();
        failures.into_iter().for_each(|failure| drop(Deferred::from(self.come_too_late::<()>(Err(failure)))));
    }

    fn come_too_late<T>(&self, result: Result<T, Failure>) -> Result<(), Failure> {
        match result {
            Err(mut failure) if self.late == Late::Reported => {
                failure.passed_on(self.chain.made());
                Err(failure)
            }
            _ => Ok(()),
        }
    }

    fn cancel_losers(&self, winner: usize) {
        if self.late == Late::Cancelled {
            let members = self.members.as_ref().iter().enumerate();
            members.filter(|(index, _)| *index != winner).for_each(|(_, member)| member.cancel());
        }
    }

    /// Where to go on, unless it was cancelled while it cancelled the losers.
    fn fire(self: Rc<Self>, mut result: Result<C::Output, Failure>) -> Option<Rc<dyn Flow>> {
        if self.chain.called().is_some() {
            return None;
        }
        self.chain.set_called(self.chain.made());
        if let Err(failure) = &mut result {
            failure.promised(self.chain.made());
        }
        self.slot.put(result);
        Some(self)
    }
}

impl<C: Collect, M: AsRef<[CancelHandle]> + 'static> Place for Joint<C, M> {
    type Value = C::Output;

    fn slot(&self) -> &Slot<C::Output> {
        &self.slot
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn head(self: Rc<Self>) -> Rc<dyn Head> {
        self
    }
}

impl<C: Collect, M: AsRef<[CancelHandle]> + 'static> Head for Joint<C, M> {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn root(self: Rc<Self>) -> Rc<dyn Head> {
        self
    }

    /// The members' failures fire it. Only a race does not wait for members that cannot be cancelled any more.
    fn cancel_uncalled(self: Rc<Self>, others: &mut Vec<Rc<dyn Head>>) {
        if self.late == Late::Cancelled {
            others.push(Rc::new(Unstopped { chain: Chain::new(self.chain.made()), race: Rc::clone(&self) }));
        }
        others.extend(self.members.as_ref().iter().rev().filter_map(CancelHandle::head));
    }

    /// It has no resolver that could be dropped.
    fn abandon(self: Rc<Self>) {}
}

/// What is left to do when all members of a race have been cancelled.
struct Unstopped<C: Collect, M> {
    /// Never called.
    chain: Chain,
    race: Rc<Joint<C, M>>,
}

impl<C: Collect, M: AsRef<[CancelHandle]> + 'static> Head for Unstopped<C, M> {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn root(self: Rc<Self>) -> Rc<dyn Head> {
        self
    }

    fn cancel_uncalled(self: Rc<Self>, _others: &mut Vec<Rc<dyn Head>>) {
        let race = Rc::clone(&self.race);
        let collector = race.collector.borrow_mut().take();
        HandlerPanicked::survive(|| drop(collector));
        if let Some(place) = race.fire(Err(CancelledError.into())) {
            link::run(place);
        }
    }

    /// As a race.
    fn abandon(self: Rc<Self>) {}
}

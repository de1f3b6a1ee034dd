//! All that the random orders play with.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use fastrand::Rng;
use twisty::deferred::{Awaited, CancelHandle, Paused};
use twisty::testing::Clock;
use twisty::{Deferred, Failure, FirstError, Resolver};

use crate::random::take_any;

/// A value; how many there are is counted.
pub(crate) struct Token(Rc<Cell<usize>>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A failure with a number of its own.
#[derive(Debug, thiserror::Error)]
#[error("failure {0}")]
pub(crate) struct Numbered(pub(crate) usize);

/// The failure itself, or the one in it.
pub(crate) fn number_of(failure: &Failure) -> Option<usize> {
    match failure.check() {
        Some(FirstError { failure, .. }) => number_of(failure),
        None => failure.check().map(|Numbered(number)| *number),
    }
}

/// What became of a failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Pending,
    /// A callback or the test itself got it.
    Handled,
    /// It came too late, or to a race: then it may vanish.
    Lossy,
}

/// A line of callbacks: how old its chain is, and the number of the line and of the place in it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) age: usize,
    pub(crate) line: usize,
    pub(crate) step: usize,
}

pub(crate) struct Handle(pub(crate) Place, pub(crate) Deferred<Token>);

#[derive(Default)]
pub(crate) struct World {
    pub(crate) rng: RefCell<Rng>,
    pub(crate) budget: Cell<usize>,
    pub(crate) depth: Cell<usize>,
    /// Numbers chains, lines and failures.
    pub(crate) next: Cell<usize>,
    pub(crate) tokens: Rc<Cell<usize>>,
    pub(crate) clock: Clock,
    pub(crate) fates: RefCell<BTreeMap<usize, Fate>>,
    /// The last step that ran in each line.
    pub(crate) ran: RefCell<BTreeMap<usize, usize>>,
    /// A race drops what it does not need, so nothing can be said of failures.
    pub(crate) races: bool,
    pub(crate) deferreds: RefCell<Vec<Handle>>,
    pub(crate) resolvers: RefCell<Vec<(usize, Resolver<Token>)>>,
    pub(crate) pauses: RefCell<Vec<(usize, Paused)>>,
    pub(crate) handles: RefCell<Vec<CancelHandle>>,
    pub(crate) tasks: RefCell<Vec<Awaited<Token>>>,
}

/// What a callback takes with it, to be dropped with it.
pub(crate) type Luggage = (Option<Resolver<Token>>, Option<Paused>, Option<Token>);

impl World {
    pub(crate) fn new(rng: Rng, races: bool) -> Rc<Self> {
        Rc::new(Self { rng: RefCell::new(rng), budget: Cell::new(120), races, ..Self::default() })
    }

    pub(crate) fn dice(&self, sides: usize) -> usize {
        self.rng.borrow_mut().usize(..sides)
    }

    pub(crate) fn number(&self) -> usize {
        self.next.replace(self.next.get() + 1)
    }

    pub(crate) fn any<T>(&self, all: &RefCell<Vec<T>>) -> Option<T> {
        take_any(&mut self.rng.borrow_mut(), &mut all.borrow_mut())
    }

    pub(crate) fn token(&self) -> Token {
        self.tokens.set(self.tokens.get() + 1);
        Token(Rc::clone(&self.tokens))
    }

    pub(crate) fn failure(&self) -> Failure {
        let number = self.number();
        self.fates.borrow_mut().insert(number, Fate::Pending);
        Numbered(number).into()
    }

    pub(crate) fn result(&self) -> Result<Token, Failure> {
        if self.dice(3) == 0 { Err(self.failure()) } else { Ok(self.token()) }
    }

    /// Somebody has got it.
    pub(crate) fn handle(&self, failure: &Failure) {
        if let Some(number) = number_of(failure) {
            let before = self.fates.borrow_mut().insert(number, Fate::Handled);
            assert_ne!(before, Some(Fate::Handled), "failure {number} was handled or reported twice");
        }
    }

    pub(crate) fn keep(&self, Place { age, .. }: Place, deferred: Deferred<Token>) {
        let place = Place { age, line: self.number(), step: 0 };
        self.deferreds.borrow_mut().push(Handle(place, deferred));
    }

    /// Everything goes, in any order.
    pub(crate) fn clear(&self) {
        let all: [fn(&Self); 5] = [
            |world| drop(world.any(&world.deferreds)),
            |world| drop(world.any(&world.resolvers)),
            |world| drop(world.any(&world.pauses)),
            |world| drop(world.any(&world.handles)),
            |world| drop(world.any(&world.tasks)),
        ];
        while [self.deferreds.borrow().len(), self.resolvers.borrow().len(), self.pauses.borrow().len()]
            .into_iter()
            .chain([self.handles.borrow().len(), self.tasks.borrow().len()])
            .any(|left| left > 0)
        {
            all[self.dice(all.len())](self);
        }
    }
}

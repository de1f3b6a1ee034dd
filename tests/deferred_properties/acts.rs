//! The things that are done, each with anything at all.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use twisty::{Deferred, DeferredList, Failure, Resolver, gather, race};

use crate::pool::{Fate, Handle, Luggage, Numbered, Place, Token, World, number_of};
use crate::random::panic_on_purpose;

impl World {
    pub(crate) fn run(self: &Rc<Self>) {
        while let Some(left) = self.budget.get().checked_sub(1) {
            self.budget.set(left);
            self.act();
        }
    }

    /// A few more things are done, in the middle of something else.
    fn interlude(self: &Rc<Self>) {
        if self.depth.get() > 3 {
            return;
        }
        self.depth.set(self.depth.get() + 1);
        for _ in 0..self.dice(3) {
            if let Some(left) = self.budget.get().checked_sub(1) {
                self.budget.set(left);
                self.act();
            }
        }
        self.depth.set(self.depth.get() - 1);
    }

    fn act(self: &Rc<Self>) {
        match self.dice(24) {
            0..4 => self.promise(),
            4..9 => self.add_step(),
            9..11 => self.fire(),
            11 => drop(self.any(&self.resolvers)),
            12 => self.cancel(),
            13 => drop(self.any(&self.deferreds)),
            14 => self.pause(),
            15 => drop(self.any(&self.pauses)),
            16 => self.hand_over(),
            17 => self.chain(),
            18 | 19 => self.join(),
            20 => self.time_out(),
            21 => self.clock.advance(Duration::from_secs(self.dice(3) as u64)),
            22 => self.spawn(),
            _ => self.poll_or_drop(),
        }
    }

    fn promise(self: &Rc<Self>) {
        let age = self.number();
        let place = Place { age, line: 0, step: 0 };
        let (resolver, deferred) = match self.dice(4) {
            0 => return self.keep(place, Deferred::from(self.result())),
            1 => self.with_canceller(),
            _ => Deferred::new(),
        };
        self.handles.borrow_mut().extend((self.dice(3) == 0).then(|| deferred.cancel_handle()));
        self.resolvers.borrow_mut().push((age, resolver));
        self.keep(place, deferred);
    }

    fn with_canceller(self: &Rc<Self>) -> (Resolver<Token>, Deferred<Token>) {
        let (world, token) = (Rc::clone(self), self.token());
        Deferred::with_canceller(move |resolver| {
            assert!(!resolver.is_called(), "there was nothing to cancel");
            let _dropped_with_it = token;
            world.interlude();
            match world.dice(4) {
                0 => panic_on_purpose("a canceller".to_owned()),
                1 => world.fire_with(resolver),
                _ => {}
            }
        })
    }

    fn fire(&self) {
        if let Some((age, resolver)) = self.any(&self.resolvers) {
            self.fire_with(&resolver);
            if self.dice(3) == 0 {
                self.resolvers.borrow_mut().push((age, resolver));
            }
        }
    }

    fn fire_with(&self, resolver: &Resolver<Token>) {
        let result = self.result();
        let failure = result.as_ref().err().and_then(|failure| failure.check()).map(|Numbered(number)| *number);
        if let (true, Some(number)) = (resolver.is_called(), failure) {
            self.fates.borrow_mut().insert(number, Fate::Lossy);
        }
        let called = resolver.is_called();
        let fired = resolver.try_fire(result);
        assert!(resolver.is_called());
        assert!(called || fired.is_ok(), "it was not called, and did not fire");
    }

    fn cancel(&self) {
        let handle = self.any(&self.deferreds);
        match (handle, self.dice(2)) {
            (Some(handle), 0) => {
                handle.1.cancel();
                self.deferreds.borrow_mut().push(handle);
            }
            (Some(handle), _) => self.deferreds.borrow_mut().push(handle),
            _ => {}
        }
        if let Some(handle) = self.any(&self.handles) {
            handle.cancel();
            self.handles.borrow_mut().extend((self.dice(2) == 0).then_some(handle));
        }
    }

    fn pause(&self) {
        if let Some(mut handle) = self.any(&self.deferreds) {
            self.pauses.borrow_mut().push((handle.0.age, handle.1.pause()));
            self.deferreds.borrow_mut().push(handle);
        }
    }

    fn add_step(self: &Rc<Self>) {
        let Some(Handle(place, deferred)) = self.any(&self.deferreds) else { return };
        let next = Place { step: place.step + 1, ..place };
        let (world, luggage) = (Rc::clone(self), self.pack(place.age));
        let deferred = match self.dice(4) {
            0 => deferred.add_callback(move |token| world.step(next, Ok(token), luggage)),
            1 => deferred.add_errback(move |failure| world.step(next, Err(failure), luggage)),
            2 => {
                let (other, none) = (Rc::clone(self), (None, None, None));
                deferred.add_callbacks(
                    move |token| world.step(next, Ok(token), luggage),
                    move |failure| other.step(next, Err(failure), none),
                )
            }
            _ => deferred.add_both(move |result| world.step(next, result, luggage)),
        };
        self.deferreds.borrow_mut().push(Handle(next, deferred));
    }

    fn pack(&self, age: usize) -> Luggage {
        let resolver = self.any(&self.resolvers).and_then(|(other, resolver)| match other > age && self.dice(2) == 0 {
            true => Some(resolver),
            false => {
                self.resolvers.borrow_mut().push((other, resolver));
                None
            }
        });
        let paused = self.any(&self.pauses).and_then(|(other, paused)| match other > age && self.dice(2) == 0 {
            true => Some(paused),
            false => {
                self.pauses.borrow_mut().push((other, paused));
                None
            }
        });
        (resolver, paused, Some(self.token()))
    }

    /// What a callback does.
    fn step(
        self: &Rc<Self>,
        place: Place,
        result: Result<Token, Failure>,
        (resolver, paused, _token): Luggage,
    ) -> Deferred<Token> {
        let before = self.ran.borrow_mut().insert(place.line, place.step);
        assert!(before.is_none_or(|before| before < place.step), "the callbacks of a line ran out of order");
        self.interlude();
        match resolver {
            Some(resolver) if self.dice(2) == 0 => self.fire_with(&resolver),
            other => drop(other),
        }
        drop(paused);
        self.interlude();
        if let Err(failure) = result {
            if self.dice(2) == 0 {
                return Deferred::from(Err(failure));
            }
            self.handle(&failure);
        }
        match self.dice(7) {
            0 => panic_on_purpose("a callback".to_owned()),
            1..4 => self.older(place.age).unwrap_or_else(|| Deferred::succeed(self.token())),
            _ => Deferred::from(self.result()),
        }
    }

    fn older(&self, age: usize) -> Option<Deferred<Token>> {
        let Handle(place, deferred) = self.any(&self.deferreds)?;
        if place.age < age {
            return Some(deferred);
        }
        self.deferreds.borrow_mut().push(Handle(place, deferred));
        None
    }

    fn hand_over(self: &Rc<Self>) {
        let Some(Handle(place, deferred)) = self.any(&self.deferreds) else { return };
        let (handed, rest) = deferred.hand_over();
        self.keep(place, handed);
        let world = Rc::clone(self);
        self.keep(place, rest.map(move |()| world.token()));
    }

    fn chain(self: &Rc<Self>) {
        let Some(Handle(place, deferred)) = self.any(&self.deferreds) else { return };
        let Some((age, resolver)) = self.any(&self.resolvers) else { return self.keep(place, deferred) };
        if age <= place.age || resolver.is_called() {
            self.resolvers.borrow_mut().push((age, resolver));
            return self.keep(place, deferred);
        }
        // If it is cancelled before the result comes, that is swallowed.
        let world = Rc::clone(self);
        let watched = deferred.add_both(move |result| {
            if let Err(failure) = &result {
                world.may_vanish(failure);
            }
            result
        });
        let world = Rc::clone(self);
        self.keep(place, watched.chain_deferred(resolver).map(move |()| world.token()));
    }

    fn may_vanish(&self, failure: &Failure) {
        if let Some(number) = number_of(failure) {
            self.fates.borrow_mut().insert(number, Fate::Lossy);
        }
    }

    fn join(self: &Rc<Self>) {
        let count = 1 + self.dice(3);
        let members: Vec<_> = (0..count).filter_map(|_| self.any(&self.deferreds)).map(|handle| handle.1).collect();
        let (place, world) = (Place { age: self.number(), line: 0, step: 0 }, Rc::clone(self));
        let joined = match self.dice(if self.races { 4 } else { 2 }) {
            0 => gather(members).map(move |all| all.into_iter().next().unwrap_or_else(|| world.token())),
            1 => DeferredList::new(members).all().map(move |all| {
                all.iter().filter_map(|result| result.as_ref().err()).for_each(|failure| world.handle(failure));
                all.into_iter().find_map(Result::ok).unwrap_or_else(|| world.token())
            }),
            2 => race(members).map(|(_, token)| token),
            _ => DeferredList::new(members).consume_errors().first().map(move |_| world.token()),
        };
        self.handles.borrow_mut().extend((self.dice(2) == 0).then(|| joined.cancel_handle()));
        self.keep(place, joined);
    }

    fn time_out(self: &Rc<Self>) {
        if let Some(Handle(place, deferred)) = self.any(&self.deferreds) {
            let limit = Duration::from_secs(self.dice(5) as u64);
            self.keep(place, deferred.add_timeout(limit, &self.clock));
        }
    }

    fn spawn(&self) {
        if let Some(Handle(_, deferred)) = self.any(&self.deferreds) {
            self.tasks.borrow_mut().push(deferred.into_future());
        }
    }

    fn poll_or_drop(&self) {
        let Some(mut task) = self.any(&self.tasks) else { return };
        if self.dice(3) == 0 {
            return drop(task);
        }
        match Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => drop(result.map_err(|failure| self.handle(&failure))),
            Poll::Pending => self.tasks.borrow_mut().push(task),
        }
    }
}

//! Queues and semaphores, used by many at random, also from inside of one another.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fastrand::Rng;
use twisty::deferred::Permit;
use twisty::testing::UnhandledFailures;
use twisty::{CancelledError, Deferred, DeferredQueue, DeferredSemaphore, Resolver};

use crate::random::{programs, take_any};

/// Those who use a semaphore, or a queue.
struct Users<L> {
    line: L,
    rng: RefCell<Rng>,
    budget: Cell<usize>,
    asked: Cell<usize>,
    /// Whose turn it was last; nobody is served before somebody who has asked earlier.
    served: Cell<Option<usize>>,
    count: Cell<usize>,
    cancelled: Cell<usize>,
    waiting: RefCell<Vec<Deferred<()>>>,
    permits: RefCell<Vec<Permit>>,
    running: RefCell<Vec<Resolver<()>>>,
    put: Cell<usize>,
    got: Cell<usize>,
}

impl<L: 'static> Users<L> {
    fn new(rng: &mut Rng, line: L) -> Rc<Self> {
        let (permits, waiting, running) = Default::default();
        let [asked, count, cancelled, put, got] = [const { Cell::new(0) }; 5];
        let (rng, budget, served) = (RefCell::new(rng.fork()), Cell::new(150), Cell::new(None));
        Rc::new(Self { line, rng, budget, asked, served, count, cancelled, waiting, permits, running, put, got })
    }

    fn dice(&self, sides: usize) -> usize {
        self.rng.borrow_mut().usize(..sides)
    }

    fn any<T>(&self, all: &RefCell<Vec<T>>) -> Option<T> {
        take_any(&mut self.rng.borrow_mut(), &mut all.borrow_mut())
    }

    fn may_act(&self) -> bool {
        self.budget.replace(self.budget.get().saturating_sub(1)) > 0
    }

    fn ask(&self) -> usize {
        self.asked.replace(self.asked.get() + 1)
    }

    fn serve(&self, number: usize) {
        let before = self.served.replace(Some(number));
        assert!(before.is_none_or(|before| before < number), "{number} came after {before:?}");
        self.count.set(self.count.get() + 1);
    }

    /// Waits with a handle, or without.
    fn wait(self: &Rc<Self>, deferred: Deferred<()>) {
        let me = Rc::clone(self);
        let deferred = deferred.add_errback(move |why| {
            let CancelledError = why.trap()?;
            me.cancelled.set(me.cancelled.get() + 1);
            Ok(())
        });
        if self.dice(3) > 0 {
            self.waiting.borrow_mut().push(deferred);
        }
    }

    fn cancel(&self) {
        if let Some(waiter) = self.any(&self.waiting) {
            waiter.cancel();
        }
    }

    fn all_were_served(&self) {
        assert_eq!(self.count.get() + self.cancelled.get(), self.asked.get(), "somebody was forgotten");
    }
}

impl Users<DeferredSemaphore> {
    fn act(self: &Rc<Self>) {
        match self.dice(8) {
            0 | 1 => self.acquire(false),
            2 => self.acquire(true),
            3 => self.run(),
            4 => self.cancel(),
            5 => drop(self.any(&self.permits)),
            6 => drop(self.line.acquire()),
            _ => drop(self.any(&self.running).map(|running| running.callback(()))),
        }
    }

    fn acquire(self: &Rc<Self>, by_way: bool) {
        let (number, me) = (self.ask(), Rc::clone(self));
        let semaphore = self.line.clone();
        let permit = if by_way {
            Deferred::succeed(()).add_callback(move |()| semaphore.acquire())
        } else {
            semaphore.acquire()
        };
        self.wait(permit.map(move |permit| {
            me.serve(number);
            me.interlude();
            me.permits.borrow_mut().push(permit);
        }));
    }

    fn run(self: &Rc<Self>) {
        let (number, me) = (self.ask(), Rc::clone(self));
        let running = self.line.run(move || {
            me.serve(number);
            me.interlude();
            let (resolver, running) = Deferred::new();
            me.running.borrow_mut().push(resolver);
            // Cancelling it is no failure of the run.
            running.add_errback(|why| why.trap::<CancelledError>().map(drop))
        });
        self.wait(running);
    }

    fn interlude(self: &Rc<Self>) {
        while self.dice(3) > 0 && self.may_act() {
            self.act();
        }
    }
}

#[test]
fn a_semaphore_serves_all_in_turn() {
    programs(3000, |rng| {
        let _none = UnhandledFailures::forbid();
        let tokens = rng.usize(1..4);
        let users = Users::new(rng, DeferredSemaphore::new(tokens));
        while users.may_act() {
            users.act();
            users.running.borrow_mut().retain(|running| !running.is_called());
            let held = users.permits.borrow().len() + users.running.borrow().len();
            assert_eq!(users.line.free() + held, tokens, "permits are lost");
            assert!(users.line.free() == 0 || users.line.waiting() == 0, "somebody waits for nothing");
        }
        while users.line.free() < tokens {
            drop(users.any(&users.permits));
            _ = users.any(&users.running).map(|running| running.try_callback(()));
        }
        users.all_were_served();
        users.waiting.take();
        assert_eq!(Rc::strong_count(&users), 1, "callbacks are left");
    });
}

impl Users<DeferredQueue<usize>> {
    fn act(self: &Rc<Self>) {
        match self.dice(8) {
            0..3 => self.put(),
            3..5 => self.get(false),
            5 => self.get(true),
            6 => self.get_and_forget(),
            _ => self.cancel(),
        }
    }

    fn put(&self) {
        let (full, value) = (self.line.is_full(), self.put.get());
        self.put.set(value + usize::from(!full));
        assert_eq!(self.line.put(value).is_err(), full, "is_full has told beforehand");
    }

    fn get(self: &Rc<Self>, by_way: bool) {
        let Ok(value) = self.line.get() else { return };
        let (number, me) = (self.ask(), Rc::clone(self));
        let value = if by_way { Deferred::succeed(()).add_callback(move |()| value) } else { value };
        self.wait(value.map(move |value| {
            me.serve(number);
            me.take(value);
            while me.dice(3) > 0 && me.may_act() {
                me.act();
            }
        }));
    }

    /// A Deferred without callbacks is passed over when it is gone; a value that was there already goes with it.
    fn get_and_forget(&self) {
        if let Ok(value) = self.line.get()
            && let Ok(value) = value.into_result()
        {
            self.take(value.expect("a queue does not fail"));
        }
    }

    fn take(&self, value: usize) {
        assert_eq!(value, self.got.replace(value + 1), "a value is lost, or came too early");
    }
}

#[test]
fn a_queue_gives_all_in_order_to_those_in_order() {
    programs(3000, |rng| {
        let _none = UnhandledFailures::forbid();
        let (size, backlog) = (rng.bool().then(|| rng.usize(..4)), rng.bool().then(|| rng.usize(..4)));
        let users = Users::new(rng, DeferredQueue::with_limits(size, backlog));
        while users.may_act() {
            users.act();
            assert!(users.line.is_empty() || users.line.waiting() == 0, "somebody waits for nothing");
            assert_eq!(users.got.get() + users.line.len(), users.put.get(), "values are lost");
            assert!(
                users.line.len() <= size.unwrap_or(usize::MAX) && users.line.waiting() <= backlog.unwrap_or(usize::MAX)
            );
        }
        while users.line.waiting() > 0 {
            users.put();
        }
        users.all_were_served();
        users.waiting.take();
        assert_eq!(Rc::strong_count(&users), 1, "callbacks are left");
    });
}

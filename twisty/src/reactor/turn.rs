//! One turn of the loop.

use std::io;
use std::time::Duration;

use mio::Token;
use signal_hook_mio::v1_0::Signals;

use super::entries::key_of;
use super::handle::Letter;
use super::{InTurn, Job, Reactor};
use crate::clock::Timestamp;
use crate::error::HandlerPanicked;

/// Tokens that belong to no entry.
pub(super) const WAKE: Token = Token(usize::MAX);
pub(super) const SIGNALS: Token = Token(usize::MAX - 1);

impl Reactor {
    /// One turn of the loop: waits for at most `at_most` (`None`: until something happens), then does what is to be
    /// done. For programs that have a loop of their own, which they end themselves: [`stop`](Self::stop), signals and
    /// [`call_when_running`](Self::call_when_running) belong to [`run`](Self::run), which calls this.
    ///
    /// # Errors
    /// When the poll itself breaks.
    ///
    /// # Panics
    /// If it is called from inside of a turn or of [`run`](Self::run): by a handler, a timer, a call from another thread.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let reactor = twisty::Reactor::new()?;
    /// let call = reactor.call_later(Duration::ZERO, |_| println!("in the next turn"));
    /// reactor.turn(Some(Duration::from_secs(1)))?;
    /// assert!(!call.is_active());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn turn(&self, at_most: Option<Duration>) -> io::Result<()> {
        let Some(_until_it_ends) = InTurn::begin(self) else { panic!("a turn cannot be made from inside of another") };
        self.one_turn(at_most)
    }

    pub(super) fn one_turn(&self, at_most: Option<Duration>) -> io::Result<()> {
        self.wait(at_most)?;
        self.0.now.set(self.time());
        let busy = self.0.busy.take();
        self.dispatch_events();
        if let Some(memory) = self.memory() {
            self.dispatch_memory(memory);
        }
        for key in busy {
            self.drive(key, |driver, buffer, now| driver.handle_turn(now, buffer));
        }
        self.run_timers();
        self.run_tasks();
        // What handlers took their time for is not the peer's idleness.
        self.0.now.set(self.time());
        self.settle();
        Ok(())
    }

    fn wait(&self, at_most: Option<Duration>) -> io::Result<()> {
        let until_due = self.next_due().map(|due| due - self.time());
        let timeout = if self.is_idle() { until_due.into_iter().chain(at_most).min() } else { Some(Duration::ZERO) };
        match self.0.poll.borrow_mut().poll(&mut self.0.events.borrow_mut(), timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    /// Nothing is to be done before something happens.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.0.busy.borrow().is_empty() && self.0.agenda.is_empty() && !self.0.executor.has_ready()
    }

    /// When something is to be done that was put off.
    #[inline]
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.0.timers.borrow_mut().next_due().into_iter().chain(self.0.drain_by.get()).min()
    }

    fn dispatch_events(&self) {
        for event in &*self.0.events.borrow() {
            match event.token() {
                WAKE => self.run_calls_from_threads(),
                SIGNALS => self.handle_signal(),
                token => {
                    self.drive(key_of(token), |driver, buffer, now| driver.handle_event(now, event.into(), buffer))
                }
            }
        }
    }

    fn run_calls_from_threads(&self) {
        for letter in self.0.mailbox.take() {
            self.guarded(|| match letter {
                Letter::Call(call) => call(self),
                Letter::Question(question) => question(Ok(self)),
            });
        }
    }

    fn handle_signal(&self) {
        let signals: Vec<i32> = self.0.signals.borrow_mut().iter_mut().flat_map(Signals::pending).collect();
        for signal in signals {
            tracing::info!(signal, "stopping on a signal");
            if let Err(error) = self.stop() {
                tracing::debug!(%error, "nothing to stop");
            }
        }
    }

    fn run_timers(&self) {
        let (now, batch) = (self.0.now.get(), self.0.timers.borrow().batch());
        // The borrow ends with the closure, so that a job may use the timers.
        let next = || self.0.timers.borrow_mut().pop_due(now, batch);
        while let Some(job) = next() {
            match job {
                Job::Entry(key) => self.entry_is_due(key),
                Job::Call(call) => {
                    self.guarded(|| call(self));
                }
                Job::Scheduled(call) => {
                    self.guarded(call);
                }
            }
        }
    }

    /// Runs what is not a connection's own handler; what it does wrong is reported and harms nothing else. `None` if it
    /// panicked.
    pub(super) fn guarded<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        let result = HandlerPanicked::catch(call);
        self.report_fault();
        result.inspect_err(|failure| tracing::error!(%failure, "a call of the reactor failed")).ok()
    }

    /// Reports what was done wrong on a connection's transport, by what is no connection's own handler.
    pub(super) fn report_fault(&self) {
        if let Some(failure) = self.0.agenda.take_fault() {
            tracing::error!(%failure, "a call of the reactor failed");
        }
    }
}

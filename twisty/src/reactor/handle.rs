//! Calls from other threads.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread::{self, ThreadId};

use super::Reactor;
use crate::deferred::{IntoDeferred, maybe_deferred};
use crate::error::ReactorError;
use crate::failure::Failure;

/// Reaches a reactor from any thread.
///
/// ```
/// let reactor = twisty::Reactor::new()?;
/// let handle = reactor.handle();
/// let worker = std::thread::spawn(move || handle.call_from_thread(|reactor| reactor.stop().expect("it runs")));
/// reactor.run()?;
/// worker.join().expect("no panic")?;
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct Handle(Weak<Mailbox>);

/// What other threads want the reactor to call.
pub(super) struct Mailbox {
    letters: Mutex<Letters>,
    waker: mio::Waker,
    /// The reactor's own thread.
    owner: ThreadId,
}

#[derive(Default)]
struct Letters {
    queue: Vec<Letter>,
    /// The reactor's run has ended: questions are refused.
    closed: bool,
}

pub(super) enum Letter {
    Call(Box<dyn FnOnce(&Reactor) + Send>),
    /// Somebody waits for what comes of it, or to be told why nothing does.
    Question(Question),
}

type Question = Box<dyn FnOnce(Result<&Reactor, ReactorError>) + Send>;

impl Mailbox {
    pub(super) fn new(waker: mio::Waker) -> Self {
        Self { letters: Mutex::default(), waker, owner: thread::current().id() }
    }

    /// All calls so far; those that they make in turn wait for the next turn.
    pub(super) fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut self.lock().queue)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// Takes questions.
    pub(super) fn open(&self) {
        self.lock().closed = false;
    }

    /// Refuses questions from now on; those that came so far. Calls stay.
    pub(super) fn close(&self) -> Vec<Letter> {
        let mut letters = self.lock();
        letters.closed = true;
        letters.queue.extract_if(.., |letter| matches!(letter, Letter::Question(_))).collect()
    }

    /// The first of a batch wakes the reactor.
    fn put(&self, letter: Letter) -> Result<(), ReactorError> {
        let mut letters = self.lock();
        if letters.closed && matches!(letter, Letter::Question(_)) {
            drop(letters);
            return Err(ReactorError::Ended);
        }
        letters.queue.push(letter);
        let first = letters.queue.len() == 1;
        drop(letters);
        if first {
            self.wake();
        }
        Ok(())
    }

    /// Nobody's code but the queue's runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "the reactor cannot be woken; what was to be done waits for its next turn");
        }
    }
}

impl Handle {
    pub(super) fn new(mailbox: &Arc<Mailbox>) -> Self {
        Self(Arc::downgrade(mailbox))
    }

    /// Has the reactor call `call` on its own thread, in its next turn; calls from one thread stay in order. May be
    /// used before the reactor runs. (Twisted's `callFromThread`.)
    ///
    /// # Errors
    /// [`ReactorError::Gone`] when the reactor does not exist any more, so that the call will never happen.
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// let handle = reactor.handle();
    /// handle.call_from_thread(|reactor| reactor.stop().expect("it runs"))?;
    /// reactor.run()?;
    /// drop(reactor);
    /// assert_eq!(handle.call_from_thread(|_| {}), Err(twisty::ReactorError::Gone));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn call_from_thread(&self, call: impl FnOnce(&Reactor) + Send + 'static) -> Result<(), ReactorError> {
        self.0.upgrade().ok_or(ReactorError::Gone)?.put(Letter::Call(Box::new(call)))
    }

    /// Has the reactor call `call` on its own thread, and waits for what it answers: `()`, a `Result`, or a Deferred. A
    /// panic of the call is a failure. (Twisted's `blockingCallFromThread`.)
    ///
    /// Nothing comes before the reactor runs, so a program that makes its reactor and waits here before anybody runs it
    /// waits for ever. The end of a run ends all waiting: who waits then, or asks later, gets an error, until the reactor
    /// runs again.
    ///
    /// # Errors
    /// The failure that the call, or its Deferred, ended with. [`ReactorError::OwnThread`] on the reactor's own thread,
    /// which would wait for itself. [`ReactorError::Ended`] when the reactor's run is over, and [`ReactorError::Gone`] when
    /// the reactor does not exist any more, also if either happens meanwhile; what the call's Deferred waits for is
    /// cancelled then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::Deferred;
    ///
    /// let reactor = twisty::Reactor::new()?;
    /// let handle = reactor.handle();
    /// let worker = std::thread::spawn(move || {
    ///     let answer = handle.block_on(|reactor| {
    ///         let (resolver, answer) = Deferred::new();
    ///         reactor.call_later(Duration::from_millis(1), move |_| resolver.callback(42));
    ///         answer
    ///     })?;
    ///     handle.call_from_thread(|reactor| reactor.stop().expect("it runs"))?;
    ///     Ok::<u32, twisty::Failure>(answer)
    /// });
    /// reactor.run()?;
    /// assert_eq!(worker.join().expect("no panic")?, 42);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn block_on<R>(&self, call: impl FnOnce(&Reactor) -> R + Send + 'static) -> Result<R::Value, Failure>
    where
        R: IntoDeferred,
        R::Value: Send,
    {
        let mailbox = self.0.upgrade().ok_or(ReactorError::Gone)?;
        if mailbox.owner == thread::current().id() {
            return Err(ReactorError::OwnThread.into());
        }
        let (tell, told) = mpsc::channel();
        let tell = move |answer| _ = tell.send(answer);
        mailbox.put(Letter::Question(Box::new(move |asked| match asked {
            Ok(reactor) => reactor.answer(maybe_deferred(|| call(reactor)), tell),
            Err(why) => tell(Err(why.into())),
        })))?;
        // Not to be kept: with the reactor its mailbox goes, and what is in it.
        drop(mailbox);
        told.recv().unwrap_or_else(|_| Err(ReactorError::Gone.into()))
    }

    /// Has the reactor make a turn soon, if it still exists.
    pub(super) fn wake(&self) {
        if let Some(mailbox) = self.0.upgrade() {
            mailbox.wake();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("reactor_exists", &(self.0.strong_count() > 0)).finish()
    }
}

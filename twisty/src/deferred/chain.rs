//! What all links of one chain share: whether it is called, paused, waiting, and how to cancel it.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::iter;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::link::{self, Flow};

/// The state that Twisted keeps in one `Deferred` and that here belongs to all the handles its callbacks make.
pub(super) struct Chain {
    /// Where it was fired; `None` before.
    called: Cell<Option<&'static Location<'static>>>,
    /// How many [`Paused`] there are.
    pauses: Cell<usize>,
    /// One late result is swallowed, because it was cancelled and had no canceller to stop whoever brings it.
    suppresses: Cell<bool>,
    waits: Waits,
    /// Where a pause stopped the run, in the order in which to go on.
    stopped: Cell<Vec<Rc<dyn Flow>>>,
    /// Where the Deferred was made.
    made: &'static Location<'static>,
}

/// The beginning of a chain, whatever its type, or of a branch of one.
pub(super) trait Head {
    fn chain(&self) -> &Chain;

    /// The beginning of the chain itself.
    fn root(self: Rc<Self>) -> Rc<dyn Head>;

    /// What is waited for here. Each branch of a chain waits for itself, and is cancelled for itself.
    fn waits(&self) -> &Waits {
        &self.chain().waits
    }

    /// Lets the canceller act, then fails what is still not called; or has others cancelled, the last one first.
    fn cancel_uncalled(self: Rc<Self>, others: &mut Vec<Rc<dyn Head>>);

    /// Fails it because nobody can fire it any more.
    fn abandon(self: Rc<Self>);
}

impl Chain {
    pub(super) const fn new(made: &'static Location<'static>) -> Self {
        Self {
            called: Cell::new(None),
            pauses: Cell::new(0),
            suppresses: Cell::new(false),
            waits: Waits::new(),
            stopped: Cell::new(Vec::new()),
            made,
        }
    }

    pub(super) const fn made(&self) -> &'static Location<'static> {
        self.made
    }

    pub(super) fn called(&self) -> Option<&'static Location<'static>> {
        self.called.get()
    }

    pub(super) fn set_called(&self, site: &'static Location<'static>) {
        self.called.set(Some(site));
    }

    pub(super) fn suppress_one(&self) {
        self.suppresses.set(true);
    }

    pub(super) fn take_suppression(&self) -> bool {
        self.suppresses.take()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.pauses.get() > 0
    }

    /// The run ends at `place` until the last pause does.
    #[cold]
    pub(super) fn stop_at(&self, place: Rc<dyn Flow>) {
        let mut stopped = self.stopped.take();
        stopped.push(place);
        self.stopped.set(stopped);
    }
}

/// The chain whose result is waited for, if there is one.
pub(super) struct Waits(Cell<Option<Weak<dyn Head>>>);

impl Waits {
    pub(super) const fn new() -> Self {
        Self(Cell::new(None))
    }

    pub(super) fn begin(&self, inner: &Rc<dyn Head>) {
        self.0.set(Some(Rc::downgrade(inner)));
    }

    pub(super) fn end(&self) {
        self.0.set(None);
    }

    fn head(&self) -> Option<Rc<dyn Head>> {
        let inner = self.0.take();
        let head = inner.as_ref().and_then(Weak::upgrade);
        self.0.set(inner);
        head
    }
}

/// Whether `outer` would wait for itself if it waited for `inner`. A longer circle than this is not found: it waits until
/// it is cancelled.
pub(super) fn closes_a_circle(inner: Rc<dyn Head>, outer: &Rc<dyn Head>) -> bool {
    const LONGEST: usize = 64;
    iter::successors(Some(inner), |head| head.waits().head()).take(LONGEST).any(|head| Rc::ptr_eq(&head, outer))
}

/// Cancels a chain, or whatever it waits on; in a loop, since they can be many. They may go in a circle: a list of
/// Deferreds can wait for one that waits for the list.
pub(super) fn cancel(head: Rc<dyn Head>) {
    const NO_CIRCLE_YET: usize = 64;
    let (mut steps, mut seen) = (0, HashSet::new());
    let mut others = Vec::new();
    let mut next = Some(head);
    while let Some(head) = next {
        steps += 1;
        if steps > NO_CIRCLE_YET && !seen.insert(Rc::as_ptr(&head).cast::<()>()) {
            next = None;
        } else if head.chain().called().is_some() {
            next = head.waits().head();
        } else {
            next = None;
            head.cancel_uncalled(&mut others);
        }
        next = next.or_else(|| others.pop());
    }
}

/// Cancels a [`Deferred`](super::Deferred) whose handle is elsewhere: in a list, on its way through callbacks.
///
/// ```
/// use twisty::{CancelledError, Deferred};
///
/// let (resolver, answer) = Deferred::<u32>::new();
/// let cancel = answer.cancel_handle();
/// let answer = answer.map(|n| n + 1);
/// cancel.cancel();
/// let failure = answer.into_result().expect("it is over").unwrap_err();
/// assert!(failure.check::<CancelledError>().is_some());
/// ```
#[derive(Clone)]
pub struct CancelHandle(pub(super) Option<Weak<dyn Head>>);

impl CancelHandle {
    /// Does what [`Deferred::cancel`](super::Deferred::cancel) does; nothing if the Deferred is gone.
    ///
    /// ```
    /// let done = twisty::Deferred::succeed(1);
    /// done.cancel_handle().cancel(); // too late, which is no mistake
    /// assert_eq!(done.into_result().expect("it is done").ok(), Some(1));
    /// ```
    pub fn cancel(&self) {
        if let Some(head) = self.head() {
            cancel(head);
        }
    }

    pub(super) fn head(&self) -> Option<Rc<dyn Head>> {
        self.0.as_ref().and_then(Weak::upgrade)
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").finish_non_exhaustive()
    }
}

/// Keeps a [`Deferred`](super::Deferred) from running its callbacks, as long as this value lives.
///
/// Twisted counts `pause` and `unpause`, and wedges when they do not match; here each pause is a value that can be undone
/// once.
///
/// ```
/// use twisty::Deferred;
///
/// let (resolver, answer) = Deferred::new();
/// let mut answer = answer.map(|n: u32| println!("the answer is {n}"));
/// let paused = answer.pause();
/// resolver.callback(42);
/// assert!(!answer.has_result());
/// paused.unpause(); // prints it
/// assert!(answer.has_result());
/// ```
#[must_use = "dropping it ends the pause at once"]
pub struct Paused(Rc<dyn Head>);

impl Paused {
    pub(super) fn begin(head: Rc<dyn Head>) -> Self {
        let pauses = &head.chain().pauses;
        pauses.set(pauses.get() + 1);
        Self(head)
    }

    /// Ends this pause, as dropping it does. When it is the last one, the callbacks run that have waited, before this
    /// returns. (Twisted's `Deferred.unpause`.)
    ///
    /// ```
    /// let mut answer = twisty::Deferred::succeed(1);
    /// let (first, second) = (answer.pause(), answer.pause());
    /// let answer = answer.map(|n| n + 1);
    /// first.unpause();
    /// assert!(!answer.has_result());
    /// second.unpause();
    /// assert!(answer.has_result());
    /// ```
    pub fn unpause(self) {}
}

impl Drop for Paused {
    fn drop(&mut self) {
        let chain = self.0.chain();
        chain.pauses.set(chain.pauses.get() - 1);
        if !chain.is_paused() {
            link::run_all(chain.stopped.take());
        }
    }
}

impl fmt::Debug for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paused").field("made", &self.0.chain().made).finish_non_exhaustive()
    }
}

//! [`DeferredQueue`]: values for whoever gets them first.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use super::Deferred;
use super::line::Line;
use crate::error::{QueueOverflow, QueueUnderflow};

/// Values go in at one end, and come out at the other as soon as somebody wants them: whoever gets from an empty queue
/// waits for the next value. (Twisted's `DeferredQueue`.)
///
/// First in, first out, for values and for those who wait. A clone is the same queue. When the last one goes, those who
/// still wait fail with [`ResolverDropped`](crate::ResolverDropped).
///
/// A `get` that is cancelled leaves the line. One whose Deferred was dropped without callbacks is passed over, so that
/// the value goes to somebody who wants it.
///
/// ```
/// use twisty::DeferredQueue;
///
/// let jobs = DeferredQueue::new();
/// let first = jobs.get()?;
/// jobs.put("sweep")?; // `first` has it
/// jobs.put("mop")?;
/// assert_eq!(first.into_result().expect("it was put").unwrap(), "sweep");
/// assert_eq!(jobs.get()?.into_result().expect("it was there").unwrap(), "mop");
/// # Ok::<(), twisty::Failure>(())
/// ```
pub struct DeferredQueue<T: 'static>(Rc<Inner<T>>);

struct Inner<T: 'static> {
    values: RefCell<VecDeque<T>>,
    line: Line<T>,
    size: usize,
    backlog: usize,
}

impl<T: 'static> DeferredQueue<T> {
    /// A queue without limits. (Twisted's `DeferredQueue()`.)
    ///
    /// ```
    /// let queue = twisty::DeferredQueue::<u32>::new();
    /// assert!(queue.is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(None, None)
    }

    /// A queue that holds at most `size` values that nobody has got yet, and lets at most `backlog` wait for one.
    /// `None`: any number. (Twisted's `DeferredQueue(size, backlog)`.)
    ///
    /// ```
    /// let queue = twisty::DeferredQueue::with_limits(1, None);
    /// assert!(queue.put("one").is_ok());
    /// assert!(queue.put("another").is_err());
    /// ```
    #[must_use]
    pub fn with_limits(size: impl Into<Option<usize>>, backlog: impl Into<Option<usize>>) -> Self {
        let (size, backlog) = (size.into().unwrap_or(usize::MAX), backlog.into().unwrap_or(usize::MAX));
        Self(Rc::new(Inner { values: RefCell::default(), line: Line::new(), size, backlog }))
    }

    /// Puts a value in. If somebody waits for one, he gets it, and his callbacks run, before this returns. (Twisted's
    /// `DeferredQueue.put`.)
    ///
    /// # Errors
    /// [`QueueOverflow`] if the queue is full; the value is dropped. Where that would be a loss,
    /// [`is_full`](Self::is_full) tells beforehand.
    ///
    /// ```
    /// let queue = twisty::DeferredQueue::new();
    /// let length = queue.get()?.map(str::len);
    /// queue.put("a line")?;
    /// assert_eq!(length.into_result().expect("it was put").unwrap(), 6);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn put(&self, value: T) -> Result<(), QueueOverflow> {
        if self.is_full() {
            return Err(QueueOverflow { size: self.0.size });
        }
        self.0.values.borrow_mut().push_back(value);
        self.0.line.serve(|| self.take());
        Ok(())
    }

    /// Takes the oldest value, or waits for one. (Twisted's `DeferredQueue.get`.)
    ///
    /// # Errors
    /// [`QueueUnderflow`] if there is no value and as many wait already as may.
    ///
    /// ```
    /// let queue = twisty::DeferredQueue::<u32>::with_limits(None, 1);
    /// let value = queue.get()?;
    /// assert!(queue.get().is_err());
    /// value.cancel();
    /// assert!(queue.get().is_ok());
    /// # let _cancelled = value.into_result();
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[track_caller]
    pub fn get(&self) -> Result<Deferred<T>, QueueUnderflow> {
        let line = &self.0.line;
        if line.is_empty()
            && let Some(value) = self.take()
        {
            return Ok(Deferred::succeed(value));
        }
        let backlog = self.0.backlog;
        if !line.has_room(backlog) {
            return Err(QueueUnderflow { backlog });
        }
        Ok(line.wait())
    }

    /// How many values are there. (Twisted's `len(queue.pending)`.)
    ///
    /// ```
    /// let queue = twisty::DeferredQueue::new();
    /// queue.put('a')?;
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values.borrow().len()
    }

    /// Whether no value is there.
    ///
    /// ```
    /// assert!(twisty::DeferredQueue::<u32>::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`put`](Self::put) would refuse a value.
    ///
    /// ```
    /// let queue = twisty::DeferredQueue::<u32>::with_limits(0, None);
    /// assert!(queue.is_full());
    /// let _value = queue.get()?;
    /// assert!(!queue.is_full()); // it would go to whoever waits
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        let (line, beyond) = (&self.0.line, self.len().checked_sub(self.0.size));
        // Values and waiters are there together only while a deeply nested `put` leaves both to an outer one.
        beyond.is_some_and(|beyond| line.is_empty() || (beyond > 0 && line.len() <= beyond))
    }

    /// How many wait for a value. (Twisted's `len(queue.waiting)`.)
    ///
    /// ```
    /// let queue = twisty::DeferredQueue::<u32>::new();
    /// let _value = queue.get()?;
    /// assert_eq!(queue.waiting(), 1);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.line.len()
    }

    fn take(&self) -> Option<T> {
        self.0.values.borrow_mut().pop_front()
    }
}

impl<T: 'static> Default for DeferredQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The same queue.
impl<T: 'static> Clone for DeferredQueue<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: 'static> fmt::Debug for DeferredQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredQueue").field("len", &self.len()).field("waiting", &self.waiting()).finish()
    }
}

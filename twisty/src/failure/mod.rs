//! [`Failure`]: an error of any type on its way to whoever handles it.

mod attempts;
mod several;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt;
use std::panic::Location;

pub use attempts::{ConnectError, FailedAttempt};
pub use several::{FailureGroup, FirstError};

/// An error of any type, and where in the program it became a failure.
///
/// The counterpart of Twisted's `twisted.python.failure.Failure`. Every `std::error::Error + Send + Sync` converts into
/// one, so `?` works in every handler that returns `Result<_, Failure>`. [`trap`](Self::trap) gets the typed error
/// back.
///
/// It is one pointer wide: a `Result<(), Failure>` costs a handler nothing while all goes well.
///
/// ```
/// use twisty::{ConnectionDone, Failure};
///
/// let failure = Failure::from(ConnectionDone);
/// assert!(failure.check::<ConnectionDone>().is_some());
/// match failure.trap::<std::io::Error>() {
///     Ok(io) => panic!("not an I/O error: {io}"),
///     Err(failure) => assert_eq!(failure.to_string(), "the connection was closed cleanly"),
/// }
/// ```
pub struct Failure(Box<Inner>);

struct Inner {
    error: Box<dyn Error + Send + Sync>,
    /// Where the error became a failure: the line of a `?`, most often.
    origin: &'static Location<'static>,
    /// The Deferreds that it failed, and the callbacks that let it pass.
    trail: Trail,
    /// Captured if the environment asks for it (`RUST_BACKTRACE`).
    backtrace: Backtrace,
}

impl Inner {
    fn take_error(&mut self) -> Box<dyn Error + Send + Sync> {
        // What is left in its place has no size, and needs no memory.
        std::mem::replace(&mut self.error, Box::new(fmt::Error))
    }
}

/// Errors of several Deferreds hold failures that hold such errors, as deep as the Deferreds nest: they go in a loop, not
/// by recursion.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut left = several::failures_in(self.take_error());
        while let Some(mut failure) = left.pop() {
            left.extend(several::failures_in(failure.0.take_error()));
        }
    }
}

impl Failure {
    /// A failure with nothing but a message, for errors that nobody tells apart: `Err("…")` is a reply in a handler, and a
    /// string is no error for `?`.
    ///
    /// ```
    /// fn phase(moon: Option<u8>) -> twisty::Result<u8> {
    ///     moon.ok_or_else(|| twisty::Failure::message("there is no moon tonight"))
    /// }
    ///
    /// assert!(phase(None).is_err());
    /// let failure = twisty::Failure::message("the moon is in the wrong phase");
    /// assert_eq!(failure.to_string(), "the moon is in the wrong phase");
    /// ```
    #[track_caller]
    pub fn message(message: impl Into<String>) -> Self {
        Self::boxed(message.into().into())
    }

    /// A failure of an error whose type is not known, as libraries give it: such a box is no error itself, so `?` does not
    /// take it. The counterpart of [`into_error`](Self::into_error).
    ///
    /// ```
    /// use twisty::Failure;
    ///
    /// fn phase(moon: &str) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
    ///     Ok(moon.parse()?)
    /// }
    ///
    /// let failure = phase("full").map_err(Failure::from_boxed).unwrap_err();
    /// assert!(failure.check::<std::num::ParseIntError>().is_some());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn from_boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::boxed(error)
    }

    #[track_caller]
    fn boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::traced(error, Backtrace::capture())
    }

    /// A failure that a peer or the network can cause at will. Where the code was says nothing then, and a backtrace would
    /// cost more than all else that the end of a connection does.
    #[track_caller]
    pub(crate) fn of_a_peer(error: impl Error + Send + Sync + 'static) -> Self {
        Self::traced(Box::new(error), Backtrace::disabled())
    }

    #[track_caller]
    fn traced(error: Box<dyn Error + Send + Sync>, backtrace: Backtrace) -> Self {
        let (origin, trail) = (Location::caller(), Trail::default());
        Self(Box::new(Inner { error, origin, trail, backtrace }))
    }

    /// The same, but of whoever called something at `origin`.
    pub(crate) fn at(mut self, origin: &'static Location<'static>) -> Self {
        self.0.origin = origin;
        self
    }

    /// The error, if it is an `E`. (Twisted's `Failure.check`.)
    ///
    /// ```
    /// use twisty::{ConnectionAborted, ConnectionDone, Failure};
    ///
    /// let failure = Failure::from(ConnectionDone);
    /// assert!(failure.check::<ConnectionDone>().is_some());
    /// assert!(failure.check::<ConnectionAborted>().is_none());
    /// ```
    #[must_use]
    pub fn check<E: Error + 'static>(&self) -> Option<&E> {
        self.0.error.downcast_ref()
    }

    /// The error by value if it is an `E`, else the failure as it was, to be passed on. (Twisted's `Failure.trap`.)
    ///
    /// # Errors
    /// The unchanged failure, where it holds another error.
    ///
    /// ```
    /// use twisty::{ConnectionDone, Failure};
    ///
    /// let ended = Failure::from(ConnectionDone).trap::<ConnectionDone>();
    /// assert!(ended.is_ok());
    /// ```
    pub fn trap<E: Error + 'static>(self) -> Result<E, Self> {
        if self.check::<E>().is_none() {
            return Err(self);
        }
        match self.into_error().downcast() {
            Ok(error) => Ok(*error),
            Err(_) => unreachable!("it was looked at above"),
        }
    }

    /// The error, if it is one of several types. (Twisted's `Failure.check` with more than one.)
    ///
    /// ```
    /// use twisty::{CancelledError, ConnectionDone, ConnectionLost, Failure};
    ///
    /// let failure = Failure::from(ConnectionDone);
    /// assert!(failure.check_any::<(ConnectionDone, ConnectionLost)>().is_some());
    /// assert!(failure.check_any::<(CancelledError, ConnectionLost)>().is_none());
    /// ```
    #[must_use]
    pub fn check_any<E: ErrorTypes>(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        E::include(self).then(|| self.error())
    }

    /// The failure itself if its error is one of several types, as an `Err` to be passed on if not. (Twisted's
    /// `Failure.trap` with more than one.)
    ///
    /// # Errors
    /// The unchanged failure, where it holds another error.
    ///
    /// ```
    /// use twisty::{ConnectionDone, ConnectionLost, Deferred};
    ///
    /// let poem = Deferred::<String>::fail(ConnectionDone)
    ///     .add_errback(|why| Ok(format!("no poem: {}", why.trap_any::<(ConnectionDone, ConnectionLost)>()?)));
    /// assert_eq!(poem.into_result().expect("it is there").unwrap(), "no poem: the connection was closed cleanly");
    /// ```
    pub fn trap_any<E: ErrorTypes>(self) -> Result<Self, Self> {
        if E::include(&self) { Ok(self) } else { Err(self) }
    }

    /// The error itself, whatever its type. (Twisted's `Failure.value`.)
    ///
    /// ```
    /// let failure = twisty::Failure::from(twisty::ConnectionDone);
    /// assert!(failure.error().source().is_none());
    /// ```
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.0.error.as_ref()
    }

    /// Where in the program the error became a failure.
    ///
    /// ```
    /// let failure = twisty::Failure::message("here");
    /// assert!(failure.origin().line() > 0);
    /// ```
    #[must_use]
    pub fn origin(&self) -> &'static Location<'static> {
        self.0.origin
    }

    /// The way it took, oldest first: where the Deferreds were made that it failed, and where the callbacks were added
    /// that it passed. At most the first 32 places are kept; a place that comes twice in a row counts once.
    ///
    /// ```
    /// let answer = twisty::Deferred::<u32>::fail(twisty::ConnectionDone).map(|n| n + 1);
    /// let failure = answer.into_result().expect("it is there").unwrap_err();
    /// assert_eq!(failure.trail().len(), 1);
    /// ```
    #[must_use]
    pub fn trail(&self) -> &[Passage] {
        &self.0.trail.passages
    }

    /// Where in the program the error became a failure, as a stack of calls, if the environment asks for it:
    /// `RUST_BACKTRACE=1`. (Twisted's `Failure.getTraceback`.)
    ///
    /// ```
    /// let failure = twisty::Failure::message("here");
    /// println!("{}", failure.backtrace());
    /// ```
    pub fn backtrace(&self) -> &Backtrace {
        &self.0.backtrace
    }

    /// The error itself, by value: what a library wants that knows of no failures.
    ///
    /// ```
    /// let error: Box<dyn std::error::Error + Send + Sync> = twisty::Failure::from(twisty::ConnectionDone).into_error();
    /// assert_eq!(error.to_string(), "the connection was closed cleanly");
    /// ```
    #[must_use]
    pub fn into_error(mut self) -> Box<dyn Error + Send + Sync> {
        self.0.take_error()
    }

    /// It failed the Deferred made there.
    pub(crate) fn promised(&mut self, made: &'static Location<'static>) {
        self.0.trail.push(Passage::Deferred(made));
    }

    /// A callback added there let it pass, or made it.
    #[cold]
    pub(crate) fn passed_on(&mut self, added: &'static Location<'static>) {
        self.0.trail.push(Passage::Callback(added));
    }
}

/// A place on the way of a [`Failure`].
///
/// ```
/// use twisty::{Deferred, failure::Passage};
///
/// let (resolver, answer) = Deferred::<u32>::new();
/// resolver.errback(twisty::ConnectionDone);
/// let failure = answer.map(|n| n + 1).into_result().expect("it has fired").unwrap_err();
/// assert!(matches!(failure.trail(), [Passage::Deferred(_), Passage::Callback(_)]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It failed the Deferred that was made there.
    Deferred(&'static Location<'static>),
    /// It went past, or came out of, the callback that was added there.
    Callback(&'static Location<'static>),
}

impl Passage {
    const fn place(self) -> &'static Location<'static> {
        match self {
            Self::Deferred(place) | Self::Callback(place) => place,
        }
    }
}

impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deferred(made) => write!(f, "failed the Deferred made at {made}"),
            Self::Callback(added) => write!(f, "passed the callback added at {added}"),
        }
    }
}

#[derive(Default)]
struct Trail {
    passages: Vec<Passage>,
    /// How many more there were.
    omitted: usize,
}

impl Trail {
    const LONGEST: usize = 32;

    fn push(&mut self, passage: Passage) {
        if self.passages.last().is_some_and(|last| last.place() == passage.place()) {
            return;
        }
        if self.passages.len() < Self::LONGEST { self.passages.push(passage) } else { self.omitted += 1 }
    }
}

/// Several types of errors at once, as a tuple: for [`Failure::check_any`] and [`Failure::trap_any`].
///
/// ```
/// use twisty::{ConnectionDone, ConnectionLost, Failure, failure::ErrorTypes};
///
/// assert!(<(ConnectionDone, ConnectionLost)>::include(&Failure::from(ConnectionDone)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tuple of error types",
    note = "write `check_any::<(A, B)>()`; for a single type there is `check::<A>()`"
)]
pub trait ErrorTypes {
    /// Whether the failure's error is one of them.
    fn include(failure: &Failure) -> bool;
}

macro_rules! error_types {
    ($($error:ident)*) => {
        impl<$($error: Error + 'static),*> ErrorTypes for ($($error,)*) {
            fn include(failure: &Failure) -> bool {
                $(failure.check::<$error>().is_some())||*
            }
        }
    };
}

error_types!(A B);
error_types!(A B C);
error_types!(A B C D);
error_types!(A B C D E);
error_types!(A B C D E F);

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::boxed(Box::new(error))
    }
}

/// The message, and after a colon each deeper cause that says something new.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.error.to_string();
        f.write_str(&said)?;
        let mut next = self.0.error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

/// What a person wants to read when `main` returns it: the message, the place, and the way it took from there.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (at {})", self.0.origin)?;
        for passage in self.trail() {
            write!(f, "\n    {passage}")?;
        }
        if self.0.trail.omitted > 0 {
            write!(f, "\n    and {} more", self.0.trail.omitted)?;
        }
        if self.0.backtrace.status() == BacktraceStatus::Captured {
            write!(f, "\n{}", self.0.backtrace)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ConnectionDone, ConnectionLost};

    #[test]
    fn trap_gives_back_an_untouched_failure() {
        let failure = Failure::message("x");
        let origin = failure.origin();
        let failure = failure.trap::<ConnectionDone>().expect_err("a message is no ConnectionDone");
        assert_eq!(failure.origin(), origin);
        assert_eq!(failure.to_string(), "x");
    }

    #[test]
    fn the_question_mark_records_its_own_line() {
        fn fails() -> Result<(), Failure> {
            Err(ConnectionDone)?;
            Ok(())
        }
        let failure = fails().expect_err("it fails");
        assert_eq!(failure.origin().file(), file!());
    }

    #[test]
    fn causes_are_said_once() {
        let lost = ConnectionLost::from(std::io::Error::other("wire cut"));
        let text = Failure::from(lost).to_string();
        assert_eq!(text.matches("wire cut").count(), 1, "{text}");
    }
}

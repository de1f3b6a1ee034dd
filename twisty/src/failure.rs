//! [`Failure`]: an error of any type on its way to whoever handles it.

use std::error::Error;
use std::fmt;
use std::panic::Location;

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

    #[track_caller]
    fn boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        Self(Box::new(Inner { error, origin: Location::caller() }))
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
        let Inner { error, origin } = *self.0;
        match error.downcast() {
            Ok(error) => Ok(*error),
            Err(error) => Err(Self(Box::new(Inner { error, origin }))),
        }
    }

    /// The error itself, whatever its type.
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
}

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

/// What a person wants to read when `main` returns it: the message, then the place.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (at {})", self.0.origin)
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

//! The errors of several Deferreds at once: failures that hold failures.

use std::error::Error;
use std::fmt;

use super::Failure;

/// One of several [`Deferred`](crate::Deferred)s failed, and all were needed.
///
/// Twisted's `FirstError`.
///
/// ```
/// use twisty::{ConnectionDone, Deferred, FirstError, gather};
///
/// let pages = gather([Deferred::succeed("a page"), Deferred::fail(ConnectionDone)]);
/// let failure = pages.into_result().expect("it is there").unwrap_err();
/// assert_eq!(failure.to_string(), "the Deferred at index 1 failed: the connection was closed cleanly");
/// let FirstError { index, failure } = failure.trap().expect("a FirstError");
/// assert!(index == 1 && failure.check::<ConnectionDone>().is_some());
/// ```
#[derive(Debug)]
pub struct FirstError {
    /// Which one failed first, counted from 0.
    pub index: usize,
    /// Why.
    pub failure: Failure,
}

/// Only which one: a [`Failure`] says the causes itself, and they nest as deep as the Deferreds do.
impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Deferred at index {} failed", self.index)
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure.error())
    }
}

/// All of several [`Deferred`](crate::Deferred)s failed, and one success was needed.
///
/// Twisted's `FailureGroup`.
///
/// ```
/// use twisty::{ConnectionDone, Deferred, FailureGroup, race};
///
/// let page = race([Deferred::<&str>::fail(ConnectionDone), Deferred::fail(ConnectionDone)]);
/// let failure = page.into_result().expect("it is there").unwrap_err();
/// assert_eq!(failure.check::<FailureGroup>().map(|group| group.failures.len()), Some(2));
/// ```
#[derive(Debug)]
pub struct FailureGroup {
    /// Why each failed, in their order; none if there were no Deferreds at all.
    pub failures: Vec<Failure>,
}

impl FailureGroup {
    /// Failures that the message quotes.
    const QUOTED: usize = 8;

    fn headline(&self) -> String {
        match self.failures.len() {
            0 => "no Deferred could succeed, since there was none".to_owned(),
            all => format!("all {all} Deferreds failed"),
        }
    }
}

/// Why each failed; of a group in the group, only that it did.
impl fmt::Display for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        for (index, failure) in self.failures.iter().take(Self::QUOTED).enumerate() {
            write!(f, "{} [{index}] ", if index == 0 { ':' } else { ';' })?;
            let mut failure = failure;
            if let Some(first) = failure.check::<FirstError>() {
                write!(f, "{first}: ")?;
            }
            while let Some(first) = failure.check::<FirstError>() {
                failure = &first.failure;
            }
            match failure.check::<Self>() {
                Some(group) => f.write_str(&group.headline())?,
                None => write!(f, "{failure}")?,
            }
        }
        let all = self.failures.len();
        if all > Self::QUOTED { write!(f, "; and {} more", all - Self::QUOTED) } else { Ok(()) }
    }
}

/// The source is the first failure.
impl Error for FailureGroup {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first().map(|failure| failure.error() as _)
    }
}

/// Takes the failures out of an error of several Deferreds.
pub(super) fn failures_in(error: Box<dyn Error + Send + Sync>) -> Vec<Failure> {
    match error.downcast::<FirstError>() {
        Ok(first) => vec![first.failure],
        Err(error) => error.downcast::<FailureGroup>().map_or_else(|_| Vec::new(), |group| group.failures),
    }
}

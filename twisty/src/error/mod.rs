//! The errors, grouped by who is to blame: the peer, the caller, or the system.
//!
//! The reason that a `disconnect` handler is given is one of these inside a [`Failure`](crate::Failure); tell them apart with
//! [`Failure::trap`](crate::Failure::trap). Each says what arrived, what was expected, and what to do about it.

mod blame;
mod caller;
mod peer;
mod system;

pub(crate) use blame::{is_orderly, is_peers_fault, twin};
pub use caller::*;
pub use peer::*;
pub use system::*;

pub use crate::failure::{ConnectError, FailedAttempt, FailureGroup, FirstError};

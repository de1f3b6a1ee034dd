//! Who is to blame, and how a panic becomes an error.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::failure::Failure;

impl HandlerPanicked {
    /// Runs code of the user's; its panic is an error like any other.
    pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Self> {
        catch_unwind(AssertUnwindSafe(call)).map_err(Self::from_panic)
    }

    /// Runs code of the user's where nobody can be told of its panic: values being dropped, most often.
    pub(crate) fn survive(call: impl FnOnce()) {
        if let Err(panicked) = Self::catch(call) {
            tracing::error!(%panicked, "a panic that is nobody's failure");
        }
    }

    #[cold]
    fn from_panic(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        // What it panicked with may panic in its turn when it goes. What that panics with is kept for good.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(again);
        }
        Self { message: message.unwrap_or_else(|| "(the panic carried no text)".to_owned()) }
    }
}

/// Whether a connection that ended so ended as it should.
pub(crate) fn is_orderly(reason: &Failure) -> bool {
    reason.check::<ConnectionDone>().is_some() || reason.check::<ConnectionAborted>().is_some()
}

/// Whether the peer is to blame: nothing that the operator can mend.
pub(crate) fn is_peers_fault(reason: &Failure) -> bool {
    macro_rules! any_of {
        ($($error:ty),*) => { $(reason.check::<$error>().is_some())||* };
    }
    any_of!(
        ConnectionLost,
        Overlong,
        Malformed,
        InvalidFrame,
        IdleTimeout,
        OutboxFull,
        CloseTimeout,
        SlowConsumer,
        SendingStopped,
        HandshakeTimeout,
        TlsTruncated,
        TlsError,
        PlaintextAfterStartTls,
        TooSlow,
        ConnectionExpired
    )
}

/// The same failure for somebody else who is to hear of it: an error of this crate's anew; of any other type what it says,
/// since it need not be `Clone`.
pub(crate) fn twin(failure: &Failure) -> Failure {
    macro_rules! anew {
        ($($error:ty),*) => {
            $(if let Some(error) = failure.check::<$error>() {
                return Failure::of_a_peer(error.clone()).at(failure.origin());
            })*
        };
    }
    anew!(ConnectionDone, ConnectionAborted, IdleTimeout, CloseTimeout, OutboxFull, Overlong, Malformed, InvalidFrame);
    anew!(SendError, HandlerPanicked, CancelledError, TimeoutError, ResolverDropped, ConnectingStopped, NoProtocol);
    anew!(TooSlow, ConnectionExpired, SlowConsumer, SendingStopped);
    anew!(HandshakeTimeout, TlsTruncated, TlsError, PlaintextAfterStartTls, TlsConfigError);
    let again = if let Some(ConnectionLost { source }) = failure.check() {
        Failure::of_a_peer(ConnectionLost { source: io_twin(source) })
    } else if let Some(error) = failure.check::<io::Error>() {
        Failure::of_a_peer(io_twin(error))
    } else {
        Failure::message(failure.to_string())
    };
    again.at(failure.origin())
}

fn io_twin(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_is_of_the_same_type_and_says_the_same() {
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let failures = [
            Failure::from(ConnectionDone),
            ConnectionLost::from(reset()).into(),
            ConnectionLost::from(io::Error::other("the cable")).into(),
            HandlerPanicked { message: "no".into() }.into(),
            Failure::message("its own words"),
        ];
        for failure in failures {
            let twin = twin(&failure);
            assert_eq!((twin.to_string(), twin.origin()), (failure.to_string(), failure.origin()));
        }
        let lost = twin(&ConnectionLost::from(reset()).into()).trap::<ConnectionLost>().expect("the same type");
        assert_eq!(lost.source.kind(), io::ErrorKind::ConnectionReset);
    }
}

//! From an endpoint to a socket that has reached its peer.

use std::io;
use std::str::FromStr;
use std::time::Duration;

use crate::deferred::Deferred;
use crate::error::{EndpointError, ReactorError, ResolverDropped};
use crate::failure::Failure;
use crate::names::HappyEyeballs;
use crate::protocol::UnixAddress;
use crate::reactor::{Dialled, Dialling, Reactor, Target};

/// Where to connect to.
pub(crate) enum Route {
    Tcp { host: String, port: u16 },
    Unix(UnixAddress),
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
            Self::Unix(address) => write!(f, "unix:{address}"),
        }
    }
}

impl FromStr for Route {
    type Err = EndpointError;

    fn from_str(description: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError { description: description.to_owned(), problem: "no such".to_owned() };
        let (kind, rest) = description.split_once(':').ok_or_else(wrong)?;
        match kind {
            "tcp" => {
                let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
                Ok(Self::Tcp { host: host.replace('\\', ""), port: port.parse().map_err(|_| wrong())? })
            }
            "unix" => Ok(Self::Unix(UnixAddress::from_path(rest))),
            _ => Err(wrong()),
        }
    }
}

/// A socket that has reached what the endpoint names, within the endpoint's time. The stop of the reactor cancels it.
#[track_caller]
pub(super) fn reach(reactor: &Reactor, route: &Route) -> Deferred<Dialled> {
    if reactor.is_stopping() {
        return Deferred::fail(ReactorError::Stopping);
    }
    let attempt = match route {
        Route::Tcp { host, port } => by_name(reactor, host, *port, Dialling::default(), Duration::from_secs(30)),
        Route::Unix(address) => {
            let destination = route.to_string();
            let dialled = reactor.dial(&Target::Unix(address.clone()), &Dialling::default());
            dialled.add_errback(move |why| Err(unreached(&destination, why)))
        }
    };
    if attempt.has_result() {
        return attempt;
    }
    let (cancel, weak) = (attempt.cancel_handle(), reactor.downgrade());
    let stop = reactor.call_when_stopping(move |_| cancel.cancel());
    attempt.add_both(move |outcome| {
        if let Some(reactor) = weak.upgrade() {
            reactor.forget_call_when_stopping(stop);
        }
        outcome
    })
}

fn by_name(reactor: &Reactor, host: &str, port: u16, how: Dialling, timeout: Duration) -> Deferred<Dialled> {
    let (names, weak) = (reactor.name_resolver(), reactor.downgrade());
    HappyEyeballs::new().timeout(timeout).connect_by_name(host, port, &*names, reactor, move |address| {
        match weak.upgrade() {
            Some(reactor) => reactor.dial(&Target::Tcp(address), &how),
            None => Deferred::fail(ResolverDropped),
        }
    })
}

/// What the system says, and of what.
fn unreached(destination: &str, why: Failure) -> Failure {
    match why.trap::<io::Error>() {
        Ok(error) => {
            Failure::of_a_peer(io::Error::new(error.kind(), format!("cannot connect to {destination}: {error}")))
        }
        Err(other) => other,
    }
}

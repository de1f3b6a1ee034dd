//! From an endpoint to a socket that has reached its peer.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::clock::Clock;
use crate::deferred::Deferred;
use crate::endpoint::{ClientEndpoint, TcpClient, TlsClient, UnixClient};
use crate::error::{ReactorError, ResolverDropped, TlsConfigError};
use crate::failure::Failure;
use crate::names::HappyEyeballs;
use crate::reactor::{Dialled, Dialling, Reactor, Target};
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::transport::Prologue;

/// A socket that has reached what the endpoint names, within the endpoint's time. The stop of the reactor cancels it.
#[track_caller]
pub(super) fn reach(reactor: &Reactor, endpoint: &ClientEndpoint) -> Deferred<Dialled> {
    if reactor.is_stopping() {
        return Deferred::fail(ReactorError::Stopping);
    }
    let attempt = towards(reactor, endpoint);
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

#[track_caller]
fn towards(reactor: &Reactor, endpoint: &ClientEndpoint) -> Deferred<Dialled> {
    match endpoint {
        ClientEndpoint::Tcp(tcp) => by_name(reactor, tcp),
        ClientEndpoint::Unix(unix) => by_address(reactor, unix),
        ClientEndpoint::Tls(tls) => encrypted(reactor, tls),
    }
}

/// The endpoint's time is for the handshake too, which has also one of its own.
fn encrypted(reactor: &Reactor, tls: &TlsClient) -> Deferred<Dialled> {
    let prologue = match handshake_of(tls) {
        Ok(prologue) => prologue,
        Err(error) => return Deferred::fail(error),
    };
    let by = reactor.now() + time_of(&tls.endpoint);
    let weak = reactor.downgrade();
    towards(reactor, &tls.endpoint).add_callback(move |dialled| match weak.upgrade() {
        Some(reactor) => reactor.prepare(dialled, &prologue.within(by - reactor.now())),
        None => Deferred::fail(ResolverDropped),
    })
}

fn time_of(endpoint: &ClientEndpoint) -> Duration {
    match endpoint {
        ClientEndpoint::Tcp(tcp) => tcp.timeout,
        ClientEndpoint::Unix(unix) => unix.timeout,
        ClientEndpoint::Tls(tls) => time_of(&tls.endpoint),
    }
}

#[cfg(feature = "tls")]
fn handshake_of(tls: &TlsClient) -> Result<Prologue, TlsConfigError> {
    ClientTls::try_from(tls)?.prologue(None)
}

#[cfg(not(feature = "tls"))]
fn handshake_of(tls: &TlsClient) -> Result<Prologue, TlsConfigError> {
    Err(TlsConfigError::feature_missing(tls.to_string()))
}

fn by_name(reactor: &Reactor, tcp: &TcpClient) -> Deferred<Dialled> {
    let TcpClient { host, port, timeout, bind, ipv6_only, options } = tcp.clone();
    let (names, weak) = (reactor.name_resolver(), reactor.downgrade());
    let how = Dialling { bind, options };
    HappyEyeballs::new().timeout(timeout).connect_by_name(&host, port, &*names, reactor, move |address| {
        if ipv6_only && address.is_ipv4() {
            let problem = "it is no address of IPv6, and `tcp6:` asks for one";
            return Deferred::fail(Failure::of_a_peer(io::Error::new(ErrorKind::Unsupported, problem)));
        }
        match weak.upgrade() {
            Some(reactor) => reactor.dial(&Target::Tcp(address), &how),
            // Which ends it all: nobody is left to make attempts.
            None => Deferred::fail(ResolverDropped),
        }
    })
}

fn by_address(reactor: &Reactor, unix: &UnixClient) -> Deferred<Dialled> {
    if unix.lockfile {
        return Deferred::fail(not_yet(&unix.clone().into(), "it has `lockfile=yes`"));
    }
    let destination = unix.to_string();
    let dialled = reactor.dial(&Target::Unix(unix.address.clone()), &Dialling::default());
    dialled.add_timeout(unix.timeout, reactor).add_errback(move |why| Err(unreached(&destination, why)))
}

/// What the system says, and of what.
fn unreached(destination: &str, why: Failure) -> Failure {
    let error = match why.trap::<io::Error>() {
        Ok(error) => error,
        Err(other) => return other,
    };
    Failure::of_a_peer(io::Error::new(error.kind(), format!("cannot connect to {destination}: {error}")))
}

fn not_yet(endpoint: &ClientEndpoint, why: &str) -> Failure {
    let problem = format!("cannot connect to {endpoint}: {why}, which is not supported yet");
    Failure::of_a_peer(io::Error::new(ErrorKind::Unsupported, problem))
}

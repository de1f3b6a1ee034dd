//! TLS: who a server or a client is, and whom it trusts. With the feature `tls`, by [rustls](https://docs.rs/rustls).
//!
//! - [`Identity`]: a certificate with its private key, read from PEM.
//! - [`TrustRoots`]: the authorities whose certificates are accepted, the system's or your own.
//! - [`ServerTls`], [`ClientTls`]: how one side does its handshakes. A port's are made by
//!   [`Reactor::listen_tls`](crate::Reactor::listen_tls), those in mid-connection by
//!   [`Transport::start_tls`](crate::Transport::start_tls).
//!
//! The conversation begins when both sides have finished the handshake and are sure of each other, so a protocol never
//! sees a peer that is not who it says. Versions 1.2 and 1.3 are spoken. What a turn sends is encrypted and written
//! together. Closing says so to the peer (`close_notify`); one that goes without it is lost with
//! [`TlsTruncated`](crate::TlsTruncated).
//!
//! | limit | value |
//! |---|---|
//! | a handshake takes at most | 10 s, see `handshake_timeout` |
//! | clients in their handshake | count as connections, see [`Factory::max_connections`](crate::Factory::max_connections) |
//! | encrypted output that waits for a slow peer | 64 KiB; the rest waits in the outbox, under its limits |

mod client;
mod described;
mod identity;
mod names;
mod roots;
mod server;
mod start;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

use crate::error::TlsConfigError;

pub use client::ClientTls;
pub use identity::Identity;
pub use roots::TrustRoots;
pub use server::ServerTls;
pub use start::{Start, StartTls};

/// What does the arithmetic. It is named wherever one is needed: a program may have others for other libraries.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn problem(what: impl Into<String>, problem: impl Into<String>) -> TlsConfigError {
    TlsConfigError { what: what.into(), problem: problem.into() }
}

/// The names as a handshake has them: with a byte for the length of each.
fn checked_alpn(names: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, TlsConfigError> {
    match names.iter().find(|name| !matches!(name.len(), 1..=255)) {
        None => Ok(names.to_vec()),
        Some(name) => Err(problem(format!("the ALPN name `{}`", name.escape_ascii()), "it must have 1 to 255 bytes")),
    }
}

/// The whole of a file.
fn read(path: &Path) -> Result<Vec<u8>, TlsConfigError> {
    std::fs::read(path).map_err(|error| problem(path.display().to_string(), format!("it cannot be read, {error}")))
}

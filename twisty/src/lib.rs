//! Declarative network protocols: annotate a struct, have a server.
//!
//! ```no_run
//! use twisty::prelude::*;
//!
//! #[protocol(line)]
//! #[derive(Default)]
//! struct Answer;
//!
//! #[protocol]
//! impl Answer {
//!     #[on(line)]
//!     fn answer(&mut self, question: &str) -> &'static str {
//!         match question {
//!             "How are you?" => "Fine",
//!             _ => "I don't know what you mean",
//!         }
//!     }
//! }
//!
//! fn main() -> twisty::Result<()> {
//!     twisty::serve("tcp:8008", Answer::factory())
//! }
//! ```
//!
//! # Layout
//!
//! In the order that bytes travel:
//!
//! - [`reactor`]: the loop over mio; timers, signals, calls from other threads. Start with [`serve`], [`run`] or [`Reactor`].
//! - `transport`: sockets; moves bytes between them and a connection.
//! - `connection`: the heart of one connection, without I/O: bytes in, bytes and wishes out.
//! - [`framing`]: bytes to frames and back.
//! - [`mod@protocol`]: what you write ([`Protocol`], [`Factory`]) and what you are given ([`Context`], [`Transport`]).
//! - [`datagram`]: the same for UDP, multicast and UNIX datagrams ([`DatagramProtocol`], [`DatagramContext`]).
//! - [`deferred`]: results that are not there yet.
//! - [`task`]: futures; what is done later, or again and again; timeouts.
//! - [`endpoint`]: `tcp:8007:interface=127.0.0.1` and the like.
//! - [`names`]: names of hosts, and which of their addresses to connect to.
//! - [`client`]: connecting, and connecting again.
//! - [`program`]: the whole of a `main`.
//! - [`failure`], [`error`]: what went wrong, and whose fault it was.
//! - [`clock`]: time as a value, and calls that are due later.
//! - [`threads`]: threads for work that blocks.
//! - `tls`: encryption, with the feature `tls`.
//! - [`testing`]: the same protocols without sockets or real time.
//!
//! The attributes [`macro@protocol`], [`macro@factory`] and [`macro@state_machine`], and [`chain!`], [`macro@gather`] and
//! [`macro@race`] for Deferreds, write what could be written by hand. How it all fits together stands in [`architecture`].

pub mod client;
pub mod clock;
mod connection;
pub mod datagram;
pub mod deferred;
pub mod endpoint;
pub mod error;
pub mod failure;
pub mod framing;
pub mod names;
pub mod program;
pub mod protocol;
pub mod reactor;
pub mod task;
pub mod testing;
pub mod threads;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;

#[doc = include_str!("../../ARCHITECTURE.md")]
pub mod architecture {}

/// The README's programs are compiled with the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

#[doc(hidden)]
pub mod __private;

pub use clock::DelayedCall;
pub use datagram::{DatagramContext, DatagramProtocol, DatagramTransport};
pub use deferred::{Deferred, DeferredList, DeferredLock, DeferredQueue, DeferredSemaphore, Resolver, gather, race};
pub use error::*;
pub use failure::Failure;
pub use program::{connect, log_to_stderr, run, serve, serve_datagrams};
pub use protocol::{
    Address, ClientFactory, Context, Factory, ForProtocol, Policies, Protocol, StateMachine, Transport, broadcast,
};
pub use reactor::{DatagramPort, Handle, Port, Reactor, ReadDescriptor, WriteDescriptor, defer_to_thread};
pub use twisty_macros::{chain, factory, gather, on, protocol, race, state_machine};

/// What programs return: an error of any type is a [`Failure`].
///
/// ```no_run
/// fn main() -> twisty::Result<()> {
///     let quote = std::fs::read_to_string("quote.txt")?;
///     println!("{quote}");
///     Ok(())
/// }
/// ```
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Everything a program needs that declares protocols: `use twisty::prelude::*;`.
pub mod prelude {
    pub use crate::datagram::{DatagramContext, DatagramProtocol};
    pub use crate::deferred::{Deferred, Resolver, gather, race};
    pub use crate::error::{
        CancelledError, ConnectionAborted, ConnectionDone, ConnectionLost, InvalidFrame, Overlong, TimeoutError,
    };
    pub use crate::failure::Failure;
    pub use crate::framing::{Framing, LengthPrefixed, Line, Netstring, Raw};
    pub use crate::protocol::{
        Address, ClientFactory, Connector, Context, Factory, ForProtocol, FromFrame, Protocol, Replies, Shared,
        StateMachine, ToFrame, Transport,
    };
    pub use crate::reactor::Reactor;
    pub use twisty_macros::{chain, factory, gather, on, protocol, race, state_machine};
}

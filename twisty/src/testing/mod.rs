//! The same protocols without sockets, threads or real time.
//!
//! - [`Server`]: a factory's protocols, fed and looked at by hand, under a clock that stands still until it is
//!   advanced.
//! - [`DatagramServer`]: the same for a protocol of datagrams.
//! - [`Network`]: a whole program with its reactor, without sockets and under such a clock; you are its [`Peer`]s.
//! - [`verify_chunking`]: whatever the network does to a stream of bytes, the conversation is the same.
//! - [`Loopback`]: two protocols that talk to each other in memory.
//! - [`FakeResolver`]: names whose addresses, delays and failures a test makes up.
//! - [`Clock`]: time that passes when you say so, for everything that takes a [`Scheduler`](crate::clock::Scheduler).
//!
//! Twisted's counterparts: `StringTransport`, `MemoryReactorClock`, `task.Clock`, `iosim`.

mod chunking;
mod clock;
mod datagram_server;
mod loopback;
mod network;
mod peer;
mod resolver;
mod server;
mod unhandled;

pub use chunking::verify_chunking;
pub use clock::Clock;
pub use datagram_server::DatagramServer;
pub use loopback::Loopback;
pub use network::Network;
pub use peer::{Listener, Peer};
pub use resolver::FakeResolver;
pub use server::{Client, Server};
pub use unhandled::UnhandledFailures;

//! Endpoints: where to listen, where to connect to, where to receive datagrams, as text and as types.
//!
//! The grammar is Twisted's: fields are separated by `:`, a field `key=value` is an option, and `\` takes the next
//! character as it is, so that an IPv6 address is written `interface=\:\:1`. [`quote`] writes any text so. The first
//! field and the names of options may be written in capitals, options also without `_`: Twisted's `privateKey` is
//! `private_key`.
//!
//! Each description is a value of a type that can be built without text too, and prints as the description that parses
//! back. Nothing is opened or read here: whoever listens or connects does that.
//!
//! # Where to listen: [`ServerEndpoint`]
//!
//! | description | listens on |
//! |---|---|
//! | `tcp:8007` | port 8007 of every IPv4 address ([`TcpServer`]) |
//! | `tcp:8007:interface=127.0.0.1` | port 8007 of this address, IPv4 or IPv6; `tcp:0` is a free port |
//! | `tcp6:8007` | port 8007 of every IPv6 address |
//! | `unix:/run/quotes.sock:mode=660` | a UNIX socket ([`UnixServer`]); `unix:@quotes` has an abstract name |
//! | `tls:8443:certificate=cert.pem:private_key=key.pem` | port 8443, by TLS ([`TlsServer`]) |
//! | `tls:certs:8443` | the same, with a directory of certificates for several names |
//! | `ssl:8443:privateKey=key.pem:certKey=cert.pem` | the same, in Twisted's older words |
//! | `stdio:` | standard input and output, as one connection |
//! | `fd:3` | a socket that is open already ([`FdServer`]) |
//! | `systemd:INET:name=web` | a socket from systemd, by `name` or `index` ([`SystemdServer`]) |
//! | `haproxy:tcp:8007` | any of these, behind a proxy that says who the client is |
//!
//! TCP and TLS take `backlog=1024` (clients that may wait), `reuse_port=no`, `nodelay=yes`, `keepalive=60` (seconds) and
//! `device=eth0`; TLS takes `alpn=h2,http/1.1` and `client_authority=ca.pem`; UNIX sockets `backlog` and `lockfile=yes`.
//!
//! # Where to connect to: [`ClientEndpoint`]
//!
//! | description | connects to |
//! |---|---|
//! | `tcp:example.com:8007` | a host, by name or address ([`TcpClient`]) |
//! | `tcp6:example.com:8007` | the same, at its IPv6 addresses only |
//! | `unix:/run/quotes.sock` | a UNIX socket ([`UnixClient`]) |
//! | `tls:example.com:443` | a host, by TLS ([`TlsClient`]) |
//! | `tls:example.com:443:endpoint=unix\:/run/x` | `example.com`, which is reached another way |
//! | `ssl:example.com:443` | the same as `tls`, in Twisted's older words |
//!
//! All take `timeout=30` (seconds); TCP and TLS `bind_address=10.0.0.1`, `bind_port`, `nodelay`, `keepalive` and `device`;
//! TLS `trust_roots=ca.pem`, `certificate=me.pem`, `private_key` and `alpn`.
//!
//! # Where to receive datagrams: [`DatagramEndpoint`]
//!
//! | description | receives at |
//! |---|---|
//! | `udp:8009`, `udp:8009:interface=127.0.0.1` | a UDP port ([`UdpPort`]), IPv4 or IPv6 by its address |
//! | `udp6:8009` | a UDP port of every IPv6 address |
//! | `unix-datagram:/run/log:mode=622` | a UNIX socket ([`UnixDatagramPort`]) |
//!
//! All take `max_packet_size=65535` (bytes); UDP `broadcast=no`, `reuse_port=no` and `device=eth0`.
//!
//! [`Prefixes`] adds words of your own.

mod arguments;
mod client;
mod datagram;
mod fields;
mod handed;
mod prefixes;
mod readers;
mod server;
mod tcp;
mod tls;
mod unix;

#[cfg(test)]
mod tests;

pub use arguments::{Argument, Arguments};
pub use client::{ClientEndpoint, IntoClientEndpoint};
pub use datagram::{DatagramEndpoint, IntoDatagramEndpoint, UdpPort, UnixDatagramPort};
pub use fields::{Fields, quote};
pub use handed::{Domain, FdServer, Handed, SystemdServer};
pub use prefixes::Prefixes;
pub use server::{IntoServerEndpoint, ServerEndpoint};
pub use tcp::{TcpClient, TcpOptions, TcpServer};
pub use tls::{Identity, TlsClient, TlsServer};
pub use unix::{UnixClient, UnixServer};

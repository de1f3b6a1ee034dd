//! TLS over real sockets, against rustls by hand, twisty itself and OpenSSL.

#[path = "tls/certificates.rs"]
mod certificates;
#[path = "tls/clients.rs"]
mod clients;
#[path = "tls/mail.rs"]
mod mail;
#[path = "tls/openssl.rs"]
mod openssl;
#[path = "tls/peer.rs"]
mod peer;
#[path = "tls/proxied.rs"]
mod proxied;
#[path = "tls/server.rs"]
mod server;
#[path = "tls/servers.rs"]
mod servers;
#[path = "tls/starting.rs"]
mod starting;
#[path = "tls/twisted.rs"]
mod twisted;

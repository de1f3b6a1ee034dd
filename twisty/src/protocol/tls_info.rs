//! What is known of an encrypted connection.

/// What the two ends of an encrypted connection have agreed on; see [`Transport::tls`](super::Transport::tls).
///
/// Twisted's `negotiatedProtocol` and `getPeerCertificate`.
///
/// ```
/// # use twisty::prelude::*;
/// # fn example(friend: Transport<Line>) {
/// if let Some(tls) = friend.tls() {
///     println!("{} speaks {:?} over {}", friend.peer(), tls.alpn, tls.version);
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version of the protocol: `"TLSv1.3"` or `"TLSv1.2"`.
    pub version: String,
    /// The name of what is spoken over it, if both ends named one (ALPN).
    pub alpn: Option<String>,
    /// The name of the server that the client asked for (SNI); of addresses none is sent.
    pub server_name: Option<String>,
    /// The peer's certificate and those that vouch for it, each in DER; none if it showed none.
    pub peer_certificates: Vec<Vec<u8>>,
}

impl TlsInfo {
    /// Of a test without sockets, where nothing is encrypted.
    pub(crate) fn in_memory() -> Self {
        Self { version: "in memory".into(), alpn: None, server_name: None, peer_certificates: Vec::new() }
    }
}

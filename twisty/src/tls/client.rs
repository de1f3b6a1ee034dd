//! The client's side.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;

use super::{Identity, TrustRoots, checked_alpn, problem, provider};
use crate::error::TlsConfigError;
use crate::transport::{Handshake, Prologue};

/// How a client does its handshakes. Cheap to clone; make one and keep it, since it comes back faster to servers that it
/// knows. (Twisted's `optionsForClientTLS`.)
///
/// There is no way to take a server whose certificate is not in order. To talk to one of your own, name its authority.
///
/// ```no_run
/// use twisty::tls::{ClientTls, TrustRoots};
///
/// let tls = ClientTls::new(TrustRoots::system()?).alpn(["chat/1"]);
/// # Ok::<(), twisty::TlsConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientTls {
    roots: TrustRoots,
    identity: Option<Identity>,
    server_name: Option<String>,
    alpn: Vec<Vec<u8>>,
    handshake_timeout: Duration,
    /// Made of all this when it is first used; what it knows of servers is in it.
    config: OnceLock<Arc<ClientConfig>>,
}

impl ClientTls {
    /// A client that trusts servers with a certificate of these authorities.
    ///
    /// ```no_run
    /// # use twisty::tls::{ClientTls, TrustRoots};
    /// let tls = ClientTls::new(TrustRoots::from_file("authority.pem")?);
    /// # Ok::<(), twisty::TlsConfigError>(())
    /// ```
    #[must_use]
    pub const fn new(roots: TrustRoots) -> Self {
        Self {
            roots,
            identity: None,
            server_name: None,
            alpn: Vec::new(),
            handshake_timeout: Prologue::TIMEOUT,
            config: OnceLock::new(),
        }
    }

    /// Shows this certificate to servers that ask for one.
    ///
    /// ```no_run
    /// # use twisty::tls::{ClientTls, Identity};
    /// # fn example(tls: ClientTls) -> Result<ClientTls, twisty::TlsConfigError> {
    /// # Ok(
    /// tls.identity(Identity::from_files("me.pem", "me.key")?)
    /// # )
    /// # }
    /// ```
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self.changed()
    }

    /// The name, or the IP address, that the server's certificate must be for: the one that is connected to, unless this
    /// says otherwise. (Twisted's `hostname=`.)
    ///
    /// ```no_run
    /// # fn example(tls: twisty::tls::ClientTls) -> twisty::tls::ClientTls {
    /// tls.server_name("chat.example.org")
    /// # }
    /// ```
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Names of what is to be spoken over it, the preferred first (ALPN); a server that speaks none of them refuses.
    ///
    /// ```no_run
    /// # fn example(tls: twisty::tls::ClientTls) -> twisty::tls::ClientTls {
    /// tls.alpn(["h2", "http/1.1"])
    /// # }
    /// ```
    #[must_use]
    pub fn alpn<N: AsRef<[u8]>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.alpn = names.into_iter().map(|name| name.as_ref().to_vec()).collect();
        self.changed()
    }

    /// How long a handshake may take, 10 seconds unless this says otherwise; then it is over, with
    /// [`HandshakeTimeout`](crate::HandshakeTimeout).
    ///
    /// ```no_run
    /// # fn example(tls: twisty::tls::ClientTls) -> twisty::tls::ClientTls {
    /// tls.handshake_timeout(std::time::Duration::from_secs(3))
    /// # }
    /// ```
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    fn changed(mut self) -> Self {
        self.config = OnceLock::new();
        self
    }

    /// What a connection to `host` goes through, unless the server is known by another name.
    pub(crate) fn prologue(&self, host: Option<&str>) -> Result<Prologue, TlsConfigError> {
        let name = self.server_name.as_deref().or(host).unwrap_or_default();
        let server = ServerName::try_from(name)
            .map(|server| server.to_owned())
            .map_err(|_| problem(format!("the server name `{name}`"), "it is neither a host name nor an IP address"))?;
        let config = match self.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                let made = self.make()?;
                Arc::clone(self.config.get_or_init(|| made))
            }
        };
        let prologue = Prologue::default().timeout(self.handshake_timeout);
        Ok(prologue.then(move || Box::new(Handshake::client(Arc::clone(&config), server.clone()))))
    }

    fn make(&self) -> Result<Arc<ClientConfig>, TlsConfigError> {
        let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| problem("this build's cryptography", error.to_string()))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots.store(), provider()).build();
        let verifier = verifier.map_err(|error| problem("the trust roots", error.to_string()))?;
        let trusting = versions.with_webpki_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => trusting.with_client_cert_resolver(Arc::new(identity.only())),
            None => trusting.with_no_client_auth(),
        };
        config.alpn_protocols = checked_alpn(&self.alpn)?;
        Ok(Arc::new(config))
    }
}

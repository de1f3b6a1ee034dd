//! The server's side.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::names::{Names, pem_files};
use super::{Identity, TrustRoots, checked_alpn, problem, provider};
use crate::error::TlsConfigError;
use crate::transport::{Handshake, Prologue};

/// How a server does its handshakes. Cheap to clone; make one and keep it, since clients come back faster to one that
/// they know. (Twisted's `CertificateOptions`.)
///
/// ```no_run
/// use twisty::tls::{Identity, ServerTls, TrustRoots};
///
/// let tls = ServerTls::new(Identity::from_files("server.pem", "server.key")?)
///     .alpn(["chat/1"])
///     .require_clients(TrustRoots::from_file("members.pem")?);
/// # Ok::<(), twisty::TlsConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ServerTls {
    names: Names,
    alpn: Vec<Vec<u8>>,
    clients: Clients,
    handshake_timeout: Duration,
    /// Made of all this when it is first used; what clients come back to is in it.
    config: OnceLock<Arc<ServerConfig>>,
}

/// Whether clients have to say who they are.
#[derive(Debug, Clone)]
enum Clients {
    Anybody,
    MayShow(TrustRoots),
    MustShow(TrustRoots),
}

impl ServerTls {
    /// A server that shows this certificate, and takes anybody.
    ///
    /// ```no_run
    /// # use twisty::tls::{Identity, ServerTls};
    /// let tls = ServerTls::new(Identity::from_files("server.pem", "server.key")?);
    /// # Ok::<(), twisty::TlsConfigError>(())
    /// ```
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            names: Names::new(identity),
            alpn: Vec::new(),
            clients: Clients::Anybody,
            handshake_timeout: Prologue::TIMEOUT,
            config: OnceLock::new(),
        }
    }

    /// A server of many names: all files `*.pem` of a directory, each with a certificate, those that vouch for it, and its
    /// key. They are read once. (Twisted's endpoint `tls:directory`, which reads them again when a name is not found.)
    ///
    /// # Errors
    /// [`TlsConfigError`] when there is none, or one of them is not as it should be.
    ///
    /// ```no_run
    /// let tls = twisty::tls::ServerTls::from_directory("/etc/certificates")?;
    /// # Ok::<(), twisty::TlsConfigError>(())
    /// ```
    pub fn from_directory(directory: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        let identities: Result<Vec<_>, _> =
            pem_files(directory.as_ref())?.iter().map(|path| Identity::from_files(path, path)).collect();
        let tls = identities?.into_iter().fold(None, |tls: Option<Self>, identity| match tls {
            Some(tls) => Some(tls.identity(identity)),
            None => Some(Self::new(identity)),
        });
        tls.ok_or_else(|| problem(directory.as_ref().display().to_string(), "the directory holds no file `*.pem`"))
    }

    /// Adds a certificate for the names that are written in it, wildcards among them. Which one a client is shown, the
    /// name says that it asks for (SNI); the first one, if it asks for none or for another.
    ///
    /// ```no_run
    /// # use twisty::tls::{Identity, ServerTls};
    /// # fn example(tls: ServerTls) -> Result<ServerTls, twisty::TlsConfigError> {
    /// # Ok(
    /// tls.identity(Identity::from_files("www.pem", "www.key")?)
    /// # )
    /// # }
    /// ```
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.names.add(identity);
        self.changed()
    }

    /// Names of what is spoken over it, the preferred first (ALPN). A client that offers others is refused, one that
    /// offers none is not.
    ///
    /// ```no_run
    /// # fn example(tls: twisty::tls::ServerTls) -> twisty::tls::ServerTls {
    /// tls.alpn(["h2", "http/1.1"])
    /// # }
    /// ```
    #[must_use]
    pub fn alpn<N: AsRef<[u8]>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.alpn = names.into_iter().map(|name| name.as_ref().to_vec()).collect();
        self.changed()
    }

    /// Takes only clients with a certificate of these authorities.
    ///
    /// Under TLS 1.3 a client has finished its handshake by the time that its certificate is looked at: if that is refused
    /// it hears so a moment after it seemed to be connected.
    ///
    /// ```no_run
    /// # use twisty::tls::{ServerTls, TrustRoots};
    /// # fn example(tls: ServerTls) -> Result<ServerTls, twisty::TlsConfigError> {
    /// # Ok(
    /// tls.require_clients(TrustRoots::from_file("members.pem")?)
    /// # )
    /// # }
    /// ```
    #[must_use]
    pub fn require_clients(mut self, of: TrustRoots) -> Self {
        self.clients = Clients::MustShow(of);
        self.changed()
    }

    /// Asks clients for a certificate of these authorities, and takes those too that have none; see
    /// [`TlsInfo`](crate::protocol::TlsInfo) for who it is.
    ///
    /// ```no_run
    /// # use twisty::tls::{ServerTls, TrustRoots};
    /// # fn example(tls: ServerTls) -> Result<ServerTls, twisty::TlsConfigError> {
    /// # Ok(
    /// tls.ask_clients(TrustRoots::from_file("members.pem")?)
    /// # )
    /// # }
    /// ```
    #[must_use]
    pub fn ask_clients(mut self, of: TrustRoots) -> Self {
        self.clients = Clients::MayShow(of);
        self.changed()
    }

    /// How long a handshake may take, 10 seconds unless this says otherwise; then it is over, with
    /// [`HandshakeTimeout`](crate::HandshakeTimeout).
    ///
    /// ```no_run
    /// # fn example(tls: twisty::tls::ServerTls) -> twisty::tls::ServerTls {
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

    /// What each client goes through.
    pub(crate) fn prologue(&self) -> Result<Prologue, TlsConfigError> {
        let config = match self.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                let made = self.make()?;
                Arc::clone(self.config.get_or_init(|| made))
            }
        };
        let prologue = Prologue::default().timeout(self.handshake_timeout);
        Ok(prologue.then(move || Box::new(Handshake::server(Arc::clone(&config)))))
    }

    fn make(&self) -> Result<Arc<ServerConfig>, TlsConfigError> {
        let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| problem("this build's cryptography", error.to_string()))?;
        let clients = match self.verifier()? {
            Some(verifier) => versions.with_client_cert_verifier(verifier),
            None => versions.with_no_client_auth(),
        };
        let mut config = clients.with_cert_resolver(Arc::new(self.names.clone()));
        config.alpn_protocols = checked_alpn(&self.alpn)?;
        Ok(Arc::new(config))
    }

    fn verifier(&self) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsConfigError> {
        let builder = |roots: &TrustRoots| WebPkiClientVerifier::builder_with_provider(roots.store(), provider());
        let verifier = match &self.clients {
            Clients::Anybody => return Ok(None),
            Clients::MayShow(roots) => builder(roots).allow_unauthenticated(),
            Clients::MustShow(roots) => builder(roots),
        };
        let built = verifier.build();
        built.map(Some).map_err(|error| problem("the authorities of clients", error.to_string()))
    }
}

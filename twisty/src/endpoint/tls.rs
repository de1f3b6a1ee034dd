//! `tls:` and `ssl:`, on both sides: names and paths; nothing is read here.

use std::fmt;
use std::path::{Path, PathBuf};

use super::arguments::{Argument, Arguments};
use super::client::ClientEndpoint;
use super::fields::Fields;
use super::prefixes::Prefixes;
use super::readers::{
    ANY_V4, ANY_V6, BACKLOG, HOST, PATH, PORT, TIMEOUT, number, path, text, write_option, write_value,
};
use super::tcp::{INTERFACE, TcpClient, TcpServer};
use crate::error::EndpointError;

const CERTIFICATE: Argument<PathBuf> = Argument::new("certificate", PATH, path);
const PRIVATE_KEY: Argument<PathBuf> = Argument::new("private_key", PATH, path);
const CHAIN: Argument<PathBuf> = Argument::new("chain", PATH, path);
const DIRECTORY: Argument<PathBuf> = Argument::new("path", "a directory with certificates", path);
const CLIENT_AUTHORITY: Argument<PathBuf> = Argument::new("client_authority", PATH, path);
const TRUST_ROOTS: Argument<PathBuf> = Argument::new("trust_roots", "the path of a file or a directory", path);
const ALPN: Argument<Vec<String>> = Argument::new("alpn", "names of protocols, as `h2,http/1.1`", names);
const ENDPOINT: Argument<String> =
    Argument::new("endpoint", "a description with its colons escaped, as `unix\\:/run/x`", text);

/// What only `ssl:` calls so.
const CERT_KEY: Argument<PathBuf> = Argument::new("cert_key", PATH, path);
const EXTRA_CERT_CHAIN: Argument<PathBuf> = Argument::new("extra_cert_chain", PATH, path);
const CA_CERTS_DIR: Argument<PathBuf> = Argument::new("ca_certs_dir", "the path of a directory", path);
const HOSTNAME: Argument<String> = Argument::new("hostname", "the name in the server's certificate", text);
const SSL_METHOD: Argument<()> = Argument::new(
    "sslmethod",
    "`TLS_METHOD` or leave it out: TLS 1.2 and 1.3 are spoken, whichever is newest on both sides",
    |text| matches!(text, "TLS_METHOD" | "SSLv23_METHOD" | "TLS_SERVER_METHOD").then_some(()),
);
const DH_PARAMETERS: Argument<()> =
    Argument::new("dh_parameters", "none, leave it out: keys are agreed upon by elliptic curves", |_| None);

fn names(text: &str) -> Option<Vec<String>> {
    text.split(',').map(|name| (!name.is_empty()).then(|| name.to_owned())).collect()
}

/// A TCP port on which clients speak TLS. (Twisted's `SSL4ServerEndpoint` and `wrapServerTLS`.)
///
/// It names files, which are read when it is listened on.
///
/// ```
/// use twisty::endpoint::{Identity, ServerEndpoint, TcpServer, TlsServer};
///
/// let port = TcpServer::new("0.0.0.0:8443".parse().unwrap());
/// let secure = TlsServer::new(port, Identity::files("cert.pem", "key.pem")).alpn(["h2"]);
/// assert_eq!(
///     ServerEndpoint::from(secure).to_string(),
///     "tls:8443:certificate=cert.pem:private_key=key.pem:alpn=h2"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsServer {
    /// The port, and what is set on it.
    pub tcp: TcpServer,
    /// Whose certificates it shows.
    pub identity: Identity,
    /// The protocols it speaks, the best first (ALPN). None are agreed upon where this is empty.
    pub alpn: Vec<String>,
    /// Who has to have signed a client's certificate: a file in PEM. Clients need none where this is `None`.
    pub client_authority: Option<PathBuf>,
}

/// Whose certificates a server shows.
///
/// ```
/// use twisty::endpoint::Identity;
///
/// let both_in_one = Identity::files("server.pem", "server.pem");
/// assert_ne!(both_in_one, Identity::Directory("server.pem".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// One certificate, whatever name a client asks for. The files are in PEM, and may be the same.
    Files {
        /// The certificate, and any that lead from it to an authority.
        certificate: PathBuf,
        /// Its private key.
        private_key: PathBuf,
        /// More certificates that lead to an authority, where they are not in the file of the certificate.
        chain: Option<PathBuf>,
    },
    /// A directory of files `*.pem`, each with a private key and its certificates. Which one a client is shown is decided
    /// by the name that it asks for (SNI) and the names inside the certificates, not by those of the files: see
    /// `tls::ServerTls::from_directory`.
    Directory(PathBuf),
}

impl Identity {
    /// One certificate and its private key, each a file in PEM, or both the same.
    ///
    /// ```
    /// use twisty::endpoint::Identity;
    ///
    /// let identity = Identity::files("cert.pem", "key.pem");
    /// assert!(matches!(identity, Identity::Files { chain: None, .. }));
    /// ```
    #[must_use]
    pub fn files(certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        Self::Files { certificate: certificate.into(), private_key: private_key.into(), chain: None }
    }
}

impl TlsServer {
    /// A port on which this is shown.
    ///
    /// ```
    /// use twisty::endpoint::{Identity, TcpServer, TlsServer};
    ///
    /// let port = TcpServer::new("[::]:443".parse().unwrap());
    /// assert_eq!(TlsServer::new(port, Identity::Directory("certs".into())).to_string(), "tls:certs:443");
    /// ```
    #[must_use]
    pub const fn new(tcp: TcpServer, identity: Identity) -> Self {
        Self { tcp, identity, alpn: Vec::new(), client_authority: None }
    }

    /// The protocols that are spoken, the best first (ALPN): `alpn=h2,http/1.1`. Names with a comma have no description.
    ///
    /// ```
    /// # use twisty::endpoint::TlsServer;
    /// # use twisty::endpoint::{Identity, TcpServer};
    /// let port = TcpServer::new("[::]:443".parse().unwrap());
    /// let certs = TlsServer::new(port, Identity::Directory("certs".into()));
    /// assert_eq!(certs.alpn(["h2", "http/1.1"]).to_string(), "tls:certs:443:alpn=h2,http/1.1");
    /// ```
    #[must_use]
    pub fn alpn<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.alpn = names.into_iter().map(Into::into).collect();
        self
    }

    /// Asks clients for a certificate that this authority, a file in PEM, has signed: `client_authority=ca.pem`.
    ///
    /// ```
    /// # use twisty::endpoint::{Identity, TcpServer, TlsServer};
    /// let port = TcpServer::new("[::]:443".parse().unwrap());
    /// let certs = TlsServer::new(port, Identity::Directory("certs".into()));
    /// assert_eq!(certs.client_authority("ca.pem").to_string(), "tls:certs:443:client_authority=ca.pem");
    /// ```
    #[must_use]
    pub fn client_authority(mut self, file: impl Into<PathBuf>) -> Self {
        self.client_authority = Some(file.into());
        self
    }

    const OPTIONS: &[&'static str] = &[PRIVATE_KEY.name, CHAIN.name, ALPN.name, CLIENT_AUTHORITY.name, INTERFACE.name];

    /// Ours, `tls:8443:certificate=cert.pem`, or Twisted's, `tls:certs:8443`: one begins with a number, or says where the
    /// certificate is.
    pub(super) fn tls(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let by_port = fields.values().next().is_some_and(|first| number::<u64>(first).is_some() && !first.is_empty());
        let by_file = fields.left_of(&[CERTIFICATE.name]).is_empty();
        if by_port || by_file { Self::with_files(fields) } else { Self::with_directory(fields) }
    }

    fn with_files(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let options = [&[CERTIFICATE.name], Self::OPTIONS, TcpServer::OPTIONS].concat();
        let given = fields.bind(&[PORT.name], &options)?;
        let tcp = TcpServer::from_arguments(&given, ANY_V4, given.required(&PORT)?)?;
        let certificate = given.required(&CERTIFICATE)?;
        let private_key = given.optional(&PRIVATE_KEY)?.unwrap_or_else(|| certificate.clone());
        let identity = Identity::Files { certificate, private_key, chain: given.optional(&CHAIN)? };
        Self::new(tcp, identity).with_options(&given)
    }

    fn with_directory(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let positional = [DIRECTORY.name, PORT.name, BACKLOG.name, INTERFACE.name];
        let options = [&[ALPN.name, CLIENT_AUTHORITY.name], TcpServer::OPTIONS].concat();
        let given = fields.bind(&positional, &options)?;
        let directory = given.required(&DIRECTORY)?;
        let tcp = TcpServer::from_arguments(&given, ANY_V6, given.optional(&PORT)?.unwrap_or(443))?;
        Self::new(tcp, Identity::Directory(directory)).with_options(&given)
    }

    fn with_options(mut self, given: &Arguments<'_>) -> Result<Self, EndpointError> {
        self.alpn = given.optional(&ALPN)?.unwrap_or_default();
        self.client_authority = given.optional(&CLIENT_AUTHORITY)?;
        Ok(self)
    }

    /// Twisted's `ssl:`, with its names and defaults.
    pub(super) fn ssl(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let positional = [
            PORT.name,
            PRIVATE_KEY.name,
            CERT_KEY.name,
            SSL_METHOD.name,
            INTERFACE.name,
            BACKLOG.name,
            EXTRA_CERT_CHAIN.name,
            DH_PARAMETERS.name,
        ];
        let given = fields.bind(&positional, TcpServer::OPTIONS)?;
        let tcp = TcpServer::from_arguments(&given, ANY_V4, given.required(&PORT)?)?;
        let private_key = given.optional(&PRIVATE_KEY)?.unwrap_or_else(|| "server.pem".into());
        let certificate = given.optional(&CERT_KEY)?.unwrap_or_else(|| private_key.clone());
        given.optional(&SSL_METHOD)?;
        given.optional(&DH_PARAMETERS)?;
        let chain = given.optional(&EXTRA_CERT_CHAIN)?;
        Ok(Self::new(tcp, Identity::Files { certificate, private_key, chain }))
    }
}

impl fmt::Display for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = match &self.identity {
            Identity::Files { certificate, private_key, chain } => {
                write!(f, "tls:{}", self.tcp.address.port())?;
                write_option(f, &CERTIFICATE, Some(certificate.display()))?;
                write_option(f, &PRIVATE_KEY, (private_key != certificate).then(|| private_key.display()))?;
                write_option(f, &CHAIN, chain.as_deref().map(Path::display))?;
                ANY_V4
            }
            Identity::Directory(directory) => {
                // A name that is a number would be taken for a port.
                let named = directory.to_str().is_some_and(|name| number::<u64>(name).is_some());
                if named {
                    write!(f, "tls:path={}:port={}", directory.display(), self.tcp.address.port())?;
                } else {
                    f.write_str("tls")?;
                    write_value(f, directory.display())?;
                    write_value(f, self.tcp.address.port())?;
                }
                ANY_V6
            }
        };
        self.tcp.write_options(f, any)?;
        write_option(f, &ALPN, (!self.alpn.is_empty()).then(|| self.alpn.join(",")))?;
        write_option(f, &CLIENT_AUTHORITY, self.client_authority.as_deref().map(Path::display))
    }
}

/// A server to connect to by TLS. (Twisted's `wrapClientTLS` around an endpoint.)
///
/// Its certificate is always verified. Files are named here, and read when it is connected to.
///
/// ```
/// use twisty::endpoint::{ClientEndpoint, TcpClient, TlsClient, UnixClient};
///
/// let web = TlsClient::new(TcpClient::new("example.com", 443));
/// assert_eq!(ClientEndpoint::from(web).to_string(), "tls:example.com:443");
///
/// let behind_a_proxy = TlsClient::over(UnixClient::new("/run/proxy"), "example.com");
/// assert_eq!(behind_a_proxy.to_string(), r"tls:example.com:443:endpoint=unix\:/run/proxy");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsClient {
    /// What is connected to, and spoken over.
    pub endpoint: Box<ClientEndpoint>,
    /// The name, or the address, that the server's certificate has to be for (and that is asked for, by SNI).
    pub server_name: String,
    /// Whom to trust: a file in PEM, or a directory of them. The system's authorities where this is `None`.
    pub trust_roots: Option<PathBuf>,
    /// The client's own certificate, a file in PEM.
    pub certificate: Option<PathBuf>,
    /// The key of that certificate, where it is not in the same file.
    pub private_key: Option<PathBuf>,
    /// The protocols it speaks, the best first (ALPN). None are agreed upon where this is empty.
    pub alpn: Vec<String>,
}

impl TlsClient {
    /// The port that descriptions name where it does not matter.
    const PORT: u16 = 443;

    /// A server that has a certificate for the host that is connected to.
    ///
    /// ```
    /// use twisty::endpoint::{TcpClient, TlsClient};
    ///
    /// assert_eq!(TlsClient::new(TcpClient::new("example.com", 443)).server_name, "example.com");
    /// ```
    #[must_use]
    pub fn new(tcp: TcpClient) -> Self {
        let name = tcp.host.clone();
        Self::over(tcp, name)
    }

    /// A server with a certificate for `server_name`, over any endpoint: `endpoint=unix\:/run/x`.
    ///
    /// ```
    /// use twisty::endpoint::{TcpClient, TlsClient};
    ///
    /// let by_address = TlsClient::over(TcpClient::new("192.0.2.1", 8443), "example.com");
    /// assert_eq!(by_address.to_string(), r"tls:example.com:443:endpoint=tcp\:192.0.2.1\:8443");
    /// ```
    #[must_use]
    pub fn over(endpoint: impl Into<ClientEndpoint>, server_name: impl Into<String>) -> Self {
        let (endpoint, server_name) = (Box::new(endpoint.into()), server_name.into());
        Self { endpoint, server_name, trust_roots: None, certificate: None, private_key: None, alpn: Vec::new() }
    }

    /// Whom to trust instead of the system's authorities, a file in PEM or a directory of them: `trust_roots=ca.pem`.
    ///
    /// ```
    /// # use twisty::endpoint::{TcpClient, TlsClient};
    /// let inside = TlsClient::new(TcpClient::new("example.com", 443)).trust_roots("ca.pem");
    /// assert_eq!(inside.to_string(), "tls:example.com:443:trust_roots=ca.pem");
    /// ```
    #[must_use]
    pub fn trust_roots(mut self, path: impl Into<PathBuf>) -> Self {
        self.trust_roots = Some(path.into());
        self
    }

    /// The client's own certificate and its key, each a file in PEM, or both the same:
    /// `certificate=cert.pem:private_key=key.pem`.
    ///
    /// ```
    /// # use twisty::endpoint::{TcpClient, TlsClient};
    /// let known = TlsClient::new(TcpClient::new("example.com", 443)).certificate("me.pem", "me.pem");
    /// assert_eq!(known.to_string(), "tls:example.com:443:certificate=me.pem");
    /// ```
    #[must_use]
    pub fn certificate(mut self, certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        let (certificate, private_key) = (certificate.into(), private_key.into());
        self.private_key = (private_key != certificate).then_some(private_key);
        self.certificate = Some(certificate);
        self
    }

    /// The protocols that are spoken, the best first (ALPN): `alpn=h2,http/1.1`. Names with a comma have no description.
    ///
    /// ```
    /// # use twisty::endpoint::{TcpClient, TlsClient};
    /// let web = TlsClient::new(TcpClient::new("example.com", 443)).alpn(["h2", "http/1.1"]);
    /// assert_eq!(web.to_string(), "tls:example.com:443:alpn=h2,http/1.1");
    /// ```
    #[must_use]
    pub fn alpn<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.alpn = names.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn tls(fields: &Fields<'_>, prefixes: &Prefixes) -> Result<Self, EndpointError> {
        let own = [ENDPOINT.name, TRUST_ROOTS.name, CERTIFICATE.name, PRIVATE_KEY.name, ALPN.name];
        let given = fields.bind(&[HOST.name, PORT.name, TIMEOUT.name], &[&own[..], TcpClient::OPTIONS].concat())?;
        let tcp = TcpClient::from_arguments(&given)?;
        let mut this = match given.optional(&ENDPOINT)? {
            Some(inner) => Self::over(read_inner(&given, &tcp, &inner, prefixes)?, tcp.host),
            None => Self::new(tcp),
        };
        this.trust_roots = given.optional(&TRUST_ROOTS)?;
        this.set_certificate(&given, &CERTIFICATE)?;
        this.alpn = given.optional(&ALPN)?.unwrap_or_default();
        Ok(this)
    }

    /// Twisted's `ssl:`, with its names.
    pub(super) fn ssl(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let own = [CERT_KEY.name, PRIVATE_KEY.name, CA_CERTS_DIR.name, HOSTNAME.name];
        let positional = fields.left_of(&[HOST.name, PORT.name]);
        let given = fields.bind(&positional, &[&own[..], TcpClient::OPTIONS].concat())?;
        let tcp = TcpClient::from_arguments(&given)?;
        let name = given.optional(&HOSTNAME)?.unwrap_or_else(|| tcp.host.clone());
        let mut this = Self::over(tcp, name);
        this.trust_roots = given.optional(&CA_CERTS_DIR)?;
        this.set_certificate(&given, &CERT_KEY)?;
        Ok(this)
    }

    fn set_certificate(&mut self, given: &Arguments<'_>, name: &Argument<PathBuf>) -> Result<(), EndpointError> {
        self.certificate = given.optional(name)?;
        self.private_key = given.optional(&PRIVATE_KEY)?.filter(|key| self.certificate.as_ref() != Some(key));
        if self.certificate.is_none() && self.private_key.is_some() {
            return Err(given.error(PRIVATE_KEY.name, format!("a `private_key` needs a `{}` too", name.name)));
        }
        Ok(())
    }
}

/// Reads what is connected to instead of the host. What is said of the connection there is not for this one.
fn read_inner(
    given: &Arguments<'_>,
    outer: &TcpClient,
    inner: &str,
    prefixes: &Prefixes,
) -> Result<ClientEndpoint, EndpointError> {
    if *outer != TcpClient::new(&*outer.host, outer.port) {
        return Err(given.error(ENDPOINT.name, "the options of its connection belong into its `endpoint`"));
    }
    prefixes.parse_client(inner).map_err(|error| given.nested(ENDPOINT.name, error))
}

impl Arguments<'_> {
    /// An error in a description that is a value of another one.
    fn nested(&self, name: &str, inner: EndpointError) -> EndpointError {
        let EndpointError { mistake, problem, .. } = inner;
        EndpointError { mistake, ..self.error(name, problem) }
    }
}

impl fmt::Display for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tls")?;
        write_value(f, &self.server_name)?;
        match &*self.endpoint {
            ClientEndpoint::Tcp(tcp) if tcp.host == self.server_name && !tcp.ipv6_only => {
                write_value(f, tcp.port)?;
                tcp.write_options(f)?;
            }
            other => {
                write_value(f, Self::PORT)?;
                write_option(f, &ENDPOINT, Some(other))?;
            }
        }
        write_option(f, &TRUST_ROOTS, self.trust_roots.as_deref().map(Path::display))?;
        write_option(f, &CERTIFICATE, self.certificate.as_deref().map(Path::display))?;
        write_option(f, &PRIVATE_KEY, self.private_key.as_deref().map(Path::display))?;
        write_option(f, &ALPN, (!self.alpn.is_empty()).then(|| self.alpn.join(",")))
    }
}

//! The certificate of all servers that speak TLS. The bench makes it once, and hands it to each in its environment.

use std::env;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use crate::Result;

/// Whom it is for.
const NAME: &str = "localhost";

/// Where a server finds it.
const VARIABLE: &str = "BENCHES_CERTIFICATE";

/// The certificate and its key, in PEM.
///
/// # Errors
/// When there cannot be one.
pub fn pem() -> Result<&'static str> {
    static PEM: OnceLock<Result<String, rcgen::Error>> = OnceLock::new();
    let pem = PEM.get_or_init(|| env::var(VARIABLE).or_else(|_| make()));
    pem.as_deref().map_err(|error| error.clone().into())
}

fn make() -> Result<String, rcgen::Error> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()])?;
    Ok(cert.pem() + &signing_key.serialize_pem())
}

/// Has the server that is started show the certificate that clients of this process trust.
///
/// # Errors
/// When there cannot be one.
pub fn hand_to(server: &mut Command) -> Result {
    server.env(VARIABLE, pem()?);
    Ok(())
}

/// The one that twisty uses.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What servers by hand and on tokio do: what rustls does if nothing else is said, as twisty does.
pub(crate) fn server_config() -> Result<Arc<ServerConfig>> {
    let (certificate, key) =
        (CertificateDer::from_pem_slice(pem()?.as_bytes())?, PrivateKeyDer::from_pem_slice(pem()?.as_bytes())?);
    let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key)?))
}

/// What clients do: they trust that certificate alone, and every handshake is a full one.
///
/// # Errors
/// When there is no certificate.
pub fn client_config() -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem()?.as_bytes())?)?;
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// A client of one of the servers, before its handshake.
///
/// # Errors
/// When rustls cannot make one.
pub fn client(config: &Arc<ClientConfig>) -> Result<ClientConnection> {
    Ok(ClientConnection::new(Arc::clone(config), ServerName::try_from(NAME)?)?)
}

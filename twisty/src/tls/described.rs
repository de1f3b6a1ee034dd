//! What endpoints name, read.

use std::path::Path;

use super::{ClientTls, Identity, ServerTls, TrustRoots};
use crate::endpoint::{self, TlsClient, TlsServer};
use crate::error::TlsConfigError;

/// Reads the files that an endpoint names.
impl TryFrom<&TlsServer> for ServerTls {
    type Error = TlsConfigError;

    fn try_from(described: &TlsServer) -> Result<Self, TlsConfigError> {
        let tls = match &described.identity {
            endpoint::Identity::Files { certificate, private_key, chain } => {
                let identity = Identity::from_files(certificate, private_key)?;
                Self::new(chain.iter().try_fold(identity, Identity::with_chain)?)
            }
            endpoint::Identity::Directory(directory) => Self::from_directory(directory)?,
        };
        let tls = tls.alpn(&described.alpn);
        Ok(match &described.client_authority {
            Some(authority) => tls.require_clients(TrustRoots::from_file(authority)?),
            None => tls,
        })
    }
}

/// Reads the files that an endpoint names.
impl TryFrom<&TlsClient> for ClientTls {
    type Error = TlsConfigError;

    fn try_from(described: &TlsClient) -> Result<Self, TlsConfigError> {
        let roots = match &described.trust_roots {
            Some(path) if path.is_dir() => TrustRoots::from_directory(path)?,
            Some(path) => TrustRoots::from_file(path)?,
            None => TrustRoots::system()?,
        };
        let tls = Self::new(roots).server_name(&described.server_name).alpn(&described.alpn);
        let key = |certificate: &Path| described.private_key.clone().unwrap_or_else(|| certificate.to_owned());
        let identity = described.certificate.as_ref().map(|path| Identity::from_files(path, key(path))).transpose()?;
        Ok(identity.into_iter().fold(tls, Self::identity))
    }
}

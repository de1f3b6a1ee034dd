//! Certificates with their keys.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::{problem, provider, read};
use crate::error::TlsConfigError;

/// A certificate, those that vouch for it, and its private key: who one end of a connection is. Cheap to clone. (Twisted's
/// `PrivateCertificate`.)
///
/// ```no_run
/// use twisty::tls::Identity;
///
/// let server = Identity::from_files("server.pem", "server.key")?;
/// # Ok::<(), twisty::TlsConfigError>(())
/// ```
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Of two files in PEM, which may be the same one. The first certificate is the end's own; those behind it vouch for
    /// it, each for the one before.
    ///
    /// # Errors
    /// [`TlsConfigError`], which names the file: it cannot be read, lacks what it should hold, or the key does not belong
    /// to the certificate.
    ///
    /// ```
    /// let error = twisty::tls::Identity::from_files("/nowhere.pem", "/nowhere.pem").unwrap_err();
    /// assert!(error.to_string().starts_with("TLS cannot be set up with /nowhere.pem: it cannot be read"));
    /// ```
    pub fn from_files(certificate: impl AsRef<Path>, private_key: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        let (certificate, private_key) = (certificate.as_ref(), private_key.as_ref());
        let chain = certificates(&certificate.display().to_string(), &read(certificate)?)?;
        let key = private_key_in(&private_key.display().to_string(), &read(private_key)?)?;
        Self::checked(&private_key.display().to_string(), chain, key)
    }

    /// Of PEM texts, which may be the same one; as [`from_files`](Self::from_files).
    ///
    /// # Errors
    /// [`TlsConfigError`] as there.
    ///
    /// ```
    /// let error = twisty::tls::Identity::from_pem("none", "none").unwrap_err();
    /// assert!(error.to_string().contains("no certificate"));
    /// ```
    pub fn from_pem(certificate: impl AsRef<[u8]>, private_key: impl AsRef<[u8]>) -> Result<Self, TlsConfigError> {
        let chain = certificates("the certificate", certificate.as_ref())?;
        let key = private_key_in("the private key", private_key.as_ref())?;
        Self::checked("the private key", chain, key)
    }

    /// The same with the certificates of one more PEM file behind its own. (Twisted's `extraCertChain`.)
    ///
    /// # Errors
    /// [`TlsConfigError`] when the file cannot be read, or holds none.
    ///
    /// ```no_run
    /// use twisty::tls::Identity;
    ///
    /// let server = Identity::from_files("server.pem", "server.key")?.with_chain("intermediates.pem")?;
    /// # Ok::<(), twisty::TlsConfigError>(())
    /// ```
    pub fn with_chain(self, certificates_of: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        let path = certificates_of.as_ref();
        let more = certificates(&path.display().to_string(), &read(path)?)?;
        let mut certified = CertifiedKey::clone(&self.0);
        certified.cert.extend(more);
        Ok(Self(Arc::new(certified)))
    }

    fn checked(
        what: &str,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsConfigError> {
        let certified = CertifiedKey::from_der(chain, key, &provider());
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => problem(what, "the key does not belong to the certificate"),
            rustls::Error::InvalidCertificate(error) => problem(what, format!("its certificate is none, {error}")),
            error => problem(what, format!("its key is of no kind that is known here, {error}")),
        })?;
        Ok(Self(Arc::new(certified)))
    }

    /// What shows this to servers.
    pub(super) fn only(&self) -> SingleCertAndKey {
        CertifiedKey::clone(&self.0).into()
    }

    pub(super) fn into_certified(self) -> Arc<CertifiedKey> {
        self.0
    }
}

/// Says nothing of the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.0.cert.len()).finish_non_exhaustive()
    }
}

/// All certificates of a PEM text, which must have one.
pub(super) fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| problem(what, format!("it is no PEM, {error}")))?;
    if found.is_empty() {
        return Err(problem(what, "it holds no certificate, a PEM block `CERTIFICATE` was expected"));
    }
    Ok(found)
}

fn private_key_in(what: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    use rustls::pki_types::pem::Error::NoItemsFound;

    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        NoItemsFound if memchr::memmem::find(pem, b"ENCRYPTED PRIVATE KEY").is_some() => {
            problem(what, "its private key is encrypted, decrypt it first (`openssl pkey`)")
        }
        NoItemsFound => problem(what, "it holds no private key, a PEM block `PRIVATE KEY` was expected"),
        error => problem(what, format!("it is no PEM, {error}")),
    })
}

//! Whom to trust.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;

use super::identity::certificates;
use super::names::pem_files;
use super::{problem, read};
use crate::error::TlsConfigError;

/// The authorities whose certificates are accepted. Cheap to clone. (Twisted's `trustRootFromCertificates`.)
///
/// ```no_run
/// use twisty::tls::TrustRoots;
///
/// let ours = TrustRoots::from_file("authority.pem")?;
/// # Ok::<(), twisty::TlsConfigError>(())
/// ```
#[derive(Clone)]
pub struct TrustRoots(Arc<RootCertStore>);

impl TrustRoots {
    /// Those that this system trusts. (Twisted's `platformTrust`.)
    ///
    /// # Errors
    /// [`TlsConfigError`] when there are none.
    ///
    /// ```no_run
    /// let everybody = twisty::tls::TrustRoots::system()?;
    /// # Ok::<(), twisty::TlsConfigError>(())
    /// ```
    pub fn system() -> Result<Self, TlsConfigError> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let why = found.errors.first().map_or_else(String::new, |error| format!(", {error}"));
            return Err(problem("the system's trust roots", format!("there are none{why}; name a file of your own")));
        }
        Ok(Self(Arc::new(store)))
    }

    /// Those of a PEM file.
    ///
    /// # Errors
    /// [`TlsConfigError`] when it cannot be read, or holds none.
    ///
    /// ```
    /// let error = twisty::tls::TrustRoots::from_file("/nowhere.pem").unwrap_err();
    /// assert!(error.to_string().contains("/nowhere.pem: it cannot be read"));
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        let path = path.as_ref();
        Self::of(&[(path.display().to_string(), read(path)?)])
    }

    /// Those of a PEM text.
    ///
    /// # Errors
    /// [`TlsConfigError`] when it holds none.
    ///
    /// ```
    /// assert!(twisty::tls::TrustRoots::from_pem("").is_err());
    /// ```
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, TlsConfigError> {
        Self::of(&[("the trust roots".to_owned(), pem.as_ref().to_vec())])
    }

    /// Those of all files `*.pem` of a directory. (Twisted's `trustRoots=` and `caCertsDir=`.)
    ///
    /// # Errors
    /// [`TlsConfigError`] when it cannot be read, there are none, or one of them holds no certificate.
    ///
    /// ```no_run
    /// let ours = twisty::tls::TrustRoots::from_directory("/etc/our-authorities")?;
    /// # Ok::<(), twisty::TlsConfigError>(())
    /// ```
    pub fn from_directory(path: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        let files = pem_files(path.as_ref())?;
        let files = files.iter().map(|path| Ok((path.display().to_string(), read(path)?)));
        Self::of(&files.collect::<Result<Vec<_>, TlsConfigError>>()?)
    }

    fn of(files: &[(String, Vec<u8>)]) -> Result<Self, TlsConfigError> {
        let mut store = RootCertStore::empty();
        for (what, pem) in files {
            for certificate in certificates(what, pem)? {
                let added = store.add(certificate);
                added.map_err(|error| problem(what, format!("one of its certificates is no authority's, {error}")))?;
            }
        }
        Ok(Self(Arc::new(store)))
    }

    pub(super) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRoots").field("authorities", &self.0.len()).finish()
    }
}

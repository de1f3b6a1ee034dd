//! Which certificate for which name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

use super::{Identity, problem};
use crate::error::TlsConfigError;

/// The identities of a server, by the names that their certificates are for.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// For clients that name nobody, or somebody unknown.
    first: Arc<CertifiedKey>,
    named: BTreeMap<String, Arc<CertifiedKey>>,
}

impl Names {
    pub(super) fn new(identity: Identity) -> Self {
        let mut names = Self { first: identity.clone().into_certified(), named: BTreeMap::new() };
        names.add(identity);
        names
    }

    /// The first one for a name stays.
    pub(super) fn add(&mut self, identity: Identity) {
        let certified = identity.into_certified();
        for name in names_of(&certified) {
            self.named.entry(name).or_insert_with(|| Arc::clone(&certified));
        }
    }

    /// The certificate of the name itself, or of the `*` in the place of its first part.
    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let wildcard = || self.named.get(&format!("*.{}", name.split_once('.')?.1));
        self.named.get(&name).or_else(wildcard)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.find(name));
        Some(Arc::clone(named.unwrap_or(&self.first)))
    }
}

/// The names that a certificate is for; none where it cannot be read, which its clients will say too.
fn names_of(certified: &CertifiedKey) -> Vec<String> {
    let parsed = certified.cert.first().and_then(|own| EndEntityCert::try_from(own).ok());
    parsed.map_or_else(Vec::new, |own| own.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

/// All files `*.pem` of a directory, in the order of their names.
pub(super) fn pem_files(directory: &Path) -> Result<Vec<PathBuf>, TlsConfigError> {
    let what = directory.display().to_string();
    let unreadable = |error: std::io::Error| problem(&what, format!("the directory cannot be read, {error}"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(problem(&what, "the directory holds no file `*.pem`"));
    }
    found.sort();
    Ok(found)
}

//! Which relays a client trusts over TLS: those with a certificate of a public authority, or of one in a file.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::ClientError;

/// Trusts the authorities in a PEM file and no others; without a file those of Mozilla's list.
pub(super) fn connector(authorities: Option<&Path>) -> Result<TlsConnector, ClientError> {
    let roots = match authorities {
        Some(path) => read(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let wrong = |reason: String| ClientError::Authorities { path: authorities.map(Into::into), reason };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| wrong(error.to_string()))?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}

fn read(path: &Path) -> Result<RootCertStore, ClientError> {
    let wrong = |reason: String| ClientError::Authorities { path: Some(path.into()), reason };
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let mut roots = RootCertStore::empty();
    for certificate in read.map_err(|error| wrong(error.to_string()))? {
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("it has no certificate".into())) } else { Ok(roots) }
}

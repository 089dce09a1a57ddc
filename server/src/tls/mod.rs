//! TLS in the relay's own process: the pair of certificate and key, tested before it is used, and read again when it changes.

mod self_test;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::TlsConfig;
use crate::limits::TLS_HANDSHAKE_TIMEOUT;
use crate::watched::{LOOK, Watched};

/// Says why a certificate and its key cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate cannot be read.
    #[error("cannot read certificates from {path}: {reason}. Give a PEM file, the relay's own certificate first.")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key cannot be read.
    #[error("cannot read a private key from {path}: {reason}. Give a PEM file that the relay's user may read.")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// They do not belong together.
    #[error("{cert} and {key} cannot be used: {reason}. Give the certificate and the key that it was made for.")]
    Pair {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        reason: Error,
    },
}

/// Is the pair in use.
#[derive(Debug)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads and tests the pair that the settings name; `None` if they name none.
    ///
    /// # Errors
    /// [`TlsError`]; the relay must not start then.
    pub fn new(config: &TlsConfig) -> Result<Option<Tls>, TlsError> {
        let (Some(cert), Some(key)) = (config.cert.clone(), config.key.clone()) else { return Ok(None) };
        let current = RwLock::new(load(&cert, &key)?);
        Ok(Some(Tls { cert, key, current }))
    }

    /// Does the handshake with a client, in a limited time.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let handshake = TlsAcceptor::from(config).accept(stream);
        match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, handshake).await {
            Ok(done) => done,
            Err(_) => Err(std::io::Error::other("the TLS handshake takes too long")),
        }
    }

    /// Reads the pair again whenever one of its files changes. A pair that does not work is logged, and the old one kept.
    pub(crate) async fn follow_files(self: Arc<Tls>) {
        let mut files = [&self.cert, &self.key].map(|path| Watched::unseen(path.clone()));
        loop {
            let tls = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let changed = files.iter_mut().map(Watched::changed).fold(false, |any, changed| any | changed);
                if changed {
                    tls.reload();
                }
                files
            });
            let Ok(same) = looked.await else { return };
            files = same;
            tokio::time::sleep(LOOK).await;
        }
    }

    fn reload(&self) {
        match load(&self.cert, &self.key) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                tracing::info!(cert = %self.cert.display(), "certificate loaded");
            }
            // While both files are being replaced they do not fit for a moment; the second change is seen, too.
            Err(error) => tracing::error!(%error, "the certificate is kept as it was"),
        }
    }
}

fn load(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let certificate = |reason: String| TlsError::Certificate { path: cert.into(), reason };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect);
    let chain = chain.map_err(|error| certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(certificate("it has none".into()));
    }
    let private = PrivateKeyDer::from_pem_file(key);
    let private = private.map_err(|error| TlsError::Key { path: key.into(), reason: error.to_string() })?;
    let pair = |reason| TlsError::Pair { cert: cert.into(), key: key.into(), reason };
    let config = server_config(chain, private).map_err(pair)?;
    self_test::run(&config).map_err(pair)?;
    Ok(config)
}

fn server_config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<ServerConfig>, Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

//! A set of public keys in a file or on the web, read again when it may have changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::{AccessError, Denied};
use super::keys::{Key, Presented, key_set, read_text};
use super::web::Web;
use crate::config::is_url;
use crate::limits::{KEY_SET_AGE, KEY_SET_PAUSE};

const KEY: &str = "access.jwks";

/// Keys that may change while the relay runs.
#[derive(Debug)]
pub(super) struct KeySet {
    source: Source,
    keys: Mutex<Arc<Vec<Key>>>,
    /// One reads, and who comes meanwhile takes what that one got.
    attempt: tokio::sync::Mutex<Option<Attempt>>,
    pause: Duration,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(String),
}

#[derive(Debug)]
struct Attempt {
    at: Instant,
    outcome: Result<(), String>,
}

impl KeySet {
    /// Reads a file at once; a URL is read when the first token comes.
    pub(super) fn new(place: &str) -> Result<KeySet, AccessError> {
        let source = if is_url(place) { Source::Url(place.into()) } else { Source::File(place.into()) };
        let keys = match &source {
            Source::Url(_) => Vec::new(),
            Source::File(path) => {
                let text = read_text(KEY, path)?;
                let wrong = |problem| AccessError::Keys { key: KEY, path: place.into(), problem };
                key_set(text.as_bytes()).map_err(wrong)?
            }
        };
        Ok(KeySet {
            source,
            keys: Mutex::new(Arc::new(keys)),
            attempt: tokio::sync::Mutex::default(),
            pause: KEY_SET_PAUSE,
        })
    }

    /// The keys for a token, after reading the set again if it is old or has none that fits.
    pub(super) async fn keys_for(&self, token: &Presented<'_>, web: &Web) -> Result<Arc<Vec<Key>>, Denied> {
        let outcome = self.refresh(|keys| keys.iter().any(|key| token.fits(key)), web).await;
        let keys = self.keys();
        match outcome {
            // The key may well be in the set that cannot be read.
            Err(reason) if !keys.iter().any(|key| token.fits(key)) => Err(Denied::Unavailable(reason)),
            _ => Ok(keys),
        }
    }

    async fn refresh(&self, fits: impl Fn(&[Key]) -> bool, web: &Web) -> Result<(), String> {
        let mut attempt = self.attempt.lock().await;
        if let Some(last) = &*attempt {
            let due = if fits(&self.keys()) { KEY_SET_AGE } else { self.pause };
            if last.at.elapsed() < due.max(self.pause) {
                return last.outcome.clone();
            }
        }
        let outcome = self.read(web).await;
        if let Err(reason) = &outcome {
            tracing::warn!(reason, "the keys of access.jwks cannot be read; those known before are used");
        }
        *attempt = Some(Attempt { at: Instant::now(), outcome: outcome.clone() });
        outcome
    }

    async fn read(&self, web: &Web) -> Result<(), String> {
        let text = match &self.source {
            Source::Url(url) => match web.get(url).await? {
                (200, body) => body,
                (status, _) => return Err(format!("the key server answers with status {status}")),
            },
            Source::File(path) => {
                let path = path.clone();
                let text = tokio::task::spawn_blocking(move || read_text(KEY, &path)).await;
                text.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?.into_bytes()
            }
        };
        let keys = key_set(&text).map_err(|problem| format!("the key set {problem}"))?;
        tracing::debug!(keys = keys.len(), "key set read");
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> String {
        let key = |name: &&str| {
            let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
            serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": name, "use": "sig"})
        };
        serde_json::json!({"keys": names.iter().map(key).collect::<Vec<_>>()}).to_string()
    }

    fn web() -> Web {
        Web::new(Duration::from_secs(5))
    }

    #[tokio::test]
    async fn a_set_is_read_again_for_an_unknown_key_but_not_for_each_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::fs::write(&path, set(&["a"])).unwrap();
        let mut keys = KeySet::new(path.to_str().unwrap()).unwrap();
        keys.pause = Duration::from_millis(300);
        keys.refresh(|keys| keys.len() == 2, &web()).await.unwrap();
        assert_eq!(keys.keys().len(), 1);
        std::fs::write(&path, set(&["a", "b"])).unwrap();
        keys.refresh(|keys| keys.len() == 2, &web()).await.unwrap();
        assert_eq!(keys.keys().len(), 1, "it was read again too soon");
        tokio::time::sleep(keys.pause).await;
        keys.refresh(|keys| keys.len() == 1, &web()).await.unwrap();
        assert_eq!(keys.keys().len(), 1, "it was read again though the key is known");
        keys.refresh(|keys| keys.len() == 2, &web()).await.unwrap();
        assert_eq!(keys.keys().len(), 2);
    }

    #[tokio::test]
    async fn a_broken_set_keeps_the_keys_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::fs::write(&path, set(&["a"])).unwrap();
        let keys = KeySet::new(path.to_str().unwrap()).unwrap();
        std::fs::write(&path, "{").unwrap();
        assert!(keys.refresh(|_| false, &web()).await.unwrap_err().contains("key set"));
        assert_eq!(keys.keys().len(), 1);
    }

    #[test]
    fn a_file_must_hold_keys_at_start() {
        let error = KeySet::new("/nonexistent/keys.json").unwrap_err().to_string();
        assert!(error.contains("access.jwks") && error.contains("/nonexistent"), "{error}");
    }

    #[test]
    fn only_public_keys_for_signatures_are_taken_from_a_set() {
        let secret = serde_json::json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]}).to_string();
        assert!(key_set(secret.as_bytes()).is_err());
        let other = set(&["a"]).replace("\"sig\"", "\"enc\"");
        assert!(key_set(other.as_bytes()).is_err());
        assert_eq!(key_set(set(&["a", "b"]).as_bytes()).unwrap().len(), 2);
    }
}

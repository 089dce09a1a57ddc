//! Questions to other services: few at a time, bounded in time and size, and never redirected.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::limits::{WEB_BYTES, WEB_REQUESTS};

/// Asks over HTTP and HTTPS.
#[derive(Debug)]
pub(super) struct Web {
    agent: ureq::Agent,
    places: Arc<Semaphore>,
    wait: Duration,
}

/// An answer: its status and at most so many bytes as the limits allow.
pub(super) type Answer = (u16, Vec<u8>);

/// Asks only whom it was told to ask: it follows nobody elsewhere, and no proxy of the environment.
pub(crate) fn agent(timeout: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("syncline-relay/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

impl Web {
    pub(super) fn new(timeout: Duration) -> Web {
        Web { agent: agent(timeout), places: Arc::new(Semaphore::new(WEB_REQUESTS)), wait: timeout }
    }

    /// The error is for people, and says nothing of what was asked.
    pub(super) async fn get(&self, url: &str) -> Result<Answer, String> {
        let url = url.to_owned();
        self.ask(move |agent| read(agent.get(url).call())).await
    }

    /// As [`Web::get`], with a body of JSON.
    pub(super) async fn post(&self, url: &str, body: String) -> Result<Answer, String> {
        let url = url.to_owned();
        self.ask(move |agent| read(agent.post(url).content_type("application/json").send(body))).await
    }

    async fn ask(
        &self,
        ask: impl FnOnce(ureq::Agent) -> Result<Answer, String> + Send + 'static,
    ) -> Result<Answer, String> {
        let place = tokio::time::timeout(self.wait, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err("too many questions wait for an answer".into()) };
        let agent = self.agent.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let answer = ask(agent);
            drop(place);
            answer
        });
        asked.await.map_err(|error| error.to_string())?
    }
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(WEB_BYTES).read_to_vec();
    Ok((response.status().as_u16(), body.map_err(|error| error.to_string())?))
}

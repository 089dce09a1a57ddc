//! What the tests of operators share: requests over HTTP, and the numbers in their answers.

use std::net::SocketAddr;

use serde_json::Value as Json;

use crate::common::*;

/// An answer of the relay.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        text(&self.body)
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of a typed error, which has a message and advice too.
    pub(crate) fn problem(&self) -> String {
        let error = &self.json()["error"];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        assert!(error["advice"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        error["code"].as_str().unwrap().to_owned()
    }
}

/// Asks the relay without a token.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    ask_with(address, method, path, &[]).await
}

pub(crate) async fn ask_with(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    let answered = tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build();
        let mut response = ureq::Agent::from(config).run(request).unwrap();
        let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        Answer {
            status: response.status().as_u16(),
            content_type: content_type.unwrap_or_default(),
            body: response.body_mut().read_to_vec().unwrap(),
        }
    });
    within("an answer", answered).await.unwrap()
}

/// The value of a sample by its name and labels as they are written, such as `x_total{reason="y"}`.
pub(crate) fn sample(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
}

pub(crate) async fn metrics(address: SocketAddr) -> String {
    ask(address, "GET", "/metrics").await.text()
}

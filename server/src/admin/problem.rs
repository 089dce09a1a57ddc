//! What an operator is told when something cannot be done.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::relay::ManageError;
use crate::store::LoadError;

/// Is a typed error: what went wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// For programs.
    code: &'static str,
    /// For people.
    message: String,
    advice: String,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Problem {
        Problem { status, code, message: message.into(), advice: advice.into() }
    }

    pub(crate) fn usage(message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad_request", message, advice)
    }

    pub(crate) fn late(doing: &str) -> Problem {
        let message = format!("{doing} takes too long");
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message, "It may still end well: look again in a moment.")
    }
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        let (status, code, advice) = match &error {
            ManageError::Missing(_) => (StatusCode::NOT_FOUND, "no_such_room", "GET /admin/v1/rooms lists the rooms."),
            ManageError::Deleted(_) => {
                (StatusCode::GONE, "room_deleted", "POST /admin/v1/rooms/{room}/undelete brings it back for a while.")
            }
            ManageError::NoVersion { .. } => {
                (StatusCode::NOT_FOUND, "no_such_version", "GET /admin/v1/rooms/{room}/versions lists the versions.")
            }
            ManageError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store", "The relay's log says more."),
            ManageError::Refused(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment."),
            ManageError::Silent => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment; the relay's log says more.")
            }
            ManageError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed", "The relay's log says more."),
        };
        Problem::new(status, code, error.to_string(), advice)
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        Problem::from(ManageError::Store(error.to_string()))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message, "advice": self.advice}});
        let mut response = Response::new(Body::from(format!("{body}\n")));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

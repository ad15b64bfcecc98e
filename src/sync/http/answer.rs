//! Answers of the HTTP side: what a function came to, and why a request was not taken.

use crate::sync::{Encoded, Format, Outcome, Trouble, value::write_text};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Hint to whoever finds too much going on, in whole seconds.
const RETRY_AFTER_S: u64 = 3;

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its form is wrong.
    Bad(&'static str, &'static str),
    /// Its token is not accepted.
    Token(&'static str),
    /// It is too large.
    TooLarge,
    /// It did not arrive in time.
    Slow,
    /// Too much at once.
    Busy,
    /// It could not be done now; nothing happened.
    Unavailable,
    /// It is not known whether it happened, or we have a defect.
    Failed,
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Overloaded { .. } => Self::Busy,
            Trouble::Unavailable => Self::Unavailable,
            Trouble::Unknown | Trouble::Internal => Self::Failed,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Bad(code, message) => (StatusCode::BAD_REQUEST, code, message),
            Self::Token(message) => (StatusCode::UNAUTHORIZED, "InvalidAuthHeader", message),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "the body is too large"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "Timeout", "the body did not arrive in time"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "TooManyConcurrentRequests", "too much at once"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "not available just now"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "internal error"),
        };
        let mut body = String::from(r#"{"code":"#);
        write_text(code, &mut body);
        body.push_str(r#","message":"#);
        write_text(message, &mut body);
        body.push('}');
        let mut response = (status, json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        response
    }
}

/// A body of JSON text.
pub(super) fn json(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text)
}

/// What a function came to; the message of a failure is whole already.
pub(super) fn outcome(outcome: &Outcome, format: Format) -> Result<String, Refusal> {
    let render = |value: &Encoded| {
        value.render(format).map_err(|error| {
            tracing::error!(%error, "a function returned what is no value");
            Refusal::Failed
        })
    };
    let mut body = String::new();
    match outcome {
        Ok(value) => {
            body.push_str(r#"{"status":"success","value":"#);
            body.push_str(&render(value)?);
        }
        Err(failed) => {
            body.push_str(r#"{"status":"error","errorMessage":"#);
            write_text(&failed.message, &mut body);
            if let Some(data) = &failed.data {
                body.push_str(r#","errorData":"#);
                body.push_str(&render(data)?);
            }
        }
    }
    body.push('}');
    Ok(body)
}

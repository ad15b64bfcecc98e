//! One mapping from what went wrong to status, stable code and words.

use super::limits::RETRY_AFTER;
use crate::{erasure::ErasureError, explain::FindError};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use greenroom_actors::{
    Entity,
    identity::Identity,
    shell::{AskError, Unavailable},
    user::{Rejection, User},
};
use serde::Serialize;
use std::time::Duration;

/// Stable codes that clients may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// No or wrong credentials.
    Unauthenticated,
    /// Not from there.
    Forbidden,
    /// No such thing for this caller.
    NotFound,
    /// The input is wrong.
    Validation,
    /// The state does not allow it now.
    Conflict,
    /// Too much at once; try again after the hint.
    RateLimited,
    /// Nothing happened; try again after the hint.
    Unavailable,
    /// It may or may not have happened; ask before trying again.
    OutcomeUnknown,
    /// A defect of ours.
    Internal,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Validation => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict => StatusCode::CONFLICT,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An answer that is an error: `{"ok":false,"error":{"code","message"}}`.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    message: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// An error with a message for people.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// Adds when trying again makes sense.
    #[must_use]
    pub const fn retry_after(mut self, hint: Duration) -> Self {
        self.retry_after = Some(hint);
        self
    }
}

/// The stable code of a workspace's refusal; the words of the core, the statuses of this page.
fn code_of(rejection: &Rejection) -> Code {
    match rejection.code() {
        "NOT_FOUND" => Code::NotFound,
        "VALIDATION" => Code::Validation,
        _ => Code::Conflict,
    }
}

impl From<AskError<User>> for ApiError {
    fn from(error: AskError<User>) -> Self {
        match &error {
            AskError::Rejected(rejection) => Self::new(code_of(rejection), error.to_string()),
            _ => Self::unanswered(error),
        }
    }
}

impl From<AskError<Identity>> for ApiError {
    fn from(error: AskError<Identity>) -> Self {
        Self::unanswered(error)
    }
}

impl ApiError {
    /// Why an entity of any kind did not answer. What its own rules refuse is a conflict, unless its kind says better.
    fn unanswered<E: Entity>(error: AskError<E>) -> Self {
        let message = error.to_string();
        match error {
            AskError::Rejected(_) => Self::new(Code::Conflict, message),
            AskError::Taken { .. } => Self::new(Code::Conflict, "the name belongs to another one"),
            AskError::TooLarge { .. } => Self::new(Code::Validation, message),
            AskError::BadKey => Self::new(Code::NotFound, "no such workspace"),
            AskError::Overloaded { retry_after } => {
                Self::new(Code::RateLimited, message).retry_after(retry_after)
            }
            AskError::Unavailable(
                Unavailable::Pausing { retry_after } | Unavailable::Recovery { retry_after, .. },
            ) => Self::new(Code::Unavailable, message).retry_after(retry_after),
            AskError::Unavailable(_) | AskError::ShuttingDown => Self::new(Code::Unavailable, message),
            AskError::Unknown => Self::new(Code::OutcomeUnknown, message),
            AskError::Poisoned => Self::new(Code::Internal, message),
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Ask(error) => error.into(),
            FindError::Read(error) => Self::new(Code::Unavailable, error.to_string()),
        }
    }
}

impl From<ErasureError> for ApiError {
    fn from(error: ErasureError) -> Self {
        let message = error.to_string();
        match error {
            ErasureError::Store(_) | ErasureError::Custody(_) => Self::new(Code::Unavailable, message),
            ErasureError::Ask(AskError::Rejected(never)) => match never {},
            ErasureError::Ask(AskError::Overloaded { retry_after }) => {
                Self::new(Code::RateLimited, message).retry_after(retry_after)
            }
            ErasureError::Ask(AskError::Unavailable(_) | AskError::ShuttingDown) => {
                Self::new(Code::Unavailable, message)
            }
            ErasureError::Ask(AskError::Unknown) => Self::new(Code::OutcomeUnknown, message),
            ErasureError::Ask(
                AskError::Taken { .. } | AskError::TooLarge { .. } | AskError::BadKey | AskError::Poisoned,
            ) => Self::new(Code::Internal, message),
        }
    }
}

/// A hint of zero seconds would be no hint: rounded up to whole seconds, at least one.
pub(super) fn retry_after_value(hint: Duration) -> HeaderValue {
    HeaderValue::from(hint.as_millis().div_ceil(1000).clamp(1, 86_400) as u64)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Only where nothing happened: after an unknown outcome, trying again is not the first thing to do.
        let hint = self.retry_after.or((self.code == Code::Unavailable).then_some(RETRY_AFTER));
        let body =
            serde_json::json!({ "ok": false, "error": { "code": self.code, "message": self.message } });
        let mut response = (self.code.status(), Json(body)).into_response();
        if let Some(hint) = hint {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after_value(hint));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(error: ApiError) -> Option<String> {
        let response = error.into_response();
        response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn whatever_is_not_available_says_when_to_try_again() {
        assert_eq!(hint(ApiError::from(AskError::<User>::ShuttingDown)).as_deref(), Some("30"));
        let pausing = Unavailable::Pausing { retry_after: Duration::from_millis(1_500) };
        assert_eq!(hint(ApiError::from(AskError::<User>::Unavailable(pausing))).as_deref(), Some("2"));
        assert_eq!(hint(ApiError::new(Code::Unavailable, "recovering")).as_deref(), Some("30"));
        assert_eq!(hint(ApiError::from(AskError::<Identity>::Unknown)), None, "ask before trying again");
        assert_eq!(hint(ApiError::new(Code::NotFound, "no such thing")), None);
    }
}

//! Everything that an auth endpoint can refuse with, and the one mapping to status, code and words.
//!
//! Codes and messages are constants of the protocol: clients compare them byte for byte.

pub use super::{oauth_failure::OauthFailure, refusal::Refusal};

use super::redirect::TargetKey;
use std::{borrow::Cow, time::Duration};

/// What a token was for; the same refusal has another status at each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    /// Setting a new password.
    PasswordReset,
    /// Verifying or changing an address.
    EmailVerification,
    /// Deleting the user.
    Deletion,
    /// Signing in with an id token of a provider.
    IdToken,
}

/// An error of an auth endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// A refusal of fixed words.
    Refused(Refusal),
    /// No route, no such method, or a feature that is off: 404 without a body.
    NotFound,
    /// The body is larger than any honest one.
    BodyTooLarge,
    /// The body's media type is not taken here.
    UnsupportedMediaType {
        /// The header as sent.
        sent: String,
        /// Whether forms are taken beside JSON.
        forms: bool,
    },
    /// The input does not fit the schema; problems in schema order.
    Validation(String),
    /// No session, at the endpoints of provider tokens: 401 without a body.
    UnauthorizedEmpty,
    /// The rate limit of the contract.
    TooManyRequests {
        /// Whole seconds, rounded up.
        retry_after_s: u64,
    },
    /// No capacity; nothing happened.
    Overloaded {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// A failure of the machine or a defect: 500 without a body.
    Internal,
    /// A redirect target that is not trusted.
    InvalidTarget(TargetKey),
    /// A redirect target that is no string.
    TargetIsNoString(TargetKey),
    /// A required extra field is missing.
    MissingField(String),
    /// An extra field that clients may not write.
    FieldNotAllowed(String),
    /// A token that is wrong, used or of somebody else.
    InvalidToken(TokenUse),
    /// The user of a token is gone.
    UserNotFound(TokenUse),
    /// A provider that has no tokens.
    ProviderNotSupported(String),
    /// Signing in with an id token was refused.
    OauthLinkError(OauthFailure),
    /// One Tap that was refused.
    OneTapLinkError(OauthFailure),
}

impl From<Refusal> for AuthError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// An error on the wire. Without a body there is no content type either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// HTTP status.
    pub status: u16,
    /// The body, unless it is empty.
    pub body: Option<ErrorBody>,
    /// Seconds for `Retry-After`.
    pub retry_after_s: Option<u64>,
    /// Whether `X-Retry-After` carries the seconds too.
    pub is_rate_limit: bool,
}

/// `{"message", "code"?}`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ErrorBody {
    /// For people.
    pub message: Cow<'static, str>,
    /// For programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

impl AuthError {
    /// The one mapping to the wire.
    #[must_use]
    pub fn to_wire(&self) -> WireError {
        let owned = |status, code, message: String| wire(status, code, Cow::Owned(message));
        match self {
            Self::Refused(refusal) => fixed(refusal.parts()),
            Self::NotFound => empty(404),
            Self::UnauthorizedEmpty => empty(401),
            Self::Internal => empty(500),
            Self::BodyTooLarge => fixed((413, Some("PAYLOAD_TOO_LARGE"), "Request body is too large")),
            Self::Validation(problems) => owned(400, Some("VALIDATION_ERROR"), problems.clone()),
            Self::UnsupportedMediaType { sent, forms } => {
                let allowed = if *forms { "application/x-www-form-urlencoded, " } else { "" };
                let message = format!(
                    "Content-Type \"{sent}\" is not allowed. Allowed types: {allowed}application/json"
                );
                owned(415, Some("UNSUPPORTED_MEDIA_TYPE"), message)
            }
            Self::TooManyRequests { retry_after_s } => WireError {
                retry_after_s: Some(*retry_after_s),
                is_rate_limit: true,
                ..wire(429, None, Cow::Borrowed("Too many requests. Please try again later."))
            },
            Self::Overloaded { retry_after } => WireError {
                retry_after_s: Some(retry_after.as_millis().div_ceil(1000).clamp(1, 3600) as u64),
                ..wire(503, Some("SERVICE_UNAVAILABLE"), Cow::Borrowed("Too busy. Please try again shortly."))
            },
            Self::InvalidTarget(key) => {
                owned(403, Some(key.refusal_code()), format!("Invalid {}", key.shown()))
            }
            Self::TargetIsNoString(key) => {
                owned(400, None, format!("Invalid {}: expected a string", key.shown()))
            }
            Self::MissingField(field) => owned(400, Some("MISSING_FIELD"), format!("{field} is required")),
            Self::FieldNotAllowed(field) => {
                owned(400, Some("FIELD_NOT_ALLOWED"), format!("{field} is not allowed to be set"))
            }
            Self::ProviderNotSupported(provider) => {
                let message = format!("Provider {provider} is not supported.");
                owned(400, Some("PROVIDER_NOT_SUPPORTED"), message)
            }
            Self::OauthLinkError(failure) => owned(401, Some("OAUTH_LINK_ERROR"), failure.words()),
            Self::OneTapLinkError(failure) => owned(401, None, failure.words()),
            Self::InvalidToken(at) => fixed((status_of(*at), Some("INVALID_TOKEN"), "Invalid token")),
            Self::UserNotFound(at) => fixed((status_of(*at), Some("USER_NOT_FOUND"), "User not found")),
        }
    }

    /// The code, as the `error` parameter of a link that failed carries it. `None` when there is none.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.to_wire().body.and_then(|body| body.code)
    }
}

const fn status_of(at: TokenUse) -> u16 {
    match at {
        TokenUse::PasswordReset => 400,
        TokenUse::EmailVerification | TokenUse::IdToken => 401,
        TokenUse::Deletion => 404,
    }
}

const fn empty(status: u16) -> WireError {
    WireError { status, body: None, retry_after_s: None, is_rate_limit: false }
}

const fn wire(status: u16, code: Option<&'static str>, message: Cow<'static, str>) -> WireError {
    WireError { status, body: Some(ErrorBody { message, code }), retry_after_s: None, is_rate_limit: false }
}

const fn fixed((status, code, message): (u16, Option<&'static str>, &'static str)) -> WireError {
    wire(status, code, Cow::Borrowed(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and the body as JSON text; the contract's own examples.
    fn check(error: impl Into<AuthError>, status: u16, body: &str) {
        let wire = error.into().to_wire();
        let text = wire.body.map(|body| serde_json::to_string(&body).unwrap()).unwrap_or_default();
        assert_eq!((wire.status, text.as_str()), (status, body));
    }

    #[test]
    fn the_examples_of_the_contract_match_byte_for_byte() {
        check(AuthError::NotFound, 404, "");
        check(AuthError::UnauthorizedEmpty, 401, "");
        check(Refusal::Unauthorized, 401, r#"{"message":"Unauthorized","code":"UNAUTHORIZED"}"#);
        check(
            Refusal::InvalidJson,
            400,
            r#"{"message":"Invalid JSON in request body","code":"BAD_REQUEST"}"#,
        );
        check(
            AuthError::UnsupportedMediaType { sent: "text/plain".to_owned(), forms: true },
            415,
            r#"{"message":"Content-Type \"text/plain\" is not allowed. Allowed types: application/x-www-form-urlencoded, application/json","code":"UNSUPPORTED_MEDIA_TYPE"}"#,
        );
        check(
            Refusal::UserAlreadyExists,
            422,
            r#"{"message":"User already exists. Use another email.","code":"USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"}"#,
        );
        check(
            AuthError::InvalidTarget(TargetKey::RedirectTo),
            403,
            r#"{"message":"Invalid redirectURL","code":"INVALID_REDIRECT_URL"}"#,
        );
        check(
            AuthError::TargetIsNoString(TargetKey::CallbackUrl),
            400,
            r#"{"message":"Invalid callbackURL: expected a string"}"#,
        );
        check(Refusal::NoFieldsToUpdate, 400, r#"{"message":"No fields to update"}"#);
        check(
            AuthError::FieldNotAllowed("onboarding_complete".to_owned()),
            400,
            r#"{"message":"onboarding_complete is not allowed to be set","code":"FIELD_NOT_ALLOWED"}"#,
        );
        check(
            Refusal::FailedToUnlinkLastAccount,
            400,
            r#"{"message":"You can't unlink your last account","code":"FAILED_TO_UNLINK_LAST_ACCOUNT"}"#,
        );
        check(
            AuthError::ProviderNotSupported("credential".to_owned()),
            400,
            r#"{"message":"Provider credential is not supported.","code":"PROVIDER_NOT_SUPPORTED"}"#,
        );
        check(
            AuthError::TooManyRequests { retry_after_s: 10 },
            429,
            r#"{"message":"Too many requests. Please try again later."}"#,
        );
    }

    #[test]
    fn a_token_is_refused_with_the_status_of_its_place() {
        let wire = |at| AuthError::InvalidToken(at).to_wire();
        assert_eq!(wire(TokenUse::PasswordReset).status, 400);
        assert_eq!(wire(TokenUse::EmailVerification).status, 401);
        assert_eq!(wire(TokenUse::IdToken).status, 401);
        assert_eq!(wire(TokenUse::Deletion).status, 404);
        assert_eq!(AuthError::InvalidToken(TokenUse::IdToken).code(), Some("INVALID_TOKEN"));
    }

    #[test]
    fn linking_is_refused_in_words() {
        check(
            AuthError::OauthLinkError(OauthFailure::AccountNotLinked),
            401,
            r#"{"message":"account not linked","code":"OAUTH_LINK_ERROR"}"#,
        );
        check(
            AuthError::OneTapLinkError(OauthFailure::AccountNotLinked),
            401,
            r#"{"message":"account not linked"}"#,
        );
    }

    #[test]
    fn a_hint_is_never_zero_seconds() {
        let wire = |ms| AuthError::Overloaded { retry_after: Duration::from_millis(ms) }.to_wire();
        assert_eq!((wire(0).status, wire(0).retry_after_s), (503, Some(1)));
        assert_eq!(wire(1_001).retry_after_s, Some(2));
        assert!(
            !wire(0).is_rate_limit && AuthError::TooManyRequests { retry_after_s: 1 }.to_wire().is_rate_limit
        );
    }
}

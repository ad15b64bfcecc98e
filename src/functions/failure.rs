//! How a function says no, and what the machine could not do.

use crate::sync::Trouble;
use greenroom_actors::{
    Entity,
    automation::FieldError,
    identity::{
        self, Identity,
        field::{Invalid, Problem},
    },
    shell::{AskError, Unavailable},
    user::{self, User},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// Hint when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Stable codes of failures; clients switch on them (product contract, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// Nobody is signed in.
    Unauthenticated,
    /// Not allowed.
    Forbidden,
    /// No such thing of this caller.
    NotFound,
    /// The arguments are wrong; `fields` says where.
    Validation,
    /// The state does not allow it.
    Conflict,
    /// Too often; `retryAfter` says when again.
    RateLimited,
    /// No Instagram account is connected.
    NotConnected,
    /// Instagram does not take the token any more: connect again.
    InstagramTokenExpired,
    /// Instagram refused or did not answer.
    InstagramError,
    /// No model is configured, or it did not answer.
    AiUnavailable,
    /// Another service did not answer.
    Upstream,
    /// A defect of ours.
    Internal,
    /// The workspace is over a limit of its plan.
    BillingStructurallyFrozen,
    /// No room for more contacts.
    BillingContactLimitReached,
    /// No room for more new contacts this month.
    BillingNewContactLimitReached,
    /// No room for more automations.
    BillingAutomationLimitReached,
    /// No prompts left this month.
    BillingSidekickChatLimitReached,
    /// No replies left this month.
    BillingSidekickSendLimitReached,
}

impl Code {
    /// HTTP status of the code where a status is shown (product contract, section 3.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden
            | Self::BillingStructurallyFrozen
            | Self::BillingContactLimitReached
            | Self::BillingNewContactLimitReached
            | Self::BillingAutomationLimitReached
            | Self::BillingSidekickChatLimitReached
            | Self::BillingSidekickSendLimitReached => 403,
            Self::NotFound => 404,
            Self::Conflict | Self::NotConnected | Self::InstagramTokenExpired => 409,
            Self::Validation => 422,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::InstagramError | Self::Upstream => 502,
            Self::AiUnavailable => 503,
        }
    }

    /// The code that a workspace names in [`user::Rejection::code`].
    fn of(word: &str) -> Self {
        match word {
            "NOT_FOUND" => Self::NotFound,
            "NOT_CONNECTED" => Self::NotConnected,
            "VALIDATION" => Self::Validation,
            "BILLING_STRUCTURALLY_FROZEN" => Self::BillingStructurallyFrozen,
            "BILLING_CONTACT_LIMIT_REACHED" => Self::BillingContactLimitReached,
            "BILLING_NEW_CONTACT_LIMIT_REACHED" => Self::BillingNewContactLimitReached,
            "BILLING_AUTOMATION_LIMIT_REACHED" => Self::BillingAutomationLimitReached,
            "BILLING_SIDEKICK_SEND_LIMIT_REACHED" => Self::BillingSidekickSendLimitReached,
            "BILLING_SIDEKICK_CHAT_LIMIT_REACHED" => Self::BillingSidekickChatLimitReached,
            "RATE_LIMITED" => Self::RateLimited,
            "AI_UNAVAILABLE" => Self::AiUnavailable,
            _ => Self::Conflict,
        }
    }
}

/// A function said no. Nothing happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// For programs.
    pub code: Code,
    /// For people. Repeats no secret.
    pub message: Cow<'static, str>,
    /// What is wrong with the arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Seconds after which trying again makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// One wrong argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Field {
    /// Path as the client wrote it.
    pub field: Cow<'static, str>,
    /// Kind, in capitals.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: Cow<'static, str>,
}

impl Failure {
    /// A failure with a message for people.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), retry_after: None }
    }

    /// One wrong argument.
    pub fn field(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let (field, message) = (field.into(), message.into());
        let wrong = Field { field, code: "INVALID".into(), message: message.clone() };
        Self { fields: vec![wrong], ..Self::new(Code::Validation, message) }
    }

    /// No such thing of this caller.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Code::NotFound, format!("{what} not found"))
    }
}

impl From<&FieldError> for Field {
    fn from(error: &FieldError) -> Self {
        let code = serde_json::to_value(error.code).ok();
        let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or("INVALID").to_owned();
        Self { field: error.field.clone(), code: code.into(), message: error.message.clone() }
    }
}

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The function said no.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// A cursor, or what ends a page, is not of this query: the client starts over.
    #[error("InvalidCursor")]
    InvalidCursor,
    /// The machine could not.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<AskError<User>> for CallError {
    fn from(error: AskError<User>) -> Self {
        match error {
            AskError::Rejected(rejection) => refused(&rejection).into(),
            other => unanswered(other),
        }
    }
}

/// What a workspace refuses, for clients.
fn refused(rejection: &user::Rejection) -> Failure {
    let failure = Failure::new(Code::of(rejection.code()), rejection.to_string());
    match rejection {
        user::Rejection::Invalid(errors) => {
            let message = errors.first().map_or(failure.message, |error| error.message.clone());
            Failure { message, fields: errors.iter().map(Field::from).collect(), ..failure }
        }
        user::Rejection::TooSoon { retry_after } => Failure {
            retry_after: Some(retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0)),
            ..failure
        },
        _ => failure,
    }
}

impl From<AskError<Identity>> for CallError {
    fn from(error: AskError<Identity>) -> Self {
        match error {
            AskError::Rejected(identity::Rejection::NoUser | identity::Rejection::Deleted) => {
                Failure::new(Code::Unauthenticated, "Unauthorized").into()
            }
            AskError::Rejected(rejection) => refused_by_identity(&rejection).into(),
            other => unanswered(other),
        }
    }
}

/// What an identity refuses, for clients.
fn refused_by_identity(rejection: &identity::Rejection) -> Failure {
    let wrong = |invalid: Invalid| Field {
        field: invalid.field.into(),
        code: code_of(invalid.problem).into(),
        message: invalid.problem.to_string().into(),
    };
    let fields = match rejection {
        identity::Rejection::Invalid(invalid) => vec![wrong(*invalid)],
        identity::Rejection::OnboardingIncomplete(lacking) => {
            lacking.iter().map(|field| wrong(Invalid { field, problem: Problem::Missing })).collect()
        }
        other => return Failure::new(Code::Conflict, other.to_string()),
    };
    Failure { fields, ..Failure::new(Code::Validation, rejection.to_string()) }
}

/// The kind of a problem, in the words that workspaces use.
const fn code_of(problem: Problem) -> &'static str {
    match problem {
        Problem::Missing | Problem::Empty => "REQUIRED",
        Problem::NotWritable | Problem::NotOffered => "NOT_ALLOWED",
        Problem::WrongType => "INVALID",
        Problem::TooLong(_) => "TOO_LONG",
        Problem::TooMany(_) => "TOO_MANY",
        Problem::Duplicate => "DUPLICATE",
    }
}

fn unanswered<E: Entity>(error: AskError<E>) -> CallError {
    let trouble = match error {
        AskError::Rejected(rejection) => return Failure::new(Code::Conflict, rejection.to_string()).into(),
        AskError::Taken { .. } => return Failure::new(Code::Conflict, "the name is taken").into(),
        AskError::TooLarge { .. } => return Failure::new(Code::Validation, "too large").into(),
        AskError::Overloaded { retry_after } => Trouble::Overloaded { retry_after },
        AskError::Unavailable(
            Unavailable::Pausing { retry_after } | Unavailable::Recovery { retry_after, .. },
        ) => Trouble::Overloaded { retry_after: retry_after.max(RETRY_AFTER) },
        AskError::Unavailable(_) | AskError::ShuttingDown => Trouble::Unavailable,
        AskError::Unknown => Trouble::Unknown,
        AskError::Poisoned | AskError::BadKey => Trouble::Internal,
    };
    trouble.into()
}

/// Why an entity cannot be read now.
pub(super) fn unreadable<E: Entity>(error: AskError<E>) -> Trouble {
    match unanswered(error) {
        CallError::Trouble(trouble) => trouble,
        CallError::Failed(_) | CallError::InvalidCursor => Trouble::Internal,
    }
}

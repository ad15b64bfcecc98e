//! How a call ended: three values for what is visible to people, because the platform has no idempotency key; a plain
//! result for reads.

use crate::{
    errors::{Advice, Classified, ErrorClass, Scope, Target, classify},
    ids::{Igsid, Mid},
    json::Raw,
    usage::Usage,
};
use std::{fmt, time::Duration};

/// The longest text kept of an error, in characters.
pub const MESSAGE_CHARS_MAX: usize = 300;
/// The longest trace id kept, in characters.
pub const TRACE_CHARS_MAX: usize = 64;
/// Runs of letters, digits, `-` and `_` from this length on may be tokens, and are redacted from error texts.
const SECRET_CHARS_MIN: usize = 32;

/// An answer with what the platform said about the load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// The load; empty when there was no answer.
    pub usage: Usage,
}

/// How a send ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// It was accepted.
    Sent {
        /// Its id; for a public reply the id of the new comment.
        message_id: Mid,
        /// The person; for a private reply this links the comment's author to a thread. Missing for public replies.
        recipient_id: Option<Igsid>,
    },
    /// It was definitely not delivered.
    NotSent(Box<Refusal>),
    /// It may or may not have been delivered. Never repeat it blindly.
    Unknown(Doubt),
}

/// Why nobody knows whether a send arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Why.
    pub reason: DoubtReason,
    /// The HTTP status, when there was one.
    pub status: Option<u16>,
    /// The error object, when there was one.
    pub refusal: Option<Box<Refusal>>,
}

/// Why nobody knows whether a send arrived; a closed set, fit for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DoubtReason {
    /// No answer in time after the request was written, or while it was.
    TimedOut,
    /// The connection ended after the request was written, or while it was.
    Interrupted,
    /// A status of 500 or above.
    ServerError,
    /// The platform's codes 1 and 2 and the like.
    AmbiguousCode,
    /// An answer that is not what was due: cut off, too large, without an id, not JSON.
    Unreadable,
    /// It was done, but the answer does not say under which id.
    DoneWithoutId,
}

/// What the platform refused, or what kept the call from it.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub class: ErrorClass,
    /// What it is about.
    pub scope: Scope,
    /// What else is known of that error.
    pub advice: Advice,
    /// HTTP status; 0 when there was no answer.
    pub status: u16,
    /// The platform's code; 0 when there was none.
    pub code: u32,
    /// The platform's subcode; 0 when there was none.
    pub subcode: u32,
    /// The platform's words, at most [`MESSAGE_CHARS_MAX`] characters, what may be a token redacted. Untrusted.
    pub message: String,
    /// The platform's words for people, treated alike.
    pub user_message: Option<String>,
    /// What the platform's support asks for.
    pub trace: Option<String>,
    /// The longest wait announced.
    pub retry_after: Option<Duration>,
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("class", &self.class)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("subcode", &self.subcode)
            .field("trace", &self.trace)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {}/{}, status {})", self.class.tag(), self.code, self.subcode, self.status)
    }
}

/// Why a read, or a call that may safely be repeated, brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection was never established.
    #[error("the platform can not be reached")]
    Unreachable,
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection ended before the answer did.
    #[error("the connection was interrupted")]
    Interrupted,
    /// The answer is longer than [`crate::client::BODY_BYTES_MAX`].
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not what was due.
    #[error("the answer can not be read (status {status})")]
    Unreadable {
        /// HTTP status.
        status: u16,
    },
    /// The platform refused.
    #[error("refused: {0}")]
    Refused(Box<Refusal>),
    /// The token can not be written into a request.
    #[error("the token is not usable")]
    BadToken,
}

impl CallError {
    /// Whether the same call may bring an answer later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable | Self::TimedOut | Self::Interrupted => true,
            Self::Unreadable { status } => *status == 200 || *status >= 500,
            Self::Refused(refusal) => matches!(refusal.class, ErrorClass::Ambiguous | ErrorClass::Rate),
            Self::TooLarge | Self::BadToken => false,
        }
    }

    /// Whether the platform said that the token is not valid.
    #[must_use]
    pub fn is_token(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.class == ErrorClass::Token,
            Self::BadToken => true,
            _ => false,
        }
    }

    /// The longest wait announced.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) usage: Usage,
    pub(crate) retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nothing was written.
    Unreachable,
    /// Nothing was written: the token can not be a header.
    BadToken,
    /// Something may have been written.
    TimedOut,
    /// Something may have been written.
    Interrupted,
    /// The answer began, and was too large.
    TooLarge,
}

impl From<Lost> for CallError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Unreachable => Self::Unreachable,
            Lost::BadToken => Self::BadToken,
            Lost::TimedOut => Self::TimedOut,
            Lost::Interrupted => Self::Interrupted,
            Lost::TooLarge => Self::TooLarge,
        }
    }
}

impl Response {
    /// The body, if it is one whole JSON document.
    pub(crate) fn json(&self) -> Option<Raw<'_>> {
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).ok()?;
        Raw::whole(&self.body).ok()
    }

    /// The body of a success.
    pub(crate) fn success(&self, target: Target) -> Result<Raw<'_>, CallError> {
        let json = self.json();
        let error = json.is_some_and(|json| json.get("error").is_some());
        if (200..300).contains(&self.status) && !error {
            return json.ok_or(CallError::Unreadable { status: self.status });
        }
        if (300..400).contains(&self.status) {
            return Err(CallError::Unreadable { status: self.status });
        }
        Err(CallError::Refused(Box::new(self.refusal(target))))
    }

    /// What the answer refuses, by its error object or else by its status.
    pub(crate) fn refusal(&self, target: Target) -> Refusal {
        let error = self.json().and_then(|json| json.get("error"));
        let number = |name| error.and_then(|error| error.get(name)).and_then(Raw::int);
        let text = |name| error.and_then(|error| error.get(name)).and_then(Raw::lossy);
        let code = number("code").and_then(|code| u32::try_from(code).ok());
        let subcode = number("error_subcode").and_then(|code| u32::try_from(code).ok()).unwrap_or(0);
        let message = text("message").map(|message| readable(&message)).unwrap_or_default();
        let is_transient =
            error.and_then(|error| error.get("is_transient")).and_then(Raw::bool).unwrap_or(false);
        let mut classified = match code {
            Some(code) => classify(code, subcode, is_transient, target),
            None => by_status(self.status),
        };
        // The code of a missing consent is not certain, its words are.
        if message.starts_with("User consent is required") {
            classified.class = ErrorClass::Done;
        }
        let least = match classified.advice {
            Advice::PauseAtLeast(pause) => Some(pause),
            _ => None,
        };
        Refusal {
            class: classified.class,
            scope: classified.scope,
            advice: classified.advice,
            status: self.status,
            code: code.unwrap_or(0),
            subcode,
            message,
            user_message: text("error_user_msg").map(|message| readable(&message)),
            trace: text("fbtrace_id").map(|trace| trace.chars().take(TRACE_CHARS_MAX).collect()),
            retry_after: self.retry_after.max(self.usage.regain).max(least),
        }
    }
}

fn by_status(status: u16) -> Classified {
    let class = match status {
        401 => ErrorClass::Token,
        429 => ErrorClass::Rate,
        500.. => ErrorClass::Ambiguous,
        _ => ErrorClass::Unexplained,
    };
    Classified { class, scope: Scope::Account, advice: Advice::None }
}

/// A text of the platform, bounded, one line, without what may be a token.
pub(crate) fn readable(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        if run.len() >= SECRET_CHARS_MIN {
            out.push_str("[redacted]");
        } else {
            out.push_str(run);
        }
        run.clear();
    };
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' || letter == '-' {
            run.push(letter);
            continue;
        }
        flush(&mut run, &mut out);
        out.push(if letter.is_control() { ' ' } else { letter });
        if out.len() > MESSAGE_CHARS_MAX * 4 {
            break;
        }
    }
    flush(&mut run, &mut out);
    out.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// How a send ended, told from its answer. `id_member` names the new message's or comment's id.
pub(crate) fn send_outcome(call: &Result<Response, Lost>, target: Target, id_member: &str) -> SendOutcome {
    let response = match call {
        Ok(response) => response,
        Err(Lost::Unreachable) => return not_sent(ErrorClass::Unreachable),
        Err(Lost::BadToken) => return not_sent(ErrorClass::Token),
        Err(Lost::TimedOut) => return doubt(DoubtReason::TimedOut, None),
        Err(Lost::Interrupted) => return doubt(DoubtReason::Interrupted, None),
        Err(Lost::TooLarge) => return doubt(DoubtReason::Unreadable, None),
    };
    match response.status {
        200..300 => sent(response, id_member),
        400..500 => refused(response, target),
        500.. => {
            let refusal = Some(Box::new(response.refusal(target)));
            SendOutcome::Unknown(Doubt {
                reason: DoubtReason::ServerError,
                status: Some(response.status),
                refusal,
            })
        }
        _ => doubt(DoubtReason::Unreadable, Some(response.status)),
    }
}

fn sent(response: &Response, id_member: &str) -> SendOutcome {
    let unreadable = doubt(DoubtReason::Unreadable, Some(response.status));
    let Some(body) = response.json().map(flat) else { return unreadable };
    match body.get(id_member).and_then(|id| Mid::from_json(id).ok()) {
        Some(message_id) => {
            let recipient_id = body.get("recipient_id").and_then(|id| Igsid::from_json(id).ok());
            SendOutcome::Sent { message_id, recipient_id }
        }
        None => unreadable,
    }
}

fn refused(response: &Response, target: Target) -> SendOutcome {
    let refusal = Box::new(response.refusal(target));
    let reason = match (refusal.class, refusal.advice) {
        (ErrorClass::Ambiguous, _) => DoubtReason::AmbiguousCode,
        (_, Advice::CreatedAnyway) => DoubtReason::DoneWithoutId,
        // The beginning of an error object that broke off: which code it had is not known, it may have been 1 or 2.
        _ if refusal.code == 0 && looks_cut_off(response) => DoubtReason::Unreadable,
        _ => return SendOutcome::NotSent(refusal),
    };
    SendOutcome::Unknown(Doubt { reason, status: Some(response.status), refusal: Some(refusal) })
}

fn looks_cut_off(response: &Response) -> bool {
    let start = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    start == Some(&b'{') && response.json().is_none()
}

fn not_sent(class: ErrorClass) -> SendOutcome {
    SendOutcome::NotSent(Box::new(Refusal {
        class,
        scope: Scope::Account,
        advice: Advice::None,
        status: 0,
        code: 0,
        subcode: 0,
        message: String::new(),
        user_message: None,
        trace: None,
        retry_after: None,
    }))
}

fn doubt(reason: DoubtReason, status: Option<u16>) -> SendOutcome {
    SendOutcome::Unknown(Doubt { reason, status, refusal: None })
}

/// The object itself, or the first one of `{"data":[…]}`: some endpoints are documented one way and answer the other.
pub(crate) fn flat(body: Raw<'_>) -> Raw<'_> {
    body.get("data")
        .and_then(|data| data.elements().next())
        .and_then(Result::ok)
        .filter(|first| first.is_object())
        .unwrap_or(body)
}

#[cfg(test)]
mod tests;

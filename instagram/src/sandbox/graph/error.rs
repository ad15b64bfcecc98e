//! Errors in the platform's shape.

use crate::sandbox::world::rates::{Exceeded, Lane};
use serde_json::{Value, json};

/// A refusal of the Graph API. `user` is a title and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) status: u16,
    pub(crate) code: i64,
    pub(crate) subcode: Option<i64>,
    pub(crate) message: String,
    pub(crate) error_type: String,
    pub(crate) is_transient: bool,
    pub(crate) user: Option<Box<(String, String)>>,
}

/// What a handler of the Graph API gives.
pub(crate) type GraphResult = Result<Value, GraphError>;

impl GraphError {
    fn new(status: u16, code: i64, subcode: Option<i64>, message: impl Into<String>) -> Self {
        let (message, error_type) = (message.into(), "OAuthException".into());
        Self { status, code, subcode, message, error_type, is_transient: false, user: None }
    }

    fn parameter(subcode: i64, message: &str) -> Self {
        let mut error = Self::new(400, 100, Some(subcode), message);
        error.error_type = "IGApiException".into();
        error
    }

    pub(crate) fn token(subcode: Option<i64>, message: &str) -> Self {
        Self::new(401, 190, subcode, message)
    }

    pub(crate) fn permission(scope: &str) -> Self {
        Self::new(
            403,
            10,
            None,
            format!("(#10) Application does not have permission for this action ({scope})"),
        )
    }

    pub(crate) fn window() -> Self {
        let mut error =
            Self::new(403, 10, Some(2_534_022), "(#10) This message is sent outside of allowed window.");
        error.error_type = "IGApiException".into();
        error.user = Some(Box::new((
            "Message not sent".into(),
            "The 24 hour window in which this person can be answered has closed.".into(),
        )));
        error
    }

    pub(crate) fn human_agent() -> Self {
        Self::new(403, 10, None, "(#10) The Human Agent feature is not available to this app.")
    }

    pub(crate) fn bad(message: &str) -> Self {
        Self::new(400, 100, None, format!("(#100) {message}"))
    }

    pub(crate) fn content(message: &str) -> Self {
        Self::parameter(2_534_015, &format!("(#100) Invalid message data: {message}"))
    }

    pub(crate) fn no_person() -> Self {
        Self::parameter(2_534_014, "(#100) The requested user cannot be found.")
    }

    pub(crate) fn no_private_reply() -> Self {
        Self::parameter(2_534_025, "(#100) The comment is invalid for a private reply.")
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(400, 551, Some(1_545_041), "(#551) This person isn't available right now.")
    }

    pub(crate) fn restricted() -> Self {
        Self::new(
            400,
            10,
            Some(1_893_063),
            "(#10) This account is temporarily restricted from sending messages.",
        )
    }

    pub(crate) fn messages_access() -> Self {
        let message = "(#200) The account has disabled access to its messages for connected tools.";
        Self::new(403, 200, Some(2_534_041), message)
    }

    pub(crate) fn not_thread_owner() -> Self {
        Self::new(400, 2_018_300, None, "(#2018300) Another app is controlling this thread now.")
    }

    pub(crate) fn consent() -> Self {
        Self::new(400, 230, None, "(#230) User consent is required to access user profile")
    }

    pub(crate) fn unknown_object(id: &str) -> Self {
        let id: String = id.chars().take(64).collect();
        let message = format!(
            "Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation"
        );
        Self { error_type: "GraphMethodException".into(), ..Self::new(400, 100, Some(33), message) }
    }

    pub(crate) fn unsupported(method: &str) -> Self {
        let message = format!("Unsupported request - method type: {}", method.to_lowercase());
        Self { error_type: "IGApiException".into(), ..Self::new(400, 100, None, message) }
    }

    pub(crate) fn deleted_message() -> Self {
        Self::new(400, 9_000_001, None, "This message has been deleted or is too old.")
    }

    pub(crate) fn reply_fields() -> Self {
        Self::new(400, 20, Some(1_772_107), "(#20) The requested fields are not allowed here.")
    }

    pub(crate) fn ambiguous(status: u16, code: i64) -> Self {
        let mut error = Self::new(
            status,
            code,
            None,
            "An unexpected error has occurred. Please retry your request later.",
        );
        error.is_transient = true;
        error
    }

    pub(crate) fn full() -> Self {
        Self::new(500, 2, None, "The sandbox is full: reset it or start a new one.")
    }

    /// The error object.
    pub(crate) fn to_json(&self, trace: &str) -> Value {
        let mut error = json!({"message": self.message, "type": self.error_type, "code": self.code,
            "is_transient": self.is_transient, "fbtrace_id": trace});
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if let Some((title, text)) = self.user.as_deref() {
            error["error_user_title"] = title.as_str().into();
            error["error_user_msg"] = text.as_str().into();
        }
        json!({"error": error})
    }
}

impl From<Exceeded> for GraphError {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::App => Self::new(400, 4, None, "(#4) Application request limit reached"),
            Exceeded::Account => Self::new(
                400,
                80_002,
                None,
                "(#80002) There have been too many calls to this Instagram account.",
            ),
            Exceeded::Lane(Lane::Conversations) => Self::new(
                400,
                80_002,
                None,
                "(#80002) There have been too many calls to this Instagram account.",
            ),
            Exceeded::Lane(_) => {
                Self::new(400, 613, Some(2_534_040), "(#613) Calls to this api have exceeded the rate limit.")
            }
        }
    }
}

//! What must be done outside. Each is implied by the state: after a crash it is asked for again, except sends, whose
//! outcome is looked for.

use super::{files::FileId, look_back::LookBack, model::ModelRequest};
use crate::{
    Sealed, Timestamp,
    id::{AccountId, CommentId, Igsid, Mid},
    outbox::{Content, Kind, OutboundId},
};

/// What must be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum UserEffect {
    /// Send a message, once. Answer: `Command::SendFinished`.
    Send(SendRequest),
    /// Read what the account itself sent to a person lately. Answer: `Command::SentRead`.
    ReadConversation {
        /// The message that is looked for.
        outbound: OutboundId,
        /// Number of the read.
        read: u32,
        /// Whose thread; `None` when only the comment is known (a private reply to an unnamed commenter).
        person: Option<Igsid>,
        /// The comment, for a private reply.
        comment: Option<CommentId>,
        /// Start of the attempt: stands in for the instant of a message that has none.
        since: Timestamp,
        /// With what.
        access: Access,
    },
    /// Read the account's own replies below a comment. Answer: `Command::SentRead`.
    ReadCommentReplies {
        /// The reply that is looked for.
        outbound: OutboundId,
        /// Number of the read.
        read: u32,
        /// The comment on top: a reply to a reply hangs below that one too.
        comment: CommentId,
        /// Start of the attempt: stands in for the instant of a reply that has none.
        since: Timestamp,
        /// With what.
        access: Access,
    },
    /// Ask the platform whether the token lives. Answer: `Command::TokenChecked`.
    CheckToken {
        /// With what.
        access: Access,
    },
    /// Ask the platform for a fresh token. May come again. Answer: `Command::TokenRefreshed`.
    RefreshToken {
        /// Start of the attempt.
        since: Timestamp,
        /// With what.
        access: Access,
    },
    /// Subscribe the account's webhooks. May come again. Answer: `Command::WebhooksAsked`.
    Subscribe {
        /// Start of the attempt.
        since: Timestamp,
        /// With what.
        access: Access,
    },
    /// Look whether the account's webhooks are subscribed. Answer: `Command::WebhooksAsked`.
    ReadSubscription {
        /// Start of the attempt.
        since: Timestamp,
        /// With what.
        access: Access,
    },
    /// Note outside that data of an account is held here. May come again. Answer: `Command::CustodyNoted`.
    NoteCustody {
        /// Start of the attempt.
        since: Timestamp,
        /// Professional account id.
        account: AccountId,
        /// Every known id of the account.
        accounts: Vec<AccountId>,
    },
    /// Read a person's profile. Answer: `Command::ProfileFetched`.
    FetchProfile {
        /// Who.
        person: Igsid,
        /// With what.
        access: Access,
    },
    /// Read one message that was only hinted at. Answer: `Command::MessageLookedUp`.
    LookUpMessage {
        /// Which.
        mid: Mid,
        /// With what.
        access: Access,
    },
    /// Read below which post a comment stands. Answer: `Command::CommentLookedUp`.
    LookUpComment {
        /// Which.
        comment: CommentId,
        /// With what.
        access: Access,
    },
    /// End the subscription to the account's webhooks, once. No answer.
    Unsubscribe {
        /// With what: the token is not kept any more.
        access: Access,
    },
    /// Delete the bytes of a file that is gone, once. No answer.
    DeleteFile(FileId),
    /// The app as a whole is limited by the platform: other workspaces should pause too. No answer.
    LimitApp {
        /// Until when.
        until: Timestamp,
    },
    /// Read the workspace's own history. Answer: `Command::HistoryRead`.
    ReadHistory(LookBack),
    /// Ask the model. Answer: `Command::ModelAnswered`.
    AskModel(Box<ModelRequest>),
}

/// With what the platform is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Professional account id.
    pub account: AccountId,
    /// Access token, sealed.
    pub token: Sealed,
}

/// A message to send, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendRequest {
    /// Which message.
    pub outbound: OutboundId,
    /// Which attempt; its outcome carries the same number.
    pub attempt: u32,
    /// How and to whom.
    pub kind: Kind,
    /// What it says.
    pub content: Content,
    /// No person pressed send: the operator's stop holds it back.
    pub automatic: bool,
    /// A person wrote it, later than the window of automatic messages allows: marked so.
    pub by_human_agent: bool,
    /// With what.
    pub access: Access,
    /// The call must be over by then: later the attempt counts as unconfirmed, and something else may have been decided.
    pub lease_until: Timestamp,
}

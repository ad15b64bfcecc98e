//! What can be asked of a workspace.

use super::{
    audit::Audited,
    contact::{Crm, FieldSource},
    contact_change::{ContactChange, ManyChange, Which},
    files::FileCommand,
    inbound::InboundEvent,
    knowledge::change::KnowledgeChange,
    look_back::{Found, LookBack},
    model::{ModelAnswer, ModelFailure, QuestionId},
    plan::Plan,
    settings::SettingsPatch,
};
use crate::{
    Sealed, Timestamp,
    automation::{AutomationId, AutomationInput, AutomationPatch},
    id::{AccountId, CommentId, ContactId, Igsid, MediaId, Mid},
    outbox::{OutboundId, ReadOutcome, SendOutcome, Usage},
    requests::RequestKey,
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// What the look-up of a hinted message brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LookedUp {
    /// The message as an inbound event, with the key that its own event would have.
    Found(Arc<InboundEvent>),
    /// There is no such message of a person.
    Missing,
    /// No answer: to be asked again.
    Failed {
        /// Wait announced by the platform.
        retry_after: Option<Duration>,
    },
}

/// What the look-up of a comment brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommentPost {
    /// The post below which it stands.
    Found {
        /// The post.
        media: MediaId,
        /// It is a broadcast.
        live: bool,
    },
    /// There is no such comment, or it does not say where it stands.
    Missing,
    /// No answer: to be asked again.
    Failed {
        /// Wait announced by the platform.
        retry_after: Option<Duration>,
    },
}

/// What can be asked of a workspace. Persons are named by their Instagram-scoped id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Take in one inbound event. A second one with the same key changes nothing. From the webhook door.
    Receive(Arc<InboundEvent>),
    /// Do what is due. From the timer.
    Tick,
    /// Ask again for everything that was in flight when the last activation ended. From the shell.
    Recover,
    /// A send ended. From the outlet.
    SendFinished {
        /// Which message.
        outbound: OutboundId,
        /// Which attempt.
        attempt: u32,
        /// How.
        outcome: SendOutcome,
        /// How busy the platform says the account is.
        usage: Option<Usage>,
    },
    /// The account's own messages to a person, or its replies below a comment, were read. From the outlet.
    SentRead {
        /// The message that was looked for.
        outbound: OutboundId,
        /// Number of the read.
        read: u32,
        /// What was found.
        outcome: ReadOutcome,
        /// How busy the platform says the account is.
        usage: Option<Usage>,
    },
    /// The platform said whether the token lives. From the outlet.
    TokenChecked(TokenState),
    /// It was noted outside that data of an account is held here, or not. From the outlet.
    CustodyNoted {
        /// Professional account id.
        account: AccountId,
        /// Start of the attempt.
        since: Timestamp,
        /// It is durable.
        made: bool,
    },
    /// A person's profile came, or did not. From the outlet.
    ProfileFetched {
        /// Who.
        person: Igsid,
        /// The profile; `None` when it can not be had.
        profile: Option<Profile>,
    },
    /// A hinted message was read, or not. From the outlet.
    MessageLookedUp {
        /// Which.
        mid: Mid,
        /// What was found.
        found: LookedUp,
    },
    /// The post of a comment was read, or not. From the outlet.
    CommentLookedUp {
        /// The comment.
        comment: CommentId,
        /// What was found.
        found: CommentPost,
    },
    /// The workspace's own history was read. From the outlet.
    HistoryRead {
        /// What was asked.
        asked: LookBack,
        /// What it says; `None` when the store did not answer.
        found: Option<Found>,
    },
    /// The model answered, or did not. From the outlet.
    ModelAnswered {
        /// Which question.
        question: QuestionId,
        /// Which try.
        attempt: u32,
        /// What it said.
        result: Result<ModelAnswer, ModelFailure>,
    },
    /// Connect an Instagram account, or connect it again.
    ConnectInstagram(Connect),
    /// The platform was asked for a fresh token. From the outlet.
    TokenRefreshed {
        /// Start of the attempt.
        since: Timestamp,
        /// What it said.
        outcome: RefreshOutcome,
    },
    /// The platform was asked about the subscription to webhooks. From the outlet.
    WebhooksAsked {
        /// Start of the attempt.
        since: Timestamp,
        /// What it said.
        outcome: WebhooksOutcome,
    },
    /// Store the token sealed again under another key, if `from` still stands there.
    ResealToken {
        /// Sealed under an older key.
        from: Sealed,
        /// The same token under the current one.
        to: Sealed,
    },
    /// Disconnect the account.
    DisconnectInstagram,
    /// The platform took the permission back (deauthorisation callback).
    RevokeInstagram,
    /// Make an automation.
    CreateAutomation {
        /// Its id, made by the caller; making it again with the same id changes nothing.
        id: AutomationId,
        /// What it does.
        input: AutomationInput,
        /// Save it switched off.
        inactive: bool,
    },
    /// Change an automation.
    UpdateAutomation {
        /// Which.
        id: AutomationId,
        /// Absent fields stay, null clears.
        patch: AutomationPatch,
    },
    /// Switch an automation on or off.
    SetAutomationActive {
        /// Which.
        id: AutomationId,
        /// On.
        active: bool,
    },
    /// Delete an automation; its logs stay.
    DeleteAutomation {
        /// Which.
        id: AutomationId,
    },
    /// Change settings.
    UpdateSettings(SettingsPatch),
    /// Change the owner's facts.
    Knowledge(KnowledgeChange),
    /// Ask for everything that is known to be copied to memory; at most every ten minutes.
    SyncMemory,
    /// A write that is noted in the audit log, with its author.
    Audited(Audited),
    /// Set the owner's or business's name. 1 to 100 characters.
    SetName(String),
    /// Set the hours between two syncs of contacts; taken into their bounds.
    SetSyncInterval(u8),
    /// Take in, use or delete a file.
    Files(FileCommand),
    /// Take one of the day's previews during onboarding.
    TakePreview,
    /// The plan changed. From billing.
    SetPlan(Plan),
    /// Leave a thread to a person.
    SetHrn {
        /// Whose.
        person: Igsid,
        /// Why, at most 300 characters.
        reason: Option<String>,
    },
    /// The thread needs no person any more.
    ClearHrn {
        /// Whose.
        person: Igsid,
    },
    /// Let automation rest for a contact.
    PauseContact {
        /// Who.
        person: Igsid,
        /// For how long; `None` until resumed.
        pause: Option<Duration>,
    },
    /// Let automation act for a contact again: ends a pause, an opt-out and another app's control of the thread.
    ResumeContact {
        /// Who.
        person: Igsid,
    },
    /// Block or unblock a contact.
    SetBlocked {
        /// Who.
        person: Igsid,
        /// Blocked.
        blocked: bool,
    },
    /// Replace the owner's fields of a contact.
    SetCrm {
        /// Who.
        person: Igsid,
        /// The fields.
        crm: Crm,
    },
    /// Change one contact. Frozen workspaces only clear the lock and delete.
    Contact {
        /// By the id that clients see, or by the one on Instagram.
        contact: ContactId,
        /// What.
        change: ContactChange,
        /// Who asks: fields that a person set are not overwritten by analyses.
        by: FieldSource,
    },
    /// Change many contacts, at once as far as it fits in one record; the rest follows. Reply: `Many`.
    ManyContacts {
        /// Which.
        which: Which,
        /// What.
        change: ManyChange,
        /// Who asks.
        by: FieldSource,
    },
    /// Write to a contact by hand, inside the 24-hour window.
    SendMessage {
        /// Who.
        person: Igsid,
        /// Made by the client for each press of the button; the same key sends once. At most 128 characters.
        key: String,
        /// Text, at most 1000 bytes.
        text: String,
    },
    /// Take a waiting message back.
    CancelOutbound {
        /// Which.
        outbound: OutboundId,
    },
    /// Try a dead letter again; what stood in its way is looked at again.
    ReplayDeadLetter {
        /// Which.
        outbound: OutboundId,
    },
    /// Send again a message of which nobody knows whether it arrived.
    ResendUnknown {
        /// Which.
        outbound: OutboundId,
        /// Made by the client for each press of the button. At most 128 characters.
        key: String,
    },
    /// Lift the stop of automatic sends after a safety refusal.
    LiftSafetyStop,
    /// Erase the workspace with everything in it, its history included: the user is deleted. Afterwards it is vacant; a
    /// vacant one is left as it is.
    Erase,
    /// Erase what came from an Instagram account: token, contacts, threads, comments, decisions, what waits, the whole
    /// history. The owner's automations, settings, facts, plan and counters stay. Of an account that was connected before
    /// another one, its contacts go, and whatever is older than the present connection; what came with that one stays,
    /// except for its history. Without data of the account nothing happens. (Data deletion request of the platform.)
    EraseInstagramData {
        /// Either id of the account.
        account: AccountId,
    },
    /// A command that a client asks for under a key: decided the first time, answered as then when it comes again.
    Once {
        /// Names it.
        key: RequestKey,
        /// What is asked. No other of this kind.
        command: Box<Command>,
    },
    /// Notifications up to this number were read.
    ReadNotifications {
        /// Number.
        no: u64,
    },
}

/// An Instagram account to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// Professional account id.
    pub account: AccountId,
    /// Id scoped to the app.
    pub app_scoped: Option<AccountId>,
    /// Handle.
    pub username: String,
    /// Access token, sealed.
    pub token: Sealed,
    /// Permissions granted.
    pub scopes: Vec<String>,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// What asking for a fresh token brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefreshOutcome {
    /// A token that lives longer.
    Renewed {
        /// Sealed token.
        token: Sealed,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Not now, as for a token that is younger than a day; says nothing of the connection.
    Refused,
    /// The platform does not take the token.
    TokenRefused,
    /// No answer: to be asked again.
    Failed {
        /// Wait announced by the platform.
        retry_after: Option<Duration>,
    },
    /// Too many are asked for at once: not asked yet.
    Later {
        /// Wait before it is tried.
        after: Duration,
    },
}

/// What asking about the subscription to webhooks brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WebhooksOutcome {
    /// The account is subscribed now.
    Subscribed,
    /// The subscription stands.
    Whole,
    /// It stands without fields that the product can do without.
    Partial,
    /// There is none, or one without what the product needs.
    Missing,
    /// The platform does not take the token.
    TokenRefused,
    /// No answer, or a refusal: to be asked again.
    Failed {
        /// Wait announced by the platform.
        retry_after: Option<Duration>,
    },
}

/// Whether a token lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenState {
    /// It does.
    Alive,
    /// It does not; with the platform's words.
    Dead(Arc<str>),
    /// The platform could not be asked.
    Unknown,
}

/// A person's profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Handle.
    pub username: Option<Arc<str>>,
    /// Name.
    pub display_name: Option<Arc<str>>,
    /// Picture; expires within days.
    pub profile_pic_url: Option<Arc<str>>,
}

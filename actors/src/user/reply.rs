//! Answers to commands, and why one is refused.

use super::{
    decision::{DecisionNo, Verdict},
    knowledge::EntryId,
    settings::Settings,
};
use crate::{
    automation::{Automation, AutomationId, FieldError, FieldWarning},
    outbox::{ControlError, EnqueueError, OutboundId},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// The answer to a command. Kept for requests that come again: the stored form must stay readable for a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`super::Command::Receive`].
    Received {
        /// Number of the event's decision.
        no: DecisionNo,
        /// Where it stands; `None` for a duplicate.
        verdict: Option<Verdict>,
    },
    /// Done, nothing to tell.
    Done,
    /// The automation as it stands now.
    Automation {
        /// The automation.
        automation: Arc<Automation>,
        /// What the owner should know.
        warnings: Vec<FieldWarning>,
    },
    /// The settings as they stand now.
    Settings(Arc<Settings>),
    /// A message was put in the outbox.
    Queued(OutboundId),
    /// An offer, an answer or a link that was made or changed.
    Entry(EntryId),
    /// Several of them.
    Entries(Entries),
    /// To [`super::Command::ManyContacts`].
    Many {
        /// Contacts changed.
        done: u32,
        /// Contacts that were as asked already, or had no room for a tag.
        unchanged: u32,
        /// Contacts that follow.
        queued: u32,
    },
}

/// Offers, questions and links that were made or changed together: their ids, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entries {
    /// Links.
    pub links: Vec<EntryId>,
    /// Offers.
    pub offers: Vec<EntryId>,
    /// Questions.
    pub faqs: Vec<EntryId>,
}

/// Why a command is refused. Changes nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// No such contact in this workspace.
    #[error("no such contact")]
    NoContact,
    /// The contact has the tag already.
    #[error("tag already exists")]
    TagPresent,
    /// Too many changes of many contacts go on.
    #[error("other changes of many contacts are going on")]
    TooManyBulks,
    /// No such automation in this workspace.
    #[error("no such automation")]
    NoAutomation,
    /// No such offer, question or link in this workspace.
    #[error("no such {0}")]
    NoEntry(&'static str),
    /// It was done a moment ago.
    #[error("this was done a moment ago")]
    TooSoon {
        /// When it may be done again.
        retry_after: Duration,
    },
    /// Instagram is not connected.
    #[error("instagram is not connected")]
    NotConnected,
    /// Another Instagram account is connected.
    #[error("another instagram account is connected")]
    OtherAccountConnected,
    /// The event belongs to another account.
    #[error("the event belongs to another account")]
    ForeignAccount,
    /// Fields are wrong.
    #[error("{} invalid fields", .0.len())]
    Invalid(Vec<FieldError>),
    /// Another live automation has the same trigger in the same place.
    #[error("trigger is used by another automation")]
    TriggerTaken {
        /// The other automation.
        by: AutomationId,
        /// The trigger.
        trigger: String,
    },
    /// There are too many of them.
    #[error("at most {0} automations")]
    TooManyAutomations(usize),
    /// The workspace is over a limit of its plan.
    #[error(
        "workspace is over a limit of its plan: {contacts_over} contacts and {automations_over} automations too many"
    )]
    Frozen {
        /// Contacts to remove.
        contacts_over: u32,
        /// Automations to switch off.
        automations_over: u32,
    },
    /// The plan has no room for one more active automation.
    #[error("plan allows {0} active automations")]
    AutomationLimit(u32),
    /// The plan's replies of the month are used up.
    #[error("no replies left in this month")]
    SendLimit,
    /// A message can not be put in the outbox.
    #[error("message not accepted")]
    NotAccepted(#[from] EnqueueError),
    /// A message in the outbox can not be changed like that.
    #[error("message not changed")]
    NotChanged(#[from] ControlError),
    /// Events of the present connection wait in the history, which can not be erased before they are taken up.
    #[error("events of the connected account still wait in the history")]
    EventsWait,
    /// The person never wrote, or too long ago.
    #[error("the reply window is closed")]
    WindowClosed,
}

impl Rejection {
    /// Stable code for clients.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoContact
            | Self::NoAutomation
            | Self::NoEntry(_)
            | Self::NotChanged(ControlError::NotFound) => "NOT_FOUND",
            Self::TooSoon { .. } => "RATE_LIMITED",
            Self::NotConnected => "NOT_CONNECTED",
            Self::TagPresent
            | Self::TooManyBulks
            | Self::OtherAccountConnected
            | Self::TriggerTaken { .. }
            | Self::NotChanged(_) => "CONFLICT",
            Self::ForeignAccount | Self::Invalid(_) | Self::TooManyAutomations(_) => "VALIDATION",
            Self::Frozen { .. } => "BILLING_STRUCTURALLY_FROZEN",
            Self::SendLimit => "BILLING_SIDEKICK_SEND_LIMIT_REACHED",
            Self::AutomationLimit(_) => "BILLING_AUTOMATION_LIMIT_REACHED",
            Self::NotAccepted(_) | Self::WindowClosed | Self::EventsWait => "CONFLICT",
        }
    }
}

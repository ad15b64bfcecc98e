//! What the owner is told.

use super::usage::Quota;
use crate::{Timestamp, id::Igsid, outbox::OutboundId, slices};
use imbl::Vector;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};

/// Notifications kept; older ones leave to the history stream `notifications`.
pub const NOTIFICATIONS_MAX: usize = 100;

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Number in the workspace, growing.
    pub no: u64,
    /// When.
    pub at: Timestamp,
    /// About what.
    pub kind: NotificationKind,
    /// When the owner read it.
    pub read_at: Option<Timestamp>,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotificationKind {
    /// A contact needs a person.
    HumanNeeded {
        /// Who.
        person: Igsid,
        /// Category of the reason.
        category: Cow<'static, str>,
        /// Safety of a person: not to be put off.
        urgent: bool,
    },
    /// Messages wait until Instagram is connected again.
    WaitingForConnection,
    /// The token ended or was taken back.
    ReconnectNeeded {
        /// Last problem.
        reason: Arc<str>,
    },
    /// The token could not be refreshed so far: the connection ends unless it is made again.
    ConnectionEnding {
        /// When.
        at: Timestamp,
    },
    /// The platform had ended the delivery of webhooks: what was written between may be missing here.
    WebhooksInterrupted {
        /// From then at the earliest.
        from: Timestamp,
        /// Until then.
        until: Timestamp,
    },
    /// A permission is missing.
    PermissionMissing {
        /// The platform's code and subcode.
        code: (u32, u32),
    },
    /// A quota is nearly or wholly used up.
    QuotaUsed {
        /// Which.
        quota: Quota,
        /// 80 or 100.
        percent: u8,
    },
    /// New contacts wait for room in the plan.
    ContactsWaiting,
    /// An automation came to its end.
    AutomationExpired {
        /// Automation id.
        automation: Arc<str>,
        /// Its title.
        title: Arc<str>,
    },
    /// An automation was switched off because its messages are refused.
    AutomationDisabled {
        /// Automation id.
        automation: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// Nobody knows whether a message arrived; it can be sent again.
    DeliveryUnknown {
        /// Which.
        outbound: OutboundId,
    },
    /// A message could not be delivered.
    DeliveryFailed {
        /// Which.
        outbound: OutboundId,
    },
    /// Automatic sends are stopped for the safety of the account.
    SafetyStop {
        /// Until when.
        until: Timestamp,
        /// The platform's own words.
        message: Option<Arc<str>>,
    },
    /// Instagram slows the account down.
    SlowedDown {
        /// Until when.
        until: Timestamp,
    },
    /// Many people can not be reached.
    ManyUnreachable,
}

/// Recent notifications, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Notifications(Vector<Arc<Notification>>);

impl Notifications {
    /// The same rows, shared.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        slices::same_rows(&self.0, &other.0)
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Notification>> {
        self.0.iter().rev()
    }

    /// The one that leaves when another comes.
    #[must_use]
    pub fn leaving(&self) -> Option<&Arc<Notification>> {
        (self.0.len() >= NOTIFICATIONS_MAX).then(|| self.0.front()).flatten()
    }

    /// Drops what is older.
    pub(super) fn forget(&mut self, before: Timestamp) {
        self.0.retain(|told| told.at >= before);
    }

    pub(super) fn push(&mut self, notification: Arc<Notification>) {
        if self.0.len() >= NOTIFICATIONS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(notification);
    }

    /// Drops what is about a person.
    pub(super) fn forget_person(&mut self, person: &Igsid) {
        let about = |told: &Notification| matches!(&told.kind, NotificationKind::HumanNeeded { person: of, .. } if of == person);
        if self.0.iter().any(|told| about(told)) {
            self.0.retain(|told| !about(told));
        }
    }

    pub(super) fn mark_read(&mut self, no: u64, at: Timestamp) {
        for notification in self.0.iter_mut().filter(|n| n.no <= no && n.read_at.is_none()) {
            Arc::make_mut(notification).read_at = Some(at);
        }
    }
}

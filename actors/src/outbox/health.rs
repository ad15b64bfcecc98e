//! How sends of the account have gone lately: what an outcome means beyond its own message.

use super::{
    AutomationRef, CONTENT_COUNTERS_MAX, CONTENT_FAILURES_MAX, FailureClass, Outbound, RECIPIENT_SAMPLE,
    RECIPIENT_SHARE_MAX, RECIPIENT_STREAK_MAX, Refusal, SAFETY_FORGOTTEN, SAFETY_STOP, SAFETY_STOP_MAX,
    ThreadId, USAGE_BELIEVED, USAGE_BUSY, USAGE_FULL, USAGE_SLOW,
};
use crate::Timestamp;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

/// The platform's code for "permission, or this recipient": only a streak tells which.
const PERMISSION_OR_RECIPIENT: u32 = 200;

/// Counters over the last outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Health {
    /// Content refusals in a row, by automation.
    content: OrdMap<AutomationRef, u8>,
    /// Different threads in a row that were refused with code 200.
    recipients: Vec<ThreadId>,
    /// 1/99 in a row.
    pub(super) ambiguous: u8,
    /// The last outcomes, newest in the lowest bit; set when the person could not be reached.
    sample: u128,
}

impl Health {
    /// A message arrived.
    pub(super) fn delivered(&mut self, item: &Outbound) {
        if let Some(automation) = &item.automation {
            self.content.remove(automation);
        }
        self.recipients.clear();
        self.ambiguous = 0;
        self.note(false);
    }

    /// A message was refused for good.
    pub(super) fn failed(&mut self, item: &Outbound, refusal: &Refusal) {
        self.note(refusal.class == FailureClass::Recipient);
        if refusal.code == PERMISSION_OR_RECIPIENT && refusal.class == FailureClass::Recipient {
            if !self.recipients.contains(&item.thread) {
                self.recipients.push(item.thread.clone());
                self.recipients.truncate(RECIPIENT_STREAK_MAX);
            }
        } else {
            self.recipients.clear();
        }
        if let (FailureClass::Content, Some(automation), false) =
            (refusal.class, &item.automation, item.kind.is_public())
        {
            let count = self.content_failures(automation).saturating_add(1);
            if self.content.len() < CONTENT_COUNTERS_MAX || self.content.contains_key(automation) {
                self.content.insert(automation.clone(), count);
            }
        }
    }

    /// An automation was given up; its count starts again.
    pub(super) fn given_up(&mut self, automation: &AutomationRef) {
        self.content.remove(automation);
    }

    /// One more content refusal is one too many for this automation.
    pub(super) fn gives_up(&self, automation: &AutomationRef) -> bool {
        self.content_failures(automation).saturating_add(1) >= CONTENT_FAILURES_MAX
    }

    /// A refusal for this thread is the one that shows a missing permission.
    pub(super) fn is_permission(&self, thread: &ThreadId, refusal: &Refusal) -> bool {
        refusal.code == PERMISSION_OR_RECIPIENT
            && refusal.class == FailureClass::Recipient
            && !self.recipients.contains(thread)
            && self.recipients.len().saturating_add(1) >= RECIPIENT_STREAK_MAX
    }

    /// So many people can not be reached that the account goes at half pace.
    pub(super) const fn is_slowed(&self) -> bool {
        self.sample.count_ones() > RECIPIENT_SHARE_MAX * RECIPIENT_SAMPLE / 100
    }

    /// One more unreachable person makes the account slow.
    pub(super) fn slows(&self) -> bool {
        let mut next = Self { sample: self.sample, ..Self::default() };
        next.note(true);
        next.is_slowed() && !self.is_slowed()
    }

    fn content_failures(&self, automation: &AutomationRef) -> u8 {
        self.content.get(automation).copied().unwrap_or_default()
    }

    const fn note(&mut self, unreachable: bool) {
        let kept = (1_u128 << RECIPIENT_SAMPLE) - 1;
        self.sample = ((self.sample << 1) | unreachable as u128) & kept;
    }
}

/// The stop after a safety refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Safety {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) level: u8,
}

impl Safety {
    /// The stop after a refusal of an attempt that started at an instant: the same one when the attempt was in flight
    /// when it began, else twice as long as the last one.
    pub(super) fn after(last: Option<&Self>, started_at: Timestamp, now: Timestamp) -> Option<Self> {
        let level = match last {
            Some(last) if started_at <= last.since && now < last.until => return None,
            Some(last) if now < last.until + SAFETY_FORGOTTEN => last.level.saturating_add(1),
            _ => 1,
        };
        let doubled = SAFETY_STOP.saturating_mul(1 << u32::from(level.saturating_sub(1)).min(8));
        Some(Self { since: now, until: now + doubled.min(SAFETY_STOP_MAX), level })
    }
}

/// What the platform last said about the account's usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotedUsage {
    pub(super) percent: u16,
    pub(super) at: Timestamp,
}

/// What a usage means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum UsageLevel {
    Normal,
    Busy,
    Slow,
    Full,
}

impl UsageLevel {
    pub(super) const fn of(percent: u16) -> Self {
        match percent {
            USAGE_FULL.. => Self::Full,
            USAGE_SLOW.. => Self::Slow,
            USAGE_BUSY.. => Self::Busy,
            _ => Self::Normal,
        }
    }
}

impl NotedUsage {
    /// The level while the report is believed.
    pub(super) fn level(&self, now: Timestamp) -> UsageLevel {
        if now < self.at + USAGE_BELIEVED { UsageLevel::of(self.percent) } else { UsageLevel::Normal }
    }
}

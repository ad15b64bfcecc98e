//! What a workspace used of its plan, by UTC month. Checking and reserving is one step.

use super::{
    calendar::Month,
    plan::{Limits, Plan},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Months kept for the usage page.
pub const MONTHS_MAX: usize = 13;
/// First warning, in percent of a quota.
pub const WARN_PERCENT: u32 = 80;

/// Plan and counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// What is paid for.
    pub plan: Plan,
    /// Counters of the last months, oldest first. At most [`MONTHS_MAX`].
    months: Arc<Vec<(Month, MonthUsage)>>,
}

/// Counters of one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MonthUsage {
    /// Replies delivered.
    pub sends: u32,
    /// Of those, private replies to comments.
    pub private_replies: u32,
    /// Replies on their way, counted against the quota until they end.
    pub reserved: u32,
    /// Contacts created.
    pub new_contacts: u32,
    /// Prompts to the chat.
    pub chat_prompts: u32,
    /// Highest warning told for sends: 0, [`WARN_PERCENT`] or 100.
    pub sends_warned: u8,
    /// The same for new contacts.
    pub new_contacts_warned: u8,
    /// The same for all contacts.
    pub contacts_warned: u8,
}

/// A kind of quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Replies of the month.
    Sends,
    /// New contacts of the month.
    NewContacts,
    /// Contacts in all.
    Contacts,
}

impl Usage {
    /// Nothing changed since the other; may say so of equal counters that were made anew.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.plan == other.plan && Arc::ptr_eq(&self.months, &other.months)
    }

    /// Limits of the plan.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.plan.limits()
    }

    /// Counters of a month.
    #[must_use]
    pub fn month(&self, month: Month) -> MonthUsage {
        self.months.iter().rev().find(|(of, _)| *of == month).map(|(_, usage)| *usage).unwrap_or_default()
    }

    /// Counters by month, oldest first.
    pub fn months(&self) -> impl Iterator<Item = (Month, MonthUsage)> {
        self.months.iter().copied()
    }

    /// Replies left in a month; `None` is unlimited.
    #[must_use]
    pub fn sends_left(&self, month: Month) -> Option<u32> {
        let used = self.month(month);
        self.limits().sends.map(|limit| limit.saturating_sub(used.sends.saturating_add(used.reserved)))
    }

    /// There is room for one more new contact.
    #[must_use]
    pub fn has_room_for_contact(&self, month: Month, contacts: usize) -> bool {
        let limits = self.limits();
        limits.contacts.is_none_or(|limit| contacts < limit as usize)
            && limits.new_contacts.is_none_or(|limit| self.month(month).new_contacts < limit)
    }

    /// The warning that is due and was not told in this month: 80 or 100.
    #[must_use]
    pub fn warning_due(&self, quota: Quota, month: Month, contacts: usize) -> Option<u8> {
        let used = self.month(month);
        let told = match quota {
            Quota::Sends => used.sends_warned,
            Quota::NewContacts => used.new_contacts_warned,
            Quota::Contacts => used.contacts_warned,
        };
        let level = used.level(quota, &self.limits(), contacts);
        (level > told).then_some(level)
    }

    /// Another plan: what was told under the limits of the one before is forgotten where it is not so any more.
    pub(super) fn set_plan(&mut self, plan: Plan, contacts: usize) {
        self.plan = plan;
        let limits = self.limits();
        for (_, month) in Arc::make_mut(&mut self.months) {
            let level = |quota| month.level(quota, &limits, contacts);
            let now = [Quota::Sends, Quota::NewContacts, Quota::Contacts].map(level);
            month.sends_warned = month.sends_warned.min(now[0]);
            month.new_contacts_warned = month.new_contacts_warned.min(now[1]);
            month.contacts_warned = month.contacts_warned.min(now[2]);
        }
    }

    /// Nothing is on its way any more.
    pub(super) fn release_all(&mut self) {
        for (_, month) in Arc::make_mut(&mut self.months) {
            month.reserved = 0;
        }
    }

    /// Changes the counters of a month.
    pub(super) fn change(&mut self, month: Month, change: impl FnOnce(&mut MonthUsage)) {
        let months = Arc::make_mut(&mut self.months);
        let place = match months.binary_search_by_key(&month, |(of, _)| *of) {
            Ok(place) => place,
            Err(place) => {
                months.insert(place, (month, MonthUsage::default()));
                place
            }
        };
        change(&mut months[place].1);
        if months.len() > MONTHS_MAX {
            months.remove(0);
        }
    }
}

impl MonthUsage {
    /// How much of a quota is used up: 0, [`WARN_PERCENT`] or 100 percent.
    fn level(&self, quota: Quota, limits: &Limits, contacts: usize) -> u8 {
        let (count, limit) = match quota {
            Quota::Sends => (self.sends.saturating_add(self.reserved), limits.sends),
            Quota::NewContacts => (self.new_contacts, limits.new_contacts),
            Quota::Contacts => (u32::try_from(contacts).unwrap_or(u32::MAX), limits.contacts),
        };
        match limit {
            Some(limit) if count >= limit => 100,
            Some(limit) if u64::from(count) * 100 >= u64::from(limit) * u64::from(WARN_PERCENT) => 80,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn after_an_upgrade_the_new_quota_is_warned_of_again() {
        let month = Month::of(Timestamp::from_millis(1_768_046_400_000));
        let mut usage = Usage::default();
        usage.change(month, |used| (used.sends, used.sends_warned, used.contacts_warned) = (10, 100, 80));
        assert_eq!(usage.warning_due(Quota::Sends, month, 45), None);
        usage.set_plan(Plan::Starter, 45);
        usage.change(month, |used| used.sends = 800);
        assert_eq!(usage.warning_due(Quota::Sends, month, 45), Some(80));
        assert_eq!(usage.warning_due(Quota::Contacts, month, 1_600), Some(80));
        usage.set_plan(Plan::Free, 45);
        usage.change(month, |used| used.sends_warned = 100);
        usage.set_plan(Plan::Free, 45);
        assert_eq!(usage.warning_due(Quota::Sends, month, 45), None, "the same plan tells nothing twice");
    }
}

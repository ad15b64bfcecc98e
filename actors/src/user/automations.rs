//! The owner's automations with their compiled matcher.

use crate::{
    Timestamp,
    automation::{Automation, AutomationId, Matcher},
};
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// Most automations of a workspace, switched on or off.
pub const AUTOMATIONS_MAX: usize = 5_000;
/// Most switched-off automations on plans with a limit (product rule).
pub const INACTIVE_MAX: usize = 200;

/// All automations of a workspace.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Automations {
    list: OrdMap<AutomationId, Arc<Automation>>,
    /// Private replies delivered, by automation: apart, because they change often.
    counts: OrdMap<AutomationId, u64>,
    /// Which wording of the public reply was used last, by automation with several.
    #[serde(default)]
    worded: OrdMap<AutomationId, u8>,
    /// Compiled triggers of the live ones. Derived, when first asked for: a batch of changes, a replay or a dormant
    /// workspace compiles nothing in vain. A change puts a new cell here, and clones of the same list share theirs.
    #[serde(skip)]
    matcher: Arc<OnceLock<Matcher>>,
    /// How many are switched on. Derived.
    #[serde(skip)]
    active: u32,
    /// When the switched-on ones expire. Derived.
    #[serde(skip)]
    expiries: OrdSet<(Timestamp, AutomationId)>,
}

impl Automations {
    /// Nothing that clients see changed since the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.list.ptr_eq(&other.list) && self.counts.ptr_eq(&other.counts)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Automation>> {
        self.list.get(id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Automation>> {
        self.list.values()
    }

    /// One of them with its count of delivered private replies, for clients.
    #[must_use]
    pub fn counted(&self, automation: &Arc<Automation>) -> Arc<Automation> {
        match self.counts.get(&automation.id) {
            Some(count) if *count > 0 => {
                let mut counted = Automation::clone(automation);
                counted.comment_reply_count = counted.comment_reply_count.saturating_add(*count);
                Arc::new(counted)
            }
            _ => Arc::clone(automation),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many are switched on.
    #[must_use]
    pub const fn active(&self) -> u32 {
        self.active
    }

    /// The compiled triggers.
    #[must_use]
    pub fn matcher(&self) -> &Matcher {
        self.matcher.get_or_init(|| {
            Matcher::compile(self.list.values().filter(|one| one.is_active).map(AsRef::as_ref))
        })
    }

    /// The first instant at which a switched-on one expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.get_min().map(|(at, _)| *at)
    }

    /// A switched-on one that has expired.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<&Arc<Automation>> {
        let (_, id) = self.expiries.get_min().filter(|(at, _)| *at <= now)?;
        self.list.get(id)
    }

    pub(super) fn set(&mut self, automation: Arc<Automation>) {
        self.forget(&automation.id);
        self.note(&automation);
        self.list.insert(automation.id.clone(), automation);
        self.matcher = Arc::default();
    }

    pub(super) fn delete(&mut self, id: &AutomationId) {
        self.forget(id);
        self.list.remove(id);
        self.counts.remove(id);
        self.worded.remove(id);
        self.matcher = Arc::default();
    }

    /// Enters a switched-on one in what is derived.
    fn note(&mut self, automation: &Automation) {
        if automation.is_active {
            self.active = self.active.saturating_add(1);
            self.expiries.extend(automation.content.expires_at.map(|at| (at, automation.id.clone())));
        }
    }

    /// Undoes [`Self::note`] for the one that is in the list.
    fn forget(&mut self, id: &AutomationId) {
        let Some(before) = self.list.get(id).filter(|before| before.is_active) else { return };
        self.active = self.active.saturating_sub(1);
        if let Some(at) = before.content.expires_at {
            self.expiries.remove(&(at, id.clone()));
        }
    }

    pub(super) fn count(&mut self, id: &AutomationId) {
        if self.list.contains_key(id) {
            let count = self.counts.entry(id.clone()).or_insert(0);
            *count = count.saturating_add(1);
        }
    }

    /// Which of its wordings an automation used last.
    pub(super) fn last_wording(&self, id: &AutomationId) -> Option<usize> {
        self.worded.get(id).map(|wording| usize::from(*wording))
    }

    pub(super) fn word(&mut self, id: &AutomationId, wording: u8) {
        if self.list.contains_key(id) {
            self.worded.insert(id.clone(), wording);
        }
    }

    pub(super) fn rebuild(&mut self) {
        self.matcher = Arc::default();
        self.active = 0;
        self.expiries = OrdSet::new();
        for automation in self.list.clone().values() {
            self.note(automation);
        }
    }
}

impl fmt::Debug for Automations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Automations({} of which {} active)", self.list.len(), self.active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changing_thousands_of_automations_compiles_their_triggers_once_and_only_when_asked() {
        let now = Timestamp::from_millis(1_767_225_600_000);
        let input = crate::automation::AutomationInput {
            title: "price".into(),
            trigger_word: Some("price".into()),
            response_type: "fixed".into(),
            response_content: "10".into(),
            expires_at: Some(now + std::time::Duration::from_secs(60)),
            ..crate::automation::AutomationInput::default()
        };
        let content = crate::automation::validate(&input, now).unwrap().content;
        let mut automations = Automations::default();
        for no in 0..AUTOMATIONS_MAX {
            let id = AutomationId::from(format!("a{no}").as_str());
            automations.set(Arc::new(Automation::new(id, content.clone(), now)));
            assert!(automations.matcher.get().is_none());
        }
        assert_eq!(automations.active() as usize, AUTOMATIONS_MAX);
        let shared = automations.clone();
        let _ = shared.matcher();
        assert!(automations.matcher.get().is_some(), "clones share what is compiled");
        let later = now + std::time::Duration::from_secs(60);
        while let Some(expired) = automations.expired(later).cloned() {
            automations.set(Arc::new(Automation { is_active: false, ..Automation::clone(&expired) }));
        }
        assert_eq!((automations.active(), automations.next_expiry()), (0, None));
        assert!(automations.matcher.get().is_none() && shared.matcher.get().is_some());
    }
}

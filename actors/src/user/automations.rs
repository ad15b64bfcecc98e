//! The owner's automations with their compiled matcher.

use crate::{
    Timestamp,
    automation::{Automation, AutomationId, Matcher},
};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

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
    /// Compiled triggers of the live ones. Derived.
    #[serde(skip)]
    matcher: Matcher,
    /// How many are switched on. Derived.
    #[serde(skip)]
    active: u32,
    /// The first instant at which a switched-on one expires. Derived.
    #[serde(skip)]
    next_expiry: Option<Timestamp>,
}

impl Automations {
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
    pub const fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// The first instant at which a switched-on one expires.
    #[must_use]
    pub const fn next_expiry(&self) -> Option<Timestamp> {
        self.next_expiry
    }

    /// A switched-on one that has expired.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<&Arc<Automation>> {
        self.next_expiry.filter(|at| *at <= now)?;
        self.list.values().find(|automation| automation.is_active && automation.is_expired(now))
    }

    pub(super) fn set(&mut self, automation: Arc<Automation>) {
        self.list.insert(automation.id.clone(), automation);
        self.rebuild();
    }

    pub(super) fn delete(&mut self, id: &AutomationId) {
        self.list.remove(id);
        self.counts.remove(id);
        self.rebuild();
    }

    pub(super) fn count(&mut self, id: &AutomationId) {
        if self.list.contains_key(id) {
            let count = self.counts.entry(id.clone()).or_insert(0);
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn rebuild(&mut self) {
        let active = || self.list.values().filter(|automation| automation.is_active);
        self.matcher = Matcher::compile(active().map(AsRef::as_ref));
        self.next_expiry = active().filter_map(|automation| automation.content.expires_at).min();
        self.active = u32::try_from(active().count()).unwrap_or(u32::MAX);
    }
}

impl fmt::Debug for Automations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Automations({} of which {} active)", self.list.len(), self.active)
    }
}

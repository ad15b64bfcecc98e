//! Parts of a workspace that readers tell apart.
//!
//! A function names the parts that it reads; it is run again only when one of them changed.

use super::User;
use crate::slices::Slices;
use std::sync::Arc;

/// The connection to Instagram, and the syncs of contacts.
pub const CONNECTION: Slices = Slices::one(0);
/// Settings and the name.
pub const SETTINGS: Slices = Slices::one(1);
/// Offers, answers, links, tone.
pub const KNOWLEDGE: Slices = Slices::one(2);
/// Plan and counters.
pub const USAGE: Slices = Slices::one(3);
/// Contacts with their threads and locks.
pub const CONTACTS: Slices = Slices::one(4);
/// Automations with their counts.
pub const AUTOMATIONS: Slices = Slices::one(5);
/// The activity list.
pub const LOGS: Slices = Slices::one(6);
/// What the owner was told.
pub const NOTIFICATIONS: Slices = Slices::one(7);
/// Recent decisions.
pub const DECISIONS: Slices = Slices::one(8);
/// The audit log.
pub const AUDIT: Slices = Slices::one(9);
/// Files.
pub const FILES: Slices = Slices::one(12);
/// Everything that has no part of its own: outbox, lines, timers, remembered requests.
pub const REST: Slices = Slices::one(15);

/// What differs.
pub(super) fn changed(before: &User, after: &User) -> Slices {
    let connection = match (&before.integration, &after.integration) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (None, None) => true,
        _ => false,
    };
    let connection = connection && before.contact_sync == after.contact_sync;
    let settings = Arc::ptr_eq(&before.settings, &after.settings) && before.name == after.name;
    REST.and(CONNECTION.when(!connection))
        .and(SETTINGS.when(!settings))
        .and(KNOWLEDGE.when(!Arc::ptr_eq(&before.knowledge, &after.knowledge)))
        .and(FILES.when(!before.files.is_same(&after.files)))
        .and(USAGE.when(!before.usage.is_same(&after.usage)))
        .and(CONTACTS.when(!before.contacts.ptr_eq(&after.contacts)))
        .and(AUTOMATIONS.when(!before.automations.is_same(&after.automations)))
        .and(LOGS.when(!before.logs.is_same(&after.logs)))
        .and(NOTIFICATIONS.when(!before.notifications.is_same(&after.notifications)))
        .and(AUDIT.when(!before.audit.is_same(&after.audit)))
        .and(DECISIONS.when(!before.decisions.ptr_eq(&after.decisions)))
}

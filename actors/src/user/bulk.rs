//! Changing many contacts: as many as fit in one record at once, the rest tick by tick.

use super::{
    Rejection, Reply, User, UserEvent, cancel,
    contact::{FieldSource, TAGS_MAX},
    contact_change::{Bulk, ContactPatch, Left, ManyChange, NAMED_MAX, Which, tag},
    contact_filter::{ContactFilter, Matcher},
    control,
    decision::CancelReason,
    forget, owner,
};
use crate::{
    Draft, Timestamp,
    automation::{FieldCode, FieldError},
    id::Igsid,
};
use imbl::OrdMap;
use std::{ops::Bound, sync::Arc};

/// Most changes that go on at the same time.
pub const BULKS_MAX: usize = 8;
/// Contacts looked at by one decision.
const SCAN_MAX: usize = 8_192;

/// Changes that go on, by their number.
pub type Bulks = OrdMap<u64, Arc<Bulk>>;

/// Begins a change of many contacts.
pub(super) fn begin(
    draft: &mut Draft<User>,
    now: Timestamp,
    which: &Which,
    change: &ManyChange,
    by: FieldSource,
) -> Result<Reply, Rejection> {
    if !matches!(change, ManyChange::Delete | ManyChange::Hrn(false)) {
        control::refuse_when_frozen(draft)?;
    }
    let change = checked(change)?;
    if draft.bulks.len() >= BULKS_MAX {
        return Err(Rejection::TooManyBulks);
    }
    let (left, meant) = left(draft, which)?;
    let mut bulk = Bulk { no: draft.next_side, change, by, at: now, left };
    let (done, unchanged, is_over) = work(draft, now, &mut bulk, None);
    if is_over {
        owner::take_overflow(draft, now);
    } else {
        draft.emit(UserEvent::BulkSet(Arc::new(bulk)));
    }
    let queued = if is_over { 0 } else { meant.saturating_sub(done + unchanged) };
    Ok(Reply::Many { done: count(done), unchanged: count(unchanged), queued: count(queued) })
}

fn count(contacts: usize) -> u32 {
    u32::try_from(contacts).unwrap_or(u32::MAX)
}

fn checked(change: &ManyChange) -> Result<ManyChange, Rejection> {
    let tag = |typed: &str| tag(typed).map_err(|error| Rejection::Invalid(vec![error]));
    Ok(match change {
        ManyChange::Tag(typed) => ManyChange::Tag(tag(typed)?),
        ManyChange::Untag(typed) => ManyChange::Untag(tag(typed)?),
        other => other.clone(),
    })
}

/// Who is meant, and how many they are.
fn left(user: &User, which: &Which) -> Result<(Left, usize), Rejection> {
    match which {
        Which::Named(ids) if ids.len() > NAMED_MAX => {
            let error = FieldError::new("ids", FieldCode::TooMany, "at most 500 ids");
            Err(Rejection::Invalid(vec![error]))
        }
        Which::Named(ids) => {
            let mut persons: Vec<Igsid> =
                ids.iter().filter_map(|id| user.contact(id.as_str())).map(|one| one.igsid.clone()).collect();
            persons.sort_unstable();
            persons.dedup();
            let meant = persons.len();
            persons.reverse();
            Ok((Left::Named(persons), meant))
        }
        Which::Matching(filter) => {
            let filter = Arc::new(filter.clone());
            let meant = user.count_contacts(&filter);
            Ok((Left::Matching { filter, after: None }, meant))
        }
    }
}

/// Goes on with the first of them.
pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    let Some((no, bulk)) = draft.bulks.get_min().cloned() else { return };
    let mut bulk = Bulk::clone(&bulk);
    let asked_at = bulk.at;
    let (_, _, is_over) = work(draft, now, &mut bulk, Some(asked_at));
    if is_over {
        draft.emit(UserEvent::BulkEnded(no));
        owner::take_overflow(draft, now);
    } else {
        draft.emit(UserEvent::BulkSet(Arc::new(bulk)));
    }
}

/// When the next step is due: at once.
pub(super) fn next_due(user: &User) -> Option<Timestamp> {
    user.bulks.get_min().map(|(_, bulk)| bulk.at)
}

/// Changes contacts until the draft is full, at least one; with an instant only those that came before it. How many were
/// changed, how many were as asked already, and whether nobody is left.
fn work(
    draft: &mut Draft<User>,
    now: Timestamp,
    bulk: &mut Bulk,
    before: Option<Timestamp>,
) -> (usize, usize, bool) {
    let (mut done, mut unchanged) = (0, 0);
    let mut scanned = 0;
    loop {
        let next = match &mut bulk.left {
            Left::Named(persons) => persons.pop(),
            Left::Matching { filter, after } => {
                let (found, looked_at, last) =
                    find(draft, filter, after.as_ref(), before, SCAN_MAX - scanned);
                scanned += looked_at;
                if last.is_some() {
                    *after = last;
                }
                found
            }
        };
        match next {
            Some(person) if change(draft, now, bulk, &person) => done += 1,
            Some(_) => unchanged += 1,
            None => return (done, unchanged, scanned < SCAN_MAX),
        }
        if draft.is_full() || scanned >= SCAN_MAX {
            return (done, unchanged, matches!(&bulk.left, Left::Named(left) if left.is_empty()));
        }
    }
}

/// The next one that matches, how many were looked at, and the last of them.
fn find(
    user: &User,
    filter: &ContactFilter,
    after: Option<&Igsid>,
    before: Option<Timestamp>,
    scan_max: usize,
) -> (Option<Igsid>, usize, Option<Igsid>) {
    let matcher = Matcher::new(filter);
    let after = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()));
    let (mut looked_at, mut last) = (0, None);
    for (person, contact) in user.contacts.range((after, Bound::Unbounded)).take(scan_max) {
        looked_at += 1;
        last = Some(person.clone());
        let facts = user.contact_index.facts(person);
        if before.is_none_or(|before| contact.created_at < before)
            && facts.is_some_and(|facts| matcher.takes(facts))
        {
            return (last.clone(), looked_at, last);
        }
    }
    (None, looked_at, last)
}

/// Changes one contact. Whether there was something to change.
fn change(draft: &mut Draft<User>, now: Timestamp, bulk: &Bulk, person: &Igsid) -> bool {
    let Some(contact) = draft.contacts.get(person).cloned() else { return false };
    let patch = match &bulk.change {
        ManyChange::Stage(stage) => ContactPatch { stage: Some(*stage), ..ContactPatch::default() },
        ManyChange::Sentiment(mood) => ContactPatch { sentiment: Some(*mood), ..ContactPatch::default() },
        ManyChange::Tag(tag) => {
            let has = contact.crm.tags.contains(tag);
            let is_new = !has && contact.crm.tags.len() < TAGS_MAX;
            if is_new {
                owner::tagged(draft, now, person, tag);
            }
            return is_new;
        }
        ManyChange::Untag(tag) => return owner::untagged(draft, now, person, tag),
        ManyChange::Hrn(true) if contact.hrn.is_none() => {
            cancel::pending(draft, now, person, CancelReason::HrnSet);
            draft.emit(UserEvent::HrnSet {
                person: person.clone(),
                hrn: Arc::new(control::by_hand(now, None)),
            });
            return true;
        }
        ManyChange::Hrn(false) if contact.hrn.is_some() => {
            draft.emit(UserEvent::HrnCleared { person: person.clone(), at: now, by: Some(bulk.by) });
            return true;
        }
        ManyChange::Hrn(_) => return false,
        ManyChange::Delete => {
            forget::contact(draft, now, person);
            return true;
        }
    };
    owner::edited(draft, now, person, patch, bulk.by)
}

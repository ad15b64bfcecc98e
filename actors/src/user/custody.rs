//! The note outside that this workspace holds data of an account (see [`crate::custody`]): kept until the data is erased, so
//! that a deletion request finds it also when the account is not connected any more.
//!
//! At every instant the data can be found: the names of the account are claimed in the record that connects it, and given
//! back no sooner than the note is durable. The note is an errand of the state: a crash only asks again.

use super::{Rejection, User, UserEffect, UserEvent, connection};
use crate::{
    Draft, Timestamp,
    automation::{FieldCode, FieldError},
    errand::{Errand, Patience},
    id::AccountId,
};
use greenroom_persistence::DirectoryChange;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Most accounts of which one workspace holds data.
pub const ACCOUNTS_MAX: usize = 100;
/// A note that is not confirmed is made again. Attempts never end.
const NOTING: Patience = Patience {
    first: Duration::from_secs(1),
    max: Duration::from_secs(3_600),
    lease: Duration::from_secs(60),
};

/// The note about one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its id scoped to the app, when known.
    pub app_scoped: Option<AccountId>,
    /// Making it.
    pub errand: Errand,
    /// The account was disconnected: its names are given back once the note is made.
    pub gives_back: bool,
}

/// Notes by professional account id. At most [`ACCOUNTS_MAX`].
pub type Notes = OrdMap<AccountId, Arc<Note>>;

impl User {
    /// Both ids of every account of which the workspace holds data, or only those of one of them.
    pub fn held_accounts<'a>(&'a self, only: Option<&'a str>) -> impl Iterator<Item = &'a AccountId> {
        let known = self.integration.iter().map(|known| (&known.account, known.app_scoped.as_ref()));
        let noted = self.notes.iter().map(|(account, note)| (account, note.app_scoped.as_ref()));
        let is_meant = move |(account, scoped): &(&'a AccountId, Option<&'a AccountId>)| {
            only.is_none_or(|id| account.as_str() == id || scoped.is_some_and(|scoped| scoped.as_str() == id))
        };
        known
            .chain(noted)
            .filter(is_meant)
            .flat_map(|(account, scoped)| std::iter::once(account).chain(scoped))
    }

    /// Names of an account that was disconnected wait for a note before they are given back: moments.
    #[must_use]
    pub fn gives_names_back(&self) -> bool {
        self.notes.values().any(|note| note.gives_back)
    }

    /// The professional id of an account, by either id, of which data is held.
    pub(super) fn noted(&self, id: &str) -> Option<&AccountId> {
        let is_it = |(account, note): &(&AccountId, &Arc<Note>)| {
            account.as_str() == id || note.app_scoped.as_ref().is_some_and(|scoped| scoped.as_str() == id)
        };
        self.notes.iter().find(is_it).map(|(account, _)| account)
    }

    /// A connection that an earlier program stored has no note.
    fn is_unnoted(&self) -> bool {
        self.integration.as_ref().is_some_and(|known| !self.notes.contains_key(&known.account))
    }
}

/// There is room for one more account.
pub(super) fn check_room(user: &User, account: &AccountId) -> Result<(), Rejection> {
    if user.notes.contains_key(account) || user.notes.len() < ACCOUNTS_MAX {
        return Ok(());
    }
    let message = "data of too many accounts is kept: have some of it erased";
    Err(Rejection::Invalid(vec![FieldError::new("account", FieldCode::TooMany, message)]))
}

/// Notes the account that is being connected.
pub(super) fn connected(
    draft: &mut Draft<User>,
    now: Timestamp,
    account: &AccountId,
    app_scoped: Option<&AccountId>,
) {
    let known = draft.notes.get(account).cloned();
    let is_new_id = |note: &Arc<Note>| app_scoped.is_some() && note.app_scoped.as_ref() != app_scoped;
    match known {
        Some(note) if note.errand.done_at().is_some() && !is_new_id(&note) => {
            if note.gives_back {
                set(draft, account, Note { gives_back: false, ..Note::clone(&note) });
            }
        }
        known => {
            let app_scoped = app_scoped.cloned().or_else(|| known.and_then(|note| note.app_scoped.clone()));
            make(draft, now, account, Note { app_scoped, errand: Errand::default(), gives_back: false });
        }
    }
}

/// Gives the names of an account back, at once or when the note is made.
pub(super) fn disconnected(draft: &mut Draft<User>, now: Timestamp, account: &AccountId) {
    if draft.is_unnoted() {
        // Stored by an earlier program.
        note_all(draft, now);
    }
    let Some(note) = draft.notes.get(account).cloned() else { return };
    if note.errand.done_at().is_some() {
        give_back(draft, account, &note);
    } else {
        set(draft, account, Note { gives_back: true, ..Note::clone(&note) });
    }
}

/// What was held of accounts is being erased: names that waited for the note are given back now.
pub(super) fn erased(draft: &mut Draft<User>, is_meant: impl Fn(&AccountId) -> bool) {
    let waiting: Vec<_> = draft
        .notes
        .iter()
        .filter(|(account, note)| note.gives_back && is_meant(account))
        .map(|(account, note)| (account.clone(), Arc::clone(note)))
        .collect();
    for (account, note) in waiting {
        give_back(draft, &account, &note);
    }
}

fn give_back(draft: &mut Draft<User>, account: &AccountId, note: &Note) {
    for id in std::iter::once(account).chain(&note.app_scoped) {
        draft.directory(DirectoryChange::Release(connection::account_claim(id.as_str())));
    }
}

/// A note was made, or not. An answer to an attempt of before says nothing.
pub(super) fn noted(
    draft: &mut Draft<User>,
    now: Timestamp,
    account: &AccountId,
    since: Timestamp,
    made: bool,
) {
    let Some(note) = draft.notes.get(account).filter(|note| note.errand.is_attempt(since)).cloned() else {
        return;
    };
    if !made {
        let errand = note.errand.postponed(now + NOTING.wait(note.errand.attempts));
        return set(draft, account, Note { errand, ..Note::clone(&note) });
    }
    set(draft, account, Note { errand: Errand::done(now), gives_back: false, ..Note::clone(&note) });
    if note.gives_back {
        give_back(draft, account, &note);
    }
}

/// When a note is made next.
pub(super) fn next_due(user: &User) -> Option<Timestamp> {
    let notes = user.notes.values().filter_map(|note| note.errand.stand.due(&NOTING));
    let unnoted = user.integration.as_ref().filter(|_| user.is_unnoted()).map(|known| known.connected_at);
    notes.chain(unnoted).min()
}

pub(super) fn is_asking(user: &User) -> bool {
    user.notes.values().any(|note| note.errand.stand.is_in_flight())
}

pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    if draft.is_unnoted() {
        note_all(draft, now);
    }
    make_those(draft, now, |note| note.errand.stand.due(&NOTING).is_some_and(|due| due <= now));
}

/// Asks again when the answer was lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    make_those(draft, now, |note| note.errand.stand.is_in_flight());
}

fn make_those(draft: &mut Draft<User>, now: Timestamp, is_one: impl Fn(&Note) -> bool) {
    let all: Vec<(AccountId, Note)> = draft
        .notes
        .iter()
        .filter(|(_, note)| is_one(note))
        .map(|(account, note)| (account.clone(), Note::clone(note)))
        .collect();
    for (account, note) in all {
        make(draft, now, &account, note);
    }
}

/// What an earlier program kept: the connection, and contacts of accounts before it.
fn note_all(draft: &mut Draft<User>, now: Timestamp) {
    let Some(known) = draft.integration.clone() else { return };
    let before: BTreeSet<AccountId> =
        draft.contacts.values().map(|contact| contact.account.clone()).collect();
    connected(draft, now, &known.account, known.app_scoped.as_ref());
    for account in before {
        if !known.is_account(account.as_str()) && check_room(draft, &account).is_ok() {
            connected(draft, now, &account, None);
        }
    }
}

fn make(draft: &mut Draft<User>, now: Timestamp, account: &AccountId, note: Note) {
    let accounts = std::iter::once(account).chain(&note.app_scoped).cloned().collect();
    let errand = note.errand.started(now);
    set(draft, account, Note { errand, ..note });
    draft.effect(UserEffect::NoteCustody { since: now, account: account.clone(), accounts });
}

fn set(draft: &mut Draft<User>, account: &AccountId, note: Note) {
    draft.emit(UserEvent::CustodyNoted { account: account.clone(), note: Arc::new(note) });
}

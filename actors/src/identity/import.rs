//! Taking over the rows of a previous deployment.

use super::{
    Identity, IdentityEvent, Rejection, Reply, account, claim,
    command::{Import, ImportedReset, ImportedSession},
    email, field,
    limits::{IP_CHARS_MAX, NAME_CHARS_MAX, ONE_TIME_TOKENS_MAX, SESSIONS_MAX, USER_AGENT_CHARS_MAX},
    profile,
    row::{Account, OneTimeToken, Purpose, Session, UserRow},
    session,
};
use crate::{Draft, Timestamp};
use greenroom_persistence::DirectoryChange;
use std::{collections::BTreeSet, sync::Arc};

/// Creates the user with accounts and live sessions; nothing when it is there, or was deleted: what happened here since
/// the first import counts for more than the old rows.
pub(super) fn import(draft: &mut Draft<Identity>, now: Timestamp, rows: &Import) -> Result<Reply, Rejection> {
    if draft.user.is_some() || draft.tombstone.is_some() {
        return Ok(Reply::Imported { created: false, adjusted: Vec::new() });
    }
    email::check(&rows.email)?;
    let mut adjusted = BTreeSet::new();
    draft.directory(DirectoryChange::Claim(claim::email_claim(&rows.email)));
    let user = user(rows, &mut adjusted);
    draft.emit(IdentityEvent::UserSet(Arc::new(user)));
    let mut accounts: Vec<_> = rows.accounts.iter().collect();
    accounts.sort_by_key(|row| row.created_at);
    for row in accounts {
        let (id, login) = (row.id.clone(), row.login.clone());
        account::add(draft, Account { id, login, created_at: row.created_at, updated_at: row.updated_at })?;
    }
    if sessions(draft, now, &rows.sessions)? {
        adjusted.insert("sessions");
    }
    if resets(draft, now, &rows.resets) {
        adjusted.insert("resets");
    }
    Ok(Reply::Imported { created: true, adjusted: adjusted.into_iter().collect() })
}

fn user(rows: &Import, adjusted: &mut BTreeSet<&'static str>) -> UserRow {
    let name = session::cut(&rows.name, NAME_CHARS_MAX);
    if name != rows.name {
        adjusted.insert("name");
    }
    let image = rows.image.clone().filter(|image| profile::check_image(Some(image)).is_ok());
    if image != rows.image {
        adjusted.insert("image");
    }
    let mut extra = field::Extra::default();
    for (field, value) in &rows.extra {
        let (stored, changed) = field::imported(*field, value.clone());
        if changed {
            adjusted.insert(field.name());
        }
        extra.set(*field, stored);
    }
    UserRow {
        name,
        email: rows.email.clone(),
        email_verified: rows.email_verified,
        image,
        created_at: rows.created_at,
        updated_at: rows.updated_at,
        extra,
    }
}

/// Takes over the newest live sessions. True when a live one was left behind.
fn sessions(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    rows: &[ImportedSession],
) -> Result<bool, Rejection> {
    let mut live: Vec<Session> = rows
        .iter()
        .filter(|row| row.expires_at >= now)
        .map(|row| Session {
            id: row.id.clone(),
            token: row.token,
            created_at: row.created_at,
            updated_at: row.updated_at,
            expires_at: row.expires_at,
            ip: session::cut(&row.ip, IP_CHARS_MAX),
            user_agent: session::cut(&row.user_agent, USER_AGENT_CHARS_MAX),
            remember: true,
        })
        .collect();
    live.sort_by_key(|session| session.created_at);
    let surplus = live.len().saturating_sub(SESSIONS_MAX);
    for session in live.drain(surplus..) {
        session::check_new(draft, &session.id, &session.token)?;
        session::add(draft, &Arc::new(session));
    }
    Ok(surplus > 0)
}

/// Takes over the newest live password resets. True when a live one was left behind.
fn resets(draft: &mut Draft<Identity>, now: Timestamp, rows: &[ImportedReset]) -> bool {
    let mut live: Vec<&ImportedReset> = rows.iter().filter(|row| row.expires_at >= now).collect();
    live.sort_by_key(|row| row.created_at);
    live.dedup_by_key(|row| row.token);
    let surplus = live.len().saturating_sub(ONE_TIME_TOKENS_MAX);
    for row in live.drain(surplus..) {
        draft.directory(DirectoryChange::Claim(claim::reset_claim(&row.token)));
        draft.emit(IdentityEvent::TokenIssued(Arc::new(OneTimeToken {
            token: row.token,
            purpose: Purpose::ResetPassword,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })));
    }
    surplus > 0
}

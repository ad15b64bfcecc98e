//! Sessions: beginning, extending, ending.

use super::{
    Identity, IdentityEvent, Rejection, Reply, claim,
    command::NewSession,
    event::SessionEnd,
    field::{Invalid, Problem},
    limits::{IP_CHARS_MAX, SESSION_LIFETIME, SESSIONS_MAX, SHORT_SESSION_LIFETIME, USER_AGENT_CHARS_MAX},
    row::Session,
    value::{self, RowId, SecretHash},
};
use crate::{Draft, Timestamp, text::cut_chars};
use greenroom_persistence::DirectoryChange;
use std::sync::Arc;

/// Starts a session; the one that is there already when it is asked for again.
pub(super) fn start(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    new: &NewSession,
) -> Result<Arc<Session>, Rejection> {
    if let Some(known) = draft.sessions.iter().find(|known| known.id == new.id && known.token == new.token) {
        return Ok(Arc::clone(known));
    }
    check_new(draft, &new.id, &new.token)?;
    make_room(draft, now);
    let lifetime = if new.remember { SESSION_LIFETIME } else { SHORT_SESSION_LIFETIME };
    let session = Arc::new(Session {
        id: new.id.clone(),
        token: new.token,
        created_at: now,
        updated_at: now,
        expires_at: now + lifetime,
        ip: cut(&new.ip, IP_CHARS_MAX),
        user_agent: cut(&new.user_agent, USER_AGENT_CHARS_MAX),
        remember: new.remember,
    });
    add(draft, &session);
    Ok(session)
}

/// The id is one, and neither id nor token is that of another session.
pub(super) fn check_new(identity: &Identity, id: &RowId, token: &SecretHash) -> Result<(), Invalid> {
    value::check_row_id(id)?;
    match identity.sessions.iter().any(|known| known.id == *id || known.token == *token) {
        false => Ok(()),
        true => Err(Invalid { field: "session", problem: Problem::Duplicate }),
    }
}

/// Adds a session and claims its token.
pub(super) fn add(draft: &mut Draft<Identity>, session: &Arc<Session>) {
    draft.directory(DirectoryChange::Claim(claim::session_claim(&session.token)));
    draft.emit(IdentityEvent::SessionStarted(Arc::clone(session)));
}

/// A text cut to so many characters, shared when it fits.
pub(super) fn cut(text: &Arc<str>, chars_max: usize) -> Arc<str> {
    match cut_chars(text, chars_max) {
        (_, false) => Arc::clone(text),
        (kept, true) => kept.into(),
    }
}

fn make_room(draft: &mut Draft<Identity>, now: Timestamp) {
    if draft.sessions.len() < SESSIONS_MAX {
        return;
    }
    sweep(draft, now);
    let surplus = (draft.sessions.len() + 1).saturating_sub(SESSIONS_MAX);
    let oldest: Vec<_> = draft.sessions.iter().take(surplus).cloned().collect();
    for session in oldest {
        end(draft, &session, SessionEnd::Displaced);
    }
}

/// Extends a session if it is due.
pub(super) fn refresh(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    token: &SecretHash,
) -> Result<Reply, Rejection> {
    let session = draft.session_by_hash(token, now).cloned().ok_or(Rejection::NoSession)?;
    if !session.is_due_for_refresh(now) {
        return Ok(Reply::Session { session, extended: false });
    }
    let expires_at = now + SESSION_LIFETIME;
    draft.emit(IdentityEvent::SessionExtended { id: session.id.clone(), at: now, expires_at });
    let session = draft.session_by_hash(token, now).cloned().ok_or(Rejection::NoSession)?;
    Ok(Reply::Session { session, extended: true })
}

/// Ends the session with a token, if it is there.
pub(super) fn sign_out(draft: &mut Draft<Identity>, token: &SecretHash) -> Reply {
    end_where(draft, SessionEnd::SignedOut, |session| session.token == *token)
}

/// Ends a session by its row id or token, if it is there.
pub(super) fn revoke(draft: &mut Draft<Identity>, id: &RowId, token: &SecretHash) -> Reply {
    end_where(draft, SessionEnd::Revoked, |session| session.id == *id || session.token == *token)
}

/// Ends every session.
pub(super) fn revoke_all(draft: &mut Draft<Identity>) -> Reply {
    end_where(draft, SessionEnd::Revoked, |_| true)
}

/// Ends every session but one.
///
/// That one must be live: a request of a session that was revoked meanwhile must not sign everybody else out.
pub(super) fn revoke_others(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    keep: &SecretHash,
) -> Result<Reply, Rejection> {
    draft.session_by_hash(keep, now).ok_or(Rejection::NoSession)?;
    Ok(end_where(draft, SessionEnd::Revoked, |session| session.token != *keep))
}

/// Ends sessions whose time is over.
pub(super) fn sweep(draft: &mut Draft<Identity>, now: Timestamp) {
    end_where(draft, SessionEnd::Expired, |session| !session.is_live(now));
}

/// Ends every session that is meant.
pub(super) fn end_where(
    draft: &mut Draft<Identity>,
    why: SessionEnd,
    is_meant: impl Fn(&Session) -> bool,
) -> Reply {
    let meant: Vec<_> = draft.sessions.iter().filter(|session| is_meant(session)).cloned().collect();
    for session in &meant {
        end(draft, session, why);
    }
    Reply::Ended(meant.len())
}

fn end(draft: &mut Draft<Identity>, session: &Session, why: SessionEnd) {
    draft.directory(DirectoryChange::Release(claim::session_claim(&session.token)));
    draft.emit(IdentityEvent::SessionEnded { id: session.id.clone(), why });
}

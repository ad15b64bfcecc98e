//! Sessions: who is signed in, signing out, the list of one's sessions, revoking them.

use super::{Outcome, call::Call, shapes};
use crate::{
    auth::{
        answer::Answer,
        body,
        cookie::SessionCopy,
        error::{AuthError, Refusal},
        validate::{self, Shape},
    },
    identities,
};
use greenroom_actors::{
    identity::{Command, Rejection, RowId, SecretHash},
    shell::AskError,
};
use serde::Serialize;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

/// `GET /get-session`: the session and its user, or `null`. Never an error for somebody who is not signed in.
pub(super) async fn get(call: &mut Call) -> Outcome {
    if let Some(copy) = copied(call) {
        return Ok(Answer::json(&copy));
    }
    let stale_copy = call.auth().cookies.clear_session_data(&call.cookies);
    let live = call.session().await?;
    let Some(live) = live else { return Ok(Answer::json(&Value::Null)) };
    let token = call.session_token().unwrap_or_default();
    let user_id = &live.identity.user_id;
    call.tell_of(user_id, &live.user, &live.session);
    let session = to_raw_value(&shapes::session(user_id, &live.session, &token));
    let user = to_raw_value(&shapes::user(user_id, &live.user));
    let (Ok(session), Ok(user)) = (session, user) else { return Err(AuthError::Internal) };
    let copy = if call.auth().settings.cookie_cache {
        let copy = SessionCopy { session: &session, user: &user, now_ms: call.now.as_millis() };
        let remember = !call.auth().cookies.dont_remember(&call.cookies);
        call.auth().cookies.set_session_data(&call.cookies, &copy, remember)
    } else {
        stale_copy
    };
    call.set_cookies(copy);
    Ok(Answer::json(&SessionAndUser { session, user }))
}

#[derive(Serialize)]
struct SessionAndUser {
    session: Box<RawValue>,
    user: Box<RawValue>,
}

/// The copy that came as a cookie, where copies are switched on and the request does not ask for the original.
fn copied(call: &Call) -> Option<SessionAndUser> {
    if !call.auth().settings.cookie_cache || body::is_switched_on(&call.query, "disableCookieCache") {
        return None;
    }
    let token = call.session_token()?;
    let copy = call.auth().cookies.session_data(&call.cookies, &token, call.now.as_millis())?;
    Some(SessionAndUser { session: copy.session, user: copy.user })
}

/// `POST /get-session`: there is no deferred refresh here.
pub(super) async fn post(_: &mut Call) -> Outcome {
    Err(Refusal::DeferSessionRequired.into())
}

/// `POST /sign-out`: works without a session too.
pub(super) async fn sign_out(call: &mut Call) -> Outcome {
    validate::body(call.body.as_ref(), Shape::OptionalObject, |_| ())?;
    if let Some(token) = call.session_token() {
        let hash = SecretHash::of(&token);
        if let Some(live) = identities::by_session(call.app(), &hash, call.now).await? {
            match call.ask(&live.identity.user_id, Command::EndSession { token: hash }).await {
                // Deleted at this moment: signed out all the same.
                Ok(_) | Err(AskError::Rejected(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    call.clear_session();
    Ok(Answer::json(&json!({ "success": true })))
}

/// `GET /list-sessions`: the caller's own with its token, the others with a handle that revoking takes.
pub(super) async fn list(call: &mut Call) -> Outcome {
    let live = call.require_fresh().await?;
    let own = call.session_token().unwrap_or_default();
    let user_id = &live.identity.user_id;
    let sessions = live.identity.state.sessions(call.now).map(|session| {
        // A session that was extended by this very call stands in the state as it was before.
        let (session, token) = if session.id == live.session.id {
            (&live.session, own.as_str())
        } else {
            (session, session.id.as_str())
        };
        shapes::session(user_id, session, token)
    });
    Ok(Answer::json(&sessions.collect::<Vec<_>>()))
}

/// `POST /revoke-session`: fine whatever the token is; only the caller's own sessions end.
pub(super) async fn revoke(call: &mut Call) -> Outcome {
    let token =
        validate::body(call.body.as_ref(), Shape::Object, |fields| fields.string("token").to_owned())?;
    let live = call.require_session().await?;
    let (id, hash) = (RowId::from(token.as_str()), SecretHash::of(&token));
    let is_own = id == live.session.id || hash == live.session.token;
    end(call, &live.identity.user_id, Command::RevokeSession { id, token: hash }).await?;
    if is_own {
        call.clear_session();
    }
    Ok(Answer::json(&json!({ "status": true })))
}

/// `POST /revoke-sessions`: every one, the caller's too.
pub(super) async fn revoke_all(call: &mut Call) -> Outcome {
    let live = call.require_session().await?;
    end(call, &live.identity.user_id, Command::RevokeAllSessions).await?;
    call.clear_session();
    Ok(Answer::json(&json!({ "status": true })))
}

/// `POST /revoke-other-sessions`.
pub(super) async fn revoke_others(call: &mut Call) -> Outcome {
    let live = call.require_session().await?;
    end(call, &live.identity.user_id, Command::RevokeOtherSessions { keep: live.session.token }).await?;
    Ok(Answer::json(&json!({ "status": true })))
}

/// Ends sessions of the caller. One who was deleted, or signed out, at the same moment is not signed in.
async fn end(call: &mut Call, user_id: &str, command: Command) -> Result<(), AuthError> {
    match call.ask(user_id, command).await {
        Ok(_) => Ok(()),
        Err(AskError::Rejected(Rejection::NoUser | Rejection::NoSession)) => {
            call.clear_session();
            Err(Refusal::Unauthorized.into())
        }
        Err(error) => Err(error.into()),
    }
}

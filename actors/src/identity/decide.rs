//! Which module decides a command.

use super::{
    Command, Identity, IdentityEvent, Rejection, Reply, account, deletion, email, import, mail, password,
    profile, reseal, session, sign_in, token,
};
use crate::{
    Draft, Timestamp,
    requests::{self, RequestKey},
};
use std::sync::Arc;

pub(super) fn decide(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    command: &Command,
) -> Result<Reply, Rejection> {
    match command {
        Command::SignUp(new) => sign_in::sign_up(draft, now, new),
        Command::Import(rows) => import::import(draft, now, rows),
        Command::MailFinished { id, attempt, outcome } => {
            mail::finished(draft, now, *id, *attempt, outcome);
            Ok(Reply::Done)
        }
        Command::WorkspaceErased { attempt, erased } => {
            deletion::finished(draft, now, *attempt, *erased);
            Ok(Reply::Done)
        }
        Command::Tick => {
            session::sweep(draft, now);
            token::sweep(draft, now);
            mail::tick(draft, now);
            deletion::tick(draft, now);
            Ok(Reply::Done)
        }
        Command::Recover => {
            mail::recover(draft, now);
            deletion::recover(draft, now);
            Ok(Reply::Done)
        }
        _ if draft.user.is_none() => Err(Rejection::NoUser),
        of_user => decide_of_user(draft, now, of_user),
    }
}

fn decide_of_user(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    command: &Command,
) -> Result<Reply, Rejection> {
    match command {
        Command::SignIn { verified, rehash, session } => {
            sign_in::by_password(draft, now, verified, rehash.as_ref(), session)
        }
        Command::SignInWithProvider { profile, account, session } => {
            sign_in::by_provider(draft, now, profile, account, session)
        }
        Command::RefreshSession { token } => session::refresh(draft, now, token),
        Command::EndSession { token } => Ok(session::sign_out(draft, token)),
        Command::RevokeSession { id, token } => Ok(session::revoke(draft, id, token)),
        Command::RevokeAllSessions => Ok(session::revoke_all(draft)),
        Command::RevokeOtherSessions { keep } => session::revoke_others(draft, now, keep),
        Command::Once { key, command } => once(draft, now, *key, command),
        Command::UpdateUser { writer, patch } => profile::update(draft, now, *writer, patch),
        Command::Rehash { from, to } => password::rehash(draft, now, from, to),
        Command::ChangePassword { verified, to, revoke } => {
            password::change(draft, now, verified, to, revoke.as_ref())
        }
        Command::RequestReset { token, mail } => token::request_reset(draft, now, *token, mail),
        Command::ConsumeReset { token, to, account, revoke_sessions } => {
            password::reset(draft, now, token, to, account, *revoke_sessions)
        }
        Command::SendMail(new) => email::send(draft, now, new),
        Command::VerifyEmail { email, session } => email::verify(draft, now, email, session.as_ref()),
        Command::ChangeEmail { from, to, unverify, mail } => {
            email::change(draft, now, from, to, *unverify, mail.as_ref())
        }
        Command::RequestDeletion { token, mail } => token::request_deletion(draft, now, *token, mail),
        Command::Delete(proof) => deletion::delete(draft, now, proof),
        Command::LinkAccount { flow, profile, account } => account::link(draft, now, flow, profile, account),
        Command::UnlinkAccount { account } => account::unlink(draft, account),
        Command::StoreTokens { account, tokens } => account::store_tokens(draft, now, account, tokens),
        Command::Reseal { from, to } => Ok(reseal::reseal(draft, from, to)),
        // Decided before it is asked whether there is a user.
        Command::SignUp(_)
        | Command::Import(_)
        | Command::MailFinished { .. }
        | Command::WorkspaceErased { .. }
        | Command::Tick
        | Command::Recover => Ok(Reply::Done),
    }
}

/// Decides what a client asked for the first time, and answers as then when it comes again.
fn once(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    key: RequestKey,
    command: &Command,
) -> Result<Reply, Rejection> {
    if let Some(user) = draft.requests.reply(&key) {
        return Ok(Reply::User(user));
    }
    let reply = decide_of_user(draft, now, command)?;
    if let Reply::User(user) = &reply
        && let Some(answered) = requests::answered(key, now, user)
    {
        draft.emit(IdentityEvent::RequestAnswered(Arc::new(answered)));
    }
    Ok(reply)
}

//! The ways in which a user signs in.

use super::{Outcome, call::Call, shapes};
use crate::auth::{
    answer::Answer,
    error::Refusal,
    validate::{self, Shape},
};
use greenroom_actors::{
    identity::{Command, Rejection, RowId},
    shell::AskError,
};
use serde_json::json;

/// `GET /list-accounts`.
pub(super) async fn list(call: &mut Call) -> Outcome {
    let live = call.require_session().await?;
    let user_id = &live.identity.user_id;
    let accounts = live.identity.state.accounts().map(|account| shapes::account(user_id, account));
    Ok(Answer::json(&accounts.collect::<Vec<_>>()))
}

/// `POST /unlink-account`, by row id; the last way in stays.
pub(super) async fn unlink(call: &mut Call) -> Outcome {
    let account =
        validate::body(call.body.as_ref(), Shape::Object, |fields| RowId::from(fields.string("accountId")))?;
    let live = call.require_fresh().await?;
    call.ask(&live.identity.user_id, Command::UnlinkAccount { account }).await.map_err(
        |error| match error {
            AskError::Rejected(Rejection::LastAccount) => Refusal::FailedToUnlinkLastAccount.into(),
            AskError::Rejected(Rejection::NoAccount) => Refusal::AccountNotFound.into(),
            AskError::Rejected(Rejection::NoUser) => Refusal::Unauthorized.into(),
            error => crate::auth::error::AuthError::from(error),
        },
    )?;
    Ok(Answer::json(&json!({ "status": true })))
}

//! Messages by hand, and what needs services that may not be there.

use super::{list::ByContactId, words::id};
use crate::{
    functions::{
        Done, Writer,
        failure::{CallError, Code, Failure},
        ids,
    },
    sync::Trouble,
};
use greenroom_actors::{
    outbox::TEXT_BYTES_MAX,
    shell::AskError,
    user::{Command, Rejection, Reply, User},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// A message by hand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SendArgs {
    contact_id: String,
    /// At most 1000 bytes.
    text: String,
}

/// A message that waits to be sent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Queued {
    /// Its number in the outbox.
    outbound_id: String,
}

/// Queues a message. A request that comes again sends nothing again. Whoever was to be written to is not any more.
pub(super) async fn reply(writer: Writer, args: SendArgs) -> Result<Queued, CallError> {
    id("contactId", &args.contact_id)?;
    let text = args.text.trim();
    if text.is_empty() {
        return Err(Failure::field("text", "a text is needed").into());
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(Failure::field("text", "at most 1000 bytes").into());
    }
    let user = writer.user().await?;
    let contact = user.contact(&args.contact_id).ok_or_else(|| Failure::not_found("contact"))?;
    let (person, key) = (contact.igsid.clone(), press_key(&writer)?);
    match writer.ask(Command::SendMessage { person, key, text: text.to_owned() }, text.len()).await? {
        Reply::Queued(outbound) => Ok(Queued { outbound_id: outbound.to_string() }),
        _ => Err(Trouble::Internal.into()),
    }
}

/// The key of a press of the button: that of the request, without the client's name for itself, which is a secret.
fn press_key(writer: &Writer) -> Result<String, CallError> {
    let Some(request) = writer.key() else { return ids::fresh() };
    let mut key = String::with_capacity(76);
    for byte in Sha256::digest(request.session.as_bytes()).iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    let _ = write!(key, ":{}", request.request);
    Ok(key)
}

/// A draft.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Draft {
    /// At most 280 characters.
    message: String,
}

/// Drafts a follow-up. Without a model nothing is made up.
pub(super) async fn draft(writer: Writer, args: ByContactId) -> Result<Draft, CallError> {
    let user = writer.user().await?;
    user.contact(&args.contact_id).ok_or_else(|| Failure::not_found("contact"))?;
    connected(&writer, &user)?;
    Err(Failure::new(Code::AiUnavailable, "no model is configured").into())
}

/// How to sync.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SyncArgs {
    /// Everything, not only what is new.
    #[serde(default)]
    #[allow(dead_code, reason = "accepted for clients that send it")]
    full_sync: Option<bool>,
}

/// Refused until conversations can be read: what a workspace knows comes by webhooks.
pub(super) async fn sync(writer: Writer, _: SyncArgs) -> Result<Done, CallError> {
    let user = writer.user().await?;
    connected(&writer, &user)?;
    Err(Failure::new(Code::Upstream, "conversations cannot be read just now").into())
}

/// Refuses what needs a connection, or a workspace within its plan.
fn connected(writer: &Writer, user: &User) -> Result<(), CallError> {
    let rejected = |rejection| Err(CallError::from(AskError::<User>::Rejected(rejection)));
    if let (contacts_over, automations_over) = user.over_limits()
        && (contacts_over, automations_over) != (0, 0)
    {
        return rejected(Rejection::Frozen { contacts_over, automations_over });
    }
    if !user.integration.as_ref().is_some_and(|known| known.is_usable(writer.now())) {
        return rejected(Rejection::NotConnected);
    }
    Ok(())
}

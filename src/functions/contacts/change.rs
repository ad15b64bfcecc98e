//! Changes of one contact.

use super::{
    list::ByContactId,
    words::{FieldsArgs, SentimentWord, StageWord, id},
};
use crate::functions::{Done, Writer, failure::CallError};
use greenroom_actors::user::{
    Command,
    contact::FieldSource,
    contact_change::{ContactChange, ContactPatch, Write},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// What a change comes to.
pub(super) type Outcome = Result<Done, CallError>;

/// Asks for a change. `bytes` are those of its long texts.
pub(super) async fn changed(
    writer: &Writer,
    contact_id: String,
    change: ContactChange,
    bytes: usize,
) -> Outcome {
    id("contactId", &contact_id)?;
    let command = Command::Contact { contact: contact_id.into(), change, by: FieldSource::User };
    writer.ask(command, bytes).await?;
    Ok(Done {})
}

fn bytes(patch: &ContactPatch) -> usize {
    let texts = [&patch.notes, &patch.next_action];
    texts.into_iter().flatten().map(|text| if let Write::Set(text) = text { text.len() } else { 0 }).sum()
}

pub(super) async fn fields(writer: Writer, args: FieldsArgs) -> Outcome {
    let contact_id = args.contact_id.clone();
    let patch = args.read()?;
    let bytes = bytes(&patch);
    changed(&writer, contact_id, ContactChange::Edit(patch), bytes).await
}

pub(super) async fn followed_up(writer: Writer, args: FieldsArgs) -> Outcome {
    let contact_id = args.contact_id.clone();
    let patch = args.read()?;
    let bytes = bytes(&patch);
    changed(&writer, contact_id, ContactChange::FollowedUp(patch), bytes).await
}

/// A stage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StageArgs {
    contact_id: String,
    stage: StageWord,
}

pub(super) async fn stage(writer: Writer, args: StageArgs) -> Outcome {
    let patch = ContactPatch { stage: Some(args.stage.into()), ..ContactPatch::default() };
    changed(&writer, args.contact_id, ContactChange::Edit(patch), 0).await
}

/// A mood.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SentimentArgs {
    contact_id: String,
    sentiment: SentimentWord,
}

pub(super) async fn sentiment(writer: Writer, args: SentimentArgs) -> Outcome {
    let patch = ContactPatch { sentiment: Some(args.sentiment.into()), ..ContactPatch::default() };
    changed(&writer, args.contact_id, ContactChange::Edit(patch), 0).await
}

/// Notes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NotesArgs {
    contact_id: String,
    /// At most 10000 characters; empty clears.
    notes: String,
}

pub(super) async fn notes(writer: Writer, args: NotesArgs) -> Outcome {
    let notes = Some(Write::Set(Arc::from(args.notes)));
    let patch = ContactPatch { notes, ..ContactPatch::default() };
    let bytes = bytes(&patch);
    changed(&writer, args.contact_id, ContactChange::Edit(patch), bytes).await
}

/// The lock.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HrnArgs {
    contact_id: String,
    requires_human_response: bool,
    /// Why, cut after 300 characters.
    #[serde(default)]
    reason: Option<String>,
}

pub(super) async fn hrn(writer: Writer, args: HrnArgs) -> Outcome {
    let change = ContactChange::Hrn { needed: args.requires_human_response, reason: args.reason };
    changed(&writer, args.contact_id, change, 0).await
}

/// Whether to write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FollowUpArgs {
    contact_id: String,
    /// False rests until the contact writes, 7 days at most.
    followup_needed: bool,
}

pub(super) async fn follow_up(writer: Writer, args: FollowUpArgs) -> Outcome {
    let change = ContactChange::FollowUp { needed: args.followup_needed };
    changed(&writer, args.contact_id, change, 0).await
}

pub(super) async fn delete(writer: Writer, args: ByContactId) -> Outcome {
    changed(&writer, args.contact_id, ContactChange::Delete, 0).await
}

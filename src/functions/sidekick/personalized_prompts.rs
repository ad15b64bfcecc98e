//! `sidekick/personalizedPrompts`: suggestions for the owner. The prompts of replies and analyses are not callable.

use crate::{
    functions::{
        context::Writer,
        declare::{Module, NoArgs, Style},
        failure::{CallError, Code, Failure},
    },
    prompts::{Owner, Prompt, PromptKind, Variables, personalized, transcript},
};
use greenroom_actors::user::User;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a suggestion about the business may be refused with.
const CODES: &[Code] = &[Code::AiUnavailable];
/// What a suggestion about a contact may be refused with.
const CODES_OF_CONTACT: &[Code] = &[Code::Validation, Code::NotFound, Code::AiUnavailable];
/// Longest message that is judged, in characters.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The functions of the module.
pub(super) fn module() -> Module {
    Module::new("sidekick/personalizedPrompts", Style::Result)
        .action("suggestLeadScore", "Proposes score, mood, stage and next action of a contact.", lead_score)
        .codes(CODES_OF_CONTACT)
        .action("suggestToneProfile", "Describes the owner's style.", tone)
        .codes(CODES)
        .action("suggestFaqs", "Proposes questions with answers.", faqs)
        .codes(CODES)
        .action("suggestOffers", "Proposes offers.", offers)
        .codes(CODES)
        .action("suggestContactTags", "Proposes tags for a contact.", tags)
        .codes(CODES_OF_CONTACT)
        .action("suggestMessageSentiment", "Judges a message of a contact.", sentiment)
        .codes(CODES_OF_CONTACT)
}

/// What a model proposes; nothing is changed by it.
#[derive(Serialize, JsonSchema)]
struct Suggestion {
    /// Text, or JSON as text.
    suggestion: String,
}

/// Names a contact.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByContactId {
    /// Which.
    contact_id: String,
}

async fn lead_score(writer: Writer, args: ByContactId) -> Result<Suggestion, CallError> {
    let user = writer.user().await?;
    let history = history(&user, &args.contact_id)?;
    suggest(&writer, &user, PromptKind::LeadScoring, &[("conversationHistory", &history)]).await
}

async fn tone(writer: Writer, _: NoArgs) -> Result<Suggestion, CallError> {
    let user = writer.user().await?;
    let samples = user.knowledge.tone.as_ref().map(|tone| tone.samples.join("\n")).unwrap_or_default();
    suggest(&writer, &user, PromptKind::ToneProfile, &[("samples", &samples)]).await
}

async fn faqs(writer: Writer, _: NoArgs) -> Result<Suggestion, CallError> {
    suggest(&writer, &*writer.user().await?, PromptKind::FaqGeneration, &[]).await
}

async fn offers(writer: Writer, _: NoArgs) -> Result<Suggestion, CallError> {
    suggest(&writer, &*writer.user().await?, PromptKind::OfferGeneration, &[]).await
}

async fn tags(writer: Writer, args: ByContactId) -> Result<Suggestion, CallError> {
    let user = writer.user().await?;
    let history = history(&user, &args.contact_id)?;
    suggest(&writer, &user, PromptKind::ContactTagging, &[("conversationHistory", &history)]).await
}

/// A message of a contact.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByMessage {
    /// Whose.
    contact_id: String,
    /// 1 to 1000 characters.
    message: String,
}

async fn sentiment(writer: Writer, args: ByMessage) -> Result<Suggestion, CallError> {
    if args.message.trim().is_empty() || args.message.chars().nth(MESSAGE_CHARS_MAX).is_some() {
        return Err(Failure::field("message", "1 to 1000 characters").into());
    }
    let user = writer.user().await?;
    let history = history(&user, &args.contact_id)?;
    let variables = [("message", args.message.as_str()), ("conversationHistory", &history)];
    suggest(&writer, &user, PromptKind::MessageSentiment, &variables).await
}

fn history(user: &User, contact_id: &str) -> Result<String, Failure> {
    let contact = user.contact(contact_id).ok_or_else(|| Failure::not_found("contact"))?;
    Ok(transcript(contact))
}

async fn suggest(
    writer: &Writer,
    user: &User,
    kind: PromptKind,
    variables: &Variables<'_>,
) -> Result<Suggestion, CallError> {
    let identity = writer.identity().await?;
    let row = Arc::clone(identity.user().ok_or_else(super::super::context::unauthenticated)?);
    let suggestion = write(&personalized(kind, &Owner::new(user, &row), variables))?;
    Ok(Suggestion { suggestion })
}

/// What a model makes of a prompt. None is set up that could be asked this.
fn write(_: &Prompt) -> Result<String, Failure> {
    Err(Failure::new(Code::AiUnavailable, "no model is set up"))
}

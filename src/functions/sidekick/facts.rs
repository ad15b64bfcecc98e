//! Facts on the wire, as several modules send and show them.

use crate::functions::{context::Writer, failure::CallError, when::When};
use greenroom_actors::{
    identity::{
        self,
        command::UserPatch,
        field::{Field, Value, Writer as FieldWriter},
        row::UserRow,
    },
    user::{
        User,
        knowledge::{
            Faq, Offer, OfferLink, Tone,
            change::{FaqInput, LinkInput, OfferInput, ToneInput},
        },
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A link, as typed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TypedLink {
    /// `primary`, `calendar`, `notion` or `website`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// `http` or `https`, at most 2048 characters.
    pub(super) url: String,
}

/// An offer, as typed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TypedOffer {
    /// 1 to 500 characters.
    pub(super) name: String,
    /// 1 to 4000 characters.
    pub(super) content: String,
    /// Whole dollars, 0 to 10,000,000.
    #[serde(default)]
    pub(super) value: Option<f64>,
}

/// A question, as typed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TypedFaq {
    /// 1 to 500 characters.
    pub(super) question: String,
    /// At most 4000 characters.
    #[serde(default)]
    pub(super) answer: Option<String>,
}

/// A voice, as typed.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TypedTone {
    /// `friendly`, `direct`, `like_me` or `custom`.
    pub(super) tone_type: String,
    /// At most 20 of at most 1000 characters each.
    #[serde(default)]
    pub(super) sample_text: Option<Vec<String>>,
    /// Names of files, at most 20.
    #[serde(default)]
    pub(super) sample_files: Option<Vec<String>>,
}

impl From<TypedLink> for LinkInput {
    fn from(typed: TypedLink) -> Self {
        Self { kind: typed.kind, url: typed.url }
    }
}

impl From<TypedOffer> for OfferInput {
    fn from(typed: TypedOffer) -> Self {
        Self { name: typed.name, content: typed.content, value: typed.value }
    }
}

impl From<TypedFaq> for FaqInput {
    fn from(typed: TypedFaq) -> Self {
        Self { question: typed.question, answer: typed.answer }
    }
}

impl From<TypedTone> for ToneInput {
    fn from(typed: TypedTone) -> Self {
        Self {
            kind: typed.tone_type,
            samples: typed.sample_text.unwrap_or_default(),
            files: typed.sample_files.unwrap_or_default(),
        }
    }
}

/// A link.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkView {
    id: String,
    /// `primary`, `calendar`, `notion` or `website`.
    #[serde(rename = "type")]
    kind: String,
    url: String,
    created_at: Option<When>,
    updated_at: Option<When>,
}

/// An offer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfferView {
    id: String,
    name: String,
    content: String,
    /// Whole dollars.
    value: Option<u32>,
    created_at: Option<When>,
    updated_at: Option<When>,
}

/// A question.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FaqView {
    id: String,
    question: String,
    answer: Option<String>,
    created_at: Option<When>,
}

/// A voice.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToneView {
    /// `friendly`, `direct`, `like_me` or `custom`.
    tone_type: String,
    sample_text: Vec<String>,
    sample_files: Vec<String>,
    /// Null: nothing is trained.
    trained_embedding_id: Option<String>,
}

impl From<&OfferLink> for LinkView {
    fn from(link: &OfferLink) -> Self {
        Self {
            id: link.id.to_string(),
            kind: link.kind.to_string(),
            url: link.url.to_string(),
            created_at: link.created_at.map(When),
            updated_at: link.updated_at.map(When),
        }
    }
}

impl From<&Offer> for OfferView {
    fn from(offer: &Offer) -> Self {
        Self {
            id: offer.id.to_string(),
            name: offer.name.to_string(),
            content: offer.content.to_string(),
            value: offer.value,
            created_at: offer.created_at.map(When),
            updated_at: offer.updated_at.map(When),
        }
    }
}

impl From<&Faq> for FaqView {
    fn from(faq: &Faq) -> Self {
        Self {
            id: faq.id.to_string(),
            question: faq.question.to_string(),
            answer: faq.answer.as_deref().map(str::to_owned),
            created_at: faq.created_at.map(When),
        }
    }
}

impl From<&Tone> for ToneView {
    fn from(tone: &Tone) -> Self {
        Self {
            tone_type: tone.kind.to_string(),
            sample_text: tone.samples.iter().map(|text| text.as_ref().to_owned()).collect(),
            sample_files: tone.files.iter().map(|text| text.as_ref().to_owned()).collect(),
            trained_embedding_id: None,
        }
    }
}

/// Entries for clients, newest first.
pub(super) fn newest_first<'a, T, V: From<&'a T>>(entries: &'a [T]) -> Vec<V> {
    entries.iter().rev().map(V::from).collect()
}

/// What the business sells. The workspace knows; before it does, what the owner's row says.
pub(super) fn main_offering(user: &User, row: &UserRow) -> Option<Arc<str>> {
    user.knowledge.main_offering.clone().or_else(|| match row.extra.get(Field::MainOffering) {
        Some(Value::Text(text)) if !text.trim().is_empty() => Some(text),
        _ => None,
    })
}

/// Copies what the workspace knows of the main offering to the owner's row, which sessions show.
pub(super) async fn copy_main_offering(writer: &Writer) -> Result<(), CallError> {
    let known = writer.user().await?.knowledge.main_offering.clone();
    set_fields(writer, vec![(Field::MainOffering, known.map(Value::Text))]).await
}

/// Sets extra fields of the owner's row.
pub(super) async fn set_fields(writer: &Writer, extra: Vec<(Field, Option<Value>)>) -> Result<(), CallError> {
    let patch = UserPatch { extra, ..UserPatch::default() };
    let command = identity::Command::UpdateUser { writer: FieldWriter::Product, patch };
    writer.ask_identity(command).await.map(drop)
}

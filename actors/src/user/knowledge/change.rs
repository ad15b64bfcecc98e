//! What the owner, or a tool for them, can change of the facts.

use super::EntryId;
use serde::{Deserialize, Serialize};

/// A change of facts. Texts are as typed: they are checked, composed and trimmed when it is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum KnowledgeChange {
    /// What the business sells, in one text; empty clears.
    MainOffering(String),
    /// Add an offer. Refused when there is one of this name, in any case. Reply: `Entry`.
    AddOffer(OfferInput),
    /// Add an offer, or replace the one of this name, in any case. Reply: `Entry`.
    PutOffer(OfferInput),
    /// Change an offer. Reply: `Entry`.
    UpdateOffer {
        /// Which.
        id: EntryId,
        /// Absent fields stay.
        patch: OfferPatch,
    },
    /// Delete an offer.
    DeleteOffer(EntryId),
    /// Add a question. Refused when it is there, in any case. Reply: `Entry`.
    AddFaq(FaqInput),
    /// Add a question, or answer the same one, in any case, anew. Reply: `Entry`.
    PutFaq(FaqInput),
    /// Change a question. Reply: `Entry`.
    UpdateFaq {
        /// Which.
        id: EntryId,
        /// Absent fields stay.
        patch: FaqPatch,
    },
    /// Delete a question.
    DeleteFaq(EntryId),
    /// Add a link. Of a kind of which there is one it replaces that; the same link twice is one. Reply: `Entry`.
    PutLink(LinkInput),
    /// Delete a link.
    DeleteLink(EntryId),
    /// Set the voice, with these samples only.
    SetTone(ToneInput),
    /// Change the voice, a friendly one when there is none. Absent fields stay.
    UpdateTone(TonePatch),
    /// Add a sample of the owner's voice, a custom one when there is none. Refused when there is no room.
    AddToneSample(String),
    /// Several at once: all of them, or none. Reply: `Entries`.
    Several(Box<Several>),
}

/// What the screens of onboarding send together. Absent parts stay, and so do entries that are not named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Several {
    /// See [`KnowledgeChange::MainOffering`]; empty leaves it.
    pub main_offering: Option<String>,
    /// See [`KnowledgeChange::PutLink`].
    pub links: Vec<LinkInput>,
    /// See [`KnowledgeChange::PutOffer`].
    pub offers: Vec<OfferInput>,
    /// See [`KnowledgeChange::PutFaq`].
    pub faqs: Vec<FaqInput>,
    /// See [`KnowledgeChange::SetTone`].
    pub tone: Option<ToneInput>,
}

/// An offer as typed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OfferInput {
    /// 1 to 500 characters.
    pub name: String,
    /// 1 to 4000 characters.
    pub content: String,
    /// Whole dollars, 0 to 10,000,000.
    pub value: Option<f64>,
}

/// New values of an offer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OfferPatch {
    /// See [`OfferInput::name`]; of no other offer.
    pub name: Option<String>,
    /// See [`OfferInput::content`].
    pub content: Option<String>,
    /// See [`OfferInput::value`]; `Some(None)` clears.
    pub value: Option<Option<f64>>,
}

/// A question as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaqInput {
    /// 1 to 500 characters.
    pub question: String,
    /// At most 4000 characters; empty is none.
    pub answer: Option<String>,
}

/// New values of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaqPatch {
    /// See [`FaqInput::question`]; of no other one.
    pub question: Option<String>,
    /// See [`FaqInput::answer`]; empty clears.
    pub answer: Option<String>,
}

/// A link as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkInput {
    /// One of [`super::LINK_KINDS`].
    pub kind: String,
    /// `http` or `https` with a host, at most 2048 characters.
    pub url: String,
}

/// A voice as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToneInput {
    /// One of [`super::TONE_KINDS`].
    pub kind: String,
    /// At most 20 of at most 1000 characters each; blank ones are left out. Of a custom tone the one is its description.
    pub samples: Vec<String>,
    /// At most 20 of at most 2048 characters each.
    pub files: Vec<String>,
}

/// New values of a voice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TonePatch {
    /// See [`ToneInput::kind`].
    pub kind: Option<String>,
    /// See [`ToneInput::samples`].
    pub samples: Option<Vec<String>>,
    /// See [`ToneInput::files`].
    pub files: Option<Vec<String>>,
}

impl KnowledgeChange {
    /// Rough bytes of its texts, for admission.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let offer = |input: &OfferInput| input.name.len() + input.content.len();
        let faq = |input: &FaqInput| input.question.len() + of(&input.answer);
        let link = |input: &LinkInput| input.url.len();
        let all = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
        let tone = |input: &ToneInput| all(&input.samples) + all(&input.files);
        match self {
            Self::MainOffering(text) | Self::AddToneSample(text) => text.len(),
            Self::AddOffer(input) | Self::PutOffer(input) => offer(input),
            Self::UpdateOffer { patch, .. } => of(&patch.name) + of(&patch.content),
            Self::AddFaq(input) | Self::PutFaq(input) => faq(input),
            Self::UpdateFaq { patch, .. } => of(&patch.question) + of(&patch.answer),
            Self::PutLink(input) => link(input),
            Self::SetTone(input) => tone(input),
            Self::UpdateTone(patch) => {
                patch.samples.as_deref().map_or(0, all) + patch.files.as_deref().map_or(0, all)
            }
            Self::DeleteOffer(_) | Self::DeleteFaq(_) | Self::DeleteLink(_) => 0,
            Self::Several(several) => {
                of(&several.main_offering)
                    + several.offers.iter().map(offer).sum::<usize>()
                    + several.faqs.iter().map(faq).sum::<usize>()
                    + several.links.iter().map(link).sum::<usize>()
                    + several.tone.as_ref().map_or(0, tone)
            }
        }
    }
}

//! Facts of the owner that a generated reply may use: offers, answers, links, tone.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most offers, answers or links each (product rule: arrays hold at most 50 entries).
pub const KNOWLEDGE_ENTRIES_MAX: usize = 50;
/// Longest name or question, in characters.
pub const KNOWLEDGE_NAME_CHARS_MAX: usize = 500;
/// Longest content or answer, in characters.
pub const KNOWLEDGE_CONTENT_CHARS_MAX: usize = 4_000;
/// Longest link, in characters.
pub const KNOWLEDGE_URL_CHARS_MAX: usize = 2_048;

/// What the owner wrote about the business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Knowledge {
    /// What the business sells, in one text.
    pub main_offering: Option<Arc<str>>,
    /// Offers.
    pub offers: Vec<Offer>,
    /// Questions and answers.
    pub faqs: Vec<Faq>,
    /// Links that a reply may carry.
    pub links: Vec<OfferLink>,
    /// Voice.
    pub tone: Option<Tone>,
}

/// One thing on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Name.
    pub name: Arc<str>,
    /// Description.
    pub content: Arc<str>,
    /// Price in whole dollars.
    pub value: Option<u32>,
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faq {
    /// Question.
    pub question: Arc<str>,
    /// Answer; unanswered ones are of no use to a reply.
    pub answer: Option<Arc<str>>,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferLink {
    /// `primary`, `calendar`, `notion` or `website`.
    pub kind: Arc<str>,
    /// Where.
    pub url: Arc<str>,
}

/// How a reply should sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tone {
    /// `friendly`, `direct`, `like_me` or `custom`.
    pub kind: Arc<str>,
    /// Samples, or the owner's own description.
    pub samples: Vec<Arc<str>>,
}

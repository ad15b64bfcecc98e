//! Facts of the owner that a generated reply may use: offers, answers, links, tone.

pub mod change;
mod check;
mod entry;
pub mod event;

pub(super) use check::Checks;
pub(super) use entry::Entry;
pub use entry::EntryId;

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most offers, answers or links each (product rule: arrays hold at most 50 entries).
pub const KNOWLEDGE_ENTRIES_MAX: usize = 50;
/// Longest name, question or main offering, in characters.
pub const KNOWLEDGE_NAME_CHARS_MAX: usize = 500;
/// Longest content or answer, in characters.
pub const KNOWLEDGE_CONTENT_CHARS_MAX: usize = 4_000;
/// Longest link, in characters.
pub const KNOWLEDGE_URL_CHARS_MAX: usize = 2_048;
/// Highest price, in whole dollars (product rule).
pub const OFFER_VALUE_MAX: u32 = 10_000_000;
/// Most samples of a tone, and most names of files (product rule).
pub const TONE_SAMPLES_MAX: usize = 20;
/// Longest sample, in characters (product rule).
pub const TONE_SAMPLE_CHARS_MAX: usize = 1_000;

/// What the owner wrote about the business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Knowledge {
    /// What the business sells, in one text.
    pub main_offering: Option<Arc<str>>,
    /// Offers, oldest first. At most [`KNOWLEDGE_ENTRIES_MAX`]; names differ in any case.
    #[serde(deserialize_with = "entry::with_ids")]
    pub offers: Vec<Offer>,
    /// Questions and answers, oldest first. At most [`KNOWLEDGE_ENTRIES_MAX`]; questions differ in any case.
    #[serde(deserialize_with = "entry::with_ids")]
    pub faqs: Vec<Faq>,
    /// Links that a reply may carry, oldest first. At most [`KNOWLEDGE_ENTRIES_MAX`].
    #[serde(deserialize_with = "entry::with_ids")]
    pub links: Vec<OfferLink>,
    /// Voice.
    pub tone: Option<Tone>,
}

/// One thing on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Id. Entries of earlier programs had none: it is derived from what they say.
    #[serde(default)]
    pub id: EntryId,
    /// Name.
    pub name: Arc<str>,
    /// Description.
    pub content: Arc<str>,
    /// Price in whole dollars. At most [`OFFER_VALUE_MAX`].
    pub value: Option<u32>,
    /// When it was made; `None` when an earlier program did.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it was changed last; `None` when an earlier program did.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faq {
    /// Id, as of an [`Offer`].
    #[serde(default)]
    pub id: EntryId,
    /// Question.
    pub question: Arc<str>,
    /// Answer; unanswered ones are of no use to a reply.
    pub answer: Option<Arc<str>>,
    /// When it was made; `None` when an earlier program did.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it was changed last; `None` when an earlier program did.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferLink {
    /// Id, as of an [`Offer`].
    #[serde(default)]
    pub id: EntryId,
    /// One of [`LINK_KINDS`].
    pub kind: Arc<str>,
    /// Where: `http` or `https`.
    pub url: Arc<str>,
    /// When it was made; `None` when an earlier program did.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it was changed last; `None` when an earlier program did.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

/// How a reply should sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tone {
    /// One of [`TONE_KINDS`].
    pub kind: Arc<str>,
    /// Samples, or the owner's own description when it is `custom`.
    pub samples: Vec<Arc<str>>,
    /// Names of files with samples.
    #[serde(default)]
    pub files: Vec<Arc<str>>,
}

/// The main link; there is one.
pub const PRIMARY: &str = "primary";
/// The link to book a time; there is one.
pub const CALENDAR: &str = "calendar";
/// The link to more about the business; there is one.
pub const WEBSITE: &str = "website";
/// Links to notes; there may be several.
pub const NOTION: &str = "notion";

/// Kinds of links (product contract, section 3.13).
pub const LINK_KINDS: [&str; 4] = [PRIMARY, CALENDAR, NOTION, WEBSITE];

/// Warm and professional.
pub const FRIENDLY: &str = "friendly";
/// Short and businesslike.
pub const DIRECT: &str = "direct";
/// As the samples.
pub const LIKE_ME: &str = "like_me";
/// As the owner describes it.
pub const CUSTOM: &str = "custom";

/// Kinds of tones (product contract, section 3.13).
pub const TONE_KINDS: [&str; 4] = [FRIENDLY, DIRECT, LIKE_ME, CUSTOM];

impl Knowledge {
    /// The newest link of a kind.
    #[must_use]
    pub fn link(&self, kind: &str) -> Option<&OfferLink> {
        self.links.iter().rev().find(|link| &*link.kind == kind)
    }

    /// What onboarding asks for and is not there: `primaryLink`, `offers`, `mainOffering`, `toneProfile`.
    #[must_use]
    pub fn lacking(&self) -> Vec<&'static str> {
        [
            ("primaryLink", self.link(PRIMARY).is_none()),
            ("offers", self.offers.is_empty()),
            ("mainOffering", self.main_offering.is_none()),
            ("toneProfile", self.tone.is_none()),
        ]
        .into_iter()
        .filter_map(|(part, is_lacking)| is_lacking.then_some(part))
        .collect()
    }
}

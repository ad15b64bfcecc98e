//! Human response needed: what in a text says that a person must answer, found by rules alone.
//!
//! Rules only: no model, no network. Whole words with their inflections in several languages, so that "customer",
//! "horoscope" or "doctor" say nothing. What no rule sees is for the classifier.

mod scan;
#[cfg(test)]
mod tests;
mod vocabulary;

use crate::text::{SensitiveKind, cut_chars, is_trivial_ack, masked, normalise, sensitive};
use serde::{Deserialize, Serialize};

/// Characters of a text that are looked at (product rule).
pub const TEXT_CHARS_MAX: usize = 1200;
/// Most signals of one assessment (product rule).
pub const SIGNALS_MAX: usize = 10;

/// What surrounds the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HrnContext {
    /// The last message of the thread before this text was ours.
    pub after_our_reply: bool,
    /// The message carries an attachment.
    pub has_attachment: bool,
}

/// Categories that always go to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HardCategory {
    /// Self-harm, threats, medical emergencies, minors. The owner is notified at once.
    Safety,
    /// Card numbers, IBANs, passwords, identity documents. Redacted in logs and memory.
    SensitiveData,
    /// Lawyers, courts, data protection, copyright.
    Legal,
    /// Refunds, disputes, cancellations, accusations of fraud.
    MoneyBack,
    /// Insults, complaints, and asking for a person.
    Hostility,
}

/// Categories that go to a person unless the owner prepared an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoftCategory {
    /// Discounts, special terms, deadlines.
    Negotiation,
    /// A document that someone is asked to look at.
    Documents,
}

/// What the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A person must answer.
    Hard(HardCategory),
    /// A person should answer unless an automation has a fixed answer.
    Soft(SoftCategory),
    /// A bare acknowledgement.
    Trivial,
    /// Nothing noticed.
    Clear,
}

/// The verdict of the rules on one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// The gravest thing noticed.
    pub class: Class,
    /// How sure it is that a person is needed, 0 to 1.
    pub confidence: f32,
    /// What was noticed, gravest first: words of the vocabulary, never words of the message. At most [`SIGNALS_MAX`].
    pub signals: Vec<&'static str>,
    /// One sentence for people.
    pub reason: &'static str,
}

impl HardCategory {
    /// Stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::SensitiveData => "sensitive_data",
            Self::Legal => "legal",
            Self::MoneyBack => "money_back",
            Self::Hostility => "hostility",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Safety => "someone may be in danger",
            Self::SensitiveData => "the message has data that must not spread",
            Self::Legal => "the message is about law",
            Self::MoneyBack => "the message is about money back or a dispute",
            Self::Hostility => "the person is upset or asks for a person",
        }
    }
}

impl SoftCategory {
    /// Stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Negotiation => "negotiation",
            Self::Documents => "documents",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Negotiation => "the person negotiates",
            Self::Documents => "the person asks to look at a document",
        }
    }
}

impl Class {
    /// Stable name of the category, or of the class without one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard(category) => category.as_str(),
            Self::Soft(category) => category.as_str(),
            Self::Trivial => "trivial",
            Self::Clear => "clear",
        }
    }

    /// Whether a person must answer.
    #[must_use]
    pub const fn is_hard(self) -> bool {
        matches!(self, Self::Hard(_))
    }

    /// Whether a fixed or template automation may answer: at most soft.
    #[must_use]
    pub const fn allows_fixed_reply(self) -> bool {
        !self.is_hard()
    }

    /// Whether the owner must hear of it at once, not only in the queue.
    #[must_use]
    pub const fn notifies_immediately(self) -> bool {
        matches!(self, Self::Hard(HardCategory::Safety))
    }
}

/// Certainty by class (product rule): hard, documents and negotiation, acknowledgement, nothing.
const HARD: f32 = 0.95;
const SOFT: f32 = 0.90;
const TRIVIAL: f32 = 0.15;
const CLEAR: f32 = 0.30;
const EMPTY: f32 = 0.10;

/// Judges a text as received; the first [`TEXT_CHARS_MAX`] characters of it.
#[must_use]
pub fn assess(text: &str, context: &HrnContext) -> Assessment {
    let (text, _) = cut_chars(text, TEXT_CHARS_MAX);
    let form = normalise(text);
    if form.is_empty() {
        return Assessment { class: Class::Clear, confidence: EMPTY, signals: Vec::new(), reason: "no text" };
    }
    let mut noticed = scan::scan(&form);
    // What was told may be blacked out already: its mask says as much.
    for kind in sensitive(text).into_iter().map(|(kind, _)| kind).chain(masked(text)) {
        noticed.hard(HardCategory::SensitiveData, name_of(kind));
    }
    if context.has_attachment
        && let Some(term) = noticed.identity_document
    {
        noticed.hard(HardCategory::SensitiveData, term);
    }
    if context.after_our_reply && is_bewildered(&form) {
        noticed.hard(HardCategory::Hostility, "??");
    }
    noticed.verdict().unwrap_or_else(|| {
        let trivial = is_trivial_ack(&form);
        Assessment {
            class: if trivial { Class::Trivial } else { Class::Clear },
            confidence: if trivial { TRIVIAL } else { CLEAR },
            signals: Vec::new(),
            reason: if trivial { "a bare acknowledgement" } else { "nothing noticed" },
        }
    })
}

const fn name_of(kind: SensitiveKind) -> &'static str {
    match kind {
        SensitiveKind::Card => "card number",
        SensitiveKind::Iban => "iban",
        SensitiveKind::Password => "password",
    }
}

/// Question marks, two or more, with nothing or a mere call before them: the answer before did not help.
fn is_bewildered(form: &str) -> bool {
    let call = form.trim_end_matches(['?', '!', ' ', '؟']);
    let marks = form[call.len()..].chars().filter(|c| matches!(c, '?' | '؟')).count();
    marks >= 2 && (call.is_empty() || vocabulary::each(vocabulary::CALLS).any(|known| known == call))
}

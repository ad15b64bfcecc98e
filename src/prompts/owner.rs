//! What prompts say of the owner.

use greenroom_actors::{
    identity::{
        field::{Field, Value},
        row::UserRow,
    },
    user::{
        User,
        knowledge::{CUSTOM, DIRECT, Knowledge, LIKE_ME, Tone},
    },
};
use std::fmt::Write;

/// Most samples of a tone that a prompt shows (product contract, section 7.1).
const SAMPLES_MAX: usize = 3;
/// Most characters of offers, questions and links together (product contract, section 7.1).
const FACTS_CHARS_MAX: usize = 6_000;

/// What prompts say of the owner. What is not known has no line; where a sentence needs a word, it is a general one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    business_name: String,
    business_type: String,
    main_offering: String,
    tone_type: String,
    tone_guidance: String,
    offers: String,
    business_knowledge: String,
    background: String,
}

impl Owner {
    /// From the workspace and the owner's row. Nothing personal is taken: no address, no gender.
    #[must_use]
    pub fn new(user: &User, row: &UserRow) -> Self {
        let knowledge = &user.knowledge;
        let text = |field| match row.extra.get(field) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.as_ref().to_owned()),
            _ => None,
        };
        let main_offering = knowledge.main_offering.as_deref().map(str::to_owned);
        let main_offering = main_offering.or_else(|| text(Field::MainOffering));
        let known = |value: &str, general: &str| match value.trim() {
            "" => general.to_owned(),
            value => value.to_owned(),
        };
        let tone = knowledge.tone.as_ref();
        Self {
            business_name: known(&row.name, "the business"),
            business_type: known(&text(Field::BusinessType).unwrap_or_default(), "business"),
            main_offering: known(&main_offering.unwrap_or_default(), "its products and services"),
            tone_type: tone.map_or("friendly", |tone| &tone.kind).to_owned(),
            tone_guidance: guidance(tone),
            offers: offers(knowledge),
            business_knowledge: facts(knowledge),
            background: background(row),
        }
    }

    /// The value of a placeholder.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        Some(match name {
            "businessName" => &self.business_name,
            "businessType" => &self.business_type,
            "mainOffering" => &self.main_offering,
            "toneType" => &self.tone_type,
            "toneGuidance" => &self.tone_guidance,
            "offers" => &self.offers,
            "businessKnowledge" => &self.business_knowledge,
            "background" => &self.background,
            _ => return None,
        })
    }
}

/// How to sound (product contract, section 7.1).
fn guidance(tone: Option<&Tone>) -> String {
    let kind = tone.map(|tone| &*tone.kind).unwrap_or_default();
    let mut text = match kind {
        DIRECT => "Be short and businesslike.",
        LIKE_ME => "Imitate the voice of the samples: their words, length, punctuation and emoji.",
        CUSTOM => "Follow the owner's own description of the voice.",
        _ => "Be warm, professional and helpful.",
    }
    .to_owned();
    for sample in tone.iter().flat_map(|tone| &tone.samples).take(SAMPLES_MAX) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n- {sample}");
    }
    text
}

fn offers(knowledge: &Knowledge) -> String {
    let text = Room(FACTS_CHARS_MAX).lines(offer_lines(knowledge));
    if text.is_empty() { "none".to_owned() } else { text }
}

fn offer_lines(knowledge: &Knowledge) -> impl Iterator<Item = String> {
    knowledge.offers.iter().map(|offer| {
        let price = offer.value.map(|value| format!(" (${value})")).unwrap_or_default();
        format!("- {}{price}: {}", offer.name, offer.content)
    })
}

/// Offers, answered questions and links.
fn facts(knowledge: &Knowledge) -> String {
    let mut room = Room(FACTS_CHARS_MAX);
    let answered = knowledge.faqs.iter().filter_map(|faq| Some((faq, faq.answer.as_ref()?)));
    let answers = answered.map(|(faq, answer)| format!("- {}: {answer}", faq.question));
    let links = knowledge.links.iter().map(|link| format!("- {}: {}", link.kind, link.url));
    let sections = [
        ("Offers", room.lines(offer_lines(knowledge))),
        ("Questions and answers", room.lines(answers)),
        ("Links", room.lines(links)),
    ];
    let sections = sections.iter().filter(|(_, lines)| !lines.is_empty());
    sections.map(|(title, lines)| format!("{title}:\n{lines}")).collect::<Vec<_>>().join("\n")
}

/// Characters that are left for facts.
struct Room(usize);

impl Room {
    /// The lines that fit. One that does not is left out as a whole: half of a fact may say something else.
    fn lines(&mut self, lines: impl Iterator<Item = String>) -> String {
        let fits = |line: &String| {
            let left = self.0.checked_sub(line.chars().count() + 1);
            self.0 = left.unwrap_or(self.0);
            left.is_some()
        };
        lines.filter(fits).collect::<Vec<_>>().join("\n")
    }
}

/// What onboarding asked, a line each.
fn background(row: &UserRow) -> String {
    let mut text = String::new();
    for (field, label) in [
        (Field::UseCase, "Uses the product for"),
        (Field::PilotGoal, "Goals"),
        (Field::LeadsPerMonth, "Leads per month"),
        (Field::ActivePlatforms, "Platforms"),
        (Field::CurrentTracking, "Tracks leads with"),
    ] {
        let value = match row.extra.get(field) {
            Some(Value::Text(text)) => text.as_ref().to_owned(),
            Some(Value::List(items)) => items.join(", "),
            _ => String::new(),
        };
        if !value.is_empty() {
            let _ = writeln!(text, "{label}: {value}");
        }
    }
    text.trim_end().to_owned()
}

//! What the owner says about the business: facts that replies may use, and its name.

use super::super::{
    Rejection, Reply, User, UserEvent,
    knowledge::{
        KNOWLEDGE_CONTENT_CHARS_MAX, KNOWLEDGE_ENTRIES_MAX, KNOWLEDGE_NAME_CHARS_MAX,
        KNOWLEDGE_URL_CHARS_MAX, Knowledge,
    },
};
use crate::{
    Draft,
    automation::{FieldCode, FieldError},
};
use std::sync::Arc;

/// Longest name, in characters (product rule).
const NAME_CHARS_MAX: usize = 100;

/// Replaces the owner's facts.
pub(in super::super) fn set_knowledge(
    draft: &mut Draft<User>,
    knowledge: &Knowledge,
) -> Result<Reply, Rejection> {
    let mut errors = Vec::new();
    for (field, count) in [
        ("offers", knowledge.offers.len()),
        ("faqs", knowledge.faqs.len()),
        ("links", knowledge.links.len()),
        ("tone.samples", knowledge.tone.as_ref().map_or(0, |tone| tone.samples.len())),
    ] {
        if count > KNOWLEDGE_ENTRIES_MAX {
            errors.push(FieldError::new(field, FieldCode::TooMany, "at most 50 entries"));
        }
    }
    let mut within = |field: &'static str, text: &str, max: usize| {
        if text.chars().count() > max {
            errors.push(FieldError::new(field, FieldCode::TooLong, format!("at most {max} characters")));
        }
    };
    within("mainOffering", knowledge.main_offering.as_deref().unwrap_or_default(), KNOWLEDGE_NAME_CHARS_MAX);
    for offer in &knowledge.offers {
        within("offers.name", &offer.name, KNOWLEDGE_NAME_CHARS_MAX);
        within("offers.content", &offer.content, KNOWLEDGE_CONTENT_CHARS_MAX);
    }
    for faq in &knowledge.faqs {
        within("faqs.question", &faq.question, KNOWLEDGE_NAME_CHARS_MAX);
        within("faqs.answer", faq.answer.as_deref().unwrap_or_default(), KNOWLEDGE_CONTENT_CHARS_MAX);
    }
    for link in &knowledge.links {
        within("links.url", &link.url, KNOWLEDGE_URL_CHARS_MAX);
    }
    for sample in knowledge.tone.iter().flat_map(|tone| &tone.samples) {
        within("tone.samples", sample, KNOWLEDGE_CONTENT_CHARS_MAX);
    }
    if !errors.is_empty() {
        return Err(Rejection::Invalid(errors));
    }
    draft.emit(UserEvent::KnowledgeSet(Arc::new(knowledge.clone())));
    Ok(Reply::Done)
}

/// Sets the owner's or business's name.
pub(in super::super) fn set_name(draft: &mut Draft<User>, name: &str) -> Result<Reply, Rejection> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let error = FieldError::new("name", FieldCode::Invalid, "1 to 100 characters");
        return Err(Rejection::Invalid(vec![error]));
    }
    draft.emit(UserEvent::Named(name.into()));
    Ok(Reply::Done)
}

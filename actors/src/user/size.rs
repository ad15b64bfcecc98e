//! Rough sizes of events once encoded, so that a decision knows when its record is full.

use super::{
    UserEvent,
    contact_change::{Left, Write},
    inbound::{InboundEvent, InboundItem},
    question::{Case, Origin},
    settings::EXTRA_INSTRUCTIONS_CHARS_MAX,
};
use crate::{
    automation::{Automation, Response},
    entity::EVENT_BYTES_USUAL,
    outbox::{self, OutboxEvent, TEMPLATE_BYTES_MAX},
};
use std::sync::Arc;

/// Rough bytes of one outbox number.
const ID_BYTES: usize = 9;
/// Rough bytes of a platform's message about a refusal, with its numbers.
const REFUSAL_BYTES: usize = 512;
/// Rough bytes of the id of a person.
const PERSON_BYTES: usize = 20;
/// Rough bytes of an attachment: an address and a few words.
const ATTACHMENT_BYTES: usize = 512;

/// Rough bytes of an event: its frame, and the texts in it that can be long.
pub(super) fn of(event: &UserEvent) -> usize {
    let long = match event {
        UserEvent::RequestAnswered(request) => request.reply.len(),
        UserEvent::Received { record, .. } => record.trail.len() * 64 + EVENT_BYTES_USUAL,
        UserEvent::MessageRecorded { message, .. } | UserEvent::EchoKept { message, .. } => {
            text(message.text.as_ref()) + message.attachments.len() * ATTACHMENT_BYTES
        }
        UserEvent::MessageEdited { edit, .. } | UserEvent::EditKept { edit, .. } => text(edit.text.as_ref()),
        UserEvent::QuestionSet(question) => of_case(&question.case),
        UserEvent::ReplyBound { context, .. } => of_case(&context.case),
        UserEvent::Parked(held) | UserEvent::Overflowed(held) => of_inbound(&held.event),
        UserEvent::PostlessSet { waiting, .. } => of_inbound(&waiting.held.event),
        UserEvent::CrmSet { crm, .. } => text(crm.notes.as_ref()),
        UserEvent::ContactEdited { edit, .. } => {
            let texts = [&edit.notes, &edit.next_action];
            texts.into_iter().flatten().cloned().filter_map(Write::value).map(|text| text.len()).sum()
        }
        UserEvent::BulkSet(bulk) => match &bulk.left {
            Left::Named(persons) => persons.len() * PERSON_BYTES,
            Left::Matching { .. } => 0,
        },
        UserEvent::SettingsSet(_) => EXTRA_INSTRUCTIONS_CHARS_MAX,
        UserEvent::AutomationSet(automation) => of_automation(automation),
        UserEvent::KnowledgeChanged(event) => event.bytes(),
        UserEvent::Audited(row) => text(row.before.as_ref()) + text(row.after.as_ref()),
        UserEvent::Logged(row) => text(row.text.as_ref()),
        UserEvent::Outbox(event) => of_outbox(event),
        _ => 0,
    };
    EVENT_BYTES_USUAL.saturating_add(long)
}

fn text(text: Option<&Arc<str>>) -> usize {
    text.map_or(0, |text| text.len())
}

fn of_case(case: &Case) -> usize {
    match &case.origin {
        Origin::Texts(_) => 0,
        Origin::Comment(from) => text(from.comment.text.as_ref()) + EVENT_BYTES_USUAL,
    }
}

fn of_inbound(event: &InboundEvent) -> usize {
    match &event.item {
        InboundItem::Message(message) => {
            text(message.text.as_ref()) + message.attachments.len() * ATTACHMENT_BYTES
        }
        InboundItem::Comment(comment) => text(comment.text.as_ref()),
        _ => EVENT_BYTES_USUAL,
    }
}

fn of_automation(automation: &Automation) -> usize {
    let content = &automation.content;
    let triggers = content.triggers.len() * 64 + content.post_ids.len() * 32;
    let response = match &content.response {
        Response::Fixed(fixed) => fixed.text.len(),
        Response::AiPrompt(prompt) => prompt.prompt.len(),
        Response::GenericTemplate(_) | Response::Invalid(_) => TEMPLATE_BYTES_MAX,
    };
    let wordings: usize = content.comment_reply_variants.iter().map(String::len).sum();
    let note = content.description.as_ref().map_or(0, String::len);
    triggers + response + wordings + note
}

fn of_outbox(event: &OutboxEvent) -> usize {
    match event {
        OutboxEvent::Enqueued { item } | OutboxEvent::Resent { item, .. } => match &item.content {
            outbox::Content::Text(text) => text.len(),
            outbox::Content::Template { elements, text_form } => elements.len() + text_form.len(),
        },
        OutboxEvent::Expired { ids, .. }
        | OutboxEvent::Cancelled { ids, .. }
        | OutboxEvent::Archived { ids } => ids.len() * ID_BYTES,
        OutboxEvent::Failed { .. } | OutboxEvent::Deferred { .. } => REFUSAL_BYTES,
        _ => 0,
    }
}

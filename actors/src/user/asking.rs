//! Questions to the model: asking, asking again, giving up (step 13 and 16).

use super::{
    User, UserEffect, UserEvent,
    calendar::Month,
    cancel, comment, compose,
    decision::{CancelReason, HrnSource, QuestionAsked, StepOutcome, Verdict},
    dm, hrn_queue,
    inbound::AttachmentKind,
    model::{
        CLASSIFY_CONTEXT_MESSAGES_MAX, ContactContext, ModelAnswer, ModelFailure, ModelRequest, OwnerContext,
        Purpose, QuestionId, REPLY_CONTEXT_CHARS_MAX, REPLY_CONTEXT_MESSAGES_MAX, Speaker, TranscriptLine,
    },
    question::{Ask, Case, MODEL_BACKOFF, MODEL_LEASE, MODEL_PATIENCE, Origin, Question},
    rules,
    trail::{Trail, conclude},
};
use crate::{Draft, Timestamp, automation::Response};
use std::{borrow::Cow, sync::Arc};

/// Asks a new question.
pub(super) fn ask(
    draft: &mut Draft<User>,
    now: Timestamp,
    case: Case,
    ask: Ask,
    reserved: Option<Month>,
    regenerated: bool,
    trail: &mut Trail,
) -> Verdict {
    let id = QuestionId(draft.next_side);
    let question = Question {
        id,
        case,
        ask,
        attempt: 1,
        in_flight: true,
        due: now + MODEL_LEASE,
        give_up_at: now + MODEL_PATIENCE,
        reserved,
        regenerated,
    };
    trail.question(asked(&question, None));
    send(draft, now, question);
    Verdict::Thinking { question: id }
}

/// An answer came, or none.
pub(super) fn answered(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: QuestionId,
    attempt: u32,
    result: &Result<ModelAnswer, ModelFailure>,
) {
    let Some(question) = draft.questions.get(&id).cloned() else { return };
    if question.attempt != attempt || !question.in_flight {
        return;
    }
    if let Some(reason) = draft.sweeps.of_case(&question.case) {
        return drop(draft, now, &question, reason);
    }
    match result {
        Err(ModelFailure::Unavailable(_)) => try_later(draft, now, &question),
        Err(failure) => fail(draft, now, &question, failure.clone()),
        Ok(answer) => take(draft, now, &question, answer),
    }
}

/// A question is due: its next try, or the end of a try that gave no answer.
pub(super) fn due(draft: &mut Draft<User>, now: Timestamp, id: QuestionId) {
    let Some(question) = draft.questions.get(&id).cloned() else { return };
    if let Some(reason) = draft.sweeps.of_case(&question.case) {
        return drop(draft, now, &question, reason);
    }
    if question.in_flight {
        return try_later(draft, now, &question);
    }
    if now >= question.give_up_at {
        return fail(draft, now, &question, ModelFailure::Unavailable("no answer in time".into()));
    }
    let mut next = Question::clone(&question);
    next.attempt = next.attempt.saturating_add(1);
    next.in_flight = true;
    next.due = now + MODEL_LEASE;
    send(draft, now, next);
}

/// A person switched off what this would answer.
fn drop(draft: &mut Draft<User>, now: Timestamp, question: &Question, reason: CancelReason) {
    cancel::close_question(draft, question);
    conclude(draft, now, question.case.no, Verdict::Cancelled(reason));
}

/// Asks every question again whose answer was lost with the activation; beyond what fits in one record they are asked
/// when their lease ends.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    let lost: Vec<Arc<Question>> = draft.questions.values().filter(|q| q.in_flight).cloned().collect();
    for question in lost {
        if draft.is_full() {
            return;
        }
        let mut next = Question::clone(&question);
        next.attempt = next.attempt.saturating_add(1);
        next.due = now + MODEL_LEASE;
        send(draft, now, next);
    }
}

fn send(draft: &mut Draft<User>, now: Timestamp, question: Question) {
    let request = request(draft, now, &question);
    draft.emit(UserEvent::QuestionSet(Arc::new(question)));
    draft.effect(UserEffect::AskModel(Box::new(request)));
}

fn try_later(draft: &mut Draft<User>, now: Timestamp, question: &Question) {
    let tries = usize::try_from(question.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = MODEL_BACKOFF[tries.min(MODEL_BACKOFF.len() - 1)];
    let mut next = question.clone();
    next.in_flight = false;
    next.due = (now + wait).min(question.give_up_at).max(now);
    let mut trail = Trail::resume(question.case.no, now);
    trail.question(asked(question, Some("unavailable".into())));
    trail.write(draft);
    draft.emit(UserEvent::QuestionSet(Arc::new(next)));
}

fn fail(draft: &mut Draft<User>, now: Timestamp, question: &Question, failure: ModelFailure) {
    cancel::close_question(draft, question);
    let mut trail = Trail::resume(question.case.no, now);
    let reason = match &failure {
        ModelFailure::NotConfigured => "no model configured",
        ModelFailure::Unavailable(_) => "model unavailable",
        ModelFailure::Unreadable(_) => "model answer unreadable",
        ModelFailure::Declined => "model declined",
    };
    trail.question(asked(question, Some(reason.into())));
    step(&mut trail, question, StepOutcome::Stopped, reason);
    let verdict = hrn_queue::raise(draft, now, &question.case, HrnSource::Failure, "failure", reason, &[]);
    trail.end(draft, verdict);
}

fn take(draft: &mut Draft<User>, now: Timestamp, question: &Question, answer: &ModelAnswer) {
    let mut trail = Trail::resume(question.case.no, now);
    match (question.ask, answer) {
        (Ask::Classify, ModelAnswer::Classified(said)) => {
            draft.emit(UserEvent::QuestionClosed(question.id));
            let summary = format!("{} per mille", said.probability_permille);
            trail.question(asked(question, Some(summary.into())));
            let verdict = dm::after_classifier(draft, now, question, said, &mut trail);
            trail.end(draft, verdict);
        }
        (Ask::AiPrompt | Ask::Sidekick, ModelAnswer::Text(text)) => {
            written(draft, now, question, text, trail)
        }
        _ => fail(draft, now, question, ModelFailure::Unreadable("answer to another question".into())),
    }
}

/// The model wrote a reply.
fn written(draft: &mut Draft<User>, now: Timestamp, question: &Question, text: &str, mut trail: Trail) {
    let case = &question.case;
    // The reservation, if any, goes on with the case.
    draft.emit(UserEvent::QuestionClosed(question.id));
    let in_the_way = match &case.origin {
        Origin::Texts(_) => dm::in_the_way(draft, now, case, &mut trail),
        Origin::Comment(from) => comment::in_the_way(draft, now, case, &mut trail)
            .or_else(|| comment::rests_meanwhile(draft, now, case, from, &mut trail)),
    }
    .or_else(|| rules::withdrawn(draft, now, case, question.ask, &mut trail));
    let Some(month) = question.reserved else {
        return trail.write(draft);
    };
    if let Some(verdict) = in_the_way {
        draft.emit(UserEvent::SendReleased(month));
        return trail.end(draft, verdict);
    }
    let is_comment = matches!(case.origin, Origin::Comment(_));
    let fit = if is_comment && text.trim().is_empty() {
        compose::generated(draft, case, compose::COMMENT_FALLBACK)
    } else {
        compose::generated(draft, case, text)
    };
    let verdict = match fit {
        Ok(content) => {
            trail.question(asked(question, Some("fit".into())));
            step(&mut trail, question, StepOutcome::Passed, "fit");
            match &case.origin {
                Origin::Texts(_) => dm::send_text(draft, now, case, content, month, &mut trail),
                Origin::Comment(_) => comment::send(draft, now, case, content, month, &mut trail),
            }
        }
        Err(unfit) if !question.regenerated => {
            trail.question(asked(question, Some(unfit.reason().into())));
            step(&mut trail, question, StepOutcome::Waiting, unfit.reason());
            let falls_back = unfit == compose::Unfit::Empty && question.ask == Ask::AiPrompt && !is_comment;
            let again = if falls_back && draft.settings.sidekick { Ask::Sidekick } else { question.ask };
            ask(draft, now, case.clone(), again, Some(month), true, &mut trail)
        }
        Err(unfit) => {
            draft.emit(UserEvent::SendReleased(month));
            trail.question(asked(question, Some(unfit.reason().into())));
            step(&mut trail, question, StepOutcome::Stopped, unfit.reason());
            hrn_queue::raise(draft, now, case, HrnSource::Failure, unfit.as_str(), unfit.reason(), &[])
        }
    };
    trail.end(draft, verdict);
}

fn step(trail: &mut Trail, question: &Question, outcome: StepOutcome, detail: &'static str) {
    match (&question.case.origin, question.ask) {
        (Origin::Comment(_), _) => trail.comment_so(8, outcome, detail),
        (Origin::Texts(_), Ask::Classify) => trail.dm_so(13, outcome, detail),
        (Origin::Texts(_), _) => trail.dm_so(16, outcome, detail),
    }
}

const fn asked(question: &Question, outcome: Option<Cow<'static, str>>) -> QuestionAsked {
    QuestionAsked {
        question: question.id,
        purpose: Cow::Borrowed(question.ask.as_str()),
        attempts: question.attempt,
        outcome,
    }
}

fn request(draft: &Draft<User>, now: Timestamp, question: &Question) -> ModelRequest {
    let case = &question.case;
    let contact = draft.contacts.get(&case.person);
    let (text, attachments) = match &case.origin {
        Origin::Comment(from) => (from.comment.text.as_deref().unwrap_or_default().to_owned(), Vec::new()),
        Origin::Texts(texts) => contact.map_or_else(Default::default, |contact| {
            let kinds: Vec<AttachmentKind> = texts
                .iter()
                .filter_map(|no| contact.thread.get(*no))
                .flat_map(|message| message.attachments.iter().map(|attachment| attachment.kind.clone()))
                .collect();
            (contact.thread.merged(texts), kinds)
        }),
    };
    ModelRequest {
        question: question.id,
        attempt: question.attempt,
        purpose: purpose(draft, question),
        person: case.person.clone(),
        text,
        attachments,
        transcript: transcript(draft, question),
        owner: OwnerContext {
            name: draft.name.clone(),
            username: draft.integration.as_ref().map(|integration| Arc::clone(&integration.username)),
            extra_instructions: draft.settings.extra_instructions.clone(),
            knowledge: Arc::clone(&draft.knowledge),
        },
        contact: contact.map_or_else(ContactContext::default, |contact| ContactContext {
            username: contact.username.clone(),
            display_name: contact.display_name.clone(),
            stage: Some(compose::stage_of(contact)),
            tags: contact.crm.tags.clone(),
            notes: contact.crm.notes.clone(),
        }),
        asked_at: now,
    }
}

fn purpose(draft: &Draft<User>, question: &Question) -> Purpose {
    match question.ask {
        Ask::Classify => Purpose::Classify { sensitivity: draft.settings.sensitivity },
        Ask::Sidekick => Purpose::Sidekick,
        Ask::AiPrompt => {
            let rule = question.case.rule.as_ref().and_then(|rule| draft.automations.get(&rule.id));
            match rule.map(|automation| &automation.content.response) {
                Some(Response::AiPrompt(prompt)) => {
                    Purpose::AiPrompt { prompt: prompt.prompt.as_str().into() }
                }
                _ => Purpose::Sidekick,
            }
        }
    }
}

/// Lines before the words that are answered, oldest first; when they are too long the newest are kept.
fn transcript(draft: &Draft<User>, question: &Question) -> Vec<TranscriptLine> {
    let Some(contact) = draft.contacts.get(&question.case.person) else { return Vec::new() };
    let answered: &[_] = match &question.case.origin {
        Origin::Texts(texts) => texts,
        Origin::Comment(_) => &[],
    };
    let lines_max = match question.ask {
        Ask::Classify => CLASSIFY_CONTEXT_MESSAGES_MAX,
        Ask::AiPrompt | Ask::Sidekick => REPLY_CONTEXT_MESSAGES_MAX,
    };
    let mut room = REPLY_CONTEXT_CHARS_MAX;
    let mut lines = Vec::new();
    for message in contact.thread.messages.iter().rev() {
        let Some(text) = &message.text else { continue };
        if answered.contains(&message.no) || message.unsent {
            continue;
        }
        let chars = text.chars().count();
        if lines.len() == lines_max || chars > room {
            break;
        }
        room -= chars;
        let speaker = if message.author.is_ours() { Speaker::Owner } else { Speaker::Contact };
        lines.push(TranscriptLine { speaker, at: message.at, text: Arc::clone(text) });
    }
    lines.reverse();
    lines
}

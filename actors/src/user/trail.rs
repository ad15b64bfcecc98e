//! Writing a decision record while deciding.

use super::{
    User, UserEvent,
    decision::{
        DecisionNo, DecisionRecord, Delivery, QuestionAsked, RuleUsed, Step, StepOutcome, StepTaken, Verdict,
    },
    event::Advance,
    history,
    inbound::{InboundEvent, InboundItem},
    tell,
};
use crate::{
    Draft, Timestamp,
    id::Mid,
    outbox::{Fingerprint, OutboundId},
};
use std::{borrow::Cow, sync::Arc};

/// Steps of a usual decision: room for them at once.
const STEPS_USUAL: usize = 12;

/// A decision being written: the first part of a new record, or a further part of an old one.
pub(super) struct Trail {
    advance: Advance,
    first: Option<(Fingerprint, DecisionRecord)>,
}

impl Trail {
    /// The record of a new event.
    pub(super) fn begin(
        no: DecisionNo,
        event: &InboundEvent,
        fingerprint: Fingerprint,
        now: Timestamp,
    ) -> Self {
        let mut trail = Self::resume(no, now);
        trail.first = Some((fingerprint, blank(no, event, now)));
        trail.advance.steps.reserve(STEPS_USUAL);
        trail
    }

    /// A further part of a record.
    pub(super) const fn resume(no: DecisionNo, now: Timestamp) -> Self {
        let advance = Advance {
            no,
            at: now,
            steps: Vec::new(),
            verdict: None,
            automation: None,
            window_left_ms: None,
            sends_left: None,
            question: None,
            delivery: None,
        };
        Self { advance, first: None }
    }

    pub(super) const fn no(&self) -> DecisionNo {
        self.advance.no
    }

    pub(super) fn dm(&mut self, step: u8, outcome: StepOutcome) {
        self.advance.steps.push(StepTaken { step: Step::Dm(step), outcome, detail: None });
    }

    pub(super) fn dm_so(&mut self, step: u8, outcome: StepOutcome, detail: impl Into<Cow<'static, str>>) {
        self.advance.steps.push(StepTaken { step: Step::Dm(step), outcome, detail: Some(detail.into()) });
    }

    pub(super) fn comment(&mut self, step: u8, outcome: StepOutcome) {
        self.advance.steps.push(StepTaken { step: Step::Comment(step), outcome, detail: None });
    }

    pub(super) fn comment_so(
        &mut self,
        step: u8,
        outcome: StepOutcome,
        detail: impl Into<Cow<'static, str>>,
    ) {
        self.advance.steps.push(StepTaken {
            step: Step::Comment(step),
            outcome,
            detail: Some(detail.into()),
        });
    }

    pub(super) fn rule(&mut self, rule: &RuleUsed) {
        self.advance.automation = Some(rule.clone());
    }

    pub(super) const fn window(&mut self, left_ms: i64) {
        self.advance.window_left_ms = Some(left_ms);
    }

    pub(super) const fn sends_left(&mut self, left: Option<u32>) {
        self.advance.sends_left = left;
    }

    pub(super) fn question(&mut self, asked: QuestionAsked) {
        self.advance.question = Some(asked);
    }

    pub(super) fn delivery(&mut self, delivery: Delivery) {
        self.advance.delivery = Some(delivery);
    }

    /// Ends this part, with where the decision stands now.
    pub(super) fn end(mut self, draft: &mut Draft<User>, verdict: Verdict) {
        self.advance.verdict = Some(verdict);
        self.write(draft);
    }

    /// Ends this part and leaves the verdict.
    pub(super) fn write(self, draft: &mut Draft<User>) {
        let Some((fingerprint, mut record)) = self.first else {
            return advance(draft, self.advance);
        };
        let Advance {
            at, steps, verdict, automation, window_left_ms, sends_left, question, delivery, ..
        } = self.advance;
        record.decided_at = at;
        record.trail = steps;
        record.verdict = verdict.unwrap_or(Verdict::Recorded);
        record.automation = automation;
        record.window_left_ms = window_left_ms;
        record.sends_left = sends_left;
        record.questions = question.into_iter().collect();
        record.delivery = delivery;
        if draft.decisions.len() >= super::decision::DECISIONS_MAX
            && let Some((no, oldest)) = draft.decisions.get_min()
        {
            let row = tell::row(history::DECISIONS, no.0, oldest.as_ref());
            let index = history::index_row(oldest);
            draft.row(row);
            index.into_iter().for_each(|row| draft.row(row));
        }
        draft.emit(UserEvent::Received { fingerprint, record: Arc::new(record) });
    }
}

/// Moves a decision on; one that has left to the history gets a row there.
fn advance(draft: &mut Draft<User>, advance: Advance) {
    if draft.decisions.contains_key(&advance.no) {
        draft.emit(UserEvent::Advanced(Arc::new(advance)));
    } else {
        let row_no = draft.next_side;
        let row = tell::row(history::outcomes_of(advance.no), row_no, &advance);
        draft.row(row);
        draft.emit(UserEvent::OutcomeLeft(row_no));
    }
}

/// Changes the verdict of an earlier decision.
pub(super) fn conclude(draft: &mut Draft<User>, now: Timestamp, no: DecisionNo, verdict: Verdict) {
    Trail::resume(no, now).end(draft, verdict);
}

/// Where a decision with a message in the outbox stands.
pub(super) const fn queued(outbound: OutboundId) -> Verdict {
    Verdict::Queued { outbound }
}

fn blank(no: DecisionNo, event: &InboundEvent, now: Timestamp) -> DecisionRecord {
    let comment = match &event.item {
        InboundItem::Comment(comment) => Some(comment.id.clone()),
        _ => None,
    };
    DecisionRecord {
        no,
        key: event.key.clone(),
        kind: Cow::Borrowed(event.item.kind()),
        person: event.item.person().cloned(),
        mid: mid_of(&event.item).cloned(),
        comment,
        at: event.at,
        received_at: event.received_at,
        decided_at: now,
        trail: Vec::new(),
        verdict: Verdict::Recorded,
        automation: None,
        window_left_ms: None,
        sends_left: None,
        questions: Vec::new(),
        delivery: None,
    }
}

const fn mid_of(item: &InboundItem) -> Option<&Mid> {
    match item {
        InboundItem::Message(message) => message.mid.as_ref(),
        InboundItem::Echo(echo) => echo.mid.as_ref(),
        InboundItem::Postback { mid, .. } | InboundItem::Seen { mid, .. } => mid.as_ref(),
        InboundItem::Unsend { mid, .. }
        | InboundItem::Edit { mid, .. }
        | InboundItem::CompanionEdit { mid, .. }
        | InboundItem::Reaction { mid, .. } => Some(mid),
        _ => None,
    }
}

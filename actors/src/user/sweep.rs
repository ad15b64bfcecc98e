//! Dropping many pending replies at once: a mark that holds from the moment of the switch-off, and work in steps.
//!
//! Tens of thousands of replies can wait when the owner switches off. What they leave behind does not fit in one
//! record: the mark is set at once and the guard of the outbox looks at it before every attempt, so that nothing older
//! than the mark goes out; the replies themselves are settled tick by tick.

use super::{
    User, UserEvent, cancel,
    decision::{CancelReason, DecisionNo, Verdict},
    question::{Case, Question},
    relay,
    trail::conclude,
};
use crate::{
    Draft, Timestamp,
    id::Igsid,
    outbox::{self, Author, Outbound, OutboundId},
};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bursts, questions or messages dropped by one step.
const SWEEP_BATCH_MAX: usize = 32;
/// Messages of the outbox looked at by one step.
const SWEEP_SCAN_MAX: usize = 4_096;

/// What is dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// Everything that answers by itself.
    Automatic,
    /// Messages of people too.
    Everything,
    /// What one automation answers.
    Automation(Arc<str>),
}

/// A dropping that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// What is dropped.
    pub target: Target,
    /// Why.
    pub reason: CancelReason,
    /// When a person asked for it.
    pub since: Timestamp,
    /// Decisions before this one are meant.
    pub before: DecisionNo,
    /// Messages up to this one are meant.
    pub last: OutboundId,
    /// Messages before this one are done.
    pub next: OutboundId,
}

/// Droppings that go on: at most one for each target, so at most two more than there are automations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sweeps(OrdMap<Target, Arc<Sweep>>);

impl Sweeps {
    /// Nothing is being dropped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the next step is due: at once.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.0.get_min().map(|(_, sweep)| sweep.since)
    }

    pub(super) fn set(&mut self, sweep: &Arc<Sweep>) {
        self.0.insert(sweep.target.clone(), Arc::clone(sweep));
    }

    pub(super) fn end(&mut self, target: &Target) {
        self.0.remove(target);
    }

    fn first(&self) -> Option<&Arc<Sweep>> {
        self.0.get_min().map(|(_, sweep)| sweep)
    }

    /// Why a message is to be dropped, if it is.
    pub(super) fn of_message(&self, item: &Outbound) -> Option<CancelReason> {
        self.find(item.automation.as_ref().map(|automation| automation.as_str()), |sweep| sweep.takes(item))
    }

    /// Why the answer to a case is to be dropped, if it is.
    pub(super) fn of_case(&self, case: &Case) -> Option<CancelReason> {
        self.find(case.rule.as_ref().map(|rule| &*rule.id), |sweep| sweep.takes_case(case))
    }

    fn find(&self, automation: Option<&str>, takes: impl Fn(&Sweep) -> bool) -> Option<CancelReason> {
        if self.0.is_empty() {
            return None;
        }
        let own = automation.map(|automation| Target::Automation(automation.into()));
        [Some(Target::Everything), Some(Target::Automatic), own]
            .into_iter()
            .flatten()
            .filter_map(|target| self.0.get(&target))
            .find(|sweep| takes(sweep))
            .map(|sweep| sweep.reason)
    }
}

impl Sweep {
    fn takes(&self, item: &Outbound) -> bool {
        let by_hand = item.author == Author::Human;
        item.id <= self.last
            && match &self.target {
                Target::Everything => true,
                Target::Automatic => !by_hand,
                Target::Automation(id) => {
                    !by_hand && item.automation.as_ref().is_some_and(|of| of.as_str() == &**id)
                }
            }
    }

    fn takes_case(&self, case: &Case) -> bool {
        case.no < self.before
            && match &self.target {
                Target::Everything | Target::Automatic => true,
                Target::Automation(id) => case.rule.as_ref().is_some_and(|rule| rule.id == *id),
            }
    }
}

/// Drops what is pending now: as much as fits in this decision, the rest tick by tick.
pub(super) fn begin(draft: &mut Draft<User>, now: Timestamp, target: Target, reason: CancelReason) {
    let before = DecisionNo(draft.next_no);
    let (last, next) = (draft.outbox.last_id(), OutboundId::MIN);
    let mut sweep = Sweep { target, reason, since: now, before, last, next };
    // What an earlier sweep of the same target left is meant by this one too.
    if work(draft, now, &mut sweep) {
        end(draft, &sweep.target);
    } else {
        draft.emit(UserEvent::SweepSet(Arc::new(sweep)));
    }
}

/// Goes on with the first of them.
pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    let Some(mut sweep) = draft.sweeps.first().map(|sweep| Sweep::clone(sweep)) else { return };
    if work(draft, now, &mut sweep) {
        end(draft, &sweep.target);
    } else {
        draft.emit(UserEvent::SweepSet(Arc::new(sweep)));
    }
}

fn end(draft: &mut Draft<User>, target: &Target) {
    if draft.sweeps.0.contains_key(target) {
        draft.emit(UserEvent::SweepEnded(target.clone()));
    }
}

/// Steps until the draft is full, at least one. Whether all is done.
fn work(draft: &mut Draft<User>, now: Timestamp, sweep: &mut Sweep) -> bool {
    loop {
        let done = bursts(draft, now, sweep) && questions(draft, now, sweep) && messages(draft, now, sweep);
        if done || draft.is_full() {
            return done;
        }
    }
}

/// Drops some bursts. Whether none is left.
fn bursts(draft: &mut Draft<User>, now: Timestamp, sweep: &Sweep) -> bool {
    if matches!(sweep.target, Target::Automation(_)) {
        return true;
    }
    let meant = |person: &&Igsid| {
        let burst = draft.contacts.get(*person).and_then(|contact| contact.thread.burst.as_ref());
        burst.and_then(|burst| burst.texts.last()).is_some_and(|no| *no < sweep.before)
    };
    let waiting: Vec<Igsid> = draft.agenda.bursts().filter(meant).take(SWEEP_BATCH_MAX).cloned().collect();
    for person in &waiting {
        cancel::burst(draft, now, person, sweep.reason);
    }
    waiting.len() < SWEEP_BATCH_MAX
}

/// Drops some questions. Whether none is left.
fn questions(draft: &mut Draft<User>, now: Timestamp, sweep: &Sweep) -> bool {
    let open: Vec<Arc<Question>> = draft
        .questions
        .values()
        .filter(|question| sweep.takes_case(&question.case))
        .take(SWEEP_BATCH_MAX)
        .cloned()
        .collect();
    for question in &open {
        cancel::close_question(draft, question);
        conclude(draft, now, question.case.no, Verdict::Cancelled(sweep.reason));
    }
    open.len() < SWEEP_BATCH_MAX
}

/// Drops some messages. Whether none is left.
fn messages(draft: &mut Draft<User>, now: Timestamp, sweep: &mut Sweep) -> bool {
    let range = outbox::Range {
        first: sweep.next,
        last: sweep.last,
        scanned_max: SWEEP_SCAN_MAX,
        chosen_max: SWEEP_BATCH_MAX,
    };
    let meant: &Sweep = sweep;
    let reason = cancel::to_outbox(sweep.reason);
    let (decided, next) = draft.outbox.cancel_range(now, range, &mut |item| meant.takes(item), &reason);
    relay::emit_all(draft, now, decided);
    if let Some(next) = next {
        sweep.next = next;
    }
    next.is_none()
}

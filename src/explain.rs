//! A decision record as a person reads it.

use crate::parts::App;
use greenroom_actors::{
    Entity, EntityId, Timestamp,
    shell::AskError,
    user::{
        User,
        decision::{
            CancelReason, DecisionNo, DecisionRecord, DecisionView, Delivery, DeliveryState, HrnSource,
            Silence, Skip, StepOutcome, Verdict,
        },
        history,
        query::Explained,
    },
};
use greenroom_persistence::{Direction, ReadError};
use std::fmt::Write;

/// Most outcomes of one decision that are shown.
const OUTCOMES_MAX: usize = 500;

/// Why a decision was not looked up.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The workspace does not answer.
    #[error(transparent)]
    Ask(#[from] AskError<User>),
    /// The history does not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The decision on a message, a comment or an event, in the workspace's recent window or in its history: at most one page
/// of the index and one record are read, however old it is.
///
/// # Errors
/// When the workspace or its history does not answer.
pub async fn find(app: &App, workspace: &str, reference: &str) -> Result<Option<DecisionView>, FindError> {
    let state = app.users.published(workspace).await?.state;
    let known = match state.explain(reference) {
        Some(Explained::Here(view)) => return Ok(Some(*view)),
        Some(Explained::InHistory(no)) => Some(no),
        None => None,
    };
    let Ok(entity) = EntityId::new(User::KIND, workspace) else { return Ok(None) };
    let mut numbers: Vec<DecisionNo> = known.into_iter().collect();
    for reference in history::references(reference) {
        numbers.extend(indexed(app, &entity, reference).await?);
    }
    for no in numbers {
        let record = decision(app, &entity, no).await?.filter(|record| record.is_about(reference));
        if let Some(record) = record {
            return Ok(Some(state.view(with_outcomes(app, &entity, record).await?)));
        }
    }
    Ok(None)
}

/// The numbers that the index has for a reference, newest first: one, but for a collision of hashes.
async fn indexed(app: &App, workspace: &EntityId, reference: &str) -> Result<Vec<DecisionNo>, ReadError> {
    let place = history::index_of(reference);
    let newest = Direction::Backward;
    let page =
        app.stores.history.page(workspace, &place.stream, None, history::INDEX_ROWS_MAX, newest).await?;
    let rows = page.rows.into_iter().filter(|(_, tag)| *tag == place.tag);
    Ok(rows.map(|(no, _)| DecisionNo(no)).collect())
}

/// The record of this number, when it has left for the history.
async fn decision(
    app: &App,
    workspace: &EntityId,
    no: DecisionNo,
) -> Result<Option<DecisionRecord>, ReadError> {
    let (stream, before) = (history::DECISIONS, Some(no.0.saturating_add(1)));
    let page = app.stores.history.page(workspace, stream, before, 1, Direction::Backward).await?;
    let record = page.rows.into_iter().find(|(at, _)| *at == no.0);
    Ok(record.and_then(|(_, bytes)| history::decision(&bytes).ok()))
}

/// A record from the history with what happened after it had left the recent window.
async fn with_outcomes(
    app: &App,
    workspace: &EntityId,
    mut record: DecisionRecord,
) -> Result<DecisionRecord, ReadError> {
    let stream = history::outcomes_of(record.no);
    let page = app.stores.history.page(workspace, &stream, None, OUTCOMES_MAX, Direction::Forward).await?;
    for (_, bytes) in page.rows {
        if let Ok(outcome) = history::outcome(&bytes) {
            record.advance(&outcome);
        }
    }
    Ok(record)
}

/// The whole record: what it is about, the verdict, every step with its reason, and what became of the reply.
#[must_use]
pub fn render(view: &DecisionView) -> String {
    let record = &view.record;
    let mut text = String::new();
    let subject = match (&record.mid, &record.comment) {
        (Some(mid), _) if &*record.kind == "message" => mid.to_string(),
        (Some(mid), _) => format!("on message {mid}"),
        (None, Some(comment)) => comment.to_string(),
        (None, None) => record.key.to_string(),
    };
    let person = record.person.as_ref().map(|person| format!(" from person {person}")).unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} {subject}{person}", record.kind);
    let _ = writeln!(text, "  happened {}, arrived {}", instant(record.at), instant(record.received_at));
    let _ = writeln!(text, "  verdict  {}", verdict(record));
    if let Some(waits) = &view.waits {
        let held = waits.held.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let _ = writeln!(text, "  waits    until {}{held}", instant(waits.until));
    }
    if let Some(rule) = &record.automation {
        let _ = writeln!(
            text,
            "  rule     {:?} version {}, trigger {:?}",
            rule.title, rule.version, rule.trigger
        );
    }
    if let Some(left) = record.window_left_ms {
        let _ = writeln!(text, "  window   {}", window(left));
    }
    if let Some(left) = record.sends_left {
        let _ = writeln!(text, "  budget   {left} replies left in the plan's month");
    }
    for question in &record.questions {
        let outcome = question.outcome.as_deref().unwrap_or("no answer yet");
        let _ = writeln!(text, "  model    {} (try {}): {outcome}", question.purpose, question.attempts);
    }
    if let Some(delivery) = &record.delivery {
        let _ = writeln!(text, "  delivery {}", delivery_words(delivery));
    }
    let _ = writeln!(text, "  steps");
    for line in &view.lines {
        let detail = line.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let _ = writeln!(text, "    {:>2} {:<32} {}{detail}", line.no, line.name, outcome(line.outcome));
    }
    text
}

/// The verdict in one line.
#[must_use]
pub fn verdict(record: &DecisionRecord) -> String {
    match &record.verdict {
        Verdict::Recorded => "recorded, nothing to answer".to_owned(),
        Verdict::Collecting { until } => format!("waits for more texts until {}", instant(*until)),
        Verdict::Thinking { .. } => "waits for the model".to_owned(),
        Verdict::Queued { .. } => "reply decided, waiting for its turn".to_owned(),
        Verdict::Replied { .. } => "replied".to_owned(),
        Verdict::NotDelivered { .. } => "reply decided, but it is not known to have arrived".to_owned(),
        Verdict::NoReply(reason) => format!("no reply: {}", silence(*reason)),
        Verdict::Hrn { source, category, signals } => {
            let signals =
                if signals.is_empty() { String::new() } else { format!(" ({})", signals.join(", ")) };
            format!("left to a human: {category}, {}{signals}", hrn_source(*source))
        }
        Verdict::Merged { into } => format!("answered together with a later text, see decision {}", into.0),
        Verdict::Skipped(reason) => format!("recorded only: {}", skip(*reason)),
        Verdict::Cancelled(reason) => format!("reply cancelled: {}", cancel(*reason)),
        Verdict::Parked => "waits for the Instagram connection".to_owned(),
        Verdict::Overflow => "kept aside: the contact is new and the plan has no room".to_owned(),
    }
}

/// What became of a reply.
#[must_use]
pub fn delivery_words(delivery: &Delivery) -> String {
    let reason = delivery.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let mid = delivery.mid.as_ref().map(|mid| format!(" as {mid}")).unwrap_or_default();
    let state = match delivery.state {
        DeliveryState::Sent => "arrived",
        DeliveryState::Failed => "refused for good",
        DeliveryState::Unknown => "outcome unknown, not sent again by itself",
        DeliveryState::Expired => "its window closed before it could go",
        DeliveryState::Cancelled => "dropped",
    };
    format!("{state}{mid} {}{reason}", instant(delivery.at))
}

fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| at.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn window(left_ms: i64) -> String {
    let span = format!("{:#}", jiff::SignedDuration::from_secs(left_ms.abs() / 1000));
    if left_ms >= 0 { format!("open for another {span}") } else { format!("closed since {span}") }
}

const fn outcome(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Passed => "passed",
        StepOutcome::Noted => "noted",
        StepOutcome::Waiting => "waiting",
        StepOutcome::Stopped => "stopped here",
    }
}

const fn silence(reason: Silence) -> &'static str {
    match reason {
        Silence::NoMatch => "nothing matched",
        Silence::Acknowledgement => "a bare acknowledgement",
        Silence::WindowClosed => "the reply window is closed",
        Silence::QuotaExhausted => "the plan's replies of the month are used up",
        Silence::Cooldown => "the automation fired for this contact a short while ago",
        Silence::Empty => "nothing in it to answer",
        Silence::NotAnswerable => "a kind of event that is never answered",
        Silence::OwnContent => "the account's own words",
        Silence::TooOld => "too old, or the broadcast is over",
        Silence::OptedOut => "the person wants no automatic messages",
        Silence::Unsent => "the person took the message back",
    }
}

const fn skip(reason: Skip) -> &'static str {
    match reason {
        Skip::Frozen => "the workspace is over a limit of its plan",
        Skip::AutoReplyOff => "answering is switched off",
        Skip::Paused => "a person is answering this contact",
        Skip::Blocked => "the contact is blocked",
        Skip::OptedOut => "the contact wants no automatic messages",
        Skip::Standby => "another app holds the thread",
        Skip::ParkedTooLong => "the Instagram connection was missing for too long",
        Skip::OtherAccount => "another Instagram account was connected since",
    }
}

const fn cancel(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::HrnSet => "the contact was locked for a person",
        CancelReason::OwnerAnswered => "the owner answered by hand",
        CancelReason::AutomationGone => "the automation was switched off, changed or deleted",
        CancelReason::ContactPaused => "the contact was paused or blocked, or opted out",
        CancelReason::AutoReplyOff => "answering was switched off",
        CancelReason::Disconnected => "Instagram was disconnected",
        CancelReason::ThreadTaken => "another app holds the thread",
        CancelReason::Unsent => "the person took the message back",
        CancelReason::Frozen => "the workspace went over a limit of its plan",
        CancelReason::Owner => "the owner cancelled it",
        CancelReason::DependencyFailed => "what it depended on did not arrive",
        CancelReason::SafetyStop => "automatic sends were stopped for the safety of the account",
        CancelReason::Unreachable => "Instagram refused messages to the contact a short while ago",
    }
}

const fn hrn_source(source: HrnSource) -> &'static str {
    match source {
        HrnSource::Heuristic => "seen by the risk rules",
        HrnSource::Classifier => "seen by the model",
        HrnSource::Automation => "its automation says so",
        HrnSource::Manual => "locked by the owner",
        HrnSource::Failure => "a machine could not do its part",
        HrnSource::Attachment => "a message without text",
    }
}

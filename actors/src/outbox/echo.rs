//! Echoes: the account's own messages coming back. They confirm ours, and betray a person answering by hand.

use super::{
    CLOCK_SKEW, Consequence, Content, Decided, ECHO_HOLD, ECHO_HOLD_MAX, ECHO_WITHIN, ECHOES_HELD_MAX, Echo,
    EchoMatch, Fingerprint, HeldEcho, Kind, Outbound, OutboundId, Outbox, OutboxEvent, Proof, State,
    ThreadId, settle::may_still_arrive,
};
use crate::{Timestamp, id::Mid};

/// Private replies to nobody knows whom that an echo is compared with. More than are ever unresolved in five minutes
/// at the hourly budget.
const ANONYMOUS_SCAN_MAX: usize = 256;

impl Outbox {
    /// Decides whose message an echo shows: by its id; else by recipient and text within five minutes of an attempt
    /// without a known outcome, oldest first; else it is held while a send to its thread is in flight.
    #[must_use]
    pub fn echo(&self, now: Timestamp, echo: &Echo<'_>) -> EchoMatch {
        if let Some(id) = self.by_message_id(echo.message_id) {
            return EchoMatch::Ours { id, decided: Decided::default() };
        }
        let thread = ThreadId::from(echo.person);
        let text = if echo.is_template { template() } else { fingerprint(echo.text) };
        let candidate = self
            .unresolved(&thread)
            .filter(|item| !matches!(item.state, State::Sending { .. }))
            .find(|item| matches_attempt(item, text, echo.sent_at));
        if let Some(item) = candidate {
            let decided = self.arrived(now, item, Some(echo.message_id), Proof::Echo);
            return EchoMatch::Ours { id: item.id, decided };
        }
        let message_id = echo.message_id.clone();
        let held = HeldEcho { message_id, thread, text, sent_at: echo.sent_at, received_at: now };
        if self.held.iter().any(|other| other.message_id == held.message_id) {
            return EchoMatch::AlreadyHeld;
        }
        if self.may_be_in_flight(&held, None) && self.held.len() < ECHOES_HELD_MAX {
            EchoMatch::Held(OutboxEvent::EchoHeld(held))
        } else {
            EchoMatch::Unmatched
        }
    }

    /// Messages whose attempt an echo in a thread may show, oldest first.
    fn unresolved(&self, thread: &ThreadId) -> impl Iterator<Item = &Outbound> {
        let person = self.index.of_thread(thread);
        let anonymous = self.index.anonymous.iter().copied().take(ANONYMOUS_SCAN_MAX);
        let mut ids: Vec<OutboundId> = person.chain(anonymous).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
            .filter_map(|id| self.get(id))
            .filter(|item| !item.kind.is_public())
            .filter(|item| may_still_arrive(item) || matches!(item.state, State::Sending { .. }))
    }

    /// A send in flight may turn out to be this echo's; `except` is a message whose send is over.
    fn may_be_in_flight(&self, echo: &HeldEcho, except: Option<OutboundId>) -> bool {
        self.unresolved(&echo.thread)
            .any(|item| matches!(item.state, State::Sending { .. }) && Some(item.id) != except)
    }

    /// The held echo that shows a message whose outcome is unknown.
    pub(super) fn held_text(&self, item: &Outbound) -> Option<Mid> {
        if item.kind.is_public() {
            return None;
        }
        self.held
            .iter()
            .filter(|echo| concerns(item, echo))
            .find(|echo| matches_attempt(item, echo.text, echo.sent_at))
            .map(|echo| echo.message_id.clone())
    }

    /// Settles the held echoes that waited for this message's send, which is over and gave `message_id`.
    pub(super) fn settle_echoes(&self, item: &Outbound, message_id: Option<&Mid>, decided: &mut Decided) {
        for echo in self.held.iter().filter(|echo| concerns(item, echo)) {
            if Some(&echo.message_id) == message_id {
                let (message_id, ours) = (echo.message_id.clone(), Some(item.id));
                decided.events.push(OutboxEvent::EchoSettled { message_id, ours });
            } else if !self.may_be_in_flight(echo, Some(item.id)) {
                decided.append(by_hand(echo));
            }
        }
    }

    /// Held echoes that waited long enough are a person's.
    pub(super) fn echo_due(&self, now: Timestamp) -> Option<Decided> {
        self.held.iter().find(|echo| self.held_until(echo) <= now).map(by_hand)
    }

    pub(super) fn next_echo(&self) -> Option<Timestamp> {
        self.held.iter().map(|echo| self.held_until(echo)).min()
    }

    /// An echo with the text of a send in flight waits for its outcome, another one for a short while.
    fn held_until(&self, echo: &HeldEcho) -> Timestamp {
        let same_text = self.unresolved(&echo.thread).any(|item| {
            matches!(item.state, State::Sending { .. }) && matches_attempt(item, echo.text, echo.sent_at)
        });
        echo.received_at + if same_text { ECHO_HOLD_MAX } else { ECHO_HOLD }
    }
}

fn by_hand(echo: &HeldEcho) -> Decided {
    let mut decided =
        Decided::event(OutboxEvent::EchoSettled { message_id: echo.message_id.clone(), ours: None });
    decided.consequences.push(Consequence::HumanAnswered {
        thread: echo.thread.clone(),
        message_id: echo.message_id.clone(),
        sent_at: echo.sent_at,
    });
    decided
}

/// The echo is in the message's thread, or may be when nobody knows whom the message is for.
fn concerns(item: &Outbound, echo: &HeldEcho) -> bool {
    item.thread == echo.thread || matches!(item.kind, Kind::PrivateReply { person: None, .. })
}

/// Text and time are those of one of the message's attempts.
fn matches_attempt(item: &Outbound, text: Fingerprint, sent_at: Timestamp) -> bool {
    is_near(item, sent_at) && visible(&item.content) == text
}

/// A message taken by the platform at an instant may be that of one of the attempts.
pub(super) fn is_near(item: &Outbound, sent_at: Timestamp) -> bool {
    item.attempts.iter().filter(|attempt| attempt.may_have_arrived()).any(|attempt| {
        sent_at >= attempt.started_at - CLOCK_SKEW && sent_at <= attempt.started_at + ECHO_WITHIN
    })
}

fn visible(content: &Content) -> Fingerprint {
    match content {
        Content::Text(text) => fingerprint(Some(text)),
        Content::Template { .. } => template(),
    }
}

/// Stands for every template: no message has this text, because NUL is removed from all.
fn template() -> Fingerprint {
    Fingerprint::of("\0template")
}

fn fingerprint(text: Option<&str>) -> Fingerprint {
    Fingerprint::of(text.map_or("", str::trim))
}

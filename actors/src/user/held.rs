//! What waits: events for the connection (parked) or for room in the plan (overflow), see [`super::line`]; messages that
//! were only hinted at (look-ups), and edits that came before their message.

use super::{decision::DecisionNo, inbound::InboundEvent};
use crate::{
    Timestamp,
    id::{Igsid, Mid},
    outbox::Fingerprint,
};
use imbl::{OrdMap, Vector};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Age after which a parked event is shown and not answered (product rule).
pub const PARKED_AGE_MAX: Duration = Duration::from_secs(86_400);
/// Most messages hinted at and not seen.
pub const LOOK_UPS_MAX: usize = 200;
/// Time that a hinted message has to arrive by itself (platform rule).
pub const LOOK_UP_AFTER: Duration = Duration::from_secs(20);
/// A look-up without any outcome counts as failed after this.
pub const LOOK_UP_LEASE: Duration = Duration::from_secs(60);
/// Look-ups of one message that bring no answer before it is given up.
pub const LOOK_UP_TRIES_MAX: u8 = 6;
/// First wait after a look-up that failed; doubles.
pub const LOOK_UP_BACKOFF: Duration = Duration::from_secs(30);
/// Longest announced wait that is believed.
pub const LOOK_UP_WAIT_MAX: Duration = Duration::from_secs(3_600);
/// Most edits that came before their message.
pub const EARLY_EDITS_MAX: usize = 100;

/// An event and its decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldEvent {
    /// The decision.
    pub no: DecisionNo,
    /// The event.
    pub event: Arc<InboundEvent>,
}

impl HeldEvent {
    /// The same without what the person wrote.
    pub(super) fn without_content(&self) -> Self {
        Self { no: self.no, event: Arc::new(self.event.without_content()) }
    }
}

/// A message that was hinted at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUp {
    /// Whose, when told.
    pub person: Option<Igsid>,
    /// The look-up is out; `due` is the end of its lease.
    pub in_flight: bool,
    /// When to look.
    pub due: Timestamp,
    /// Look-ups that brought no answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
const fn is_zero(tries: &u8) -> bool {
    *tries == 0
}

impl LookUp {
    /// The same after a look-up that brought no answer; `None` when it was the last one.
    pub(super) fn again(&self, now: Timestamp, announced: Option<Duration>) -> Option<Self> {
        let tries = self.tries.saturating_add(1);
        let back_off = LOOK_UP_BACKOFF.saturating_mul(1 << u32::from(self.tries).min(8));
        let wait = back_off.max(announced.unwrap_or_default().min(LOOK_UP_WAIT_MAX));
        (tries < LOOK_UP_TRIES_MAX).then(|| Self {
            person: self.person.clone(),
            in_flight: false,
            due: now + wait,
            tries,
        })
    }
}

/// Messages hinted at and not seen yet.
pub type LookUps = OrdMap<Mid, Arc<LookUp>>;

/// An edit that came before its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyEdit {
    /// Number of the edit.
    pub revision: u32,
    /// Text after it.
    pub text: Option<Arc<str>>,
}

/// Edits by message, each with the arrival that dates it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EarlyEdits(Vector<(Fingerprint, Arc<EarlyEdit>)>);

impl EarlyEdits {
    /// The edit that waits for a message.
    #[must_use]
    pub fn get(&self, message: Fingerprint) -> Option<&Arc<EarlyEdit>> {
        self.0.iter().rev().find(|(of, _)| *of == message).map(|(_, edit)| edit)
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the edit of a message that was taken back.
    pub(super) fn drop(&mut self, message: Fingerprint) {
        self.0.retain(|(of, _)| *of != message);
    }

    pub(super) fn put(&mut self, message: Fingerprint, edit: Arc<EarlyEdit>) {
        self.0.retain(|(of, _)| *of != message);
        if self.0.len() >= EARLY_EDITS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((message, edit));
    }
}

//! How often contacts are compared with the conversations on Instagram. Kept over reconnections.

use super::{Rejection, Reply, User, UserEvent};
use crate::{Draft, Timestamp};
use serde::{Deserialize, Serialize};

/// Shortest time between two syncs, in hours (product rule).
pub const INTERVAL_HOURS_MIN: u8 = 5;
/// Longest time between two syncs, in hours (product rule); also the usual one.
pub const INTERVAL_HOURS_MAX: u8 = 24;

/// The plan of syncs, and the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactSync {
    /// Hours between two syncs. [`INTERVAL_HOURS_MIN`] to [`INTERVAL_HOURS_MAX`].
    pub interval_hours: u8,
    /// When the last one ended.
    #[serde(default)]
    pub last_synced_at: Option<Timestamp>,
}

impl Default for ContactSync {
    fn default() -> Self {
        Self { interval_hours: INTERVAL_HOURS_MAX, last_synced_at: None }
    }
}

/// Sets the interval, taken into its bounds.
pub(super) fn set_interval(draft: &mut Draft<User>, hours: u8) -> Result<Reply, Rejection> {
    if draft.integration.as_ref().is_none_or(|known| known.is_disconnected()) {
        return Err(Rejection::NotConnected);
    }
    draft.emit(UserEvent::SyncIntervalSet(hours.clamp(INTERVAL_HOURS_MIN, INTERVAL_HOURS_MAX)));
    Ok(Reply::Done)
}

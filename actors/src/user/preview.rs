//! Previews of an answer during onboarding: each asks the model, so a day has few.

use super::{Rejection, Reply, User, UserEvent};
use crate::{Draft, Timestamp};
use std::time::Duration;

/// Most previews in [`PREVIEWS_WITHIN`] (product rule).
pub const PREVIEWS_MAX: usize = 5;
/// The span in which they are counted.
pub const PREVIEWS_WITHIN: Duration = Duration::from_secs(86_400);

/// Takes one of the day's previews.
pub(super) fn take(draft: &mut Draft<User>, now: Timestamp) -> Result<Reply, Rejection> {
    let first = draft.previews.len().checked_sub(PREVIEWS_MAX).and_then(|first| draft.previews.get(first));
    if let Some(again) = first.map(|first| *first + PREVIEWS_WITHIN).filter(|again| *again > now) {
        return Err(Rejection::TooSoon { retry_after: again.since(now) });
    }
    draft.emit(UserEvent::PreviewTaken(now));
    Ok(Reply::Done)
}

impl User {
    /// Only as many are kept as count.
    pub(super) fn preview_taken(&mut self, at: Timestamp) {
        self.previews.push(at);
        let surplus = self.previews.len().saturating_sub(PREVIEWS_MAX);
        self.previews.drain(..surplus);
    }
}

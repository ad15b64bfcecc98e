//! Asking for what is known to be copied to memory.

use super::super::{Rejection, Reply, User, UserEvent};
use crate::{Draft, Timestamp};
use std::time::Duration;

/// Time between two requests (product rule).
const SYNC_EVERY: Duration = Duration::from_secs(10 * 60);

/// Asks for it, unless it was asked for a moment ago.
pub(in super::super) fn sync_memory(draft: &mut Draft<User>, now: Timestamp) -> Result<Reply, Rejection> {
    let next = draft.memory_sync_asked_at.map(|asked| asked + SYNC_EVERY);
    if let Some(next) = next.filter(|next| *next > now) {
        return Err(Rejection::TooSoon { retry_after: next.since(now) });
    }
    draft.emit(UserEvent::MemorySyncAsked(now));
    Ok(Reply::Done)
}

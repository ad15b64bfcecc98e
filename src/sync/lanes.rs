//! Mutations of one session run one at a time, whichever socket they came by.
//!
//! A lane belongs to a session and a caller: nobody can stand in the way of somebody else by naming his session.

use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

type Line<C> = (Option<C>, Weak<Turns<()>>);
/// Lines by session.
type Lines<C> = Mutex<HashMap<Arc<str>, Vec<Line<C>>>>;

/// The lanes in use. There are at most as many as connections and running mutations together.
pub(super) struct Lanes<C> {
    lines: Arc<Lines<C>>,
}

/// One lane. Whoever waits longest is next.
pub(super) struct Lane<C> {
    turns: Option<Arc<Turns<()>>>,
    session: Option<Arc<str>>,
    lanes: Arc<Lines<C>>,
}

impl<C> Default for Lanes<C> {
    fn default() -> Self {
        Self { lines: Arc::default() }
    }
}

impl<C: PartialEq + Clone> Lanes<C> {
    /// The lane of a session; of no session, one of its own.
    pub(super) fn of(&self, session: Option<&Arc<str>>, caller: Option<&C>) -> Lane<C> {
        let turns = match session {
            None => Arc::default(),
            Some(session) => self.find(session, caller),
        };
        Lane { turns: Some(turns), session: session.cloned(), lanes: Arc::clone(&self.lines) }
    }

    fn find(&self, session: &Arc<str>, caller: Option<&C>) -> Arc<Turns<()>> {
        let mut lines = self.lines.lock();
        let line = lines.entry(Arc::clone(session)).or_default();
        let known =
            line.iter().find(|(owner, _)| owner.as_ref() == caller).and_then(|(_, lane)| lane.upgrade());
        known.unwrap_or_else(|| {
            let turns = Arc::<Turns<()>>::default();
            line.retain(|(_, lane)| lane.strong_count() > 0);
            line.push((caller.cloned(), Arc::downgrade(&turns)));
            turns
        })
    }
}

impl<C> Lane<C> {
    /// Waits for a turn; it ends when the guard is dropped. Nothing when the lane is over.
    pub(super) async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        match &self.turns {
            Some(turns) => Some(Arc::clone(turns).lock_owned().await),
            None => None,
        }
    }
}

impl<C> Drop for Lane<C> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let mut lines = self.lanes.lock();
        self.turns = None;
        if let Some(line) = lines.get_mut(&session) {
            line.retain(|(_, lane)| lane.strong_count() > 0);
            if line.is_empty() {
                lines.remove(&session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_lane_is_shared_by_session_and_caller_and_forgotten_with_its_last_user() {
        let lanes = Lanes::<&str>::default();
        let session: Arc<str> = "s".into();
        let (one, two) = (lanes.of(Some(&session), Some(&"a")), lanes.of(Some(&session), Some(&"a")));
        let (other, nobody, unnamed) = (
            lanes.of(Some(&session), Some(&"b")),
            lanes.of(Some(&session), None),
            lanes.of(None, Some(&"a")),
        );
        let turn = one.turn().now_or_never().unwrap();
        assert!(two.turn().now_or_never().is_none());
        for free in [&other, &nobody, &unnamed] {
            assert!(free.turn().now_or_never().is_some());
        }
        drop(turn);
        assert!(two.turn().now_or_never().is_some());
        drop((one, two, other, nobody));
        assert!(lanes.lines.lock().is_empty());
    }
}

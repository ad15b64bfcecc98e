//! What is due when. Part of the state, so that it survives passivation.

use super::model::QuestionId;
use crate::{
    Timestamp,
    id::{CommentId, Igsid, Mid},
};
use imbl::OrdSet;
use serde::{Deserialize, Serialize};

/// Most jobs done by one tick; the rest follows in the next one, at once.
pub const JOBS_PER_TICK_MAX: usize = 64;

/// Something to do at an instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Job {
    /// Decide the answer to a burst.
    Burst(Igsid),
    /// Ask the model again, or give up.
    Question(QuestionId),
    /// Look a hinted message up, or give up.
    LookUp(Mid),
    /// Look again for the row of a message that was taken back.
    Erase(Mid),
    /// Ask for the post of a comment, or go on without.
    Comment(CommentId),
    /// Go on with forgetting a contact that was deleted.
    Forget(Igsid),
}

/// Jobs by instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Agenda(OrdSet<(Timestamp, Job)>);

impl Agenda {
    /// The first instant at which something is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.0.get_min().map(|(at, _)| *at)
    }

    /// Something that is due.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<&Job> {
        self.0.get_min().filter(|(at, _)| *at <= now).map(|(_, job)| job)
    }

    /// Persons whose burst waits, soonest first.
    pub(super) fn bursts(&self) -> impl Iterator<Item = &Igsid> {
        self.0.iter().filter_map(|(_, job)| match job {
            Job::Burst(person) => Some(person),
            Job::Question(_) | Job::LookUp(_) | Job::Erase(_) | Job::Comment(_) | Job::Forget(_) => None,
        })
    }

    pub(super) fn add(&mut self, at: Timestamp, job: Job) {
        self.0.insert((at, job));
    }

    pub(super) fn drop(&mut self, at: Timestamp, job: Job) {
        self.0.remove(&(at, job));
    }
}

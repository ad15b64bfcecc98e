//! One stream: server-sent events from the durable states of a workspace.
//!
//! It is pulled: while its reader takes nothing, nothing is made, and afterwards one batch tells everything since. The id
//! of a batch is the commit position up to which it tells, and stands with its last event: a reader that breaks off
//! within a batch gets all of it again.

use super::topic::{self, Told};
use crate::parts::App;
use greenroom_actors::{
    Entity,
    shell::{AskError, Watch},
    user::User,
};
use greenroom_persistence::Position;
use serde_json::json;
use std::{fmt::Write, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A sign of life when nothing happens; whether the session still lives is looked at as often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes within this span give one batch.
const COALESCE: Duration = Duration::from_millis(100);
/// A reader that lost its stream comes back after this, in milliseconds.
const RETRY_MS: u32 = 3_000;
/// States up to this size are kept to compare with. Of larger ones, after a silence, it is told what kind of thing changed
/// and not which: streams are many, and a workspace nobody works on shall leave memory.
const KEPT_BYTES_MAX: usize = 256 * 1_024;

/// Who listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Whose workspace.
    pub user_id: Arc<str>,
    /// Id of the session; the stream ends with it.
    pub session_id: Arc<str>,
}

/// See the module.
pub struct Feed {
    app: Arc<App>,
    listener: Listener,
    user: Watch,
    identity: Watch,
    stop: CancellationToken,
    /// Told up to here.
    position: Position,
    seen: Seen,
    began: bool,
}

/// What the reader knows.
enum Seen {
    /// This state.
    State(Arc<User>),
    /// Some state, by its position.
    Position,
    /// A state that is gone, since a backup was restored: everything may be different.
    Lost,
}

impl Feed {
    /// A stream that goes on after `last`, a position that an earlier stream of this workspace told; without one it begins
    /// now. Ends when `stop` is cancelled, when the session ends, or when the workspace cannot be read: readers come back.
    ///
    /// # Errors
    /// When there are too many subscriptions, or the workspace cannot be read now.
    pub async fn open(
        app: Arc<App>,
        listener: Listener,
        last: Option<u64>,
        stop: CancellationToken,
    ) -> Result<Self, AskError<User>> {
        // Watch first and read afterwards, and no change is missed.
        let user = app.users.watch(&listener.user_id)?;
        let overloaded = |_| AskError::Overloaded { retry_after: HEARTBEAT };
        let identity = app.identities.watch(&listener.user_id).map_err(overloaded)?;
        let now = app.users.published(&listener.user_id).await?;
        let (position, seen) = match last {
            Some(last) if last > now.position.0 => (now.position, Seen::Lost),
            Some(last) if last < now.position.0 => (Position(last), Seen::Position),
            _ => (now.position, Seen::State(now.state)),
        };
        Ok(Self { app, listener, user, identity, stop, position, seen, began: false })
    }

    /// The next piece of the stream; `None` at its end.
    pub async fn next(&mut self) -> Option<String> {
        if !self.began {
            self.began = true;
            return self.begin().await;
        }
        loop {
            let happened = tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                changed = self.user.changed() => changed.is_ok().then_some(Happened::Workspace)?,
                changed = self.identity.changed() => changed.is_ok().then_some(Happened::Access)?,
                () = self.app.clock.sleep(HEARTBEAT) => Happened::Nothing,
            };
            if matches!(happened, Happened::Workspace) {
                self.coalesce().await?;
            }
            if !self.is_live().await {
                return None;
            }
            match happened {
                Happened::Workspace => {
                    let text = self.tell().await?;
                    if !text.is_empty() {
                        return Some(text);
                    }
                }
                Happened::Access => {}
                Happened::Nothing => {
                    if matches!(&self.seen, Seen::State(seen) if seen.weight() > KEPT_BYTES_MAX) {
                        self.seen = Seen::Position;
                    }
                    return Some(":\n\n".to_owned());
                }
            }
        }
    }

    async fn coalesce(&self) -> Option<()> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            () = self.app.clock.sleep(COALESCE) => Some(()),
        }
    }

    /// Greets, and tells what was missed.
    async fn begin(&mut self) -> Option<String> {
        if !self.is_live().await {
            return None;
        }
        let missed = self.tell().await?;
        let id = if missed.is_empty() { format!("id: {}\n", self.position.0) } else { String::new() };
        let hello = json!({ "channel": format!("user:{}", self.listener.user_id) });
        Some(format!("retry: {RETRY_MS}\n{id}event: ready\ndata: {hello}\n\n{missed}"))
    }

    /// Everything since the last time, which may be nothing.
    async fn tell(&mut self) -> Option<String> {
        let now = self.app.users.published(&self.listener.user_id).await.ok()?;
        let told = match &self.seen {
            Seen::Lost => topic::everything(),
            _ if now.position <= self.position => return Some(String::new()),
            Seen::State(seen) => topic::between(seen, self.position, &now.state, &now.revisions),
            Seen::Position => topic::missed(&now.revisions, self.position),
        };
        (self.position, self.seen) = (now.position, Seen::State(now.state));
        batch(&told, self.position)
    }

    async fn is_live(&self) -> bool {
        let identity = self.app.identities.published(&self.listener.user_id).await;
        identity.is_ok_and(|identity| {
            identity.state.session_by_id(&self.listener.session_id, self.app.clock.now()).is_some()
        })
    }
}

/// Why a stream looks up.
#[derive(Clone, Copy)]
enum Happened {
    Workspace,
    Access,
    Nothing,
}

/// The events, the last one with the id.
fn batch(told: &[Told], position: Position) -> Option<String> {
    let mut text = String::new();
    for (no, one) in told.iter().enumerate() {
        // Writing to a string can not fail.
        if no + 1 == told.len() {
            let _ = writeln!(text, "id: {}", position.0);
        }
        let data = serde_json::to_string(one).ok()?;
        let _ = write!(text, "event: {}\ndata: {data}\n\n", one.topic.name());
    }
    Some(text)
}

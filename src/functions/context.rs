//! What a running function sees: the entities of its own caller, and no way to name another one.

use super::{
    failure::{CallError, Code, Failure},
    product::Snapshot,
};
use crate::{
    parts::App,
    sync::{RequestKey, Ts},
};
use greenroom_actors::{
    Timestamp,
    identity::{self, Identity, row::UserRow},
    outbox::Fingerprint,
    requests,
    shell::Answer,
    user::{self, User, audit},
};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU16, AtomicU64, Ordering::Relaxed},
};

/// Rough bytes of a command without its texts, for admission.
const COMMAND_BYTES: usize = 256;

/// Who calls: by a token or a cookie, never by an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Key of the caller's entities.
    pub(super) user_id: Arc<str>,
    /// Id of the session, not its token.
    pub(super) session_id: Arc<str>,
    /// The chat session in which Sidekick calls on behalf of the user; `None` when the user calls.
    pub(super) chat: Option<Arc<str>>,
}

impl Caller {
    /// Sidekick, on behalf of this user in a chat session. What its tools write is noted with the id of that.
    #[must_use]
    pub fn in_chat(self, chat: Arc<str>) -> Self {
        Self { chat: Some(chat), ..self }
    }
}

/// What a query sees: one snapshot of the caller's entities.
#[derive(Clone)]
pub struct Reader {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) path: Arc<str>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) journal: Option<Arc<str>>,
    pub(super) next_journal: Arc<OnceLock<Arc<str>>>,
}

impl Reader {
    /// The caller's workspace.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.snapshot.user.state
    }

    /// The caller's identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.snapshot.identity.state
    }

    /// The caller's row.
    ///
    /// # Errors
    /// When the user was deleted meanwhile.
    pub fn row(&self) -> Result<&Arc<UserRow>, CallError> {
        self.identity().user().ok_or_else(unauthenticated)
    }

    /// Key of the caller's entities.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.caller.user_id
    }

    /// The application, for the history and other stores. Whatever is read there is of the caller.
    #[must_use]
    pub const fn app(&self) -> &Arc<App> {
        &self.app
    }
}

/// What a mutation or action does its work with.
#[derive(Clone)]
pub struct Writer {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    /// When the call began.
    pub(super) now: Timestamp,
    pub(super) key: Option<RequestKey>,
    pub(super) progress: Arc<Progress>,
}

/// What a call did so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Commands asked.
    parts: AtomicU16,
    /// Newest commit position that an answer was given at.
    position: AtomicU64,
}

impl Progress {
    pub(super) fn position(&self) -> u64 {
        self.position.load(Relaxed)
    }
}

impl Writer {
    /// Asks the caller's workspace. Under the key of the request, so that it happens once.
    ///
    /// # Errors
    /// What the workspace or the shell refuses with.
    pub async fn ask(&self, command: user::Command, bytes: usize) -> Result<user::Reply, CallError> {
        let command = match self.next_key() {
            Some(key) => user::Command::Once { key, command: Box::new(command) },
            None => command,
        };
        let answer = self.app.users.ask(&self.caller.user_id, command, bytes + COMMAND_BYTES).await?;
        let Answer { reply, position, .. } = answer;
        self.progress.position.fetch_max(position.0, Relaxed);
        Ok(reply)
    }

    /// Asks the caller's identity to change the profile. Under the key of the request, so that it happens once.
    ///
    /// # Errors
    /// What the identity or the shell refuses with.
    pub async fn ask_identity(&self, command: identity::Command) -> Result<identity::Reply, CallError> {
        let bytes = command.bytes() + COMMAND_BYTES;
        let command = match self.next_key() {
            Some(key) => identity::Command::Once { key, command: Box::new(command) },
            None => command,
        };
        let answer = self.app.identities.ask(&self.caller.user_id, command, bytes).await?;
        self.progress.position.fetch_max(answer.position.0, Relaxed);
        Ok(answer.reply)
    }

    /// The same for a tool of Sidekick: what it changes is noted in the audit log. `operation` is the name of the tool.
    ///
    /// # Errors
    /// What the workspace or the shell refuses with.
    pub async fn ask_as_tool(
        &self,
        operation: &'static str,
        write: audit::Write,
        bytes: usize,
    ) -> Result<user::Reply, CallError> {
        let by = audit::Actor::SidekickTool { chat: self.caller.chat.clone() };
        let audited = audit::Audited { by, operation: operation.into(), write };
        self.ask(user::Command::Audited(audited), bytes).await
    }

    fn next_key(&self) -> Option<requests::RequestKey> {
        let key = self.key.as_ref()?;
        let part = self.progress.parts.fetch_add(1, Relaxed);
        Some(requests::RequestKey { session: Fingerprint::of(&key.session), request: key.request, part })
    }

    /// The caller's workspace as it stands now.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub async fn user(&self) -> Result<Arc<User>, CallError> {
        Ok(self.app.users.published(&self.caller.user_id).await?.state)
    }

    /// The caller's identity as it stands now.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub async fn identity(&self) -> Result<Arc<Identity>, CallError> {
        Ok(self.app.identities.published(&self.caller.user_id).await?.state)
    }

    /// Key of the caller's entities.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.caller.user_id
    }

    /// When the call began.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Names the request, if the client has a name for it.
    #[must_use]
    pub const fn key(&self) -> Option<&RequestKey> {
        self.key.as_ref()
    }

    /// The application: outlets and stores.
    #[must_use]
    pub const fn app(&self) -> &Arc<App> {
        &self.app
    }
}

/// Nobody is signed in.
pub(super) fn unauthenticated() -> CallError {
    Failure::new(Code::Unauthenticated, "Unauthorized").into()
}

/// The point at which everything that a call did is visible.
pub(super) fn ts_of(progress: &Progress, newest: Ts, base: u64) -> Ts {
    match progress.position() {
        0 => newest,
        position => Ts(base + position),
    }
}

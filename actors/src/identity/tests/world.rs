//! One identity with the directory around it, and short names for what tests ask of it.

use crate::{
    Draft, Entity, Timestamp,
    identity::{
        Command, Email, Identity, IdentityEffect, IdentityEvent, PasswordHash, Rejection, Reply, RowId,
        Sealed, SecretHash,
        command::{NewAccount, NewLogin, NewSession, ProviderProfile, SignUp},
        field::Extra,
        mail::{MailId, MailKind, MailOutcome, NewMail},
        row::{Provider, ProviderLogin, ProviderTokens, Session},
    },
};
use greenroom_persistence::DirectoryChange;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// 2026-01-01T00:00:00Z.
pub(super) const START: i64 = 1_767_225_600_000;
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const USER: &str = "UserIdUserIdUserIdUserIdUserId01";
pub(super) const ADA: &str = "ada@example.com";

#[derive(Clone)]
pub(super) struct World {
    pub(super) identity: Identity,
    /// What a replay of the events gives.
    replayed: Identity,
    pub(super) now: Timestamp,
    pub(super) events: Vec<IdentityEvent>,
    /// Of the last command.
    pub(super) effects: Vec<IdentityEffect>,
    /// Names that the directory holds for the identity.
    pub(super) names: BTreeSet<String>,
}

impl World {
    pub(super) fn vacant() -> Self {
        Self {
            identity: Identity::vacant(USER),
            replayed: Identity::vacant(USER),
            now: Timestamp::from_millis(START),
            events: Vec::new(),
            effects: Vec::new(),
            names: BTreeSet::new(),
        }
    }

    /// Ada, with the password `p1` and the session `s1`.
    pub(super) fn ada() -> Self {
        let mut world = Self::vacant();
        world.run(Command::SignUp(Box::new(sign_up()))).unwrap();
        world
    }

    /// Decides a command and does what the shell does; checks what must always hold.
    pub(super) fn run(&mut self, command: Command) -> Result<Reply, Rejection> {
        let mut draft = Draft::new(self.identity.clone());
        let savepoint = draft.savepoint();
        let result = Identity::decide(&mut draft, self.now, &command);
        if result.is_err() {
            draft.rollback(savepoint);
        }
        let parts = draft.into_parts();
        for change in parts.directory {
            match change {
                DirectoryChange::Claim(name) => self.names.insert(name),
                DirectoryChange::Release(name) => self.names.remove(&name),
            };
        }
        for event in &parts.events {
            let bytes = rmp_serde::to_vec_named(event).unwrap();
            self.replayed.apply(&rmp_serde::from_slice(&bytes).unwrap());
        }
        self.events.extend(parts.events);
        self.effects = parts.effects;
        self.identity = parts.state;
        self.check();
        result
    }

    fn check(&self) {
        let live = rmp_serde::to_vec_named(&self.identity).unwrap();
        assert_eq!(rmp_serde::to_vec_named(&self.replayed).unwrap(), live, "replay is not the live state");
        let mut restored: Identity = rmp_serde::from_slice(&live).unwrap();
        restored.restored();
        assert_eq!(restored.next_due(), self.identity.next_due());
        let held: BTreeSet<String> = self.identity.names().into_iter().collect();
        assert_eq!(held, self.names, "the directory is not what the state says");
    }

    pub(super) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    /// Lets time pass and ticks whenever the entity wants it. How often that was.
    pub(super) fn pass(&mut self, span: Duration) -> usize {
        let end = self.now + span;
        let mut ticks = 0;
        while let Some(due) = self.identity.next_due().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.run(Command::Tick).unwrap();
            ticks += 1;
            assert!(self.identity.next_due().is_none_or(|next| next > self.now), "a tick that does nothing");
        }
        self.now = end;
        ticks
    }

    pub(super) fn session(&self, token: &str) -> Option<Arc<Session>> {
        self.identity.session_by_hash(&SecretHash::of(token), self.now).cloned()
    }

    pub(super) fn sign_in(&mut self, verified: &str, session: &str) -> Result<Reply, Rejection> {
        self.run(Command::SignIn { verified: verified.into(), rehash: None, session: new_session(session) })
    }

    pub(super) fn start(&mut self, session: &str) {
        let verified = self.identity.credential().and_then(|account| account.password().cloned()).unwrap();
        self.run(Command::SignIn { verified, rehash: None, session: new_session(session) }).unwrap();
    }

    pub(super) fn request_reset(&mut self, token: &str) {
        let mail = mail(MailKind::ResetPassword, ADA);
        self.run(Command::RequestReset { token: SecretHash::of(token), mail }).unwrap();
    }

    pub(super) fn consume_reset(&mut self, token: &str, to: &str) -> Result<Reply, Rejection> {
        self.run(Command::ConsumeReset {
            token: SecretHash::of(token),
            to: to.into(),
            account: "new".into(),
            revoke_sessions: false,
        })
    }

    pub(super) fn mail_finished(&mut self, id: u64, attempt: u32, outcome: MailOutcome) {
        self.run(Command::MailFinished { id: MailId(id), attempt, outcome }).unwrap();
    }

    /// The stored password.
    pub(super) fn password(&self) -> Option<&str> {
        self.identity.credential()?.password().map(PasswordHash::as_str)
    }

    pub(super) fn email(&self) -> &str {
        self.identity.user().unwrap().email.as_str()
    }
}

pub(super) fn sign_up() -> SignUp {
    SignUp {
        name: "Ada".into(),
        email: Email::new("Ada@Example.com"),
        email_verified: false,
        image: None,
        extra: Extra::default(),
        account: NewAccount { id: "a1".into(), login: NewLogin::Password("p1".into()) },
        session: Some(new_session("s1")),
        mail: None,
    }
}

/// A session whose row id is the name of its token with a dash before it.
pub(super) fn new_session(token: &str) -> NewSession {
    NewSession {
        id: RowId::from(format!("-{token}")),
        token: SecretHash::of(token),
        ip: "203.0.113.7".into(),
        user_agent: "Browser".into(),
        remember: true,
    }
}

/// A sign-in of whoever has signed up just now.
pub(super) fn by_password(session: NewSession) -> Command {
    Command::SignIn { verified: "p1".into(), rehash: None, session }
}

pub(super) fn mail(kind: MailKind, to: &str) -> NewMail {
    NewMail { kind, to: Email::new(to), payload: Sealed::from("sealed") }
}

pub(super) fn google(sub: &str) -> ProviderLogin {
    ProviderLogin {
        provider: Provider::Google,
        account_id: sub.into(),
        tokens: ProviderTokens {
            access: Some("access".into()),
            access_expires_at: Some(Timestamp::from_millis(START) + Duration::from_secs(3_600)),
            refresh: Some("refresh".into()),
            refresh_expires_at: None,
            id: Some("id".into()),
        },
        scopes: vec!["email".into(), "openid".into()],
    }
}

pub(super) fn profile(sub: &str, email: &str) -> ProviderProfile {
    ProviderProfile { login: google(sub), email: Email::new(email), email_verified: true }
}

//! The way out of a workspace: Instagram, the model, and its own history.
//!
//! A thin adapter. It retries nothing and decides nothing: what an outcome means, and whether to try again, is decided by
//! the workspace, which the outcome goes back to as a command.

mod gate;
mod read;
mod send;
mod upkeep;

pub use self::gate::SendStop;
use self::{gate::AppGate, upkeep::RefreshTurns};
use super::model::Model;
use crate::{custodian::Custodian, files::FileStore, metric_definitions as names, reseal::Noticed};
use async_trait::async_trait;
use greenroom_actors::{
    EntityId,
    outbox::Usage,
    ports::{Clock, Outlet},
    user::{
        Command, User,
        effect::{Access, UserEffect},
        look_back::{Found, LookBack, Wanted},
    },
};
use greenroom_instagram::{client::Client, ids::AccountId, usage};
use greenroom_persistence::{
    History,
    secret::{Field, Keyring, SecretError},
};
use secrecy::SecretString;
use std::{ops::Deref, sync::Arc, time::Duration};

/// Name of the sealed field that holds an access token; part of what is authenticated.
pub const TOKEN_FIELD: &str = "instagram.access_token";

/// What the way out of workspaces is made of.
pub struct UserOutletParts {
    /// Calls Instagram.
    pub client: Client,
    /// Id of the own app at Meta.
    pub app_id: String,
    /// Seals tokens.
    pub keyring: Arc<Keyring>,
    /// Notices what an older key had sealed.
    pub noticed: Noticed,
    /// Is asked for words.
    pub model: Arc<dyn Model>,
    /// What left the workspaces.
    pub history: Arc<dyn History>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where bytes of files lie.
    pub files: FileStore,
    /// Notes which accounts are held.
    pub custodian: Custodian,
    /// While it is on, nothing automatic is sent.
    pub stop: Arc<SendStop>,
}

/// Performs the effects of workspaces.
pub struct UserOutlet {
    parts: UserOutletParts,
    gate: AppGate,
    turns: RefreshTurns,
}

impl Deref for UserOutlet {
    type Target = UserOutletParts;
    fn deref(&self) -> &UserOutletParts {
        &self.parts
    }
}

/// Why the platform was not called.
#[derive(Debug, thiserror::Error)]
enum NoAccess {
    #[error("the stored token cannot be opened: {0}")]
    Sealed(#[from] SecretError),
    #[error("the stored account id is no identifier")]
    Account,
    #[error("the platform limits the whole app")]
    Limited(Duration),
}

impl NoAccess {
    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited(wait) => Some(*wait),
            Self::Sealed(_) | Self::Account => None,
        }
    }
}

/// What a call needs.
struct Opened {
    account: AccountId,
    token: SecretString,
}

impl UserOutlet {
    /// An outlet made of these.
    #[must_use]
    pub fn new(parts: UserOutletParts) -> Self {
        Self { parts, gate: AppGate::default(), turns: RefreshTurns::default() }
    }

    /// One page of the workspace's own history.
    async fn look_back(&self, workspace: &EntityId, asked: &LookBack) -> Option<Found> {
        let Wanted { stream, cursor, limit, direction } = asked.wanted();
        match self.history.page(workspace, &stream, cursor, limit, direction).await {
            Ok(page) => Some(asked.found(&page.rows, page.next.is_some())),
            Err(error) => {
                tracing::warn!(%error, "the history does not answer; it is asked again");
                None
            }
        }
    }

    /// Ends the subscription to the account's webhooks; a failure is told in the log.
    async fn unsubscribe(&self, workspace: &EntityId, access: &Access) {
        let ended = match self.open(workspace, access) {
            Ok(opened) => self.client.unsubscribe(&opened.token, &opened.account).await.value.is_ok(),
            Err(_) => false,
        };
        count("unsubscribe", if ended { "ended" } else { "failed" });
        if !ended {
            tracing::warn!(workspace = workspace.key(), "the subscription to webhooks was not ended");
        }
    }

    /// The higher of both percentages is what matters for pacing. That of the app counts for every account, also when
    /// its own answer does not tell it.
    fn reported(&self, usage: usage::Usage) -> Option<Usage> {
        let now = self.clock.now();
        if let Some(percent) = usage.app_percent {
            self.gate.saw(percent, usage.regain, now);
        }
        let percent = usage.account_percent.max(self.gate.usage(now))?;
        Some(Usage { percent, regain: usage.regain })
    }

    /// Opens the token, for one call only.
    fn open(&self, workspace: &EntityId, access: &Access) -> Result<Opened, NoAccess> {
        if let Some(wait) = self.gate.closed_for(self.clock.now()) {
            return Err(NoAccess::Limited(wait));
        }
        let field = Field { tenant: workspace.as_str(), name: TOKEN_FIELD };
        let token = self.keyring.open(field, access.token.as_str())?;
        self.noticed.opened(workspace, &access.token);
        let account = AccountId::parse(access.account.as_str()).map_err(|_| NoAccess::Account)?;
        Ok(Opened { account, token: SecretString::from(token.as_str()) })
    }
}

#[async_trait]
impl Outlet<User> for UserOutlet {
    async fn run(&self, workspace: &EntityId, effect: UserEffect) -> Option<Command> {
        let command = match effect {
            UserEffect::Send(request) => self.send(workspace, request).await,
            UserEffect::ReadConversation { outbound, read, person, since, access, .. } => {
                let outcome = self.read_conversation(workspace, person.as_ref(), since, &access).await;
                sent_read(outbound, read, outcome)
            }
            UserEffect::ReadCommentReplies { outbound, read, comment, since, access } => {
                let outcome = self.read_replies(workspace, &comment, since, &access).await;
                sent_read(outbound, read, outcome)
            }
            UserEffect::CheckToken { access } => {
                Command::TokenChecked(self.check_token(workspace, &access).await)
            }
            UserEffect::NoteCustody { since, account, accounts } => {
                let made = self.custodian.note(workspace.key(), &accounts).await;
                if let Err(error) = &made {
                    tracing::warn!(%error, "it is not noted yet whose data is held; it is tried again");
                }
                Command::CustodyNoted { account, since, made: made.is_ok() }
            }
            UserEffect::RefreshToken { since, access } => {
                Command::TokenRefreshed { since, outcome: self.refresh(workspace, &access).await }
            }
            UserEffect::Subscribe { since, access } => {
                Command::WebhooksAsked { since, outcome: self.subscribe(workspace, &access).await }
            }
            UserEffect::ReadSubscription { since, access } => {
                Command::WebhooksAsked { since, outcome: self.read_subscription(workspace, &access).await }
            }
            UserEffect::FetchProfile { person, access } => {
                let profile = self.profile(workspace, &person, &access).await;
                Command::ProfileFetched { person, profile }
            }
            UserEffect::LookUpMessage { mid, access } => {
                let found = self.look_up(workspace, &mid, &access).await;
                Command::MessageLookedUp { mid, found }
            }
            UserEffect::LookUpComment { comment, access } => {
                let found = self.comment_post(workspace, &comment, &access).await;
                Command::CommentLookedUp { comment, found }
            }
            UserEffect::Unsubscribe { access } => {
                self.unsubscribe(workspace, &access).await;
                return None;
            }
            UserEffect::DeleteFile(id) => {
                if let Err(error) = self.files.delete(workspace.key(), &id).await {
                    tracing::warn!(%error, "the bytes of a file are not deleted yet: they are swept later");
                }
                return None;
            }
            UserEffect::LimitApp { until } => {
                self.gate.close(until);
                return None;
            }
            UserEffect::ReadHistory(asked) => {
                let found = self.look_back(workspace, &asked).await;
                Command::HistoryRead { asked, found }
            }
            UserEffect::AskModel(request) => {
                let (question, attempt) = (request.question, request.attempt);
                Command::ModelAnswered { question, attempt, result: self.model.ask(*request).await }
            }
        };
        Some(command)
    }
}

fn sent_read(
    outbound: greenroom_actors::outbox::OutboundId,
    read: u32,
    (outcome, usage): (greenroom_actors::outbox::ReadOutcome, Option<Usage>),
) -> Command {
    Command::SentRead { outbound, read, outcome, usage }
}

fn count(call: &'static str, outcome: &'static str) {
    metrics::counter!(names::INSTAGRAM_CALLS, "call" => call, "outcome" => outcome).increment(1);
}

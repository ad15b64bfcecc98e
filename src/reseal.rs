//! Rotation of the keys that seal secrets: what an older key sealed is sealed again under the current one, where it is
//! noticed in use, and entity by entity when the operator asks. After a pass that leaves nothing the older keys may go.

use crate::{
    identities::{MAIL_FIELD, PROVIDER_TOKEN_FIELDS},
    outlets::TOKEN_FIELD,
    parts::App,
};
use greenroom_actors::{
    Entity, EntityId, Sealed,
    identity::{self, Identity},
    shell::AskError,
    signin::SignIns,
    user::{self, User},
};
use greenroom_persistence::{
    EntityIdError, ReadError,
    secret::{Field, Keyring, SecretError},
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::mpsc;

/// Entities that one page of a pass looks at.
pub const ENTITIES_PER_PAGE: usize = 100;
/// Entities that were noticed and wait. More are noticed again later, or found by a pass.
const NOTICED_MAX: usize = 1_024;
/// Kinds of entities that hold sealed secrets, in the order of a pass.
const KINDS: [&str; 3] = [Identity::KIND, SignIns::KIND, User::KIND];

/// Notices what is opened with an older key.
#[derive(Clone)]
pub struct Noticed {
    keyring: Arc<Keyring>,
    entities: mpsc::Sender<EntityId>,
}

/// Entities that were noticed.
pub type NoticedEntities = mpsc::Receiver<EntityId>;

impl Noticed {
    /// One that notices for a keyring, and what it noticed.
    #[must_use]
    pub fn new(keyring: Arc<Keyring>) -> (Self, NoticedEntities) {
        let (entities, noticed) = mpsc::channel(NOTICED_MAX);
        (Self { keyring, entities }, noticed)
    }

    /// A secret of this entity was opened. Waits for nothing.
    pub fn opened(&self, entity: &EntityId, sealed: &Sealed) {
        if self.keyring.needs_rotation(sealed.as_str()) == Ok(true) {
            let _ = self.entities.try_send(entity.clone());
        }
    }
}

/// Why an entity was not looked at. Looking again is safe.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// The place to go on after is no entity.
    #[error("no place to go on after: {0}")]
    Place(#[from] EntityIdError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// A workspace does not answer.
    #[error("workspace: {0}")]
    User(#[from] AskError<User>),
    /// An identity does not answer.
    #[error("identity: {0}")]
    Identity(#[from] AskError<Identity>),
    /// Sign-ins under way do not answer.
    #[error("sign-ins: {0}")]
    SignIns(#[from] AskError<SignIns>),
}

/// What came of looking at some entities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Entities that were looked at.
    pub entities: u64,
    /// Secrets that were sealed again.
    pub resealed: u64,
    /// Secrets that are still sealed under an older key, by the id of that key.
    pub remaining: BTreeMap<String, u64>,
}

/// One page of a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// What came of it.
    #[serde(flatten)]
    pub looked: Looked,
    /// Where to go on; none when every entity was looked at.
    pub next: Option<String>,
    /// Id of the key that seals.
    pub current: String,
    /// Ids of the keys that only open.
    pub older: Vec<String>,
}

/// Seals again what is noticed in use, until the application ends.
pub async fn keep_up(app: Arc<App>, mut noticed: NoticedEntities) {
    while let Some(entity) = noticed.recv().await {
        let mut looked = Looked::default();
        match look_at(&app, &entity, &mut looked).await {
            Ok(()) => tracing::debug!(entity = %entity, resealed = looked.resealed, "sealed again"),
            Err(error) => tracing::warn!(entity = %entity, %error, "not sealed again under the current key"),
        }
    }
}

/// Looks at the next entities after one of them, or at the first ones.
///
/// # Errors
/// See [`ResealError`]; what was sealed again stays so.
pub async fn page(app: &App, after: Option<&str>) -> Result<Page, ResealError> {
    let after = after.map(EntityId::parse).transpose()?;
    let (mut looked, mut last) = (Looked::default(), after.clone());
    let begin =
        after.as_ref().map_or(0, |after| KINDS.iter().take_while(|kind| **kind < after.kind()).count());
    let mut left = ENTITIES_PER_PAGE;
    for kind in KINDS.iter().skip(begin) {
        let from = after.as_ref().filter(|after| after.kind() == *kind);
        let entities = app.stores.journal.entities(kind, from, left).await?;
        left -= entities.len();
        for entity in entities {
            look_at(app, &entity, &mut looked).await?;
            last = Some(entity);
        }
        if left == 0 {
            break;
        }
    }
    let next = last.filter(|_| left == 0).map(|last| last.to_string());
    let older = app.keyring.older_ids().map(str::to_owned).collect();
    Ok(Page { looked, next, current: app.keyring.current_id().to_owned(), older })
}

/// Seals again what an older key sealed in one entity.
async fn look_at(app: &App, entity: &EntityId, looked: &mut Looked) -> Result<(), ResealError> {
    looked.entities += 1;
    match entity.kind() {
        User::KIND => workspace(app, entity, looked).await,
        Identity::KIND => identity(app, entity, looked).await,
        _ => sign_ins(app, entity, looked).await,
    }
}

async fn workspace(app: &App, entity: &EntityId, looked: &mut Looked) -> Result<(), ResealError> {
    let state = app.users.published(entity.key()).await?.state;
    for from in tokens_of(&state) {
        if let Some(to) = again(app, entity, TOKEN_FIELD, &from, looked) {
            let bytes = from.as_str().len() + to.as_str().len();
            let command = user::Command::ResealToken { from, to };
            app.users.ask(entity.key(), command, bytes).await?;
            looked.resealed += 1;
        }
    }
    Ok(())
}

/// The token of a workspace and the one before; none after a disconnection.
fn tokens_of(state: &User) -> Vec<Sealed> {
    let Some(known) = &state.integration else { return Vec::new() };
    let former = known.upkeep.former.as_ref().map(|former| &former.token);
    let tokens = std::iter::once(&known.token).chain(former);
    tokens.filter(|token| !token.as_str().is_empty()).cloned().collect()
}

async fn identity(app: &App, entity: &EntityId, looked: &mut Looked) -> Result<(), ResealError> {
    let state = app.identities.published(entity.key()).await?.state;
    for (name, from) in secrets_of(&state) {
        if let Some(to) = again(app, entity, name, &from, looked) {
            let command = identity::Command::Reseal { from, to };
            let bytes = command.bytes();
            match app.identities.ask(entity.key(), command, bytes).await {
                // Deleted at this moment, and its secrets with it.
                Ok(_) | Err(AskError::Rejected(_)) => looked.resealed += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// The tokens of providers and what mails say, each with the name of its field.
fn secrets_of(state: &Identity) -> Vec<(&'static str, Sealed)> {
    let mut found: Vec<_> = state.mails().map(|mail| (MAIL_FIELD, mail.payload.clone())).collect();
    for login in state.accounts().filter_map(|account| account.provider_login()) {
        let tokens = [&login.tokens.access, &login.tokens.refresh, &login.tokens.id];
        for (name, token) in PROVIDER_TOKEN_FIELDS.into_iter().zip(tokens) {
            found.extend(token.clone().map(|token| (name, token)));
        }
    }
    found
}

/// Sign-ins under way last for minutes: they are counted, and end by themselves.
async fn sign_ins(app: &App, entity: &EntityId, looked: &mut Looked) -> Result<(), ResealError> {
    let state = app.sign_ins.published(entity.key()).await?.state;
    let old = state.sealed(app.clock.now());
    old.filter(|sealed| app.keyring.needs_rotation(sealed.as_str()) == Ok(true))
        .for_each(|sealed| remains(sealed, looked));
    Ok(())
}

/// The same secret under the current key, when it is sealed under another one. What cannot be opened remains.
fn again(app: &App, entity: &EntityId, name: &str, from: &Sealed, looked: &mut Looked) -> Option<Sealed> {
    if app.keyring.needs_rotation(from.as_str()) != Ok(true) {
        return None;
    }
    let field = Field { tenant: entity.as_str(), name };
    let resealed = || -> Result<String, SecretError> {
        let plain = app.keyring.open(field, from.as_str())?;
        app.keyring.seal(field, &plain, &mut rand::rngs::SysRng)
    };
    match resealed() {
        Ok(to) => Some(Sealed::from(to)),
        Err(error) => {
            tracing::warn!(entity = %entity, field = name, %error, "a secret cannot be sealed again");
            remains(from, looked);
            None
        }
    }
}

fn remains(sealed: &Sealed, looked: &mut Looked) {
    let key = Keyring::key_of(sealed.as_str()).unwrap_or_default();
    *looked.remaining.entry(key.to_owned()).or_default() += 1;
}

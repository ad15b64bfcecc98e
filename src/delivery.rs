//! One webhook delivery, from verified bytes to commands of the workspaces it concerns.

mod place;
mod quarantine;

pub use quarantine::QuarantineWarning;

use crate::{inbound::inbound, metric_definitions as names, parts::App};
use axum::{body::Bytes, http::HeaderValue};
use futures::{StreamExt, TryStreamExt, stream};
use greenroom_actors::{
    EntityId, Timestamp,
    intake::{self, INTAKE_KEY},
    shell::AskError,
    user::{self, User},
};
use greenroom_instagram::{
    signature::SignatureError,
    time::UnixMillis,
    webhook::{
        decode::decode,
        event::{Event, Reason},
        slice::{Delivery, Form, Slice, slice},
    },
};
use greenroom_persistence::ReadError;
use place::Place;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Account id of the platform's dashboard tests.
const TEST_ACCOUNT: &str = "0";
/// Workspaces of one delivery that are asked at the same time.
const WORKSPACES_AT_ONCE: usize = 64;
/// Commands handed to one entity at once; a larger delivery goes in several rounds.
const COMMANDS_AT_ONCE: usize = 1_000;
/// Bytes handed to one entity at once, well below what an entity admits.
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;
/// Bytes that one item counts at most: what is kept of an item is bounded, however long it was.
const ITEM_BYTES_MAX: usize = 64 * 1024;

/// The items of one delivery, sorted by the account they are for.
#[derive(Debug, Default)]
pub struct Parcels {
    accounts: Vec<Parcel>,
    quarantined: Vec<intake::Quarantined>,
    tests: usize,
}

#[derive(Debug)]
struct Parcel {
    account: String,
    items: Vec<Part>,
    /// They came before the account was connected.
    unrouted: bool,
}

#[derive(Debug)]
struct Part {
    event: Event,
    raw: Bytes,
    place: Place,
}

impl Part {
    fn unrouted(&self, account: &str) -> intake::Command {
        intake::Command::unrouted(account, &self.place.envelope(account, &self.raw))
    }
}

/// Why a delivery is not durable; the platform delivers it again.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// The directory cannot be read.
    #[error("directory: {0}")]
    Directory(#[from] ReadError),
    /// A workspace did not take its items.
    #[error("workspace: {0}")]
    Workspace(String),
    /// The intake log did not take what no workspace wants.
    #[error("intake: {0}")]
    Intake(String),
}

/// Verifies the signature over the raw bytes, then cuts and decodes. Content is never an error: what cannot be understood
/// is quarantined.
///
/// # Errors
/// Only the signature's.
pub fn open(app: &App, signatures: &[HeaderValue], body: &Bytes) -> Result<Parcels, SignatureError> {
    let index = app.secrets.verify(signatures.iter().map(HeaderValue::as_bytes), body)?;
    if let Some(counter) = app.webhook_counters.signed_by.get(index) {
        counter.increment(1);
    }
    Ok(sort(body, app.clock.now()))
}

/// Cuts, decodes and sorts the items of a delivery that is trusted.
pub(crate) fn sort(body: &Bytes, now: Timestamp) -> Parcels {
    let mut parcels = Parcels::default();
    match slice(body) {
        Delivery::Quarantined(fault) => {
            parcels.quarantine(None, fault.tag(), fault.to_string(), body.clone())
        }
        Delivery::Envelope(envelope) => {
            for part in &envelope.quarantined {
                parcels.quarantine(
                    part.account.as_deref(),
                    part.reason.tag(),
                    part.reason.to_string(),
                    body.slice_ref(part.raw),
                );
            }
            let mut places = HashMap::new();
            for item in &envelope.slices {
                parcels.sort_in(&mut places, item, body, now);
            }
            count("ignored", envelope.ignored.len());
            count("valueless", envelope.valueless);
        }
    }
    parcels
}

impl Parcels {
    /// The same, as what came before its accounts were connected.
    pub(crate) fn unrouted(mut self) -> Self {
        self.accounts.iter_mut().for_each(|parcel| parcel.unrouted = true);
        self
    }

    fn quarantine(&mut self, account: Option<&str>, tag: &'static str, reason: String, raw: Bytes) {
        quarantine::count(tag);
        self.quarantined.push(intake::Quarantined::new(account, &reason, &raw));
    }

    fn sort_in<'a>(
        &mut self,
        places: &mut HashMap<&'a str, usize>,
        item: &'a Slice<'a>,
        body: &Bytes,
        now: Timestamp,
    ) {
        let raw = body.slice_ref(item.raw);
        if item.form == Form::Bare {
            // The dashboard's preview names no account.
            self.tests += 1;
            return;
        }
        let Some(account) = item.account.as_deref() else {
            let reason = Reason::NoAccount;
            return self.quarantine(None, reason.tag(), reason.to_string(), raw);
        };
        if account == TEST_ACCOUNT {
            self.tests += 1;
            return;
        }
        match decode(item, None, UnixMillis::from_millis(now.as_millis())) {
            Err(reason) => self.quarantine(Some(account), reason.tag(), reason.to_string(), raw),
            Ok(event) => {
                let place = *places.entry(account).or_insert_with(|| {
                    self.accounts.push(Parcel {
                        account: account.to_owned(),
                        items: Vec::new(),
                        unrouted: false,
                    });
                    self.accounts.len() - 1
                });
                if let Some(parcel) = self.accounts.get_mut(place) {
                    parcel.items.push(Part { event, raw, place: Place::of(item, body) });
                }
            }
        }
    }
}

/// Hands every item to its workspace, and what no workspace wants to the intake log. `Ok` means that all is durable.
///
/// # Errors
/// When something is not, or not known to be, durable. Items that are durable already are duplicates next time.
pub async fn deliver(app: &Arc<App>, parcels: Parcels) -> Result<(), NotStored> {
    let left = deliver_to_accounts(app, parcels.accounts).await?;
    let mut commands: Vec<intake::Command> =
        parcels.quarantined.into_iter().map(intake::Command::Quarantine).collect();
    commands.extend(left);
    if parcels.tests > 0 {
        count("test", parcels.tests);
        commands.push(intake::Command::CountTest);
    }
    if commands.is_empty() {
        return Ok(());
    }
    let strangers = strangers(&commands);
    let quarantined =
        commands.iter().filter(|command| matches!(command, intake::Command::Quarantine(_))).count();
    store_leftovers(app, commands).await?;
    app.quarantine_warning.note(quarantined, app.clock.now());
    // An account that was connected between the look-up and the storing is served now: whoever connected it may have looked
    // at the intake log before the items were in it.
    for account in strangers {
        if workspace_of(app, &account).await?.is_some() {
            Box::pin(crate::unrouted::serve(app)).await?;
            break;
        }
    }
    Ok(())
}

fn strangers(commands: &[intake::Command]) -> BTreeSet<String> {
    let unrouted = commands.iter().filter_map(|command| match command {
        intake::Command::Unrouted(item) => Some(item.account().to_owned()),
        _ => None,
    });
    unrouted.collect()
}

type Leftovers = Vec<intake::Command>;

/// Most deliveries are for one account, and need no set of futures.
async fn deliver_to_accounts(app: &Arc<App>, mut parcels: Vec<Parcel>) -> Result<Leftovers, NotStored> {
    if parcels.len() <= 1 {
        let Some(only) = parcels.pop() else { return Ok(Leftovers::new()) };
        return deliver_to_account(app, only).await;
    }
    let left: Vec<Leftovers> = stream::iter(parcels)
        .map(|parcel| deliver_to_account(app, parcel))
        .buffer_unordered(WORKSPACES_AT_ONCE)
        .try_collect()
        .await?;
    Ok(left.into_iter().flatten().collect())
}

async fn deliver_to_account(app: &Arc<App>, parcel: Parcel) -> Result<Leftovers, NotStored> {
    match workspace_of(app, &parcel.account).await? {
        None => {
            count("unrouted", parcel.items.len());
            Ok(parcel.items.iter().map(|part| part.unrouted(&parcel.account)).collect())
        }
        Some(workspace) => deliver_to_workspace(app, &workspace, parcel).await,
    }
}

/// Whose account it is.
///
/// # Errors
/// When the directory cannot be read.
pub async fn workspace_of(app: &App, account: &str) -> Result<Option<EntityId>, ReadError> {
    app.stores.directory.lookup(&user::connection::account_claim(account)).await
}

async fn deliver_to_workspace(
    app: &Arc<App>,
    workspace: &EntityId,
    mut parcel: Parcel,
) -> Result<Leftovers, NotStored> {
    let now = app.clock.now();
    // A batch names its items in no order; those of one instant stay as they came (product rule).
    parcel.items.sort_by_key(|part| part.event.at);
    let (mut left, mut waiting_bytes) = (Leftovers::new(), 0);
    let mut waiting: Vec<(user::Command, Bytes)> =
        Vec::with_capacity(parcel.items.len().min(COMMANDS_AT_ONCE));
    let mut items = parcel.items.into_iter().peekable();
    while let Some(Part { event, raw, .. }) = items.next() {
        if is_foreign(app, workspace, &parcel.account, &event).await? {
            let reason = Reason::ForeignAccount;
            left.push(refused(&parcel.account, reason.tag(), &reason.to_string(), &raw));
        } else if let Some(mut event) = inbound(event, workspace.key(), &parcel.account, now, &app.app_id) {
            event.unrouted = parcel.unrouted;
            waiting.push((user::Command::Receive(Arc::new(event)), raw));
        }
        let bytes: usize = waiting.last().map_or(0, |(_, raw)| raw.len().min(ITEM_BYTES_MAX));
        waiting_bytes += bytes;
        if waiting.len() >= COMMANDS_AT_ONCE || waiting_bytes >= BYTES_AT_ONCE || items.peek().is_none() {
            ask(app, workspace, &parcel.account, std::mem::take(&mut waiting), &mut left).await?;
            waiting_bytes = 0;
        }
    }
    Ok(left)
}

/// A messaging item names the account once more; it must be the same workspace's, by either of its ids.
async fn is_foreign(
    app: &App,
    workspace: &EntityId,
    account: &str,
    event: &Event,
) -> Result<bool, ReadError> {
    match event.account_side.as_deref() {
        Some(side) if side != account => Ok(workspace_of(app, side).await?.as_ref() != Some(workspace)),
        _ => Ok(false),
    }
}

async fn ask(
    app: &Arc<App>,
    workspace: &EntityId,
    account: &str,
    waiting: Vec<(user::Command, Bytes)>,
    left: &mut Leftovers,
) -> Result<(), NotStored> {
    if waiting.is_empty() {
        return Ok(());
    }
    let bytes = waiting.iter().map(|(_, raw)| raw.len().min(ITEM_BYTES_MAX)).sum();
    let (commands, raws): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    app.webhook_counters.received.increment(commands.len() as u64);
    let answers = app.users.ask_all(workspace.key(), commands, bytes).await.map_err(not_stored)?;
    for (answer, raw) in answers.into_iter().zip(raws) {
        match answer {
            // A poison command is in the workspace's own quarantine, durably.
            Ok(_) | Err(AskError::Poisoned) => {}
            Err(AskError::Rejected(rejection)) => {
                left.push(refused(account, "rejected", &rejection.to_string(), &raw));
            }
            Err(error) => return Err(not_stored(error)),
        }
    }
    Ok(())
}

fn refused(account: &str, tag: &'static str, reason: &str, raw: &Bytes) -> intake::Command {
    quarantine::count(tag);
    intake::Command::Quarantine(intake::Quarantined::new(Some(account), reason, raw))
}

fn not_stored(error: AskError<User>) -> NotStored {
    NotStored::Workspace(error.to_string())
}

async fn store_leftovers(app: &App, commands: Vec<intake::Command>) -> Result<(), NotStored> {
    let failed = |error: AskError<intake::Intake>| NotStored::Intake(error.to_string());
    let mut commands = commands.into_iter().peekable();
    while commands.peek().is_some() {
        let (mut round, mut bytes) = (Vec::new(), 0);
        while round.len() < COMMANDS_AT_ONCE && bytes < BYTES_AT_ONCE {
            let Some(command) = commands.next() else { break };
            bytes += command.bytes();
            round.push(command);
        }
        for answer in app.intake.ask_all(INTAKE_KEY, round, bytes).await.map_err(failed)? {
            match answer {
                Ok(_) | Err(AskError::Poisoned | AskError::Rejected(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
    Ok(())
}

fn count(outcome: &'static str, items: usize) {
    if items > 0 {
        metrics::counter!(names::WEBHOOK_ITEMS, "outcome" => outcome).increment(items as u64);
    }
}

//! The sign-ins entity: what is kept for minutes of round trips whose user is not known yet.
//!
//! An OAuth state, or another one-time secret, is stored here under the hash of its text and taken once. There are
//! [`SHARDS`] entities, so that no single one holds up every sign-in; the hash says which ([`shard_of`]). Each is bounded
//! by count and bytes and refuses what does not fit; what has expired leaves first. Of one owner (a user, or the address
//! of a client) there are only so many: the oldest give way to newer ones, so that nobody fills a shard alone. The secret
//! is drawn so that its shard is that of its owner ([`draw`]): the bound holds in total.

use crate::{
    Draft, Entity, Timestamp,
    identity::{Sealed, SecretHash},
};
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc, time::Duration};

#[cfg(test)]
mod tests;

/// Number of entities.
pub const SHARDS: u8 = 64;
/// Lifetime of an OAuth state.
pub const STATE_LIFETIME: Duration = Duration::from_secs(600);
/// Longest lifetime of anything kept here.
pub const LIFETIME_MAX: Duration = Duration::from_secs(3_600);
/// Round trips kept by one shard.
pub const PENDING_MAX: usize = 2_048;
/// Bytes of values kept by one shard.
pub const PENDING_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// Round trips of one owner; the oldest give way. A person has a few; people behind one address begin no more than this
/// within the minutes that a sign-in takes, since their address is limited too.
pub const PENDING_OF_OWNER_MAX: usize = 32;
/// Bytes of the values of one owner; the oldest give way.
pub const BYTES_OF_OWNER_MAX: usize = 64 * 1_024;
/// Secrets drawn at most until one belongs to the shard of its owner: one in [`SHARDS`] does, so that the last one is as
/// good as never reached.
const DRAWS_MAX: usize = 4_096;
/// Longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 16 * 1_024;
/// What has expired is swept at most this often. Nothing waits for it: what has expired never matches.
pub const SWEEP_STEP: Duration = Duration::from_secs(60);
/// Round trips that one decision forgets; more leave with the next one.
const FORGOTTEN_AT_ONCE: usize = 512;
/// What an entry costs beside its value.
const ENTRY_BYTES: usize = 256;

/// Key of the entity that keeps a secret: `00` to `3f`.
#[must_use]
pub fn shard_of(secret: &SecretHash) -> String {
    format!("{:02x}", secret.first_byte() % SHARDS)
}

/// Draws a secret that belongs to the shard of its owner. Of its 256 bits it loses six.
///
/// # Errors
/// When none can be drawn.
pub fn draw<E>(
    owner: Option<&SecretHash>,
    mut secret: impl FnMut() -> Result<String, E>,
) -> Result<String, E> {
    let mut drawn = secret()?;
    let Some(owner) = owner else { return Ok(drawn) };
    for _ in 1..DRAWS_MAX {
        if shard_of(&SecretHash::of(&drawn)) == shard_of(owner) {
            break;
        }
        drawn = secret()?;
    }
    Ok(drawn)
}

/// Round trips of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SignIns {
    pending: OrdMap<SecretHash, Arc<Pending>>,
    /// The same by their end. Derived.
    #[serde(skip)]
    ends: OrdSet<(Timestamp, SecretHash)>,
    /// Those with an owner, by owner and end. Derived.
    #[serde(skip)]
    owned: OrdSet<(SecretHash, Timestamp, SecretHash)>,
    /// Bytes of all values. Derived.
    #[serde(skip)]
    bytes: usize,
}

/// A round trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What for.
    pub purpose: Purpose,
    /// What its end needs, sealed by the door: it may hold a code verifier.
    pub value: Sealed,
    /// Hash of the token of the session that began it, when only that one may end it.
    pub bound_to: Option<SecretHash>,
    /// Hash of whoever began it, when that is known: a user, or the address of a client.
    #[serde(default)]
    pub owner: Option<SecretHash>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a round trip is for. A secret of one purpose is unknown to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Signing in by a provider, or linking one.
    Provider,
    /// Connecting an Instagram account.
    Instagram,
    /// Opening a stream of what happens.
    Realtime,
}

/// What can be asked of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Command {
    /// Keep a round trip. Reply: `Done`.
    Start {
        /// Hash of its secret.
        secret: SecretHash,
        /// The round trip.
        pending: Pending,
    },
    /// Take a round trip: of racing requests one gets it. Reply: `Taken`.
    Take {
        /// Hash of its secret.
        secret: SecretHash,
        /// What for.
        purpose: Purpose,
        /// Hash of the token of the caller's session. Matters when it is bound to one.
        session: Option<SecretHash>,
    },
    /// Write a record that leaves nothing: what asking for a mail costs when there is nobody to send it to. Whoever asks
    /// waits as long as for somebody who is there. Reply: `Done`.
    Decoy {
        /// As long as what would be written for somebody.
        value: Sealed,
    },
    /// Forget what has expired.
    Tick,
}

impl Command {
    /// Size for admission, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Start { pending, .. } => pending.bytes(),
            Self::Decoy { value } => ENTRY_BYTES + value.as_str().len(),
            Self::Take { .. } | Self::Tick => ENTRY_BYTES,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A round trip began.
    Started {
        /// Hash of its secret.
        secret: SecretHash,
        /// The round trip.
        pending: Arc<Pending>,
    },
    /// A round trip was taken.
    Taken {
        /// Hash of its secret.
        secret: SecretHash,
    },
    /// Round trips gave way to a newer one of the same owner.
    Displaced {
        /// Hashes of their secrets.
        secrets: Vec<SecretHash>,
    },
    /// Nothing that stays.
    Decoyed {
        /// As long as what would be written for somebody.
        value: Sealed,
    },
    /// Round trips whose time was over were forgotten.
    Expired {
        /// Hashes of their secrets.
        secrets: Vec<SecretHash>,
    },
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done, nothing to tell.
    Done,
    /// The round trip, which is gone now.
    Taken(Arc<Pending>),
}

/// Why a command is refused. Changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Unknown, taken, over, of another purpose or of another session.
    #[error("no such round trip")]
    NotFound,
    /// The secret is in use.
    #[error("the secret is in use")]
    Duplicate,
    /// The shard holds as many as it may: try again when some have ended.
    #[error("too many round trips")]
    Full {
        /// When the first of them ends.
        until: Timestamp,
    },
    /// The value is too long.
    #[error("value is longer than {VALUE_BYTES_MAX} bytes")]
    TooLong,
    /// It ends before it begins, or too late.
    #[error("lifetime is none, or longer than {}s", LIFETIME_MAX.as_secs())]
    Lifetime,
}

impl Pending {
    /// It can be taken at this instant.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at >= now
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.value.as_str().len()
    }
}

impl SignIns {
    /// A live round trip. Looking does not take it.
    #[must_use]
    pub fn peek(&self, secret: &SecretHash, purpose: Purpose, now: Timestamp) -> Option<&Arc<Pending>> {
        self.pending.get(secret).filter(|pending| pending.purpose == purpose && pending.is_live(now))
    }

    /// How many there are, expired ones that were not swept yet among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// What is kept of the round trips that can still be taken.
    pub fn sealed(&self, now: Timestamp) -> impl Iterator<Item = &Sealed> {
        self.pending.values().filter(move |pending| pending.is_live(now)).map(|pending| &pending.value)
    }

    fn has_room_for(&self, pending: &Pending) -> bool {
        self.pending.len() < PENDING_MAX && self.bytes + pending.bytes() <= PENDING_BYTES_MAX
    }

    fn remove(&mut self, secret: &SecretHash) {
        if let Some(gone) = self.pending.remove(secret) {
            self.ends.remove(&(gone.expires_at, *secret));
            if let Some(owner) = gone.owner {
                self.owned.remove(&(owner, gone.expires_at, *secret));
            }
            self.bytes = self.bytes.saturating_sub(gone.bytes());
        }
    }
}

impl Entity for SignIns {
    const KIND: &'static str = "signin";
    const SCHEMA: u16 = 1;

    type Command = Command;
    type Event = Event;
    type Effect = Infallible;
    type Reply = Reply;
    type Rejection = Rejection;

    fn vacant(_: &str) -> Self {
        Self::default()
    }

    fn restored(&mut self) {
        self.ends = self.pending.iter().map(|(secret, pending)| (pending.expires_at, *secret)).collect();
        let owned = |(secret, pending): (&SecretHash, &Arc<Pending>)| {
            Some((pending.owner?, pending.expires_at, *secret))
        };
        self.owned = self.pending.iter().filter_map(owned).collect();
        self.bytes = self.pending.values().map(|pending| pending.bytes()).sum();
    }

    fn decide(draft: &mut Draft<Self>, now: Timestamp, command: &Command) -> Result<Reply, Rejection> {
        match command {
            Command::Start { secret, pending } => start(draft, now, *secret, pending),
            Command::Take { secret, purpose, session } => take(draft, now, secret, *purpose, *session),
            Command::Decoy { value } => decoy(draft, value),
            Command::Tick => {
                sweep(draft, now);
                Ok(Reply::Done)
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { secret, pending } => {
                self.remove(secret);
                self.bytes += pending.bytes();
                self.ends.insert((pending.expires_at, *secret));
                if let Some(owner) = pending.owner {
                    self.owned.insert((owner, pending.expires_at, *secret));
                }
                self.pending.insert(*secret, Arc::clone(pending));
            }
            Event::Taken { secret } => self.remove(secret),
            Event::Displaced { secrets } | Event::Expired { secrets } => {
                secrets.iter().for_each(|secret| self.remove(secret));
            }
            Event::Decoyed { .. } => {}
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let (first, _) = self.ends.get_min()?;
        // One step late, so that many ends make one sweep.
        Some(*first + SWEEP_STEP)
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        None
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn event_bytes(event: &Event) -> usize {
        match event {
            Event::Started { pending, .. } => pending.bytes(),
            Event::Taken { .. } => ENTRY_BYTES,
            Event::Decoyed { value } => ENTRY_BYTES + value.as_str().len(),
            Event::Displaced { secrets } | Event::Expired { secrets } => ENTRY_BYTES + secrets.len() * 66,
        }
    }

    fn weight(&self) -> usize {
        ENTRY_BYTES + self.bytes
    }
}

fn start(
    draft: &mut Draft<SignIns>,
    now: Timestamp,
    secret: SecretHash,
    pending: &Pending,
) -> Result<Reply, Rejection> {
    if pending.value.as_str().len() > VALUE_BYTES_MAX {
        return Err(Rejection::TooLong);
    }
    if pending.expires_at <= now || pending.expires_at > now + LIFETIME_MAX {
        return Err(Rejection::Lifetime);
    }
    match draft.pending.get(&secret) {
        // Asked again, because the answer was lost.
        Some(known) if **known == *pending => return Ok(Reply::Done),
        Some(known) if known.is_live(now) => return Err(Rejection::Duplicate),
        _ => {}
    }
    displace(draft, pending);
    if !draft.has_room_for(pending) {
        sweep(draft, now);
    }
    if !draft.has_room_for(pending) {
        return Err(Rejection::Full { until: draft.ends.get_min().map_or(now, |(first, _)| *first) });
    }
    draft.emit(Event::Started { secret, pending: Arc::new(pending.clone()) });
    Ok(Reply::Done)
}

/// The oldest of an owner give way, until there is room for one more of that owner.
fn displace(draft: &mut Draft<SignIns>, new: &Pending) {
    let Some(owner) = new.owner else { return };
    let first = (owner, Timestamp::MIN, SecretHash::FIRST);
    let known: Vec<(SecretHash, usize)> = draft
        .owned
        .range(first..)
        .take_while(|(of, ..)| *of == owner)
        .map(|(.., secret)| (*secret, draft.pending.get(secret).map_or(0, |pending| pending.bytes())))
        .collect();
    let (mut count, mut bytes) = (known.len(), known.iter().map(|(_, bytes)| bytes).sum::<usize>());
    let mut secrets = Vec::new();
    for (secret, of_it) in known {
        if count < PENDING_OF_OWNER_MAX && bytes + new.bytes() <= BYTES_OF_OWNER_MAX {
            break;
        }
        (count, bytes) = (count - 1, bytes - of_it);
        secrets.push(secret);
    }
    if !secrets.is_empty() {
        draft.emit(Event::Displaced { secrets });
    }
}

fn decoy(draft: &mut Draft<SignIns>, value: &Sealed) -> Result<Reply, Rejection> {
    if value.as_str().len() > VALUE_BYTES_MAX {
        return Err(Rejection::TooLong);
    }
    draft.emit(Event::Decoyed { value: value.clone() });
    Ok(Reply::Done)
}

fn take(
    draft: &mut Draft<SignIns>,
    now: Timestamp,
    secret: &SecretHash,
    purpose: Purpose,
    session: Option<SecretHash>,
) -> Result<Reply, Rejection> {
    let pending = draft.peek(secret, purpose, now).cloned().ok_or(Rejection::NotFound)?;
    if pending.bound_to.is_some() && pending.bound_to != session {
        return Err(Rejection::NotFound);
    }
    draft.emit(Event::Taken { secret: *secret });
    Ok(Reply::Taken(pending))
}

fn sweep(draft: &mut Draft<SignIns>, now: Timestamp) {
    let over = draft.ends.iter().take_while(|(end, _)| *end < now).take(FORGOTTEN_AT_ONCE);
    let secrets: Vec<_> = over.map(|(_, secret)| *secret).collect();
    if !secrets.is_empty() {
        draft.emit(Event::Expired { secrets });
    }
}

//! The way out of the measured server: answers at once, and remembers every send.

use async_trait::async_trait;
use greenroom_actors::{
    EntityId,
    id::Mid,
    outbox::SendOutcome,
    ports::Outlet,
    user::{
        Command, User, UserEffect,
        command::{Profile, TokenState, WebhooksOutcome},
    },
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

/// Shards of the map of sends.
const SHARDS: usize = 64;

/// A message: workspace and number in its outbox.
type Message = (EntityId, u64);

/// Counts sends by message. Answers at once: the platform's own time is not measured here.
pub(crate) struct Counting {
    sends: Vec<Mutex<HashMap<Message, u32>>>,
    sent: AtomicU64,
    other: AtomicU64,
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            sends: (0..SHARDS).map(|_| Mutex::default()).collect(),
            sent: AtomicU64::new(0),
            other: AtomicU64::new(0),
        }
    }
}

impl Counting {
    /// Sends since the start.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Effects of a kind that no scenario causes.
    pub(crate) fn unexpected(&self) -> u64 {
        self.other.load(Ordering::Relaxed)
    }

    /// How often a message was sent.
    pub(crate) fn times(&self, workspace: &EntityId, outbound: u64) -> u32 {
        self.shard(outbound).lock().get(&(workspace.clone(), outbound)).copied().unwrap_or(0)
    }

    fn shard(&self, outbound: u64) -> &Mutex<HashMap<Message, u32>> {
        let place = usize::try_from(outbound % SHARDS as u64).unwrap_or(0);
        &self.sends[place]
    }

    fn send(&self, workspace: &EntityId, outbound: u64) -> Mid {
        *self.shard(outbound).lock().entry((workspace.clone(), outbound)).or_insert(0) += 1;
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        Mid::from(format!("m_load_sent_{number}"))
    }
}

#[async_trait]
impl Outlet<User> for Counting {
    async fn run(&self, entity: &EntityId, effect: UserEffect) -> Option<Command> {
        match effect {
            UserEffect::Send(request) => Some(Command::SendFinished {
                outbound: request.outbound,
                attempt: request.attempt,
                outcome: SendOutcome::Sent {
                    message_id: self.send(entity, request.outbound.get()),
                    recipient: None,
                },
                usage: None,
            }),
            UserEffect::FetchProfile { person, .. } => {
                let username = Some(format!("person_{person}").into());
                let display_name = Some("Fictional Person".into());
                let profile = Profile { username, display_name, profile_pic_url: None };
                Some(Command::ProfileFetched { person, profile: Some(profile) })
            }
            UserEffect::NoteCustody { since, account, .. } => {
                Some(Command::CustodyNoted { account, since, made: true })
            }
            UserEffect::Subscribe { since, .. } => {
                Some(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Subscribed })
            }
            UserEffect::CheckToken { .. } => Some(Command::TokenChecked(TokenState::Alive)),
            _ => {
                self.other.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

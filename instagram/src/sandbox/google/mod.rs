//! Google, as far as a sign-in needs it: consent page, code exchange, id tokens that can be checked against published
//! keys. Its people are fictional, any client is taken, and it can be told to sign what must be refused.

mod authorize;
mod host;
mod key;
#[cfg(test)]
mod tests;

pub(crate) use authorize::authorize;
pub(crate) use host::answer;

use super::{
    SandboxState,
    control::Refused,
    limits::{CODES_MAX, GOOGLE_USERS_MAX},
};
use key::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// Seconds that a code can be exchanged.
const CODE_SECONDS: i64 = 600;
/// Keys that are published at once: the signing one and the one before it.
const KEYS_MAX: usize = 2;
/// Refresh tokens alive; the oldest go first.
const REFRESH_TOKENS_MAX: usize = 1_000;

/// Somebody with a Google account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) email: String,
    /// Made from the address when it is not given, so that it is the same after a restart.
    #[serde(default)]
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) picture: Option<String>,
    #[serde(default = "yes")]
    pub(crate) email_verified: bool,
    /// Hosted domain.
    pub(crate) hd: Option<String>,
}

const fn yes() -> bool {
    true
}

impl User {
    fn named(email: &str, name: &str) -> Self {
        Self {
            email: email.to_owned(),
            sub: String::new(),
            name: name.to_owned(),
            picture: Some("https://lookaside.example/google/photo.png".to_owned()),
            email_verified: true,
            hd: None,
        }
        .completed()
    }

    fn completed(mut self) -> Self {
        if self.name.is_empty() {
            let local = self.email.split('@').next().unwrap_or_default();
            self.name = format!("Fict {local}");
        }
        if self.sub.is_empty() {
            let digest = Sha256::digest(self.email.to_lowercase().as_bytes());
            let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            self.sub = format!("1{number:020}");
        }
        self
    }
}

/// What the next id token says instead of the truth; one token only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deceit {
    /// `none` or `hs256` (signed with the public key, the classic confusion).
    alg: Option<String>,
    aud: Option<String>,
    iss: Option<String>,
    nonce: Option<String>,
    /// Seconds from now.
    exp_offset_s: Option<i64>,
    /// Seconds from now.
    iat_offset_s: Option<i64>,
    /// `unknown`: an id that is not published.
    kid: Option<String>,
    email_verified: Option<bool>,
}

/// What somebody agreed to.
#[derive(Clone, Debug)]
struct Grant {
    email: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    nonce: Option<String>,
    challenge: Option<String>,
    offline: bool,
    at: i64,
}

/// Everything of Google. Not kept between runs: people are the same again, and keys are fresh as they may be any day.
#[derive(Clone)]
pub(crate) struct Google {
    users: Vec<User>,
    codes: BTreeMap<u64, Grant>,
    refresh_tokens: BTreeMap<u64, Grant>,
    access_tokens: BTreeMap<u64, String>,
    count: u64,
    deceit: Option<Deceit>,
    /// The signing one first.
    keys: Vec<Arc<SigningKey>>,
}

impl Default for Google {
    fn default() -> Self {
        Self {
            users: vec![
                User::named("owner@example.com", "Fictional Owner"),
                User::named("helper@example.com", "Fictional Helper"),
                User { email_verified: false, ..User::named("unverified@example.com", "Fictional Newcomer") },
            ],
            codes: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
            access_tokens: BTreeMap::new(),
            count: 0,
            deceit: None,
            keys: Vec::new(),
        }
    }
}

impl Google {
    fn user(&self, email: &str) -> Option<&User> {
        self.users.iter().find(|user| user.email.eq_ignore_ascii_case(email))
    }

    /// The person of that address, made if there is none.
    fn user_or_new(&mut self, email: &str) -> Option<&User> {
        let is_address =
            email.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.'));
        if self.user(email).is_none() {
            if !is_address || self.users.len() >= GOOGLE_USERS_MAX {
                return None;
            }
            self.users.push(User::named(email, ""));
        }
        self.user(email)
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn issue_code(&mut self, grant: Grant) -> String {
        let number = self.number();
        self.codes.insert(number, grant);
        bound(&mut self.codes, CODES_MAX);
        format!("4/sbx-{number}")
    }

    fn spend_code(&mut self, code: &str, now: i64) -> Option<Grant> {
        let grant = self.codes.remove(&code.strip_prefix("4/sbx-")?.parse().ok()?)?;
        (now - grant.at <= CODE_SECONDS * 1_000).then_some(grant)
    }

    /// Keeps the keys of another state: what was published stays published.
    pub(crate) fn keep_keys_of(&mut self, other: &Self) {
        self.keys.clone_from(&other.keys);
        self.count = other.count;
    }

    pub(crate) fn set_users(&mut self, users: Vec<User>) -> Result<(), Refused> {
        if users.len() > GOOGLE_USERS_MAX {
            return Err(Refused::Full("google users"));
        }
        if users.iter().any(|user| !user.email.contains('@')) {
            return Err(Refused::bad("a google user needs an email"));
        }
        self.users = users.into_iter().map(User::completed).collect();
        Ok(())
    }

    pub(crate) fn set_deceit(&mut self, deceit: Option<Deceit>) {
        self.deceit = deceit;
    }

    fn add_key(&mut self, key: Arc<SigningKey>) {
        self.keys.insert(0, key);
        self.keys.truncate(KEYS_MAX);
    }
}

fn bound<T>(map: &mut BTreeMap<u64, T>, max: usize) {
    while map.len() > max {
        map.pop_first();
    }
}

/// Makes the first key if there is none. Takes a while, so it happens off the async threads and outside of the lock.
pub(crate) async fn ensure_key(state: &SandboxState) {
    if state.peek(|world| world.google.keys.is_empty()) {
        let made = make_key().await;
        state.locked(|world| {
            if let (true, Some(key)) = (world.google.keys.is_empty(), made) {
                world.google.add_key(key);
            }
        });
    }
}

/// Signs with a new key from now on; the one before it stays published.
pub(crate) async fn rotate_keys(state: &SandboxState) -> Result<(), Refused> {
    ensure_key(state).await;
    let key = make_key().await.ok_or(Refused::Conflict("no key could be made"))?;
    state.locked(|world| world.google.add_key(key));
    Ok(())
}

async fn make_key() -> Option<Arc<SigningKey>> {
    tokio::task::spawn_blocking(SigningKey::generate).await.ok().flatten().map(Arc::new)
}

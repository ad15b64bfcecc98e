//! The provider's public keys: fetched when needed, kept as long as it says, kept longer when it is away.

use greenroom_actors::Timestamp;
use jsonwebtoken::DecodingKey;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

use super::{client::Http, id_token::IdTokenError};

/// Most keys of a set that are kept.
const KEYS_MAX: usize = 32;
/// Shortest and longest time that a set is kept, whatever the provider says.
const FRESH: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));
/// How long a set is kept when the provider says nothing.
const FRESH_DEFAULT: Duration = Duration::from_secs(300);
/// Time between two fetches for keys that are not in the set, and after a fetch that failed while there is a set.
const REFETCH_AFTER: Duration = Duration::from_secs(60);
/// Time after a fetch that failed while there is no set.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct RsaKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: String,
    e: String,
}

struct Key {
    kid: Option<String>,
    decoding: DecodingKey,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Arc<Vec<Key>>,
    fresh_until: Option<Timestamp>,
    tried: Option<Timestamp>,
}

impl Kept {
    fn find(&self, kid: Option<&str>) -> Option<DecodingKey> {
        let key = match (kid, self.keys.as_slice()) {
            (Some(_), keys) => keys.iter().find(|key| key.kid.as_deref() == kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        key.map(|key| key.decoding.clone())
    }

    fn may_fetch(&self, now: Timestamp) -> bool {
        let pause = if self.keys.is_empty() { RETRY_AFTER } else { REFETCH_AFTER };
        self.tried.is_none_or(|tried| now.since(tried) >= pause)
    }
}

/// The key set behind one address.
pub(super) struct KeySet {
    url: String,
    kept: Mutex<Kept>,
    /// One fetch at a time; whoever waited looks again first.
    fetching: Semaphore,
}

impl KeySet {
    pub(super) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), kept: Mutex::default(), fetching: Semaphore::new(1) }
    }

    /// The key of that id.
    pub(super) async fn key(
        &self,
        http: &Http,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<DecodingKey, IdTokenError> {
        if let Some(key) = self.fresh(kid, now) {
            return Ok(key);
        }
        let _turn = self.fetching.acquire().await.map_err(|_| IdTokenError::KeysUnavailable)?;
        if let Some(key) = self.fresh(kid, now) {
            return Ok(key);
        }
        if self.kept.lock().may_fetch(now) {
            let fetched = http.get_json(&self.url).await;
            let mut kept = self.kept.lock();
            kept.tried = Some(now);
            match fetched.ok().and_then(|(body, max_age)| Some((parse(&body)?, max_age))) {
                Some((keys, max_age)) => {
                    kept.keys = Arc::new(keys);
                    kept.fresh_until = Some(now + max_age.unwrap_or(FRESH_DEFAULT).clamp(FRESH.0, FRESH.1));
                }
                None => tracing::warn!("the keys of the sign-in provider could not be fetched"),
            }
        }
        let kept = self.kept.lock().clone();
        match kept.find(kid) {
            Some(key) => Ok(key),
            None if kept.keys.is_empty() => Err(IdTokenError::KeysUnavailable),
            None => Err(IdTokenError::NotGenuine),
        }
    }

    fn fresh(&self, kid: Option<&str>, now: Timestamp) -> Option<DecodingKey> {
        let kept = self.kept.lock();
        kept.fresh_until.filter(|until| now < *until)?;
        kept.find(kid)
    }
}

/// Keys of other kinds are passed over; a set without a usable key is none.
fn parse(body: &Value) -> Option<Vec<Key>> {
    let listed = body.get("keys")?.as_array()?.iter().take(KEYS_MAX);
    let keys: Vec<Key> = listed
        .filter_map(|key| RsaKey::deserialize(key).ok())
        .filter(|key| key.kty == "RSA" && key.usage.as_deref().is_none_or(|usage| usage == "sig"))
        .filter_map(|key| {
            let decoding = DecodingKey::from_rsa_components(&key.n, &key.e).ok()?;
            Some(Key { kid: key.kid, decoding })
        })
        .collect();
    (!keys.is_empty()).then_some(keys)
}

/// `max-age` of a `Cache-Control` header.
pub(super) fn max_age(header: &str) -> Option<Duration> {
    let directive = |part: &str| part.trim().strip_prefix("max-age=")?.trim_matches('"').parse().ok();
    header.split(',').find_map(directive).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_rsa_keys_for_signatures_are_kept() {
        let rsa = |kid: &str, usage: &str| json!({"kty": "RSA", "kid": kid, "use": usage, "n": "AQAB", "e": "AQAB"});
        let set = json!({"keys": [rsa("a", "sig"), rsa("b", "enc"), {"kty": "EC"}, 5, {"kty": "RSA", "n": "!", "e": "!"}]});
        let kept = Kept { keys: Arc::new(parse(&set).unwrap()), ..Kept::default() };
        assert!(kept.find(Some("a")).is_some() && kept.find(None).is_some());
        assert!(kept.find(Some("b")).is_none());
        for none in [json!({}), json!({"keys": []}), json!([]), json!({"keys": [{"kty": "oct"}]})] {
            assert!(parse(&none).is_none(), "{none}");
        }
    }

    #[test]
    fn the_age_of_a_set_is_read() {
        assert_eq!(max_age("public, max-age=19845, must-revalidate"), Some(Duration::from_secs(19_845)));
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=-1"), None);
    }

    #[test]
    fn fetches_are_apart() {
        let now = Timestamp::from_millis(0);
        let mut kept = Kept::default();
        assert!(kept.may_fetch(now));
        kept.tried = Some(now);
        assert!(!kept.may_fetch(now + Duration::from_secs(1)) && kept.may_fetch(now + RETRY_AFTER));
        kept.keys = Arc::new(parse(&json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]})).unwrap());
        assert!(!kept.may_fetch(now + RETRY_AFTER) && kept.may_fetch(now + REFETCH_AFTER));
    }
}

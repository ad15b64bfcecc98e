//! The right to upload one file, as text: signed, for one user and purpose, for an hour. It names the file, so that a
//! repeated upload is the same one.

use crate::config::Secret;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use greenroom_actors::{Timestamp, user::files::Purpose};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::time::Duration;

/// Time for which an upload may begin (sync contract, section 18).
pub(super) const LIFETIME: Duration = Duration::from_secs(3_600);
/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 1_024;
/// Separates what is signed here from whatever else the key may sign.
const DOMAIN: &[u8] = b"greenroom upload 1\0";

/// What a token allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Whose file.
    pub user_id: String,
    /// Its id.
    pub id: String,
    /// What it is for.
    pub purpose: Purpose,
    /// When the right ends, in milliseconds since 1970.
    until: i64,
}

/// Why a token allows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// We did not sign it.
    #[error("the upload token is not valid")]
    Forged,
    /// Its time is over.
    #[error("the upload token has expired")]
    Expired,
}

/// Signs tokens.
pub struct UploadKey(Secret);

impl UploadKey {
    /// With this key.
    #[must_use]
    pub const fn new(key: Secret) -> Self {
        Self(key)
    }

    fn mac(&self, payload: &[u8]) -> Option<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()).ok()?;
        Some(mac.chain_update(DOMAIN).chain_update(payload))
    }

    /// A token for one upload; `None` when it cannot be written, which is a defect.
    #[must_use]
    pub fn sign(&self, user_id: &str, id: String, purpose: Purpose, now: Timestamp) -> Option<String> {
        let until = (now + LIFETIME).as_millis();
        let upload = Upload { user_id: user_id.to_owned(), id, purpose, until };
        let payload = serde_json::to_vec(&upload).ok()?;
        let mac = self.mac(&payload)?.finalize().into_bytes();
        Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(mac)))
    }

    /// What a token allows.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Upload, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Forged);
        }
        let verified = || {
            let (payload, mac) = token.split_once('.')?;
            let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
            let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
            self.mac(&payload)?.verify_slice(&mac).ok()?;
            serde_json::from_slice::<Upload>(&payload).ok()
        };
        let upload = verified().ok_or(TokenError::Forged)?;
        if now.as_millis() < upload.until { Ok(upload) } else { Err(TokenError::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_an_hour_and_for_what_it_names() {
        let key = UploadKey::new(Secret::new("key"));
        let now = Timestamp::from_millis(1_768_046_400_000);
        let token = key.sign("ada", "f1".to_owned(), Purpose::ProfilePicture, now).unwrap();
        let upload = key.verify(&token, now + LIFETIME - Duration::from_millis(1)).unwrap();
        assert_eq!((upload.user_id.as_str(), upload.purpose), ("ada", Purpose::ProfilePicture));
        assert_eq!(key.verify(&token, now + LIFETIME), Err(TokenError::Expired));
        let other = UploadKey::new(Secret::new("other"));
        assert_eq!(other.verify(&token, now), Err(TokenError::Forged));
        let (payload, mac) = token.split_once('.').unwrap();
        let eve = URL_SAFE_NO_PAD.encode(
            String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap().replace("ada", "eve"),
        );
        for forged in [format!("{eve}.{mac}"), payload.to_owned(), format!("{payload}."), String::new()] {
            assert_eq!(key.verify(&forged, now), Err(TokenError::Forged), "{forged}");
        }
    }
}

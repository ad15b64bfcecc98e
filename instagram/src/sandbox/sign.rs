//! Signatures that the platform makes.

use crate::signature;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;

pub(crate) use crate::signature::SIGNATURE_HEADER as HEADER;

/// Value of [`HEADER`] for a webhook body.
pub(crate) fn webhook(secret: &str, body: &[u8]) -> String {
    signature::sign(&SecretString::from(secret), body)
}

/// The `signed_request` of a callback.
pub(crate) fn signed_request(secret: &str, payload: &str) -> String {
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let mac = signature::hmac_sha256(&SecretString::from(secret), payload.as_bytes());
    format!("{}.{payload}", URL_SAFE_NO_PAD.encode(mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_vector_holds() {
        let payload = r#"{"user_id":"26000000000000001","algorithm":"HMAC-SHA256","issued_at":1767225600}"#;
        let expected = "k-pKyA5W6VgbreV75dHVLTqEp3HWfYLRcaU4j5TRVUE.eyJ1c2VyX2lkIjoiMjYwMDAwMDAwMDAwMDAwMDEiLCJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTc2NzIyNTYwMH0";
        assert_eq!(signed_request("fictional_app_secret_0123456789ab", payload), expected);
    }
}

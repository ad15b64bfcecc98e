//! The signature of a cookie: `value.base64(HMAC-SHA256(secret, value))`, percent-encoded.

use crate::auth::secrets::Secrets;
use base64::{Engine, prelude::BASE64_STANDARD};

/// Characters of a signature.
const SIGNATURE_CHARS: usize = 44;

/// The cookie's text for a value.
pub(super) fn seal(secrets: &Secrets, value: &str) -> String {
    let signature = BASE64_STANDARD.encode(secrets.sign(value.as_bytes()));
    // Values are of unreserved characters, so only the signature's three need escaping.
    let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("{value}.{escaped}")
}

/// The value, when the signature is right. `text` is unescaped already.
pub(super) fn open(secrets: &Secrets, text: &str) -> Option<String> {
    let (value, signature) = text.rsplit_once('.')?;
    if signature.len() != SIGNATURE_CHARS || !signature.ends_with('=') {
        return None;
    }
    let signature = BASE64_STANDARD.decode(signature).ok()?;
    secrets.verify(value.as_bytes(), &signature).then(|| value.to_owned())
}

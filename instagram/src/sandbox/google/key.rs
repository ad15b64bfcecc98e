//! Keys that sign id tokens. RSA, because Google does; only here, where nothing is secret.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey as Signer,
    rand_core::OsRng,
    sha2::Sha256,
    signature::{SignatureEncoding, Signer as _},
    traits::PublicKeyParts,
};
use serde_json::{Value, json};
use sha2::Digest;

/// Bits of a key.
const BITS: usize = 2048;

/// A key with its published half.
pub(super) struct SigningKey {
    pub(super) kid: String,
    signer: Signer<Sha256>,
    n: String,
    e: String,
}

impl SigningKey {
    /// A fresh one. Takes up to some seconds.
    pub(super) fn generate() -> Option<Self> {
        let private = RsaPrivateKey::new(&mut OsRng, BITS).ok()?;
        let n = URL_SAFE_NO_PAD.encode(private.n().to_bytes_be());
        let e = URL_SAFE_NO_PAD.encode(private.e().to_bytes_be());
        let kid =
            sha2::Sha256::digest(n.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { kid, signer: Signer::new(private), n, e })
    }

    /// As it is published.
    pub(super) fn published(&self) -> Value {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": self.n, "e": self.e})
    }

    /// The public half as bytes, for the confusion of public keys with shared secrets.
    pub(super) fn public_bytes(&self) -> &[u8] {
        self.n.as_bytes()
    }

    /// The signature of `header.payload`.
    pub(super) fn sign(&self, text: &str) -> Option<String> {
        let signature = self.signer.try_sign(text.as_bytes()).ok()?;
        Some(URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

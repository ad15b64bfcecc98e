//! The tokens with which the sync client proves who its user is: Ed25519, fifteen minutes long, signed with a key of
//! this installation. They are never signed with RSA, whose private-key operations leak time.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use greenroom_actors::Timestamp;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use rand::TryCryptoRng;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use std::fmt;
use zeroize::Zeroizing;

use super::random::{Kind, NoRandomness};

/// Seconds that a token is good for; also the age of its cookie.
pub const LIFETIME_S: u32 = 900;
/// Whom the tokens are for.
pub const AUDIENCE: &str = "convex";
/// Seconds that clocks may differ.
const LEEWAY_S: i64 = 5;
/// Bytes of a private key.
const SEED_BYTES: usize = 32;
/// Most keys at once: the signing one and those whose tokens still live.
const KEYS_MAX: usize = 8;
/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// An Ed25519 private key in PKCS #8 is these bytes and the seed (RFC 8410).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not unpadded base64url of 32 bytes.
    #[error("a token key is not 32 bytes in unpadded base64url")]
    Malformed,
    /// None, or more than can be published.
    #[error("there must be 1 to {KEYS_MAX} token keys")]
    Count,
}

/// Why a token is not taken. Says nothing of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Form, algorithm, key or signature are wrong, or a claim is missing.
    #[error("the token is not valid")]
    Invalid,
    /// Of another issuer or for somebody else.
    #[error("the token is not meant for this server")]
    Foreign,
    /// It was right once.
    #[error("the token has expired")]
    Expired,
}

struct SigningKey {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: Jwk,
}

/// The keys and the issuer: signs with the first key, publishes and verifies with all.
pub struct ConvexTokens {
    issuer: String,
    keys: Vec<SigningKey>,
}

impl fmt::Debug for ConvexTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConvexTokens({}, {} keys redacted)", self.issuer, self.keys.len())
    }
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// No id for it.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The key did not sign; a defect, for it was checked when it was read.
    #[error("the token could not be signed")]
    Signing,
}

/// Whom a token is made for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user's id.
    pub user_id: &'a str,
    /// The session's id, not its token.
    pub session_id: &'a str,
    /// The user object as it is answered; `id` and `image` are left out of the token.
    pub user: &'a Map<String, Value>,
}

/// What a token proves.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// The user's id.
    pub user_id: String,
    /// The session's id.
    pub session_id: Option<String>,
    /// When the token ends, Unix seconds.
    pub expires_s: i64,
    /// Every claim, those of the token itself included.
    pub claims: Map<String, Value>,
}

/// A fresh private key as text, for the file that keeps it.
///
/// # Errors
/// [`NoRandomness`].
pub fn generate_key(rng: &mut (impl TryCryptoRng + ?Sized)) -> Result<Zeroizing<String>, NoRandomness> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    rng.try_fill_bytes(seed.as_mut_slice()).map_err(|_| NoRandomness)?;
    Ok(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(seed.as_slice())))
}

impl ConvexTokens {
    /// `issuer` is the public origin; `keys` are private keys as text, the signing one first.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(issuer: impl Into<String>, keys: &[SecretString]) -> Result<Self, KeyError> {
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(KeyError::Count);
        }
        let keys =
            keys.iter().map(|text| SigningKey::parse(text.expose_secret())).collect::<Result<_, _>>()?;
        Ok(Self { issuer: issuer.into(), keys })
    }

    /// A token for a session. Every one has an id of its own, so that no two are equal.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue(
        &self,
        subject: Subject<'_>,
        now: Timestamp,
        rng: &mut (impl TryCryptoRng + ?Sized),
    ) -> Result<String, IssueError> {
        let now_s = now.as_millis().div_euclid(1000);
        let mut claims = subject.user.clone();
        claims.remove("id");
        claims.remove("image");
        let own = json!({
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject.user_id,
            "sessionId": subject.session_id,
            "iat": now_s,
            "exp": now_s + i64::from(LIFETIME_S),
            "jti": Kind::Id.generate(rng)?,
        });
        // After the user's fields, so that none of them can stand in for a claim.
        if let Value::Object(own) = own {
            claims.extend(own);
        }
        let [key, ..] = self.keys.as_slice() else { return Err(IssueError::Signing) };
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|_| IssueError::Signing)
    }

    /// Who is behind a token, at `now`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Proven, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = match (&header.kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid == *kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let key = key.ok_or(TokenError::Invalid)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        // Times are checked below, against the injected clock; issuer and audience too, to tell what was wrong.
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        rules.required_spec_claims.clear();
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &rules);
        let claims = decoded.map_err(|_| TokenError::Invalid)?.claims;
        self.check(claims, now.as_millis().div_euclid(1000))
    }

    fn check(&self, claims: Map<String, Value>, now_s: i64) -> Result<Proven, TokenError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let time = |name: &str| claims.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64);
        let is_for_us = match claims.get("aud") {
            Some(Value::String(one)) => one == AUDIENCE,
            Some(Value::Array(list)) => list.iter().any(|one| one == AUDIENCE),
            _ => false,
        };
        let is_ours = text("iss").is_some_and(|issuer| bare(&issuer) == bare(&self.issuer));
        if !is_ours || !is_for_us {
            return Err(TokenError::Foreign);
        }
        let expires_s = time("exp").ok_or(TokenError::Invalid)?;
        if time("nbf").is_some_and(|not_before| not_before > now_s + LEEWAY_S) {
            return Err(TokenError::Invalid);
        }
        if expires_s + LEEWAY_S <= now_s {
            return Err(TokenError::Expired);
        }
        let user_id = text("sub").filter(|id| !id.is_empty()).ok_or(TokenError::Invalid)?;
        let session_id = text("sessionId");
        Ok(Proven { user_id, session_id, expires_s, claims })
    }

    /// The public keys, as they are published.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys.iter().map(|key| &key.public).collect::<Vec<_>>() })
    }

    /// The discovery document; `base` is the public origin with the base path.
    #[must_use]
    pub fn openid_configuration(&self, base: &str) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{base}/convex/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        })
    }
}

/// Issuers are compared without a slash at the end.
fn bare(issuer: &str) -> &str {
    issuer.trim_end_matches('/')
}

impl SigningKey {
    fn parse(text: &str) -> Result<Self, KeyError> {
        let seed =
            Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| KeyError::Malformed)?);
        if seed.len() != SEED_BYTES {
            return Err(KeyError::Malformed);
        }
        let der = Zeroizing::new([PKCS8_PREFIX.as_slice(), &seed].concat());
        let encoding = EncodingKey::from_ed_der(&der);
        let mut public =
            Jwk::from_encoding_key(&encoding, Algorithm::EdDSA).map_err(|_| KeyError::Malformed)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyError::Malformed)?;
        let decoding = DecodingKey::from_jwk(&public).map_err(|_| KeyError::Malformed)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { kid, encoding, decoding, public })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    const ISSUER: &str = "https://app.example.com";

    fn key(n: u64) -> SecretString {
        SecretString::from(generate_key(&mut StdRng::seed_from_u64(n)).unwrap().to_string())
    }

    fn tokens(keys: &[u64]) -> ConvexTokens {
        ConvexTokens::new(ISSUER, &keys.iter().copied().map(key).collect::<Vec<_>>()).unwrap()
    }

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1000)
    }

    fn user() -> Map<String, Value> {
        let user = json!({"id": "u", "image": null, "name": "Ada", "email": "ada@example.com", "sub": "forged", "exp": 9_999_999_999_i64});
        user.as_object().unwrap().clone()
    }

    fn issue(tokens: &ConvexTokens, seed: u64) -> String {
        let subject = Subject { user_id: "user-1", session_id: "session-1", user: &user() };
        tokens.issue(subject, at(1_000), &mut StdRng::seed_from_u64(seed)).unwrap()
    }

    fn part(token: &str, n: usize) -> Value {
        let part = token.split('.').nth(n).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_token_carries_the_claims_of_the_contract() {
        let tokens = tokens(&[1]);
        let token = issue(&tokens, 5);
        let claims = part(&token, 1);
        assert_eq!(claims["jti"].as_str().unwrap().len(), 32);
        let expected = json!({
            "iss": ISSUER, "aud": "convex", "sub": "user-1", "sessionId": "session-1", "iat": 1000, "exp": 1900,
            "jti": claims["jti"], "name": "Ada", "email": "ada@example.com",
        });
        assert_eq!(claims, expected);
        let published = &tokens.jwks()["keys"][0];
        let header = part(&token, 0);
        assert_eq!((&header["alg"], &header["kid"]), (&json!("EdDSA"), &published["kid"]));
        assert_ne!(issue(&tokens, 6), token, "no two are equal");
    }

    #[test]
    fn public_keys_are_published_without_the_private_part() {
        let jwks = tokens(&[1, 2]).jwks();
        for key in jwks["keys"].as_array().unwrap() {
            let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
            assert_eq!(
                (&key["kty"], &key["crv"], &key["use"]),
                (&json!("OKP"), &json!("Ed25519"), &json!("sig"))
            );
        }
        let document = tokens(&[1]).openid_configuration("https://app.example.com/api/auth");
        assert_eq!(document["issuer"], ISSUER);
        assert_eq!(document["jwks_uri"], "https://app.example.com/api/auth/convex/jwks");
    }

    #[test]
    fn the_key_of_the_standard_has_its_public_part_and_thumbprint() {
        // RFC 8037, appendix A.1 to A.3.
        let text = SecretString::from("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
        let jwks = ConvexTokens::new(ISSUER, &[text]).unwrap().jwks();
        assert_eq!(jwks["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(jwks["keys"][0]["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_token_is_taken_until_it_ends() {
        let tokens = tokens(&[1]);
        let token = issue(&tokens, 5);
        let proven = tokens.verify(&token, at(1_904)).unwrap();
        assert_eq!((proven.user_id.as_str(), proven.expires_s), ("user-1", 1_900));
        assert_eq!(proven.session_id.as_deref(), Some("session-1"));
        assert_eq!(tokens.verify(&token, at(1_905)), Err(TokenError::Expired));
    }

    #[test]
    fn rotation_keeps_the_tokens_of_the_old_key() {
        let token = issue(&tokens(&[1]), 5);
        assert!(tokens(&[2, 1]).verify(&token, at(1_000)).is_ok());
        assert_eq!(tokens(&[2]).verify(&token, at(1_000)), Err(TokenError::Invalid));
    }

    #[test]
    fn anything_else_is_refused() {
        let tokens = tokens(&[1]);
        let token = issue(&tokens, 5);
        let parts: Vec<&str> = token.split('.').collect();
        let header = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let swapped = issue(&tokens, 6);
        let other_claims = swapped.split('.').nth(1).unwrap();
        for wrong in [
            String::new(),
            "a.b.c".to_owned(),
            format!("{}.{}.", header(r#"{"alg":"none"}"#), parts[1]),
            format!("{}.{}.{}", header(r#"{"alg":"HS256"}"#), parts[1], parts[2]),
            format!("{}.{other_claims}.{}", parts[0], parts[2]),
            format!("{}.{}", parts[0], parts[1]),
            "x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            assert_eq!(tokens.verify(&wrong, at(1_000)), Err(TokenError::Invalid), "{wrong}");
        }
        let elsewhere = ConvexTokens::new("https://other.example.com", &[key(1)]).unwrap();
        assert_eq!(elsewhere.verify(&token, at(1_000)), Err(TokenError::Foreign));
        let slashed = ConvexTokens::new(format!("{ISSUER}/"), &[key(1)]).unwrap();
        assert!(slashed.verify(&token, at(1_000)).is_ok());
    }

    #[test]
    fn claims_that_are_missing_or_odd_are_refused() {
        let tokens = tokens(&[1]);
        let check = |claims: Value| tokens.check(claims.as_object().unwrap().clone(), 1_000).map(|_| ());
        let with = |name: &str, value: Value| {
            let mut claims = json!({"iss": ISSUER, "aud": ["x", "convex"], "sub": "u", "exp": 2_000});
            claims[name] = value;
            check(claims)
        };
        assert_eq!(with("n", json!(1)), Ok(()));
        assert_eq!(with("aud", json!("x")), Err(TokenError::Foreign));
        assert_eq!(with("iss", json!(null)), Err(TokenError::Foreign));
        assert_eq!(with("exp", json!(null)), Err(TokenError::Invalid));
        assert_eq!(with("sub", json!("")), Err(TokenError::Invalid));
        assert_eq!(with("nbf", json!(1_006)), Err(TokenError::Invalid));
        assert_eq!(with("nbf", json!(1_005)), Ok(()));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        assert_eq!(ConvexTokens::new(ISSUER, &[]).unwrap_err(), KeyError::Count);
        for wrong in ["", "short", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="] {
            let wrong = [SecretString::from(wrong)];
            assert_eq!(ConvexTokens::new(ISSUER, &wrong).unwrap_err(), KeyError::Malformed);
        }
        assert!(!format!("{:?}", tokens(&[1])).contains("nWG"));
    }
}

//! The endpoints that programs call: discovery, keys, tokens, and who somebody is.

use super::{Deceit, Grant, REFRESH_TOKENS_MAX, User, bound, key::SigningKey};
use crate::sandbox::{call::Request, limits::TOKENS_MAX, world::World};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Seconds that tokens live.
const TOKEN_SECONDS: i64 = 3599;

/// Status and body of a call below `/google`.
pub(crate) fn answer(world: &mut World, request: &Request) -> (u16, Value) {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/.well-known/openid-configuration") => (200, discovery(&issuer(request))),
        ("GET", "/certs") => {
            let keys: Vec<Value> = world.google.keys.iter().map(|key| key.published()).collect();
            (200, json!({"keys": keys}))
        }
        ("POST", "/token") => match token(world, request) {
            Ok(body) => (200, body),
            Err(refused) => refused,
        },
        ("GET" | "POST", "/userinfo") => match user_of(world, request.token.as_deref()) {
            Some(user) => (200, Value::Object(profile(user))),
            None => error(401, "invalid_request", "Invalid Credentials"),
        },
        _ => error(404, "not_found", "Not found"),
    }
}

/// Under which name the product knows this host.
fn issuer(request: &Request) -> String {
    format!("http://{}/google", request.authority)
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/o/oauth2/v2/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/certs"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
    })
}

fn error(status: u16, error: &str, description: &str) -> (u16, Value) {
    (status, json!({"error": error, "error_description": description}))
}

fn token(world: &mut World, request: &Request) -> Result<Value, (u16, Value)> {
    let invalid = |description: &str| error(400, "invalid_grant", description);
    let secret = request.text("client_secret").filter(|secret| !secret.is_empty());
    let (Some(client_id), Some(_)) = (request.text("client_id"), secret) else {
        return Err(error(401, "invalid_client", "The OAuth client was not found."));
    };
    let (now, refreshing) = (world.now, request.text("grant_type") == Some("refresh_token"));
    let google = &mut world.google;
    let grant = match request.text("grant_type") {
        Some("authorization_code") => {
            let code = request.text("code").unwrap_or_default();
            google.spend_code(code, now).ok_or_else(|| invalid("Malformed auth code."))?
        }
        Some("refresh_token") => {
            let number = request.text("refresh_token").and_then(|text| text.strip_prefix("1//sbx-"));
            let number: Option<u64> = number.and_then(|number| number.parse().ok());
            let known = number.and_then(|number| google.refresh_tokens.get(&number));
            known.cloned().ok_or_else(|| invalid("Token has been expired or revoked."))?
        }
        _ => return Err(error(400, "unsupported_grant_type", "Invalid grant_type")),
    };
    if grant.client_id != client_id {
        return Err(error(401, "invalid_client", "Unauthorized"));
    }
    if !refreshing {
        check_code(&grant, request)?;
    }
    let user = google.user(&grant.email).cloned().ok_or_else(|| invalid("Account has been deleted"))?;
    let deceit = google.deceit.take().unwrap_or_default();
    let key = google.keys.first().cloned();
    let key = key.ok_or_else(|| error(500, "internal_failure", "no key could be made"))?;
    let claims = claims(&user, &grant, &issuer(request), now.div_euclid(1_000), &deceit);
    let id_token = signed(&key, &claims, &deceit)
        .ok_or_else(|| error(500, "internal_failure", "the token could not be signed"))?;
    let number = google.number();
    google.access_tokens.insert(number, user.email);
    bound(&mut google.access_tokens, TOKENS_MAX);
    let mut body = json!({
        "access_token": format!("ya29.sbx-{number}"), "expires_in": TOKEN_SECONDS, "scope": grant.scope,
        "token_type": "Bearer", "id_token": id_token,
    });
    if grant.offline && !refreshing {
        google.refresh_tokens.insert(number, grant);
        bound(&mut google.refresh_tokens, REFRESH_TOKENS_MAX);
        body["refresh_token"] = format!("1//sbx-{number}").into();
    }
    Ok(body)
}

fn check_code(grant: &Grant, request: &Request) -> Result<(), (u16, Value)> {
    if request.text("redirect_uri") != Some(&grant.redirect_uri) {
        return Err(error(400, "redirect_uri_mismatch", "Bad Request"));
    }
    let proof =
        request.text("code_verifier").map(|text| URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes())));
    if grant.challenge.is_some() && proof != grant.challenge {
        return Err(error(400, "invalid_grant", "Invalid code verifier."));
    }
    Ok(())
}

fn profile(user: &User) -> Map<String, Value> {
    let mut profile = Map::new();
    profile.insert("sub".into(), user.sub.as_str().into());
    profile.insert("email".into(), user.email.as_str().into());
    profile.insert("email_verified".into(), user.email_verified.into());
    profile.insert("name".into(), user.name.as_str().into());
    profile.extend(user.picture.as_ref().map(|picture| ("picture".into(), picture.as_str().into())));
    profile.extend(user.hd.as_ref().map(|hd| ("hd".into(), hd.as_str().into())));
    profile
}

fn claims(user: &User, grant: &Grant, issuer: &str, now: i64, deceit: &Deceit) -> Map<String, Value> {
    let mut claims = profile(user);
    let audience = deceit.aud.as_deref().unwrap_or(&grant.client_id);
    claims.insert("iss".into(), deceit.iss.as_deref().unwrap_or(issuer).into());
    claims.insert("azp".into(), audience.into());
    claims.insert("aud".into(), audience.into());
    claims.insert("iat".into(), (now + deceit.iat_offset_s.unwrap_or(0)).into());
    claims.insert("exp".into(), (now + deceit.exp_offset_s.unwrap_or(TOKEN_SECONDS)).into());
    let nonce = deceit.nonce.as_deref().or(grant.nonce.as_deref());
    claims.extend(nonce.map(|nonce| ("nonce".into(), nonce.into())));
    claims.extend(deceit.email_verified.map(|is| ("email_verified".into(), is.into())));
    claims
}

fn signed(key: &SigningKey, claims: &Map<String, Value>, deceit: &Deceit) -> Option<String> {
    let kid = deceit.kid.as_deref().unwrap_or(&key.kid);
    let alg = match deceit.alg.as_deref() {
        Some("none") => "none",
        Some("hs256") => "HS256",
        _ => "RS256",
    };
    let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
    let part = |value: String| URL_SAFE_NO_PAD.encode(value);
    let text = format!("{}.{}", part(header.to_string()), part(serde_json::to_string(claims).ok()?));
    let signature = match alg {
        "none" => String::new(),
        "HS256" => {
            let secret = SecretString::from(String::from_utf8_lossy(key.public_bytes()).into_owned());
            URL_SAFE_NO_PAD.encode(crate::signature::hmac_sha256(&secret, text.as_bytes()))
        }
        _ => key.sign(&text)?,
    };
    Some(format!("{text}.{signature}"))
}

fn user_of<'a>(world: &'a World, token: Option<&str>) -> Option<&'a User> {
    let number: u64 = token?.strip_prefix("ya29.sbx-")?.parse().ok()?;
    world.google.user(world.google.access_tokens.get(&number)?)
}

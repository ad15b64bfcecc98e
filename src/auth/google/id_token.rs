//! What an id token proves, once its signature is right.

use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// Oldest token that is taken, in seconds since it was issued.
const AGE_MAX_S: i64 = 3600;
/// Seconds that clocks may differ.
const LEEWAY_S: i64 = 30;
/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 255;
/// Google signs with either name.
const GOOGLE_ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Why an id token is not believed. Says nothing of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Form, algorithm or signature.
    #[error("the id token is not genuine")]
    NotGenuine,
    /// A claim is missing or contradicts the rules.
    #[error("claim {0} of the id token is wrong")]
    Claim(&'static str),
    /// The keys cannot be had now. Not the token's fault.
    #[error("the provider's keys are not available")]
    KeysUnavailable,
}

/// What a token must say.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The issuer.
    pub issuer: String,
    /// Client ids, any of which may be the audience.
    pub client_ids: Vec<String>,
    /// The hosted domain to which sign-in is limited.
    pub hosted_domain: Option<String>,
}

/// Whom a token is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The subject, the key of the account.
    pub sub: String,
    /// The address as Google wrote it.
    pub email: Option<String>,
    /// Whether Google has verified it.
    pub email_verified: bool,
    /// The name.
    pub name: Option<String>,
    /// The picture's address.
    pub picture: Option<String>,
    /// Every claim.
    pub claims: Map<String, Value>,
}

impl Rules {
    /// Checks claims at `now_s` (Unix seconds); with `nonce` the claim must equal it.
    pub(super) fn check(
        &self,
        claims: Map<String, Value>,
        nonce: Option<&str>,
        now_s: i64,
    ) -> Result<Person, IdTokenError> {
        let demand = |holds: bool, claim| if holds { Ok(()) } else { Err(IdTokenError::Claim(claim)) };
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let time = |name: &str| claims.get(name).and_then(Value::as_i64);
        demand(text("iss").is_some_and(|issuer| self.is_issuer(issuer)), "iss")?;
        demand(self.is_audience(claims.get("aud"), text("azp")), "aud")?;
        demand(time("exp").is_some_and(|exp| exp > now_s - LEEWAY_S), "exp")?;
        let is_recent = |iat: i64| iat <= now_s + LEEWAY_S && iat >= now_s - AGE_MAX_S - LEEWAY_S;
        demand(time("iat").is_some_and(is_recent), "iat")?;
        if let Some(nonce) = nonce {
            let same = |claim: &str| bool::from(claim.as_bytes().ct_eq(nonce.as_bytes()));
            demand(text("nonce").is_some_and(same), "nonce")?;
        }
        if let Some(domain) = &self.hosted_domain {
            demand(text("hd").is_some_and(|hd| hd.eq_ignore_ascii_case(domain)), "hd")?;
        }
        let is_subject = |sub: &&str| !sub.is_empty() && sub.chars().count() <= SUBJECT_CHARS_MAX;
        let sub = text("sub").filter(is_subject).ok_or(IdTokenError::Claim("sub"))?;
        let owned = |name: &str| text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Person {
            sub: sub.to_owned(),
            email: owned("email"),
            email_verified: is_true(claims.get("email_verified")),
            name: owned("name"),
            picture: owned("picture"),
            claims,
        })
    }

    fn is_issuer(&self, issuer: &str) -> bool {
        issuer == self.issuer
            || (GOOGLE_ISSUERS.contains(&self.issuer.as_str()) && GOOGLE_ISSUERS.contains(&issuer))
    }

    /// A list of audiences must have been made for one of us in particular.
    fn is_audience(&self, audience: Option<&Value>, party: Option<&str>) -> bool {
        let is_ours = |id: &str| self.client_ids.iter().any(|ours| ours == id);
        match audience {
            Some(Value::String(one)) => is_ours(one),
            Some(Value::Array(list)) => {
                let contains_ours = list.iter().filter_map(Value::as_str).any(is_ours);
                contains_ours && party.map_or(list.len() == 1, is_ours)
            }
            _ => false,
        }
    }
}

/// At times the flag is a text.
fn is_true(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true))) || value.and_then(Value::as_str) == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_767_225_600;

    fn rules(issuer: &str) -> Rules {
        let client_ids = vec!["client".to_owned(), "mobile".to_owned()];
        Rules { issuer: issuer.to_owned(), client_ids, hosted_domain: None }
    }

    fn claims(edit: impl FnOnce(&mut Value)) -> Map<String, Value> {
        let mut claims = json!({
            "iss": "https://accounts.google.com", "aud": "client", "sub": "108", "iat": NOW, "exp": NOW + 3600,
            "email": "Ada@Example.com", "email_verified": true, "name": "Ada", "picture": "https://img/x.png",
            "nonce": "n",
        });
        edit(&mut claims);
        claims.as_object().unwrap().clone()
    }

    fn wrong(edit: impl FnOnce(&mut Value)) -> Option<&'static str> {
        match rules(GOOGLE_ISSUERS[0]).check(claims(edit), Some("n"), NOW) {
            Ok(_) => None,
            Err(IdTokenError::Claim(claim)) => Some(claim),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_person_is_read() {
        let person = rules(GOOGLE_ISSUERS[0]).check(claims(|_| ()), None, NOW).unwrap();
        assert_eq!((person.sub.as_str(), person.email.as_deref()), ("108", Some("Ada@Example.com")));
        assert!(person.email_verified);
        for (value, verified) in
            [(json!("true"), true), (json!("false"), false), (json!(1), false), (json!(null), false)]
        {
            let person = rules(GOOGLE_ISSUERS[0]).check(claims(|c| c["email_verified"] = value), None, NOW);
            assert_eq!(person.unwrap().email_verified, verified);
        }
    }

    #[test]
    fn every_claim_is_checked() {
        assert_eq!(wrong(|_| ()), None);
        assert_eq!(wrong(|c| c["iss"] = json!("accounts.google.com")), None);
        assert_eq!(wrong(|c| c["iss"] = json!("https://evil.example")), Some("iss"));
        assert_eq!(wrong(|c| c["aud"] = json!("mobile")), None);
        assert_eq!(wrong(|c| c["aud"] = json!("x")), Some("aud"));
        assert_eq!(wrong(|c| c["aud"] = json!(["x", "client"])), Some("aud"));
        assert_eq!(wrong(|c| (c["aud"], c["azp"]) = (json!(["x", "client"]), json!("client"))), None);
        assert_eq!(wrong(|c| (c["aud"], c["azp"]) = (json!(["client"]), json!("x"))), Some("aud"));
        assert_eq!(wrong(|c| c["exp"] = json!(NOW - 29)), None);
        assert_eq!(wrong(|c| c["exp"] = json!(NOW - 30)), Some("exp"));
        assert_eq!(wrong(|c| c["iat"] = json!(NOW - 3630)), None);
        assert_eq!(wrong(|c| c["iat"] = json!(NOW - 3631)), Some("iat"));
        assert_eq!(wrong(|c| c["iat"] = json!(NOW + 31)), Some("iat"));
        assert_eq!(wrong(|c| c["nonce"] = json!("x")), Some("nonce"));
        assert_eq!(wrong(|c| c["sub"] = json!("")), Some("sub"));
        assert_eq!(wrong(|c| c["sub"] = json!("x".repeat(256))), Some("sub"));
        for name in ["iss", "aud", "exp", "iat", "nonce", "sub"] {
            assert_eq!(wrong(|c| c[name] = json!(null)), Some(name));
        }
    }

    #[test]
    fn another_issuer_is_only_itself_and_a_domain_is_the_claim_not_the_address() {
        let elsewhere = rules("http://127.0.0.1:4010/google");
        assert_eq!(elsewhere.check(claims(|_| ()), None, NOW), Err(IdTokenError::Claim("iss")));
        let limited = Rules { hosted_domain: Some("example.com".to_owned()), ..rules(GOOGLE_ISSUERS[0]) };
        assert_eq!(limited.check(claims(|_| ()), None, NOW), Err(IdTokenError::Claim("hd")));
        assert!(limited.check(claims(|c| c["hd"] = json!("Example.com")), None, NOW).is_ok());
    }
}

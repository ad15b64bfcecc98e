//! Where a browser may be sent: the check of redirect targets, and the parameters appended to them.

use super::{
    body::is_truthy,
    error::AuthError,
    origin::{TrustedOrigins, origin_of},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use url::{Url, form_urlencoded};

/// Longest target, in bytes. Three of them, and one of them escaped in the link of a mail, fit into what is kept sealed.
const TARGET_BYTES_MAX: usize = 2 * 1024;
/// An origin of nobody, against which relative targets are resolved.
const NOWHERE: &str = "https://relative.invalid";
/// What a header cannot carry as it is.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ');

/// A key that holds a redirect target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKey {
    /// `callbackURL`.
    CallbackUrl,
    /// `redirectTo`.
    RedirectTo,
    /// `errorCallbackURL`.
    ErrorCallbackUrl,
    /// `newUserCallbackURL`.
    NewUserCallbackUrl,
}

impl TargetKey {
    /// In the order of the checks.
    const ALL: [Self; 4] =
        [Self::CallbackUrl, Self::RedirectTo, Self::ErrorCallbackUrl, Self::NewUserCallbackUrl];

    /// The key in a body.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::RedirectTo => "redirectTo",
            other => other.shown(),
        }
    }

    /// The name in messages.
    #[must_use]
    pub const fn shown(self) -> &'static str {
        match self {
            Self::CallbackUrl => "callbackURL",
            Self::RedirectTo => "redirectURL",
            Self::ErrorCallbackUrl => "errorCallbackURL",
            Self::NewUserCallbackUrl => "newUserCallbackURL",
        }
    }

    pub(super) const fn refusal_code(self) -> &'static str {
        match self {
            Self::CallbackUrl => "INVALID_CALLBACK_URL",
            Self::RedirectTo => "INVALID_REDIRECT_URL",
            Self::ErrorCallbackUrl => "INVALID_ERROR_CALLBACK_URL",
            Self::NewUserCallbackUrl => "INVALID_NEW_USER_CALLBACK_URL",
        }
    }
}

/// The check of every request that is not GET: all targets of the body, and `callbackURL` of the query.
///
/// # Errors
/// 403 for a target that is not trusted, 400 for one that is no string.
pub fn check_targets(trusted: &TrustedOrigins, body: Option<&Value>, query: &Value) -> Result<(), AuthError> {
    for key in TargetKey::ALL {
        let in_body = body.and_then(|body| body.get(key.key()));
        let in_query = (key == TargetKey::CallbackUrl).then(|| query.get(key.key())).flatten();
        // The reference looks at the query only where the body says nothing; looking at both is stricter.
        for value in [in_body, in_query].into_iter().flatten() {
            check_value(trusted, key, value)?;
        }
    }
    Ok(())
}

/// The check of a GET link: `callbackURL` of its query.
///
/// # Errors
/// Like [`check_targets`].
pub fn check_link(trusted: &TrustedOrigins, query: &Value) -> Result<(), AuthError> {
    match query.get(TargetKey::CallbackUrl.key()) {
        Some(value) => check_value(trusted, TargetKey::CallbackUrl, value),
        None => Ok(()),
    }
}

fn check_value(trusted: &TrustedOrigins, key: TargetKey, value: &Value) -> Result<(), AuthError> {
    match value {
        value if !is_truthy(value) => Ok(()),
        Value::String(target) if is_acceptable(trusted, target) => Ok(()),
        Value::String(_) => Err(AuthError::InvalidTarget(key)),
        _ => Err(AuthError::TargetIsNoString(key)),
    }
}

/// Whether a browser may be sent there: a trusted http or https address, or a path of this origin.
#[must_use]
pub fn is_acceptable(trusted: &TrustedOrigins, target: &str) -> bool {
    let place = target.split(['?', '#']).next().unwrap_or_default();
    // Not everybody takes a backslash for a slash as browsers do: then the host is another one.
    let is_clean =
        target.len() <= TARGET_BYTES_MAX && !target.chars().any(char::is_control) && !place.contains('\\');
    is_clean && (is_root_relative(target) || (is_absolute(target) && trusted.trusts_web(target)))
}

fn is_absolute(target: &str) -> bool {
    let scheme = target.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}

/// Begins with exactly one slash, and stays at the origin whatever the browser makes of it.
fn is_root_relative(target: &str) -> bool {
    if !target.starts_with('/') || target.starts_with("//") || target.contains('\\') {
        return false;
    }
    let path = target.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    if path.contains("%2f") || path.contains("%5c") {
        return false;
    }
    let resolved = Url::parse(NOWHERE).and_then(|nowhere| nowhere.join(target));
    resolved.is_ok_and(|url| url.origin().ascii_serialization() == NOWHERE)
}

/// The target with parameters: its query text is kept, pairs are form-encoded and stand before the fragment, the path is
/// normalised as a browser does. A path stays a path. What is no address comes back unchanged.
#[must_use]
pub fn append(target: &str, pairs: &[(&str, &str)]) -> String {
    let is_path = target.starts_with('/');
    let parsed =
        if is_path { Url::parse(NOWHERE).and_then(|base| base.join(target)) } else { Url::parse(target) };
    let Ok(mut url) = parsed else { return target.to_owned() };
    let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let query = match url.query() {
        None | Some("") => added,
        Some(before) => format!("{before}&{added}"),
    };
    url.set_query(Some(&query));
    if !is_path {
        return url.into();
    }
    let fragment = url.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
    // Normalising can leave two slashes in front (`/.//host`), which a browser would take for a host.
    let guard = if url.path().starts_with("//") { "/." } else { "" };
    format!("{guard}{}?{query}{fragment}", url.path())
}

/// A target made absolute against the public origin.
#[must_use]
pub fn absolute(origin: &str, target: &str) -> String {
    match Url::parse(origin).and_then(|base| base.join(target)) {
        Ok(url) if target.starts_with('/') => {
            let same = origin_of(url.as_str()) == origin_of(origin);
            if same { url.into() } else { origin.to_owned() }
        }
        _ => target.to_owned(),
    }
}

/// A target as the value of `Location`: what a header cannot carry is percent-encoded.
#[must_use]
pub fn location(target: &str) -> String {
    utf8_percent_encode(target, NOT_IN_HEADERS).to_string()
}

/// Percent-encodes a whole value for a query, as `encodeURIComponent` does.
#[must_use]
pub fn encode_component(text: &str) -> String {
    const NOT_UNRESERVED: &AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'!')
        .remove(b'~')
        .remove(b'*')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')');
    utf8_percent_encode(text, NOT_UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trusted() -> TrustedOrigins {
        TrustedOrigins::new("http://localhost", &["https://*.example.com".to_owned(), "myapp://".to_owned()])
    }

    #[test]
    fn targets_of_the_contract() {
        for accepted in [
            "/dash",
            "/a?b=c",
            "/a#f",
            "/a b",
            "/ä",
            "/x?next=%2Fy",
            "/x?u=https://evil.example",
            "/x#%5c",
            "/",
            "/.//x",
            "http://localhost/x",
            "https://a.example.com/x?y#z",
        ] {
            assert!(is_acceptable(&trusted(), accepted), "{accepted}");
        }
        for refused in [
            "https://evil.example",
            "//x",
            "/\\x",
            "/%2f/x",
            "/%5Cx",
            "/%5c/x",
            "javascript:alert(1)",
            "x",
            "dash",
            "///x",
            "\\\\x",
            "/x\ny",
            "/x\u{85}",
            "/\t/x",
            " /x",
            "http:evil",
            "http:/localhost/x",
            "http:\\\\localhost",
            "https://localhost/x",
            "http://localhost:8080",
            "http://localhost@evil.example/",
            "http://localhost\\@evil.example/",
            "http://localhost.evil.example/",
            "myapp://x",
            "data:text/html,x",
        ] {
            assert!(!is_acceptable(&trusted(), refused), "{refused}");
        }
        assert!(!is_acceptable(&trusted(), &format!("/{}", "x".repeat(TARGET_BYTES_MAX))));
    }

    #[test]
    fn every_key_is_checked_before_schemas() {
        let check = |body: Value, query: Value| {
            check_targets(&trusted(), Some(&body), &query).err().map(|error| error.to_wire())
        };
        for key in TargetKey::ALL {
            let wire = check(json!({key.key(): "//x"}), json!({})).unwrap();
            assert_eq!(wire.status, 403);
            assert_eq!(wire.body.unwrap().message, format!("Invalid {}", key.shown()));
            let wire = check(json!({key.key(): 5}), json!({})).unwrap();
            assert_eq!((wire.status, wire.body.unwrap().code), (400, None));
            for falsy in [json!(null), json!(""), json!(0), json!(false)] {
                assert_eq!(check(json!({key.key(): falsy}), json!({})), None);
            }
        }
        assert_eq!(check(json!({}), json!({"callbackURL": "//x"})).unwrap().status, 403);
        assert_eq!(check(json!({}), json!({"callbackURL": ["/x", "/y"]})).unwrap().status, 400);
        assert_eq!(check(json!({}), json!({"redirectTo": "//x"})), None);
        assert_eq!(check(json!([1]), json!({})), None);
        assert!(check_link(&trusted(), &json!({"callbackURL": "x"})).is_err());
        assert!(check_link(&trusted(), &json!({})).is_ok());
    }

    #[test]
    fn parameters_are_appended() {
        let error = [("error", "INVALID_TOKEN")];
        for (target, expected) in [
            ("/x?y=1", "/x?y=1&error=INVALID_TOKEN"),
            ("/x", "/x?error=INVALID_TOKEN"),
            ("/x?", "/x?error=INVALID_TOKEN"),
            ("/a b", "/a%20b?error=INVALID_TOKEN"),
            ("/r#f", "/r?error=INVALID_TOKEN#f"),
            ("/r?a=%20+&b#f?g", "/r?a=%20+&b&error=INVALID_TOKEN#f?g"),
            ("http://localhost", "http://localhost/?error=INVALID_TOKEN"),
            ("http://localhost/r#f", "http://localhost/r?error=INVALID_TOKEN#f"),
            ("/.//evil.example", "/.//evil.example?error=INVALID_TOKEN"),
        ] {
            assert_eq!(append(target, &error), expected);
        }
        assert_eq!(
            append("/err?x=1", &[("error", "access_denied"), ("error_description", "user said no")]),
            "/err?x=1&error=access_denied&error_description=user+said+no"
        );
        assert_eq!(append("x", &error), "x");
    }

    #[test]
    fn targets_become_absolute() {
        assert_eq!(absolute("http://localhost", "/r#f"), "http://localhost/r#f");
        assert_eq!(absolute("http://localhost", "https://a.example.com/x"), "https://a.example.com/x");
        assert_eq!(absolute("http://localhost", "//evil.example"), "http://localhost");
    }

    #[test]
    fn headers_and_queries_get_what_they_can_carry() {
        assert_eq!(location("/a b/ä?x=\"1\"#f"), "/a%20b/%C3%A4?x=\"1\"#f");
        assert_eq!(encode_component("/reset?x=1&y=ä b"), "%2Freset%3Fx%3D1%26y%3D%C3%A4%20b");
    }
}

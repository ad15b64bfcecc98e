//! The address that a browser is sent to.

use url::Url;

/// Scopes of a sign-in, before configured and requested ones.
pub const SCOPES: [&str; 3] = ["email", "profile", "openid"];
/// Parameters that a client may not set or replace.
pub const RESERVED_PARAMETERS: [&str; 8] = [
    "state",
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "scope",
];
/// What is said to a client that tries.
pub const RESERVED_PROBLEM: &str = "additionalParams cannot include reserved OAuth parameters: state, client_id, redirect_uri, response_type, code_challenge, code_challenge_method, nonce, scope";

/// What goes into the address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Authorization<'a> {
    /// The signed-up state.
    pub state: &'a str,
    /// Where Google sends the browser back to.
    pub redirect_uri: &'a str,
    /// The challenge of the code verifier.
    pub code_challenge: &'a str,
    /// Scopes beside [`SCOPES`].
    pub scopes: &'a [&'a str],
    /// The address of the person, when the client knows it.
    pub login_hint: Option<&'a str>,
    /// The hosted domain to which sign-in is limited.
    pub hosted_domain: Option<&'a str>,
    /// Further parameters of the client; reserved ones are left out.
    pub additional: &'a [(&'a str, &'a str)],
}

impl Authorization<'_> {
    /// The address, its parameters in the contract's order.
    pub(super) fn url(&self, page: &Url, client_id: &str) -> String {
        let scope = SCOPES.iter().chain(self.scopes).copied().collect::<Vec<_>>().join(" ");
        let mut pairs: Vec<(&str, &str)> = vec![
            ("response_type", "code"),
            ("client_id", client_id),
            ("state", self.state),
            ("scope", &scope),
            ("redirect_uri", self.redirect_uri),
        ];
        pairs.extend(self.login_hint.map(|hint| ("login_hint", hint)));
        pairs.extend(self.hosted_domain.map(|domain| ("hd", domain)));
        pairs.extend([
            ("code_challenge_method", "S256"),
            ("code_challenge", self.code_challenge),
            ("include_granted_scopes", "true"),
        ]);
        for (name, value) in self.additional {
            if RESERVED_PARAMETERS.contains(name) {
                continue;
            }
            match pairs.iter_mut().find(|(other, _)| other == name) {
                Some(pair) => pair.1 = value,
                None => pairs.push((name, value)),
            }
        }
        let mut url = page.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://accounts.google.com/o/oauth2/v2/auth";

    fn url(authorization: &Authorization<'_>) -> String {
        authorization.url(&Url::parse(PAGE).unwrap(), "client")
    }

    fn simple<'a>() -> Authorization<'a> {
        Authorization {
            state: "S",
            redirect_uri: "http://localhost/api/auth/callback/google",
            code_challenge: "C",
            ..Authorization::default()
        }
    }

    #[test]
    fn parameters_stand_in_the_order_of_the_contract() {
        assert_eq!(
            url(&simple()),
            "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=client&state=S&scope=email+profile+openid&redirect_uri=http%3A%2F%2Flocalhost%2Fapi%2Fauth%2Fcallback%2Fgoogle&code_challenge_method=S256&code_challenge=C&include_granted_scopes=true"
        );
    }

    #[test]
    fn a_client_adds_and_replaces_what_is_not_reserved() {
        let full = Authorization {
            scopes: &["https://www.googleapis.com/auth/calendar"],
            login_hint: Some("ada@example.com"),
            hosted_domain: Some("example.com"),
            additional: &[("include_granted_scopes", "false"), ("state", "forged"), ("x", "1 2")],
            ..simple()
        };
        let url = url(&full);
        assert!(url.contains(
            "&scope=email+profile+openid+https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcalendar&redirect_uri="
        ));
        assert!(url.contains("&login_hint=ada%40example.com&hd=example.com&code_challenge_method=S256&"));
        assert!(url.ends_with("&code_challenge=C&include_granted_scopes=false&x=1+2"), "{url}");
        assert!(!url.contains("forged"));
    }

    #[test]
    fn the_problem_names_what_is_reserved() {
        assert!(RESERVED_PROBLEM.ends_with(&RESERVED_PARAMETERS.join(", ")));
    }
}

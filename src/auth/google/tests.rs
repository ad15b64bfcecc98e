//! The client against the sandbox's Google, over real sockets.

use super::*;
use crate::{
    auth::pkce,
    config::{Config, Google, Secret},
};
use greenroom_actors::Timestamp;
use greenroom_instagram::sandbox::{Bind, ClockSource, RunningSandbox, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;
use url::Url;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const BACK: &str = "http://127.0.0.1:8080/api/auth/callback/google";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

struct Stage {
    sandbox: RunningSandbox,
    config: Google,
    client: GoogleClient,
}

impl Stage {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = SandboxOptions {
            clock: ClockSource::new(|| NOW.as_millis()),
            ..SandboxOptions::new(Bind::Listener(listener))
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let mut config = Config::default();
        config.sign_in_with_sandbox(&sandbox.base_url());
        let config = config.google;
        Self { client: GoogleClient::new(&config).unwrap().unwrap(), config, sandbox }
    }

    async fn control(&self, body: Value) {
        self.sandbox.state().control("POST", "/google", body).await.unwrap();
    }

    /// What a browser does: open the page as somebody, come back with a code.
    async fn code(&self) -> String {
        let url = self.client.authorization_url(&Authorization {
            state: "state",
            redirect_uri: BACK,
            code_challenge: &pkce::challenge(VERIFIER),
            additional: &[("access_type", "offline"), ("sandbox_login", "owner@example.com")],
            ..Authorization::default()
        });
        let browser = greenroom_instagram::plain::client_builder().unwrap();
        let browser = browser.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = browser.get(url).send().await.unwrap();
        let location = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let (_, code) = location.query_pairs().find(|(name, _)| name == "code").unwrap();
        code.into_owned()
    }

    async fn tokens(&self) -> Tokens {
        self.client.exchange(&self.code().await, VERIFIER, BACK).await.unwrap()
    }

    async fn verify(&self, tokens: &Tokens, now: Timestamp) -> Result<Person, IdTokenError> {
        self.client.verify(tokens.id_token.as_ref().unwrap().expose(), None, now).await
    }
}

#[tokio::test]
async fn a_code_becomes_a_person() {
    let stage = Stage::set().await;
    let tokens = stage.tokens().await;
    assert_eq!(tokens.stored_scope().as_deref(), Some("email,profile,openid"));
    assert_eq!(tokens.expires_in, Some(3599));
    let person = stage.verify(&tokens, NOW).await.unwrap();
    assert_eq!((person.email.as_deref(), person.email_verified), (Some("owner@example.com"), true));
    assert_eq!(person.claims["aud"], stage.config.client_id);
    let shown = format!("{tokens:?} {:?}", stage.client);
    assert!(!shown.contains("ya29") && !shown.contains("sandbox-google-secret"), "{shown}");

    let again = stage.client.refresh(&tokens.refresh_token.unwrap()).await.unwrap();
    assert!(again.refresh_token.is_none());
    assert_eq!(stage.verify(&again, NOW).await.unwrap().sub, person.sub);
}

#[tokio::test]
async fn refusals_are_definite_and_absence_is_not() {
    let stage = Stage::set().await;
    let code = stage.code().await;
    let wrong = stage.client.exchange(&code, "another-verifier", BACK).await;
    assert_eq!(wrong.unwrap_err(), ExchangeError::Refused(400));
    let used = stage.client.exchange(&code, VERIFIER, BACK).await;
    assert_eq!(used.unwrap_err(), ExchangeError::Refused(400));
    assert_eq!(
        stage.client.refresh(&Secret::new("1//unknown")).await.unwrap_err(),
        ExchangeError::Refused(400)
    );
    let tokens = stage.tokens().await;
    let fresh = GoogleClient::new(&stage.config).unwrap().unwrap();
    let Stage { sandbox, client, .. } = stage;
    sandbox.shutdown().await;
    assert_eq!(client.exchange("x", VERIFIER, BACK).await.unwrap_err(), ExchangeError::Unavailable);
    let token = tokens.id_token.unwrap();
    let verified = fresh.verify(token.expose(), None, NOW).await;
    assert_eq!(verified, Err(IdTokenError::KeysUnavailable));
}

#[tokio::test]
async fn deceitful_tokens_are_not_believed() {
    let stage = Stage::set().await;
    for (deceit, expected) in [
        (json!({"alg": "none"}), IdTokenError::NotGenuine),
        (json!({"alg": "hs256"}), IdTokenError::NotGenuine),
        (json!({"kid": "unknown"}), IdTokenError::NotGenuine),
        (json!({"aud": "x"}), IdTokenError::Claim("aud")),
        (json!({"iss": "https://evil.example"}), IdTokenError::Claim("iss")),
        (json!({"exp_offset_s": -3600}), IdTokenError::Claim("exp")),
        (json!({"iat_offset_s": -7200}), IdTokenError::Claim("iat")),
    ] {
        stage.control(json!({"next_token": deceit})).await;
        let tokens = stage.tokens().await;
        assert_eq!(stage.verify(&tokens, NOW).await, Err(expected), "{deceit}");
    }
    let honest = stage.tokens().await;
    assert!(stage.verify(&honest, NOW).await.is_ok());
    let id_token = honest.id_token.unwrap();
    let (signed, _) = id_token.expose().rsplit_once('.').unwrap();
    for forged in [format!("{signed}.AAAA"), signed.to_owned(), String::new(), "x".repeat(20_000)] {
        assert_eq!(stage.client.verify(&forged, None, NOW).await, Err(IdTokenError::NotGenuine));
    }
    let nonce = stage.client.verify(id_token.expose(), Some("n"), NOW).await;
    assert_eq!(nonce, Err(IdTokenError::Claim("nonce")));
}

#[tokio::test]
async fn new_keys_are_fetched_once_a_minute_and_old_ones_kept_when_google_is_away() {
    let stage = Stage::set().await;
    let old = stage.tokens().await;
    assert!(stage.verify(&old, NOW).await.is_ok());
    stage.control(json!({"rotate_keys": true})).await;
    let new = stage.tokens().await;
    let soon = NOW + Duration::from_secs(30);
    assert_eq!(stage.verify(&new, soon).await, Err(IdTokenError::NotGenuine), "asked a moment ago");
    let later = NOW + Duration::from_secs(60);
    assert!(stage.verify(&new, later).await.is_ok());
    let Stage { sandbox, client, .. } = stage;
    sandbox.shutdown().await;
    let stale = NOW + Duration::from_secs(1_000);
    let token = new.id_token.unwrap();
    assert!(client.verify(token.expose(), None, stale).await.is_ok(), "the last good set is kept");
}

#[test]
fn without_a_client_id_there_is_no_google() {
    assert!(GoogleClient::new(&Google::default()).unwrap().is_none());
    let odd = Google { client_id: "c".to_owned(), jwks_url: "ftp://x".to_owned(), ..Google::default() };
    assert_eq!(GoogleClient::new(&odd).unwrap_err(), GoogleClientError::Address("google.jwks_url"));
}

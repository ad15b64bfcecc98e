//! A sign-in as a product does it, over a real socket.

use crate::sandbox::{Bind, ClockSource, RunningSandbox, Sandbox, SandboxOptions};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const NOW: i64 = 1_767_225_600_000;
const BACK: &str = "http://127.0.0.1:8080/api/auth/callback/google";
/// The pair of RFC 7636.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Stage {
    sandbox: RunningSandbox,
    http: reqwest::Client,
}

impl Stage {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = SandboxOptions {
            clock: ClockSource::new(|| NOW),
            ..SandboxOptions::new(Bind::Listener(listener))
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        Self { sandbox, http: crate::sandbox::running::client().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/google{path}", self.sandbox.base_url())
    }

    async fn page(&self, edit: &[(&str, &str)]) -> (u16, String, String) {
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", "c"),
            ("redirect_uri", BACK),
            ("scope", "email profile openid"),
            ("state", "S&1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in edit {
            query.retain(|(other, _)| other != name);
            query.push((name, value));
        }
        let answer = self.http.get(self.url("/o/oauth2/v2/auth")).query(&query).send().await.unwrap();
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (status, location.unwrap_or_default(), answer.text().await.unwrap())
    }

    async fn code(&self, edit: &[(&str, &str)]) -> String {
        let mut edit = edit.to_vec();
        edit.push(("sandbox_login", "owner@example.com"));
        let (status, location, _) = self.page(&edit).await;
        assert_eq!(status, 302);
        let url = reqwest::Url::parse(&location).unwrap();
        assert!(
            location.starts_with(BACK)
                && url.query_pairs().any(|pair| pair == ("state".into(), "S&1".into()))
        );
        url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
    }

    async fn token(&self, edit: &[(&str, &str)]) -> (u16, Value) {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("redirect_uri", BACK),
            ("client_id", "c"),
            ("client_secret", "s"),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in edit {
            form.retain(|(other, _)| other != name);
            form.push((name, value));
        }
        let answer = self.http.post(self.url("/token")).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(self.url(path)).send().await.unwrap().json().await.unwrap()
    }
}

fn part(token: &Value, n: usize) -> Value {
    let part = token.as_str().unwrap().split('.').nth(n).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_chosen_person_signs_in() {
    let stage = Stage::set().await;
    let (status, _, page) = stage.page(&[]).await;
    assert!(status == 200 && page.contains("Continue as Fictional Owner (owner@example.com)"), "{page}");

    let code = stage.code(&[("nonce", "n"), ("access_type", "offline")]).await;
    let (status, tokens) = stage.token(&[("code", &code)]).await;
    assert_eq!(status, 200, "{tokens}");
    let claims = part(&tokens["id_token"], 1);
    let seconds = NOW / 1_000;
    assert_eq!(claims["iss"], stage.url(""));
    assert_eq!((&claims["aud"], &claims["nonce"]), (&json!("c"), &json!("n")));
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(seconds), Some(seconds + 3599)));
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("owner@example.com"), &json!(true)));
    assert_eq!(claims["sub"].as_str().unwrap().len(), 21);
    assert_eq!(part(&tokens["id_token"], 0)["kid"], stage.get("/certs").await["keys"][0]["kid"]);

    let bearer = tokens["access_token"].as_str().unwrap();
    let info = stage.http.get(stage.url("/userinfo")).bearer_auth(bearer).send().await.unwrap();
    assert_eq!(info.json::<Value>().await.unwrap()["sub"], claims["sub"]);

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let (status, again) = stage.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert!(
        status == 200
            && again.get("refresh_token").is_none()
            && again["access_token"] != tokens["access_token"]
    );

    let (status, refused) = stage.token(&[("code", &code)]).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")), "a code works once");
}

#[tokio::test]
async fn what_google_refuses_is_refused() {
    let stage = Stage::set().await;
    for (name, value) in [
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/callback"),
        ("response_type", "token"),
        ("scope", "email"),
        ("code_challenge_method", "plain"),
        ("sandbox_login", "nobody"),
    ] {
        assert_eq!(stage.page(&[(name, value)]).await.0, 400, "{name}");
    }
    let (_, location, _) = stage.page(&[("sandbox_login", "deny")]).await;
    assert!(location.contains("error=access_denied") && location.contains("state=S%261"), "{location}");
    for (name, value, error) in [
        ("code_verifier", "wrong", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1/other", "redirect_uri_mismatch"),
        ("client_secret", "", "invalid_client"),
        ("client_id", "other", "invalid_client"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("code", "4/sbx-999", "invalid_grant"),
    ] {
        let code = stage.code(&[]).await;
        let mut edit = vec![("code", code.as_str())];
        edit.retain(|(other, _)| *other != name);
        edit.push((name, value));
        assert_eq!(stage.token(&edit).await.1["error"], error, "{name}");
    }
}

#[tokio::test]
async fn the_next_token_can_be_wrong_and_keys_can_change() {
    let stage = Stage::set().await;
    let control = |body| async { stage.sandbox.state().control("POST", "/google", body).await.unwrap() };
    control(
        json!({"next_token": {"alg": "none", "aud": "x", "exp_offset_s": -3600, "email_verified": false}}),
    )
    .await;
    let (_, tokens) = stage.token(&[("code", &stage.code(&[]).await)]).await;
    let claims = part(&tokens["id_token"], 1);
    assert_eq!(part(&tokens["id_token"], 0)["alg"], "none");
    assert_eq!((&claims["aud"], &claims["email_verified"]), (&json!("x"), &json!(false)));
    let (_, honest) = stage.token(&[("code", &stage.code(&[]).await)]).await;
    assert_eq!(part(&honest["id_token"], 1)["aud"], "c", "one token only");

    let before = stage.get("/certs").await["keys"][0]["kid"].clone();
    control(json!({"rotate_keys": true})).await;
    let after = stage.get("/certs").await;
    assert!(after["keys"][0]["kid"] != before && after["keys"][1]["kid"] == before);

    control(json!({"users": [{"email": "only@example.com", "hd": "example.com"}]})).await;
    let (_, _, page) = stage.page(&[]).await;
    assert!(page.contains("only@example.com") && !page.contains("owner@example.com"));
    let discovery = stage.get("/.well-known/openid-configuration").await;
    assert_eq!(discovery["issuer"], stage.url(""));
}

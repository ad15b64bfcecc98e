//! What is secret is in no log and in no file, and what was acknowledged outlives `kill -9`.

use super::{
    browser::{Browser, PASSWORD, Person, SECRET, SESSION, begin_google, consent, parameter},
    program::Program,
};
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "another horse entirely";
const WRONG_PASSWORD: &str = "this was never the password";
const LOGGED: [&str; 2] = ["--set", "log.filter=trace"];

/// Mails to an address, from the sandbox's mailbox.
async fn mails(browser: &mut Browser, to: &str, count: usize) -> Vec<Value> {
    for _ in 0..10_000 {
        let mails = browser.get(&format!("/__sandbox/mail?to={to}")).await.json();
        let mails = mails.as_array().unwrap().clone();
        if mails.len() >= count {
            return mails;
        }
        let _ = tokio::time::timeout(std::time::Duration::from_millis(2), std::future::pending::<()>()).await;
    }
    panic!("no mail to {to}");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A day of one owner; what must be found nowhere, each with its name.
async fn live(program: &Program) -> (Person, Vec<(&'static str, String)>) {
    let email = "ada.lovelace@example.com";
    let mut secrets = vec![("password", PASSWORD.to_owned()), ("wrong password", WRONG_PASSWORD.to_owned())];
    let mut person = Person::before(program.browser(), email).await;
    secrets.push(("session token", person.token.clone()));
    secrets.push(("cookie", person.browser.cookie(SESSION).unwrap().to_owned()));
    let wrong = program.browser().sign_in(email, WRONG_PASSWORD).await;
    assert_eq!(wrong.status, 401);
    let browser = &mut person.browser;
    browser.tell("/send-verification-email", json!({"email": email})).await;
    let verification = mails(browser, email, 1).await.remove(0);
    secrets.push(("verification token", text(&verification["token"])));
    assert_eq!(program.browser().follow(&text(&verification["url"])).await.status, 302);
    // A link that was followed and one that was not.
    for _ in 0..2 {
        browser.tell("/request-password-reset", json!({"email": email, "redirectTo": "/reset"})).await;
    }
    let resets = mails(browser, email, 3).await;
    for mail in &resets[1..] {
        secrets.push(("reset token", text(&mail["token"])));
    }
    program.browser().follow(&text(&resets[1]["url"])).await;
    let reset = json!({"newPassword": NEW_PASSWORD, "token": resets[1]["token"]});
    assert_eq!(program.browser().tell("/reset-password", reset).await.status, 200);
    secrets.push(("new password", NEW_PASSWORD.to_owned()));
    let page = begin_google(browser, json!({"additionalParams": {"access_type": "offline"}})).await;
    secrets.push(("google state", parameter(&page, "state").unwrap()));
    let back = consent(&page, email).await;
    assert_eq!(browser.follow(&back).await.location(), "/dash");
    secrets.push(("second session token", text(&browser.whoami().await["session"]["token"])));
    let accounts = browser.auth("/list-accounts").await.json();
    let google =
        accounts.as_array().unwrap().iter().find(|row| row["providerId"] == "google").unwrap().clone();
    let tokens = browser.tell("/refresh-token", json!({"accountId": google["id"]})).await.json();
    for (name, key) in
        [("access token", "accessToken"), ("refresh token", "refreshToken"), ("id token", "idToken")]
    {
        secrets.push((name, text(&tokens[key])));
    }
    secrets.push(("sync token", text(&browser.auth("/convex/token").await.json()["token"])));
    let page = browser.get("/api/auth/instagram").await.location();
    secrets.push(("instagram state", parameter(&page, "state").unwrap()));
    let back = consent(&page, "fictional.gym").await;
    secrets.push(("instagram code", parameter(&back, "code").unwrap()));
    assert_eq!(browser.follow(&back).await.location(), "/settings?success=instagram_connected");
    (person, secrets)
}

#[test]
fn no_secret_of_an_account_is_logged_or_lies_open_in_the_data() {
    let mut program = Program::start(&LOGGED);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_, mut secrets) = runtime.block_on(live(&program));
    secrets.push(("cookie secret", SECRET.to_owned()));
    program.kill();
    let log = program.log();
    assert!(log.contains("TRACE") && log.contains("journal open"), "nothing was logged");
    let files = program.files();
    assert!(files.iter().any(|(path, _)| path.to_string_lossy().contains("journal")), "{:?}", files.len());
    let address = "ada.lovelace@example.com";
    assert!(files.iter().any(|(_, text)| text.contains(address)), "the search finds what is there");
    for (name, secret) in &secrets {
        assert!(secret.len() >= 8, "{name} is too short to be searched for: {secret}");
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert!(line.is_none(), "the {name} is logged: {}", line.unwrap_or_default());
        for (path, text) in &files {
            let is_sandbox = path.components().any(|part| part.as_os_str() == "sandbox");
            // The sandbox is the platform: it knows its own.
            assert!(is_sandbox || !text.contains(secret.as_str()), "the {name} lies in {}", path.display());
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_a_kill_and_what_ended_stays_ended() {
    let program = Program::start(&[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (ada, bob, out, revoked) = runtime.block_on(async {
        let mut ada = Person::before(program.browser(), "ada@example.com").await;
        let body = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
        assert_eq!(ada.browser.tell("/change-password", body).await.status, 200);
        let sign_in = async || {
            let mut browser = program.browser();
            let answer = browser.sign_in("ada@example.com", NEW_PASSWORD).await;
            (browser, text(&answer.json()["token"]))
        };
        let (mut out, _) = sign_in().await;
        let stolen = out.clone();
        assert_eq!(out.tell("/sign-out", json!({})).await.status, 200);
        let (revoked, token) = sign_in().await;
        assert_eq!(ada.browser.tell("/revoke-session", json!({"token": token})).await.status, 200);
        // The last word before the kill.
        let bob = Person::before(program.browser(), "bob@example.com").await;
        (ada, bob, stolen, revoked)
    });
    let program = program.killed_and_restarted(&[]);
    runtime.block_on(async {
        for person in [&ada, &bob] {
            let session = program.browser_of(&person.browser).whoami().await;
            assert_eq!(session["user"]["id"], person.id.as_str());
        }
        for ended in [&out, &revoked] {
            assert!(!program.browser_of(ended).is_signed_in().await);
        }
        assert_eq!(program.browser().sign_in("ada@example.com", PASSWORD).await.status, 401);
        assert_eq!(program.browser().sign_in("ada@example.com", NEW_PASSWORD).await.status, 200);
        let taken = json!({"name": "B", "email": "bob@example.com", "password": PASSWORD});
        assert_eq!(program.browser().tell("/sign-up/email", taken).await.status, 422);
    });
}

//! The official npm clients, unmodified, against the server over real sockets. See README.md beside this file.
#![expect(clippy::expect_used, clippy::panic, reason = "tests: helpers fail loudly")]

mod suite;

use greenroom::{
    config::{Config, Secret},
    running::{self, Running},
};
use std::path::Path;

/// Fewest tests that a whole run has: less means that files were not found.
const TESTS_MIN: u32 = 180;
/// The same of the live client.
const LIVE_TESTS_MIN: u32 = 15;
/// Secret of the contract's vectors.
const SECRET: &str = "spec-vector-secret-0123456789-ABCDEFGHIJ";
const GOOGLE_CLIENT_ID: &str = "clients.apps.googleusercontent.example";
const GOOGLE_CLIENT_SECRET: &str = "clients-google-secret";

/// The flows are right: the official server passes them.
#[test]
fn the_reference_passes_the_flows() {
    let outcome = suite::run("oracle.js", &[]);
    assert!(outcome.passed >= TESTS_MIN, "too few tests ran: {outcome:?}");
    assert_eq!((outcome.failed, outcome.skipped), (0, 0));
}

/// And so does this server, with nothing changed in the clients.
#[tokio::test(flavor = "multi_thread")]
async fn greenroom_passes_the_flows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = sandbox(folder.path()).await;
    let base = format!("http://{}", sandbox.address());
    let primary = start(&folder.path().join("primary"), &base, |_| ()).await;
    let by_mail = start(&folder.path().join("by-mail"), &base, |config| {
        config.auth.confirm_deletion_by_mail = true;
    })
    .await;
    let variables = variables(&primary, &by_mail, &base);
    let run = tokio::task::spawn_blocking(move || suite::run("run.js", &variables));
    let outcome = run.await.expect("the flows end");
    assert!(outcome.passed >= TESTS_MIN, "too few tests ran: {outcome:?}");
    assert_eq!((outcome.failed, outcome.skipped), (0, 0));
    primary.stop().await;
    by_mail.stop().await;
    sandbox.shutdown().await;
}

/// The live client: subscriptions, mutations, hooks in a page, plain HTTP and the generated types, against the program
/// itself, which dies and comes back meanwhile.
#[test]
fn the_live_client_works_unmodified() {
    let outcome = suite::run("live.js", &[("GREENROOM_BIN", env!("CARGO_BIN_EXE_greenroom").to_owned())]);
    assert!(outcome.passed >= LIVE_TESTS_MIN, "too few tests ran: {outcome:?}");
    assert_eq!((outcome.failed, outcome.skipped), (0, 0));
}

/// One sandbox stands in for Instagram and Google for both servers.
async fn sandbox(folder: &Path) -> greenroom_instagram::sandbox::RunningSandbox {
    let mut config = Config::default();
    config.sandbox.listen = "127.0.0.1:0".parse().expect("an address");
    config.data.dir = folder.join("sandbox");
    running::start_sandbox(&mut config).await.expect("the sandbox starts")
}

/// The whole server on the embedded engine, with a data folder of its own.
async fn start(folder: &Path, sandbox: &str, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config::default();
    config.data.dir = folder.to_owned();
    config.server.listen = "127.0.0.1:0".parse().expect("an address");
    config.sandbox.url = sandbox.to_owned();
    config.auth.secrets = vec![Secret::new(SECRET)];
    config.auth.rate_limit = "on".to_owned();
    config.google.client_id = GOOGLE_CLIENT_ID.to_owned();
    config.google.client_secret = Secret::new(GOOGLE_CLIENT_SECRET);
    config.google.token_url = format!("{sandbox}/google/token");
    config.google.issuer = format!("{sandbox}/google");
    config.google.jwks_url = format!("{sandbox}/google/certs");
    change(&mut config);
    running::start(config, |_, _, _| ()).await.expect("the server starts")
}

fn variables(primary: &Running, by_mail: &Running, sandbox: &str) -> Vec<(&'static str, String)> {
    let base = format!("http://{}", primary.address);
    let second = format!("http://{}", by_mail.address);
    vec![
        ("TARGET", "greenroom".to_owned()),
        ("MAIL_URL", format!("{base}/__sandbox/mail {second}/__sandbox/mail")),
        ("OPERATOR_TOKEN", primary.app.operator_token.expose().to_owned()),
        ("DELETION_BY_MAIL_OPERATOR_TOKEN", by_mail.app.operator_token.expose().to_owned()),
        ("BASE_URL", base),
        ("DELETION_BY_MAIL_URL", second),
        ("AUTH_SECRET", SECRET.to_owned()),
        ("GOOGLE_URL", format!("{sandbox}/google")),
        ("GOOGLE_CONTROL_URL", format!("{sandbox}/_sandbox/google")),
        ("GOOGLE_CLIENT_ID", GOOGLE_CLIENT_ID.to_owned()),
        ("GOOGLE_CLIENT_SECRET", GOOGLE_CLIENT_SECRET.to_owned()),
    ]
}

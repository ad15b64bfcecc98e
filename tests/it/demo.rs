//! The owner of the demo: somebody like everybody else, who is there only while the sandbox is.

use greenroom::{
    config::{Config, Secret},
    connect,
    demo::{self, DEMO_ACCOUNT, OWNER_ADDRESS, Owner},
    identities,
    parts::Replacements,
    running::{self, Running},
};
use greenroom_actors::{
    EntityId,
    identity::Email,
    user::{Command, connection::account_claim},
};
use std::path::Path;
use tokio::net::TcpListener;

async fn start(data: &Path, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config::default();
    config.data.dir = data.to_owned();
    config.sandbox.listen.set_port(0);
    change(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    running::start_on(listener, config, Replacements::default(), |_, _, _| {}).await.unwrap()
}

async fn arrive(running: &Running, data: &Path) -> anyhow::Result<(Owner, Vec<String>)> {
    let mut told = Vec::new();
    let owner = demo::arrive(&running.app, running.address, data, &mut |line| told.push(line)).await?;
    Ok((owner, told))
}

async fn owner_of(running: &Running) -> Option<String> {
    let found = identities::by_email(&running.app, &Email::new(OWNER_ADDRESS)).await.unwrap();
    found.filter(|found| found.state.user().is_some()).map(|found| found.user_id)
}

async fn holder(running: &Running) -> Option<EntityId> {
    running.app.stores.directory.lookup(&account_claim(DEMO_ACCOUNT)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_the_sandbox_leaves_no_owner_of_the_demo() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let running = start(data, |_| {}).await;
    let (owner, told) = arrive(&running, data).await.unwrap();
    assert!(owner.is_new && told.len() == 6, "{told:#?}");
    assert_eq!(owner_of(&running).await.as_ref(), Some(&owner.workspace));
    assert_eq!(holder(&running).await.unwrap().key(), owner.workspace);
    let password = std::fs::read_to_string(data.join("demo-password")).unwrap();
    running.stop().await;

    let running = start(data, |_| {}).await;
    let (again, told) = arrive(&running, data).await.unwrap();
    assert_eq!((&again.workspace, again.is_new, told.len()), (&owner.workspace, false, 3), "{told:#?}");
    assert_eq!(std::fs::read_to_string(data.join("demo-password")).unwrap(), password);
    running.stop().await;

    let running = start(data, |config| {
        config.instagram.app_id = "17".to_owned();
        config.instagram.app_secrets = vec![Secret::new("0123456789abcdef")];
        // Nobody listens there: what a deletion says to the platform is lost.
        for url in
            [&mut config.instagram.www_url, &mut config.instagram.api_url, &mut config.instagram.graph_url]
        {
            *url = "http://127.0.0.1:9".to_owned();
        }
    })
    .await;
    assert_eq!(owner_of(&running).await, None);
    assert!(!data.join("demo-password").exists());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_gets_the_account_from_the_workspace_of_an_earlier_version_and_reconnects_a_dead_token() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let running = start(data, |config| config.auth.sign_in_after_sign_up = false).await;
    let (first, told) = arrive(&running, data).await.unwrap();
    assert!(told.iter().any(|line| line.contains("sign-in/email")), "{told:#?}");
    // The earlier version: the same token in a workspace that nobody owns.
    let app = &running.app;
    let known = app.users.published(&first.workspace).await.unwrap().state.integration.clone().unwrap();
    connect::disconnect(app, &first.workspace).await.unwrap();
    let connect = greenroom_actors::user::command::Connect {
        account: known.account.clone(),
        app_scoped: known.app_scoped.clone(),
        username: known.username.to_string(),
        token: known.token.clone(),
        scopes: Vec::new(),
        expires_at: known.expires_at,
    };
    app.users.ask("demo", Command::ConnectInstagram(connect.clone()), 0).await.unwrap();
    let (owner, _) = arrive(&running, data).await.unwrap();
    assert_eq!(holder(&running).await.unwrap().key(), owner.workspace);
    // The platform does not take the token any more.
    let sandbox = running.sandbox.as_ref().unwrap();
    sandbox.post("tokens/17841400000000001", &serde_json::json!({"op": "revoke"})).await.unwrap();
    let (owner, told) = arrive(&running, data).await.unwrap();
    assert!(
        !owner.is_new && told.iter().any(|line| line.contains("success=instagram_connected")),
        "{told:#?}"
    );
    // Another workspace keeps what it has.
    connect::disconnect(app, &owner.workspace).await.unwrap();
    app.users.ask("by-hand", Command::ConnectInstagram(connect), 0).await.unwrap();
    let refused = arrive(&running, data).await.err().unwrap().to_string();
    assert!(refused.contains("account_in_use"), "{refused}");
    running.stop().await;
}

//! The keys that seal secrets are rotated: what an older key sealed is sealed again, and then that key may go.

use crate::cli::greenroom;
use greenroom::{
    config::Config,
    demo::{self, Owner},
    identities,
    parts::Replacements,
    reseal,
    round_trips::{self, Whose},
    running::{self, Running},
};
use greenroom_actors::{
    automation::AutomationInput,
    identity::{
        self, Email, SecretHash,
        command::{NewAccount, NewLogin, SignUp},
        field::Extra,
        row::{Provider, ProviderLogin, ProviderTokens},
    },
    user::{Command, settings::SettingsPatch},
};
use greenroom_persistence::secret::Key;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio::net::TcpListener;

const USER: &str = "a-user-of-google";

async fn start(data: &Path) -> Running {
    let mut config = Config::default();
    config.data.dir = data.to_owned();
    config.sandbox.listen.set_port(0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    running::start_on(listener, config, Replacements::default(), |_, _, _| {}).await.unwrap()
}

async fn arrive(running: &Running, data: &Path) -> Owner {
    demo::arrive(&running.app, running.address, data, &mut |_| {}).await.unwrap()
}

/// Puts a new key before those that are there, or in their place.
fn rotate(data: &Path, id: &str, keep: bool) {
    let path = data.join("keys");
    let older = std::fs::read_to_string(&path).unwrap();
    let key = Key::generate(id, &mut rand::rngs::SysRng).unwrap();
    let kept = if keep { older.as_str() } else { "" };
    std::fs::write(path, format!("{}\n{kept}", *key.expose())).unwrap();
}

/// Leaves only the first key.
fn drop_older(data: &Path) {
    let path = data.join("keys");
    let keys = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, keys.lines().next().unwrap()).unwrap();
}

/// Somebody with tokens of a provider.
async fn sign_up_with_google(running: &Running) {
    let [access, ..] = identities::PROVIDER_TOKEN_FIELDS;
    let sealed = identities::seal(&running.app.keyring, USER, access, "of google").unwrap();
    let command = SignUp {
        name: "Ada".into(),
        email: Email::new("ada@example.com"),
        email_verified: true,
        image: None,
        extra: Extra::default(),
        account: NewAccount {
            id: "g1".into(),
            login: NewLogin::Provider(ProviderLogin {
                provider: Provider::Google,
                account_id: "sub1".into(),
                tokens: ProviderTokens { access: Some(sealed), ..ProviderTokens::default() },
                scopes: Vec::new(),
            }),
        },
        session: None,
        mail: None,
    };
    let command = identity::Command::SignUp(Box::new(command));
    identities::ask(&running.app, USER, command).await.unwrap();
}

async fn google_token(running: &Running) -> String {
    let found = identities::by_id(&running.app, USER).await.unwrap();
    let account = found.state.provider_account(Provider::Google, "sub1").unwrap();
    let sealed = account.provider_login().unwrap().tokens.access.clone().unwrap();
    let [access, ..] = identities::PROVIDER_TOKEN_FIELDS;
    identities::open(&running.app.keyring, USER, access, &sealed).unwrap().to_string()
}

/// A round trip that is under way.
async fn begin_round_trip(running: &Running) {
    let whose = Whose { owner: Some(SecretHash::of("x")), bound_to: None };
    round_trips::keep(&running.app, round_trips::PROVIDER, "a state", &json!({}), whose).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_pass_the_older_key_may_go() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let running = start(data).await;
    let owner = arrive(&running, data).await;
    sign_up_with_google(&running).await;
    begin_round_trip(&running).await;
    let untouched = reseal::page(&running.app, None).await.unwrap();
    assert_eq!((untouched.looked.resealed, untouched.looked.remaining.len()), (0, 0), "{untouched:?}");
    assert!(untouched.looked.entities >= 4 && untouched.older.is_empty(), "{untouched:?}");
    running.stop().await;

    rotate(data, "second", true);
    let running = start(data).await;
    let page = reseal::page(&running.app, None).await.unwrap();
    assert_eq!((page.current.as_str(), page.older.as_slice()), ("second", &["generated-1".to_owned()][..]));
    assert_eq!(page.looked.resealed, 2, "{page:?}");
    assert_eq!(page.looked.remaining, BTreeMap::from([("generated-1".to_owned(), 1)]), "the round trip");
    assert!(page.next.is_none());
    let again = reseal::page(&running.app, None).await.unwrap();
    assert_eq!((again.looked.resealed, again.looked.remaining), (0, page.looked.remaining));
    assert!(reseal::page(&running.app, Some("nonsense")).await.is_err());
    running.stop().await;

    drop_older(data);
    let running = start(data).await;
    assert_eq!(google_token(&running).await, "of google");
    let back = arrive(&running, data).await;
    assert_eq!((back.workspace, back.is_new), (owner.workspace, false), "its token opens and lives");
    running.stop().await;

    // A key that went too early is told.
    rotate(data, "third", false);
    let running = start(data).await;
    let page = reseal::page(&running.app, None).await.unwrap();
    assert_eq!(page.looked.remaining.get("second"), Some(&2), "{page:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_use_is_sealed_again_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let running = start(data).await;
    arrive(&running, data).await;
    running.stop().await;
    rotate(data, "second", true);
    let running = start(data).await;
    let owner = arrive(&running, data).await;
    let app = &running.app;
    let tell = async |command| app.users.ask(&owner.workspace, command, 0).await.unwrap();
    let settings = SettingsPatch { reply_delay: Some(Duration::ZERO), ..SettingsPatch::default() };
    tell(Command::UpdateSettings(settings)).await;
    let input = AutomationInput {
        title: "Prices".to_owned(),
        trigger_word: Some("price".to_owned()),
        response_type: "fixed".to_owned(),
        response_content: "It is 49.".to_owned(),
        ..AutomationInput::default()
    };
    tell(Command::CreateAutomation { id: "price".into(), input, inactive: false }).await;
    let wrote = json!({"account": demo::DEMO_ACCOUNT, "person": "900000000000001", "text": "price"});
    running.sandbox.as_ref().unwrap().post("actions/dm", &wrote).await.unwrap();
    let mut watch = app.users.watch(&owner.workspace).unwrap();
    let resealed = async {
        loop {
            let state = app.users.published(&owner.workspace).await.unwrap().state;
            let token = state.integration.as_ref().unwrap().token.clone();
            if !app.keyring.needs_rotation(token.as_str()).unwrap() {
                break;
            }
            watch.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), resealed).await.expect("sealed again");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_is_told_which_key_may_go() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let running = start(data).await;
    arrive(&running, data).await;
    running.stop().await;
    let mut command = greenroom(data);
    let made = command.args(["keys", "new", "second"]).output().unwrap();
    assert!(made.status.success());
    let key = String::from_utf8(made.stdout).unwrap();
    let older = std::fs::read_to_string(data.join("keys")).unwrap();
    std::fs::write(data.join("keys"), format!("{key}{older}")).unwrap();
    let running = start(data).await;
    let door = running.address.to_string();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_greenroom"));
    command.env_clear().arg("--data").arg(data).args(["--listen", &door, "keys", "reseal"]);
    let told = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{text}{}", String::from_utf8_lossy(&told.stderr));
    assert!(text.contains("1 secrets sealed again under the key second"), "{text}");
    assert!(
        text.contains("key generated-1: nothing is sealed under it any more; it may be removed"),
        "{text}"
    );
    // Strangers are told nothing, and a place that is none is refused.
    let http = greenroom_instagram::plain::client_builder().unwrap().build().unwrap();
    let url = format!("http://{door}/api/admin/keys/reseal");
    assert_eq!(http.post(&url).send().await.unwrap().status(), 401);
    let token = std::fs::read_to_string(data.join("operator-token")).unwrap();
    let wrong = http.post(format!("{url}?after=nonsense")).bearer_auth(token.trim()).send().await.unwrap();
    let status = wrong.status();
    let body: Value = wrong.json().await.unwrap();
    assert!(status.is_client_error(), "{status} {body}");
    running.stop().await;
}

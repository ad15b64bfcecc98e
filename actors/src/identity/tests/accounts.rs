use super::world::*;
use crate::identity::{
    Command, Email, Rejection, Reply, SecretHash,
    command::{LinkFlow, ProviderProfile},
    field::{Invalid, Problem},
    limits::{ACCOUNT_ID_BYTES_MAX, ACCOUNTS_MAX, SCOPES_MAX, SEALED_BYTES_MAX},
    row::{Provider, ProviderTokens},
};

fn sign_in(profile: ProviderProfile, session: &str) -> Command {
    Command::SignInWithProvider { profile, account: "g1".into(), session: new_session(session) }
}

fn link(flow: LinkFlow, profile: ProviderProfile, id: &str) -> Command {
    Command::LinkAccount { flow, profile, account: id.into() }
}

fn redirect(session: &str) -> LinkFlow {
    LinkFlow::Redirect { session: SecretHash::of(session) }
}

fn verified_ada() -> World {
    let mut world = World::ada();
    world.run(Command::VerifyEmail { email: Email::new(ADA), session: None }).unwrap();
    world
}

#[test]
fn signing_in_by_a_provider_links_only_what_both_sides_verified() {
    let unverified = ProviderProfile { email_verified: false, ..profile("sub1", ADA) };
    assert_eq!(verified_ada().run(sign_in(unverified, "s2")), Err(Rejection::AccountNotLinked));
    let other = profile("sub1", "other@example.com");
    assert_eq!(verified_ada().run(sign_in(other, "s2")), Err(Rejection::AccountNotLinked));
    // The user's own address is not verified: whoever registered it may not be its owner.
    assert_eq!(World::ada().run(sign_in(profile("sub1", ADA), "s2")), Err(Rejection::AccountNotLinked));
    let mut world = verified_ada();
    assert!(matches!(
        world.run(sign_in(profile("sub1", "ADA@example.com"), "s2")),
        Ok(Reply::SignedIn { .. })
    ));
    assert!(world.session("s2").is_some() && world.names.contains("account:google:sub1"));
}

#[test]
fn signing_in_again_updates_tokens_and_not_scopes() {
    let mut world = verified_ada();
    world.run(sign_in(profile("sub1", ADA), "s2")).unwrap();
    world.wait(SECOND);
    let mut again = profile("sub1", "elsewhere@example.com");
    again.login.tokens = ProviderTokens {
        access: Some("access 2".into()),
        id: Some("id 2".into()),
        ..ProviderTokens::default()
    };
    again.login.scopes = vec!["calendar".into()];
    world.run(sign_in(again, "s3")).unwrap();
    let account = world.identity.provider_account(Provider::Google, "sub1").unwrap();
    let login = account.provider_login().unwrap();
    assert_eq!(login.tokens.access, Some("access 2".into()));
    assert_eq!(login.tokens.access_expires_at, None, "the end of the former token says nothing of this one");
    assert_eq!(
        (login.tokens.refresh.clone(), login.tokens.id.clone()),
        (Some("refresh".into()), Some("id 2".into()))
    );
    assert_eq!((login.scopes.len(), account.updated_at), (2, world.now));
}

#[test]
fn a_provider_that_verified_the_same_address_verifies_it_here() {
    let mut world = World::ada();
    world.run(link(LinkFlow::IdToken, profile("sub1", ADA), "g1")).unwrap();
    assert!(!world.identity.user().unwrap().email_verified);
    world.run(sign_in(profile("sub1", "other@example.com"), "s2")).unwrap();
    assert!(!world.identity.user().unwrap().email_verified);
    world.run(sign_in(profile("sub1", ADA), "s3")).unwrap();
    assert!(world.identity.user().unwrap().email_verified);
}

#[test]
fn linking_checks_the_session_then_the_provider_then_the_address() {
    let mut world = World::ada();
    let other = profile("sub1", "other@example.com");
    let doubtful = ProviderProfile { email_verified: false, ..other.clone() };
    assert_eq!(world.run(link(redirect("gone"), doubtful.clone(), "g1")), Err(Rejection::NoSession));
    assert_eq!(world.run(link(redirect("s1"), doubtful, "g1")), Err(Rejection::ProviderEmailUnverified));
    assert_eq!(world.run(link(redirect("s1"), other.clone(), "g1")), Err(Rejection::ProviderEmailDiffers));
    assert!(matches!(world.run(link(redirect("s1"), profile("sub1", ADA), "g1")), Ok(Reply::Account(_))));
    // Linked already: an id token updates it without a check, a round trip is checked again.
    assert!(world.run(link(LinkFlow::IdToken, other.clone(), "g2")).is_ok());
    assert_eq!(world.run(link(redirect("s1"), other, "g2")), Err(Rejection::ProviderEmailDiffers));
    assert_eq!(world.identity.accounts().count(), 2);
}

#[test]
fn linking_again_merges_scopes() {
    let mut world = World::ada();
    world.run(link(redirect("s1"), profile("sub1", ADA), "g1")).unwrap();
    let mut more = profile("sub1", ADA);
    more.login.scopes = vec!["openid".into(), "calendar".into(), "".into()];
    let Ok(Reply::Account(account)) = world.run(link(redirect("s1"), more, "g2")) else { panic!() };
    let scopes: Vec<_> = account.provider_login().unwrap().scopes.iter().map(|scope| &**scope).collect();
    assert_eq!((account.id.as_str(), scopes), ("g1", vec!["email", "openid", "calendar"]));
}

#[test]
fn the_last_account_stays() {
    let mut world = World::ada();
    let unlink = |id: &str| Command::UnlinkAccount { account: id.into() };
    // That it is the last one counts before whether it exists.
    assert_eq!(world.run(unlink("unknown")), Err(Rejection::LastAccount));
    world.run(link(redirect("s1"), profile("sub1", ADA), "g1")).unwrap();
    assert_eq!(world.run(unlink("unknown")), Err(Rejection::NoAccount));
    assert_eq!(world.run(unlink("g1")), Ok(Reply::Done));
    assert!(!world.names.contains("account:google:sub1"));
    assert_eq!(world.run(unlink("a1")), Err(Rejection::LastAccount));
}

#[test]
fn a_password_that_was_unlinked_lets_nobody_in() {
    let mut world = World::ada();
    world.run(link(redirect("s1"), profile("sub1", ADA), "g1")).unwrap();
    world.run(Command::UnlinkAccount { account: "a1".into() }).unwrap();
    assert_eq!(world.sign_in("p1", "s2"), Err(Rejection::NoPassword));
}

#[test]
fn refreshed_tokens_keep_what_the_provider_did_not_send() {
    let mut world = World::ada();
    world.run(link(redirect("s1"), profile("sub1", ADA), "g1")).unwrap();
    let store = |id: &str, tokens| Command::StoreTokens { account: id.into(), tokens };
    let sent = ProviderTokens {
        access: Some("access 2".into()),
        access_expires_at: Some(world.now + DAY),
        ..ProviderTokens::default()
    };
    let Ok(Reply::Account(account)) = world.run(store("g1", sent.clone())) else { panic!() };
    let tokens = &account.provider_login().unwrap().tokens;
    assert_eq!((&tokens.access, tokens.access_expires_at), (&sent.access, Some(world.now + DAY)));
    assert_eq!((tokens.refresh.clone(), tokens.id.clone()), (Some("refresh".into()), Some("id".into())));
    assert_eq!(world.run(store("a1", sent.clone())), Err(Rejection::NoAccount));
    assert_eq!(world.run(store("unknown", sent)), Err(Rejection::NoAccount));
}

#[test]
fn accounts_are_bounded() {
    let mut world = World::ada();
    for no in 2..=ACCOUNTS_MAX {
        let sub = format!("sub{no}");
        world.run(link(LinkFlow::IdToken, profile(&sub, ADA), &format!("g{no}"))).unwrap();
    }
    let one_more = link(LinkFlow::IdToken, profile("sub", ADA), "g");
    assert_eq!(world.run(one_more), Err(Rejection::TooManyAccounts(ACCOUNTS_MAX)));
    // One that is linked already is updated all the same.
    assert!(world.run(link(LinkFlow::IdToken, profile("sub2", ADA), "g")).is_ok());
}

#[test]
fn what_a_provider_says_is_bounded() {
    let with = |change: &dyn Fn(&mut ProviderProfile)| {
        let mut profile = profile("sub1", ADA);
        change(&mut profile);
        World::ada().run(link(LinkFlow::IdToken, profile, "g1"))
    };
    let refused = |field, problem| Err(Rejection::Invalid(Invalid { field, problem }));
    let id = |len: usize| "1".repeat(len).into();
    assert!(with(&|profile| profile.login.account_id = id(ACCOUNT_ID_BYTES_MAX)).is_ok());
    assert_eq!(
        with(&|profile| profile.login.account_id = id(ACCOUNT_ID_BYTES_MAX + 1)),
        refused("accountId", Problem::TooLong(ACCOUNT_ID_BYTES_MAX))
    );
    assert_eq!(with(&|profile| profile.login.account_id = id(0)), refused("accountId", Problem::Empty));
    let token = |len: usize| Some("t".repeat(len).into());
    assert!(with(&|profile| profile.login.tokens.id = token(SEALED_BYTES_MAX)).is_ok());
    assert_eq!(
        with(&|profile| profile.login.tokens.id = token(SEALED_BYTES_MAX + 1)),
        refused("tokens", Problem::TooLong(SEALED_BYTES_MAX))
    );
    let scopes = |len: usize| (0..len).map(|no| format!("scope{no}").into()).collect();
    assert!(with(&|profile| profile.login.scopes = scopes(SCOPES_MAX)).is_ok());
    assert_eq!(
        with(&|profile| profile.login.scopes = scopes(SCOPES_MAX + 1)),
        refused("scopes", Problem::TooMany(SCOPES_MAX))
    );
}

//! Deletion requests of the platform: the data goes, and whoever has the code sees that it did.

use crate::world::{BAKERY, Tenant, World};
use greenroom::erasure::{self, DeletionStatus};
use greenroom_actors::{
    Entity, EntityId,
    deletion::Deletion,
    user::{Command, User},
};
use greenroom_persistence::{Direction, Seq};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const ISSUED_AT: i64 = 1_767_225_600_000;
/// Real time within which an account is erased.
const DEADLINE: Duration = Duration::from_secs(60);

async fn done(world: &World, code: &str) -> DeletionStatus {
    let done = async {
        loop {
            match erasure::status(&world.app, code).await.unwrap() {
                Some(status) if status.done_at.is_some() => return status,
                Some(status) => assert_eq!(status.word(), "received"),
                None => panic!("the code is not known"),
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, done).await.expect("the account is not erased")
}

#[tokio::test]
async fn a_deletion_request_is_seen_through_and_its_code_tells_so() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let mid = world.dm(BAKERY, 1, "price").await;
    world.comment(BAKERY, 2, "chatter").await;
    world.drain(HOUR).await;
    assert!(world.was_answered(BAKERY, &mid).await);
    let code = erasure::request(&world.app, BAKERY.app_scoped, ISSUED_AT).await.unwrap();
    let status = done(&world, &code).await;
    assert_eq!((status.word(), status.received_at), ("done", world.now()));
    let state = world.state(BAKERY).await;
    assert!(state.integration.is_none() && state.contacts.is_empty() && state.decisions.is_empty());
    assert_eq!(state.list_automations().len(), 1, "what the owner made stays");
    assert_eq!(world.decision_if_any(BAKERY, &mid).await, None);
    // What follows belongs to nobody, and the account can be connected again.
    let late = world.dm(BAKERY, 1, "price").await;
    world.drain(HOUR).await;
    assert_eq!(world.decision_if_any(BAKERY, &late).await, None);
    // The same request again: the same code, and nothing happens.
    assert_eq!(erasure::request(&world.app, BAKERY.app_scoped, ISSUED_AT).await.unwrap(), code);
    assert_eq!(done(&world, &code).await.done_at, status.done_at);
    world.connect(BAKERY).await;
    let again = world.dm(BAKERY, 1, "price").await;
    world.drain(HOUR).await;
    assert!(world.was_answered(BAKERY, &again).await);
    world.close().await;
}

#[tokio::test]
async fn what_is_left_of_a_request_is_a_hash_and_dates() {
    let world = World::bakery().await;
    let code = erasure::request(&world.app, BAKERY.account, ISSUED_AT).await.unwrap();
    done(&world, &code).await;
    let id = EntityId::new(Deletion::KIND, &code).unwrap();
    // The snapshot that takes the place of what was before is taken at once.
    let snapshot = async {
        loop {
            let kept = world.app.stores.snapshots.load(&id).await.unwrap();
            let head = world.app.stores.journal.head(&id).await.unwrap();
            if let Some(kept) = kept.filter(|kept| kept.seq == head) {
                return kept;
            }
            tokio::task::yield_now().await;
        }
    };
    let kept = tokio::time::timeout(DEADLINE, snapshot).await.expect("no snapshot");
    for trace in [BAKERY.account, BAKERY.app_scoped, BAKERY.workspace] {
        assert!(!kept.bytes.windows(trace.len()).any(|part| part == trace.as_bytes()), "{trace}");
    }
    let workspace = EntityId::new(User::KIND, BAKERY.workspace).unwrap();
    let page = world.app.stores.history.page(&workspace, "decisions", None, 9, Direction::Forward).await;
    assert!(page.unwrap().rows.is_empty());
    world.close().await;
}

#[tokio::test]
async fn of_an_unknown_account_everything_is_gone_and_unknown_codes_make_nothing() {
    let world = World::bakery().await;
    let code = erasure::request(&world.app, "26000000000009999", ISSUED_AT).await.unwrap();
    let status = erasure::status(&world.app, &code).await.unwrap().unwrap();
    assert_eq!((status.word(), status.done_at), ("done", Some(world.now())));
    assert!(world.state(BAKERY).await.integration.is_some());
    let position = world.app.stores.journal.position();
    for unknown in ["0123456789abcdef0123456789abcdef", "", "x", "../../etc/passwd", &"a".repeat(10_000)] {
        assert_eq!(erasure::status(&world.app, unknown).await.unwrap(), None, "{unknown}");
    }
    assert_eq!(world.app.stores.journal.position(), position);
    assert_eq!(world.app.deletions.stats().resident, 1, "guessing activates nothing");
    assert_ne!(position.0, Seq::ZERO.0);
    world.close().await;
}

/// Somebody else's workspace, for the same account.
const NEXT: Tenant = Tenant { workspace: "next", ..BAKERY };

#[tokio::test]
async fn what_a_disconnected_account_left_is_found_and_erased_in_every_workspace_that_had_it() {
    let mut world = World::bakery().await;
    world.dm(BAKERY, 1, "hello from one").await;
    world.drain(HOUR).await;
    world.tell(BAKERY, Command::DisconnectInstagram).await;
    // The account goes to another workspace, and away from there too.
    world.adopt(NEXT);
    world.connect(NEXT).await;
    world.dm(NEXT, 2, "hello from two").await;
    world.drain(HOUR).await;
    world.tell(NEXT, Command::DisconnectInstagram).await;
    world.settle().await;
    for tenant in [BAKERY, NEXT] {
        assert_eq!(world.state(tenant).await.contacts.len(), 1);
    }
    // What is known of it outlives a crash.
    world.crash(|_| {}).await;
    let code = erasure::request(&world.app, BAKERY.app_scoped, ISSUED_AT).await.unwrap();
    done(&world, &code).await;
    for tenant in [BAKERY, NEXT] {
        let state = world.state(tenant).await;
        assert!(state.contacts.is_empty() && state.integration.is_none(), "{}", tenant.workspace);
        assert_eq!(state.held_accounts(None).count(), 0);
    }
    // Nobody holds anything any more, by either id.
    for id in [BAKERY.account, BAKERY.app_scoped] {
        assert!(world.app.custodian.holders(id).await.unwrap().is_empty());
    }
    world.close().await;
}

#[tokio::test]
async fn a_connection_made_after_a_deletion_is_held_and_found_again() {
    let world = World::bakery().await;
    let first = erasure::request(&world.app, BAKERY.account, ISSUED_AT).await.unwrap();
    done(&world, &first).await;
    world.connect(BAKERY).await;
    world.dm(BAKERY, 1, "hello again").await;
    world.drain(HOUR).await;
    world.tell(BAKERY, Command::DisconnectInstagram).await;
    world.settle().await;
    let holders = world.app.custodian.holders(BAKERY.app_scoped).await.unwrap();
    assert_eq!(holders, [BAKERY.workspace.into()]);
    let second = erasure::request(&world.app, BAKERY.account, ISSUED_AT + 1_000).await.unwrap();
    assert_ne!(first, second);
    done(&world, &second).await;
    assert!(world.state(BAKERY).await.contacts.is_empty());
    world.close().await;
}

#[tokio::test]
async fn a_request_has_the_same_code_after_the_apps_secret_was_rotated() {
    let mut world = World::bakery().await;
    let code = erasure::request(&world.app, BAKERY.account, ISSUED_AT).await.unwrap();
    done(&world, &code).await;
    world
        .crash(|config| {
            config
                .instagram
                .app_secrets
                .insert(0, greenroom::config::Secret::new("rotated-secret-0123456789"))
        })
        .await;
    assert_eq!(erasure::request(&world.app, BAKERY.account, ISSUED_AT).await.unwrap(), code);
    assert_eq!(erasure::status(&world.app, &code).await.unwrap().unwrap().word(), "done");
    world.close().await;
}

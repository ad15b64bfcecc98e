//! Identities on the real shell: what only the directory and a crash can show.

use super::world::*;
use crate::{
    EntityId,
    clock::ManualClock,
    errand::Stand,
    identity::{
        Command, Email, Identity, IdentityEffect, Rejection, SecretHash,
        command::{DeletionProof, SignUp},
        mail::{MailKind, MailOutcome},
    },
    ports::{Clock, Outlet},
    shell::{AskError, Host, ShellLimits},
};
use async_trait::async_trait;
use greenroom_persistence::{Stores, memory};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

/// Sends every mail, and erases workspaces once it can.
#[derive(Default)]
struct Outside {
    erases: Mutex<bool>,
    seen: Mutex<Vec<IdentityEffect>>,
}

#[async_trait]
impl Outlet<Identity> for Outside {
    async fn run(&self, _: &EntityId, effect: IdentityEffect) -> Option<Command> {
        self.seen.lock().push(effect.clone());
        match effect {
            IdentityEffect::SendMail { id, attempt, .. } => {
                Some(Command::MailFinished { id, attempt, outcome: MailOutcome::Sent })
            }
            // Ends without a word, as a process that is killed does.
            IdentityEffect::EraseWorkspace { .. } if !*self.erases.lock() => None,
            IdentityEffect::EraseWorkspace { attempt } => {
                Some(Command::WorkspaceErased { attempt, erased: true })
            }
        }
    }
}

struct House {
    host: Host<Identity>,
    stores: Stores,
    clock: ManualClock,
    outside: Arc<Outside>,
}

impl House {
    fn open() -> Self {
        let (stores, clock, outside) = (memory::open().0, ManualClock::default(), Arc::default());
        let host = start(&stores, &clock, &outside);
        Self { host, stores, clock, outside }
    }

    fn crash(&mut self) {
        self.host.abort();
        self.host = start(&self.stores, &self.clock, &self.outside);
    }

    async fn ask(&self, user: &str, command: Command) -> Result<(), AskError<Identity>> {
        let bytes = command.bytes();
        self.host.ask(user, command, bytes).await.map(drop)
    }

    async fn holder(&self, name: &str) -> Option<String> {
        self.stores.directory.lookup(name).await.unwrap().map(|id| id.key().to_owned())
    }

    async fn settle(&self) {
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
    }
}

fn start(stores: &Stores, clock: &ManualClock, outside: &Arc<Outside>) -> Host<Identity> {
    let outlet: Arc<dyn Outlet<Identity>> = Arc::<Outside>::clone(outside);
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    Host::start(stores.clone(), outlet, clock, ShellLimits::default()).unwrap()
}

/// Somebody with this address, and with a session of the same name.
fn person(email: &str) -> Command {
    let session = Some(new_session(email));
    Command::SignUp(Box::new(SignUp { email: Email::new(email), session, ..sign_up() }))
}

#[tokio::test]
async fn of_two_sign_ups_with_one_address_exactly_one_wins() {
    let house = House::open();
    let (ada, eve) = tokio::join!(house.ask("ada", person(ADA)), house.ask("eve", person("ADA@example.com")));
    let taken = |result: &Result<(), AskError<Identity>>| matches!(result, Err(AskError::Taken { name }) if *name == format!("email:{ADA}"));
    assert!(ada.is_ok() != eve.is_ok() && (taken(&ada) || taken(&eve)), "{ada:?} {eve:?}");
    let (winner, loser) = if ada.is_ok() { ("ada", "eve") } else { ("eve", "ada") };
    assert_eq!(house.holder(&format!("email:{ADA}")).await.as_deref(), Some(winner));
    assert!(house.host.published(loser).await.unwrap().state.user().is_none());
}

#[tokio::test]
async fn an_address_that_is_taken_is_not_changed_to_and_a_left_one_is_free() {
    let house = House::open();
    house.ask("ada", person(ADA)).await.unwrap();
    house.ask("ben", person("ben@example.com")).await.unwrap();
    let change = |from: &str, to: &str| Command::ChangeEmail {
        from: Email::new(from),
        to: Email::new(to),
        unverify: false,
        mail: None,
    };
    let taken = house.ask("ben", change("ben@example.com", ADA)).await;
    assert!(matches!(taken, Err(AskError::Taken { .. })), "{taken:?}");
    assert_eq!(house.holder("email:ben@example.com").await.as_deref(), Some("ben"));
    house.ask("ada", change(ADA, "new@example.com")).await.unwrap();
    house.ask("ben", change("ben@example.com", ADA)).await.unwrap();
    assert_eq!(house.holder(&format!("email:{ADA}")).await.as_deref(), Some("ben"));
    assert_eq!(house.holder("email:ben@example.com").await, None);
}

#[tokio::test]
async fn of_racing_resets_one_wins() {
    let house = House::open();
    house.ask("ada", person(ADA)).await.unwrap();
    let token = SecretHash::of("t1");
    let request = Command::RequestReset { token, mail: mail(MailKind::ResetPassword, ADA) };
    house.ask("ada", request).await.unwrap();
    let holder = house.holder(&format!("reset:{}", token.hex())).await;
    assert_eq!(holder.as_deref(), Some("ada"));
    let consume = |to: &str| {
        let command =
            Command::ConsumeReset { token, to: to.into(), account: "new".into(), revoke_sessions: false };
        house.ask("ada", command)
    };
    let results: [Result<(), AskError<Identity>>; 3] =
        tokio::join!(consume("x"), consume("y"), consume("z")).into();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refused = |result: &&Result<(), AskError<Identity>>| {
        matches!(result, Err(AskError::Rejected(Rejection::InvalidToken)))
    };
    assert_eq!(results.iter().filter(refused).count(), 2);
    house.settle().await;
    assert_eq!(house.host.published("ada").await.unwrap().state.mails().count(), 0, "sent");
}

#[tokio::test]
async fn a_crash_while_the_workspace_is_erased_does_not_forget_it() {
    let mut house = House::open();
    house.ask("ada", person(ADA)).await.unwrap();
    house.ask("ada", Command::Delete(DeletionProof::Password("p1".into()))).await.unwrap();
    house.settle().await;
    // The names are free at once, also before that is confirmed.
    assert_eq!(house.holder(&format!("email:{ADA}")).await, None);
    house.ask("eve", person(ADA)).await.unwrap();
    house.crash();
    *house.outside.erases.lock() = true;
    house.settle().await;
    let erasure = |house: &House| {
        let host = house.host.clone();
        async move { host.published("ada").await.unwrap().state.tombstone().unwrap().erasure }
    };
    // Nobody asks for the entity: its timer does.
    for _ in 0..20 {
        house.clock.advance(Duration::from_secs(60));
        house.settle().await;
    }
    assert!(house.outside.seen.lock().len() >= 2, "{:?}", house.outside.seen.lock());
    assert!(matches!(erasure(&house).await, Stand::Done { .. }));
}

#[tokio::test]
async fn sessions_are_found_by_their_names_and_swept_by_the_timer() {
    let house = House::open();
    house.ask("ada", person(ADA)).await.unwrap();
    let name = format!("session:{}", SecretHash::of(ADA).hex());
    assert_eq!(house.holder(&name).await.as_deref(), Some("ada"));
    for _ in 0..8 * 24 {
        house.clock.advance(Duration::from_secs(3_600));
        house.settle().await;
    }
    assert_eq!(house.holder(&name).await, None);
}

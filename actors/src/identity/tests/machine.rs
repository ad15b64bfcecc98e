//! Random histories beside a simple model: what each command answers, who is let in, which names are held. The world
//! checks after every command that replay gives the live state and that the directory is what the state says.

use super::world::*;
use crate::{
    Entity, Timestamp,
    identity::{
        Command, Email, Identity, Rejection, SecretHash,
        command::{DeletionProof, LinkFlow},
        mail::{MailId, MailKind, MailOutcome},
        row::{Provider, Purpose},
    },
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

#[derive(Clone, Debug)]
enum Act {
    SignUp,
    SignIn { verified: u8, rehash: Option<u8> },
    Refresh(usize),
    End(usize),
    RevokeOthers(usize),
    RevokeAll,
    ChangePassword { verified: u8, to: u8, revoke: bool },
    Request,
    Consume { token: usize, to: u8, revoke: bool },
    Verify(u8),
    ChangeEmail { from: u8, to: u8 },
    Link(u8),
    Unlink(u8),
    Delete(u8),
    MailOutcome { id: u64, attempt: u32, retry: bool },
    Wait(u32),
    Tick,
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let few = 0..3_u8;
    prop_oneof![
        3 => Just(Act::SignUp),
        6 => (few.clone(), prop::option::of(few.clone()))
            .prop_map(|(verified, rehash)| Act::SignIn { verified, rehash }),
        3 => (0..20_usize).prop_map(Act::Refresh),
        2 => (0..20_usize).prop_map(Act::End),
        1 => (0..20_usize).prop_map(Act::RevokeOthers),
        1 => Just(Act::RevokeAll),
        3 => (few.clone(), few.clone(), any::<bool>())
            .prop_map(|(verified, to, revoke)| Act::ChangePassword { verified, to, revoke }),
        3 => Just(Act::Request),
        4 => (0..8_usize, few.clone(), any::<bool>())
            .prop_map(|(token, to, revoke)| Act::Consume { token, to, revoke }),
        2 => few.clone().prop_map(Act::Verify),
        2 => (few.clone(), few.clone()).prop_map(|(from, to)| Act::ChangeEmail { from, to }),
        2 => few.clone().prop_map(Act::Link),
        2 => (0..4_u8).prop_map(Act::Unlink),
        1 => few.prop_map(Act::Delete),
        4 => (1..6_u64, 1..4_u32, any::<bool>())
            .prop_map(|(id, attempt, retry)| Act::MailOutcome { id, attempt, retry }),
        4 => prop_oneof![1..7_200_u32, 1..600_000_u32].prop_map(Act::Wait),
        2 => Just(Act::Tick),
        1 => Just(Act::Restart),
    ]
}

/// A user, as simple as can be.
#[derive(Clone, Debug, Default)]
struct Model {
    user: Option<Person>,
    deleted: bool,
}

#[derive(Clone, Debug, Default)]
struct Person {
    email: u8,
    verified: bool,
    /// Stored hash, and the one it stands for.
    password: Option<(u8, Option<u8>)>,
    /// Number to end.
    sessions: BTreeMap<usize, Timestamp>,
    resets: BTreeMap<usize, Timestamp>,
    google: BTreeSet<u8>,
}

impl Person {
    fn lets_in(&self, hash: u8) -> bool {
        self.password.is_some_and(|(stored, former)| stored == hash || former == Some(hash))
    }

    fn is_live(&self, session: usize, now: Timestamp) -> bool {
        self.sessions.get(&session).is_some_and(|end| *end >= now)
    }
}

fn email(no: u8) -> String {
    if no == 0 { ADA.to_owned() } else { format!("e{no}@example.com") }
}

fn hash(no: u8) -> String {
    format!("p{no}")
}

/// The play: the world, its model, and numbers of what was made.
struct Play {
    world: World,
    model: Model,
    sessions: usize,
    resets: usize,
}

impl Play {
    fn perform(&mut self, act: &Act) {
        let now = self.world.now;
        let (session, reset) = (self.sessions, self.resets);
        match *act {
            Act::Wait(seconds) => return self.world.wait(Duration::from_secs(seconds.into())),
            Act::Restart => return self.restart(),
            Act::SignUp | Act::SignIn { .. } | Act::ChangePassword { .. } => self.sessions += 1,
            Act::Request => self.resets += 1,
            _ => {}
        }
        let expected = self.model.expect(act, now, session, reset);
        let result = self.world.run(self.command(act, session, reset));
        assert_eq!(result.is_ok(), expected, "{act:?}: {result:?}");
    }

    /// The activation ends; the next one recovers what was durable.
    fn restart(&mut self) {
        let bytes = rmp_serde::to_vec_named(&self.world.identity).unwrap();
        self.world.identity = rmp_serde::from_slice(&bytes).unwrap();
        self.world.identity.restored();
        if let Some(command) = self.world.identity.activated() {
            self.world.run(command).unwrap();
        }
    }

    fn command(&self, act: &Act, session: usize, reset: usize) -> Command {
        let token = |no: usize| SecretHash::of(&format!("s{no}"));
        let started = || new_session(&format!("s{session}"));
        match *act {
            Act::SignUp => {
                let mut new = sign_up();
                new.account.login = crate::identity::command::NewLogin::Password(hash(0).into());
                new.session = Some(started());
                Command::SignUp(Box::new(new))
            }
            Act::SignIn { verified, rehash } => Command::SignIn {
                verified: hash(verified).into(),
                rehash: rehash.map(|to| hash(to).into()),
                session: started(),
            },
            Act::Refresh(no) => Command::RefreshSession { token: token(no) },
            Act::End(no) => Command::EndSession { token: token(no) },
            Act::RevokeOthers(no) => Command::RevokeOtherSessions { keep: token(no) },
            Act::RevokeAll => Command::RevokeAllSessions,
            Act::ChangePassword { verified, to, revoke } => Command::ChangePassword {
                verified: hash(verified).into(),
                to: hash(to).into(),
                revoke: revoke.then(started),
            },
            Act::Request => {
                let to = self.model.user.as_ref().map_or(0, |user| user.email);
                let mail = mail(MailKind::ResetPassword, &email(to));
                Command::RequestReset { token: SecretHash::of(&format!("t{reset}")), mail }
            }
            Act::Consume { token, to, revoke } => Command::ConsumeReset {
                token: SecretHash::of(&format!("t{token}")),
                to: hash(to).into(),
                account: "a1".into(),
                revoke_sessions: revoke,
            },
            Act::Verify(no) => Command::VerifyEmail { email: Email::new(&email(no)), session: None },
            Act::ChangeEmail { from, to } => Command::ChangeEmail {
                from: Email::new(&email(from)),
                to: Email::new(&email(to)),
                unverify: false,
                mail: None,
            },
            Act::Link(no) => Command::LinkAccount {
                flow: LinkFlow::IdToken,
                profile: profile(
                    &format!("sub{no}"),
                    &email(self.model.user.as_ref().map_or(0, |user| user.email)),
                ),
                account: format!("g{no}").into(),
            },
            Act::Unlink(3) => Command::UnlinkAccount { account: "a1".into() },
            Act::Unlink(no) => Command::UnlinkAccount { account: format!("g{no}").into() },
            Act::Delete(verified) => Command::Delete(DeletionProof::Password(hash(verified).into())),
            Act::MailOutcome { id, attempt, retry } => {
                let outcome = if retry {
                    MailOutcome::Retry { reason: "busy".to_owned(), after: None }
                } else {
                    MailOutcome::Sent
                };
                Command::MailFinished { id: MailId(id), attempt, outcome }
            }
            Act::Tick | Act::Wait(_) | Act::Restart => Command::Tick,
        }
    }

    /// What anybody can see is what the model says.
    fn compare(&self) {
        let (world, now) = (&self.world, self.world.now);
        assert_eq!(world.identity.user().is_some(), self.model.user.is_some());
        assert_eq!(world.identity.tombstone().is_some(), self.model.deleted);
        let Some(user) = &self.model.user else {
            return assert!(world.names.is_empty());
        };
        assert_eq!(world.email(), email(user.email));
        assert_eq!(world.identity.user().unwrap().email_verified, user.verified);
        let stored = user.password.map(|(stored, _)| hash(stored));
        assert_eq!(world.password().map(str::to_owned), stored);
        for no in 0..self.sessions {
            let end = user.sessions.get(&no).copied().filter(|end| *end >= now);
            assert_eq!(world.session(&format!("s{no}")).map(|known| known.expires_at), end, "s{no}");
        }
        for no in 0..self.resets {
            let token = SecretHash::of(&format!("t{no}"));
            let live = world.identity.one_time_token(Purpose::ResetPassword, &token, now).is_some();
            assert_eq!(live, user.resets.get(&no).is_some_and(|end| *end >= now), "t{no}");
        }
        for no in 0..3 {
            let linked = world.identity.provider_account(Provider::Google, &format!("sub{no}")).is_some();
            assert_eq!(linked, user.google.contains(&no), "sub{no}");
        }
    }
}

impl Model {
    /// Whether the command succeeds; the model is what it leaves.
    fn expect(&mut self, act: &Act, now: Timestamp, session: usize, reset: usize) -> bool {
        if let Act::SignUp = act {
            let fits = self.user.is_none() && !self.deleted;
            if fits {
                let password = Some((0, None));
                let sessions = [(session, now + DAY * 7)].into();
                self.user = Some(Person { password, sessions, ..Person::default() });
            }
            return fits;
        }
        let Some(user) = &mut self.user else {
            return matches!(act, Act::Tick | Act::MailOutcome { .. });
        };
        match *act {
            Act::Delete(verified) => {
                let fits = user.lets_in(verified);
                if fits {
                    *self = Self { user: None, deleted: true };
                }
                fits
            }
            Act::SignIn { verified, rehash } => user.sign_in(now, session, verified, rehash),
            Act::ChangePassword { verified, to, revoke } => {
                let fits = user.lets_in(verified);
                if fits {
                    user.password = Some((to, None));
                }
                if fits && revoke {
                    user.sessions = [(session, now + DAY * 7)].into();
                }
                fits
            }
            Act::Refresh(no) => {
                let live = user.is_live(no, now);
                if let Some(end) = user.sessions.get_mut(&no).filter(|end| live && **end <= now + DAY * 6) {
                    *end = now + DAY * 7;
                }
                live
            }
            Act::End(no) => {
                user.sessions.remove(&no);
                true
            }
            Act::RevokeOthers(no) => {
                let live = user.is_live(no, now);
                user.sessions.retain(|known, _| !live || *known == no);
                live
            }
            Act::RevokeAll => {
                user.sessions.clear();
                true
            }
            Act::Request => {
                user.resets.insert(reset, now + Duration::from_secs(3_600));
                true
            }
            Act::Consume { token, to, revoke } => {
                let live = user.resets.get(&token).is_some_and(|end| *end >= now);
                if live {
                    user.resets.remove(&token);
                    user.password = Some((to, None));
                }
                user.sessions.retain(|_, _| !(live && revoke));
                live
            }
            Act::Verify(no) => {
                user.verified |= user.email == no;
                user.email == no
            }
            Act::ChangeEmail { from, to } => {
                let fits = user.email == from && from != to;
                if fits {
                    user.email = to;
                    user.resets.clear();
                }
                fits
            }
            Act::Link(no) => {
                user.google.insert(no);
                true
            }
            Act::Unlink(no) => user.unlink(no),
            Act::SignUp | Act::MailOutcome { .. } | Act::Wait(_) | Act::Tick | Act::Restart => true,
        }
    }
}

impl Person {
    fn sign_in(&mut self, now: Timestamp, session: usize, verified: u8, rehash: Option<u8>) -> bool {
        let fits = self.lets_in(verified);
        if fits {
            self.sessions.insert(session, now + DAY * 7);
            if let (Some(to), Some((stored, _))) = (rehash, self.password)
                && stored == verified
                && to != stored
            {
                self.password = Some((to, Some(stored)));
            }
        }
        fits
    }

    fn unlink(&mut self, no: u8) -> bool {
        let accounts = self.google.len() + usize::from(self.password.is_some());
        let known = if no == 3 { self.password.is_some() } else { self.google.contains(&no) };
        let fits = accounts > 1 && known;
        if fits && no == 3 {
            self.password = None;
        } else if fits {
            self.google.remove(&no);
        }
        fits
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_model_says_the_same(acts in prop::collection::vec(act(), 1..60)) {
        let mut play = Play { world: World::vacant(), model: Model::default(), sessions: 0, resets: 0 };
        for act in &acts {
            play.perform(act);
            play.compare();
        }
        // Everything that was on its way comes to its end, and what expired leaves nothing behind.
        play.world.pass(DAY * 60);
        prop_assert!(play.world.identity.sessions.is_empty() && play.world.identity.tokens.is_empty());
        prop_assert!(play.world.identity.mails.is_empty() && play.world.identity.dead_mails.is_empty());
    }
}

#[test]
fn of_two_commands_in_either_order_one_wins() {
    let consume = |to: &str| Command::ConsumeReset {
        token: SecretHash::of("t1"),
        to: to.into(),
        account: "new".into(),
        revoke_sessions: false,
    };
    let delete = Command::Delete(DeletionProof::Password("p1".into()));
    let change = Command::ChangePassword { verified: "p1".into(), to: "p3".into(), revoke: None };
    let swap = |to: &str| Command::ChangeEmail {
        from: Email::new(ADA),
        to: Email::new(to),
        unverify: false,
        mail: None,
    };
    let races: [(Command, Command, Rejection); 5] = [
        (consume("p2"), consume("p3"), Rejection::InvalidToken),
        (delete.clone(), consume("p2"), Rejection::NoUser),
        (consume("p2"), delete, Rejection::PasswordChanged),
        (consume("p2"), change, Rejection::PasswordChanged),
        (swap("b@example.com"), swap("c@example.com"), Rejection::EmailMismatch),
    ];
    for (first, second, rejection) in races {
        let mut world = World::ada();
        world.request_reset("t1");
        assert!(world.run(first.clone()).is_ok(), "{first:?}");
        assert_eq!(world.run(second.clone()), Err(rejection), "{second:?}");
    }
}

#[test]
fn a_command_is_admitted_by_what_is_long_in_it() {
    let small = Command::EndSession { token: SecretHash::of("s1") }.bytes();
    let mut long = mail(MailKind::VerifyEmail, ADA);
    long.payload = "x".repeat(10_000).into();
    assert!(small < 1_000 && Command::SendMail(long).bytes() > 10_000);
    let mut world = World::ada();
    let weight = world.identity.weight();
    world.start("s2");
    assert!(Identity::vacant("x").weight() < weight && weight < world.identity.weight());
}

//! Viral posts: more comments than an hour's budget, paced, counted, shown, and nobody else's problem.

use crate::world::{BAKERY, GYM, POST, Plans, World, message};
use async_trait::async_trait;
use greenroom_actors::{
    EntityId, Timestamp,
    clock::ManualClock,
    id::Mid,
    outbox::{Kind, Lane, SendOutcome},
    ports::{Clock, Outlet},
    user::{
        Command, User,
        command::{Profile, TokenState, WebhooksOutcome},
        effect::UserEffect,
    },
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3_600);
/// Private replies of one account in any hour (platform limit 750, with a margin).
const PRIVATE_REPLIES_PER_HOUR: usize = 700;

/// What everybody is called.
const LONG_NAME: &str = "Wolfeschlegelsteinhausenbergerdorff-Senior";

/// Takes every send, at once, and remembers when.
struct Counting {
    clock: std::sync::OnceLock<ManualClock>,
    sends: Mutex<BTreeMap<String, Vec<(Timestamp, String)>>>,
}

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self { clock: std::sync::OnceLock::new(), sends: Mutex::default() })
    }

    fn of(&self, workspace: &str) -> Vec<(Timestamp, String)> {
        self.sends.lock().get(workspace).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl Outlet<User> for Counting {
    async fn run(&self, workspace: &EntityId, effect: UserEffect) -> Option<Command> {
        match effect {
            UserEffect::Send(request) => {
                let target = match &request.kind {
                    Kind::Dm { to } => to.to_string(),
                    Kind::PrivateReply { comment, .. } | Kind::PublicReply { comment } => comment.to_string(),
                };
                let now = self.clock.get()?.now();
                let mut sends = self.sends.lock();
                let own = sends.entry(workspace.key().to_owned()).or_default();
                own.push((now, target));
                let mid = format!("m_{}_{}", workspace.key(), own.len());
                Some(Command::SendFinished {
                    outbound: request.outbound,
                    attempt: request.attempt,
                    outcome: SendOutcome::Sent { message_id: Mid::from(mid), recipient: None },
                    usage: None,
                })
            }
            UserEffect::NoteCustody { since, account, .. } => {
                Some(Command::CustodyNoted { account, since, made: true })
            }
            UserEffect::Subscribe { since, .. } => {
                Some(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Subscribed })
            }
            UserEffect::ReadSubscription { since, .. } => {
                Some(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Whole })
            }
            UserEffect::CheckToken { .. } => Some(Command::TokenChecked(TokenState::Alive)),
            UserEffect::FetchProfile { person, .. } => {
                let profile = Profile { display_name: Some(LONG_NAME.into()), ..Profile::default() };
                Some(Command::ProfileFetched { person, profile: Some(profile) })
            }
            _ => None,
        }
    }
}

/// One delivery of comments, as a viral post brings them.
fn comments(from: usize, to: usize, at: Timestamp) -> Value {
    let changes: Vec<Value> = (from..to)
        .map(|number| {
            json!({"field": "comments", "value": {"id": format!("1900000000{number:07}"), "text": "LINK please",
                "from": {"id": format!("9100000000{number:07}"), "username": format!("person.{number}")},
                "media": {"id": POST, "media_product_type": "FEED"}}})
        })
        .collect();
    json!({"object": "instagram", "entry": [{"id": BAKERY.account, "time": at.as_millis(), "changes": changes}]})
}

fn busiest_hour(starts: &[Timestamp]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in starts.iter().enumerate() {
        while starts[first] + HOUR <= *at {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// `count` comments of one account within five minutes; the gym is written to all the while.
async fn viral(count: usize) {
    const MINUTES: usize = 5;
    const BATCH: usize = 500;
    let outlet = Counting::new();
    let world = World::with(Plans {
        outlet: Some(Arc::<Counting>::clone(&outlet)),
        tenants: vec![BAKERY, GYM],
        ..Plans::default()
    })
    .await;
    outlet.clock.set(world.clock.clone()).unwrap();
    world.comment_rule(BAKERY, "link", "Here is the recipe", None).await;
    world.rule(GYM, "price", "It is 99.").await;
    let mut asked = 0;
    let mut next = 0;
    for minute in 0..MINUTES {
        let end = count * (minute + 1) / MINUTES;
        while next < end {
            let upto = (next + BATCH).min(end);
            assert_eq!(world.deliver(comments(next, upto, world.now()).to_string()).await, 200);
            next = upto;
        }
        let mid = format!("m_gym_{minute}");
        let dm = message(GYM.account, &format!("92000000000000{minute}"), &mid, "price", world.now());
        assert_eq!(world.deliver(dm.to_string()).await, 200);
        asked += 1;
        world.settle().await;
        assert_eq!(outlet.of(GYM.workspace).len(), asked, "the gym's answer waits behind the bakery's post");
        world.pass(Duration::from_secs(60)).await;
    }
    // Everything that was acknowledged is there, and the owner sees how long it will take.
    let started = outlet.of(BAKERY.workspace).len();
    let now = world.now();
    let stats = world.state(BAKERY).await.outbox.queue_stats(Lane::PrivateReply, now);
    assert_eq!(stats.waiting + started, count, "comments were lost");
    let expected = stats.expected_end.expect("no expected end");
    let (status, view) = world.operator(reqwest::Method::GET, "bakery/outbox").await;
    assert_eq!(status, 200);
    let lane = view["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == "PrivateReply").unwrap();
    assert_eq!(lane["waiting"], stats.waiting);
    let about = lane["about"].as_str().unwrap();
    assert!(about.starts_with(&format!("{} waiting, about ", stats.waiting)), "{about}");
    world.drain_in_strides(Duration::from_secs(20), HOUR * u32::try_from(count / 600 + 2).unwrap()).await;
    let sends = outlet.of(BAKERY.workspace);
    let mut per_comment: HashMap<&str, usize> = HashMap::new();
    for (_, comment) in &sends {
        *per_comment.entry(comment).or_default() += 1;
    }
    assert_eq!((sends.len(), per_comment.len()), (count, count), "lost or sent twice");
    let starts: Vec<Timestamp> = sends.iter().map(|(at, _)| *at).collect();
    assert!(busiest_hour(&starts) <= PRIVATE_REPLIES_PER_HOUR, "{} in one hour", busiest_hour(&starts));
    let end = *starts.last().unwrap();
    let off = end.since(expected).max(expected.since(end));
    assert!(off <= HOUR.max((expected.since(now)) / 10), "expected {expected}, ended {end}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_comments_in_five_minutes_none_lost_none_over_budget() {
    viral(2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_sixty_thousand_comments_in_five_minutes_none_lost_none_over_budget() {
    viral(60_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_500_comments_is_paced_shown_and_answered_once_each() {
    let world = World::bakery().await;
    world.comment_rule(BAKERY, "link", "Here is the recipe", None).await;
    let burst =
        json!({"account": BAKERY.account, "media": POST, "people": 500, "text": "link", "per_second": 0});
    world.post("actions/burst", burst).await;
    world.settle().await;
    let stats = world.state(BAKERY).await.outbox.queue_stats(Lane::PrivateReply, world.now());
    let started = world.sent(BAKERY).await.len();
    assert_eq!(stats.waiting + started, 500);
    let estimate = stats.expected_end.unwrap().since(world.now());
    assert!(estimate > HOUR / 2 && estimate < HOUR, "{estimate:?}");
    let began = world.now();
    world.drain_in_strides(Duration::from_secs(20), 2 * HOUR).await;
    let took = world.now().since(began);
    assert!(took <= estimate + Duration::from_secs(60), "{took:?} instead of {estimate:?}");
    let sent = world.sent(BAKERY).await;
    let comments: std::collections::HashSet<_> =
        sent.iter().map(|one| one["comment_id"].to_string()).collect();
    assert_eq!((sent.len(), comments.len()), (500, 500));
    world.assert_nothing_twice().await;
    let refused = world.calls("messages").await.iter().filter(|call| call["status"] != 200).count();
    assert_eq!(refused, 0, "the platform had to refuse");
    world.close().await;
}

#[tokio::test]
async fn sends_of_one_thread_keep_their_order_and_their_distance() {
    let outlet = Counting::new();
    let world =
        World::with(Plans { outlet: Some(Arc::<Counting>::clone(&outlet)), ..Plans::default() }).await;
    outlet.clock.set(world.clock.clone()).unwrap();
    world.rule(BAKERY, "price", &"{{first_name}} ".repeat(60)).await;
    for (mid, text) in [("m_1", "hello"), ("m_2", "price")] {
        let dm = message(BAKERY.account, "900000000000001", mid, text, world.now());
        assert_eq!(world.deliver(dm.to_string()).await, 200);
        world.settle().await;
    }
    world.drain(Duration::from_secs(60)).await;
    let sends = outlet.of(BAKERY.workspace);
    assert_eq!(sends.len(), 3, "a long answer goes in parts");
    for pair in sends.windows(2) {
        assert!(pair[1].0.since(pair[0].0) >= Duration::from_secs(1), "{pair:?}");
    }
    world.close().await;
}

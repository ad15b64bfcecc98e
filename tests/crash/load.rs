//! What the server is asked to do while it is killed, and what it promised.

use crate::{
    server::Server,
    world::{Person, Tenant, World, text},
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::task::JoinSet;

/// Clients that post at the same time.
const WORKERS: usize = 4;
/// Items of one webhook at most.
const BATCH_MAX: usize = 6;
/// A message that an automation answers.
const KEYWORD: &str = "what is the PRICE?";
/// A message that nothing answers.
const CHATTER: &str = "good morning, how are you?";
/// A comment that an automation answers.
const COMMENT: &str = "LINK please";

/// A direct message of one person.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) tenant: usize,
    pub(crate) igsid: String,
    pub(crate) mid: String,
    /// An automation answers it, and the person wrote nothing else: what the person gets is the answer to this.
    pub(crate) keyword: bool,
}

/// A comment, told by the platform.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) tenant: usize,
    pub(crate) id: String,
}

/// A webhook that was posted at least once.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) body: String,
    pub(crate) messages: Vec<Message>,
    /// It was answered 200 at least once.
    pub(crate) acknowledged: bool,
}

/// Everything that was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Posted by the test.
    pub(crate) posted: Vec<Posted>,
    /// Told by the platform, which goes on until it is answered 200.
    pub(crate) told: Vec<Message>,
    pub(crate) comments: Vec<Comment>,
}

/// The load.
pub(crate) struct Load {
    pub(crate) tenants: Vec<Tenant>,
    /// Each writes one message with a keyword.
    fresh: Mutex<Vec<VecDeque<Person>>>,
    /// Write much that nothing answers, by tenant.
    chatty: Vec<Person>,
    ledger: Mutex<Ledger>,
    seed: u64,
}

/// The server does not answer any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

/// Clients at work.
pub(crate) struct Workers {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Accounts and people that the platform knows and the server does not.
    pub(crate) async fn prepare(world: &World, seed: u64, tenants: usize, people: usize) -> Arc<Self> {
        let mut made = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..tenants {
            let tenant = world.account(&format!("shop.{n}")).await;
            let mut waiting = VecDeque::new();
            for _ in 0..people {
                waiting.push_back(world.person(&tenant).await);
            }
            made.2.push(world.person(&tenant).await);
            made.1.push(waiting);
            made.0.push(tenant);
        }
        let (tenants, fresh, chatty) = made;
        Arc::new(Self { tenants, fresh: Mutex::new(fresh), chatty, ledger: Mutex::default(), seed })
    }

    /// Connects all accounts.
    pub(crate) async fn provision(&self, world: &World, server: &Server, token: &str) {
        for tenant in &self.tenants {
            world.provision(server, token, tenant).await;
        }
    }

    /// What was asked so far.
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap().clone()
    }

    /// Starts clients that ask for about `budget` new things and then repeat themselves.
    pub(crate) fn start(
        self: &Arc<Self>,
        world: &Arc<World>,
        base: &str,
        round: u64,
        budget: usize,
    ) -> Workers {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for worker in 0..WORKERS {
            let (load, world, base) = (Arc::clone(self), Arc::clone(world), base.to_owned());
            let stop = Arc::clone(&stop);
            let seed = self.seed ^ (round << 8) ^ worker as u64;
            tasks.spawn(async move {
                let mut rng = StdRng::seed_from_u64(seed);
                let mut left = budget / WORKERS;
                while !stop.load(Relaxed)
                    && let Ok(new) = load.act(&world, &base, &mut rng, left > 0).await
                {
                    left = left.saturating_sub(new);
                }
            });
        }
        Workers { tasks, stop }
    }

    /// Asks for about `count` new things, one after another.
    pub(crate) async fn ask(&self, world: &World, base: &str, rng: &mut StdRng, count: usize) {
        let mut left = count;
        while left > 0 {
            left = left.saturating_sub(self.act(world, base, rng, true).await.expect("the server answers"));
        }
    }

    /// One thing; how many new items it had.
    async fn act(&self, world: &World, base: &str, rng: &mut StdRng, new: bool) -> Result<usize, Gone> {
        match rng.random_range(0..100) {
            0..20 => self.repeat(world, base, rng).await,
            _ if !new => self.repeat(world, base, rng).await,
            20..35 => Ok(self.tell_message(world, rng).await),
            35..50 => Ok(self.tell_comment(world, rng).await),
            _ => self.post_new(world, base, rng).await,
        }
    }

    /// The platform tells of a message by itself.
    async fn tell_message(&self, world: &World, rng: &mut StdRng) -> usize {
        let tenant = rng.random_range(0..self.tenants.len());
        let Some(person) = self.next_person(tenant) else { return 1 };
        let told = world.dm(&self.tenants[tenant], &person.id, KEYWORD).await;
        let message = Message { tenant, igsid: person.igsid, mid: text(&told["mid"]), keyword: true };
        self.ledger.lock().unwrap().told.push(message);
        1
    }

    async fn tell_comment(&self, world: &World, rng: &mut StdRng) -> usize {
        let tenant = rng.random_range(0..self.tenants.len());
        let id = world.comment(&self.tenants[tenant], COMMENT).await;
        self.ledger.lock().unwrap().comments.push(Comment { tenant, id });
        1
    }

    async fn post_new(&self, world: &World, base: &str, rng: &mut StdRng) -> Result<usize, Gone> {
        let messages: Vec<Message> =
            (0..rng.random_range(1..=BATCH_MAX)).map(|_| self.new_message(rng)).collect();
        let (body, count) = (self.body(&messages), messages.len());
        let place = {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.posted.push(Posted { body: body.clone(), messages, acknowledged: false });
            ledger.posted.len() - 1
        };
        self.post(world, base, place, &body).await?;
        Ok(count)
    }

    /// Posts an earlier webhook again, answered or not: what it says must count once.
    async fn repeat(&self, world: &World, base: &str, rng: &mut StdRng) -> Result<usize, Gone> {
        let chosen = {
            let ledger = self.ledger.lock().unwrap();
            let count = ledger.posted.len();
            (count > 0)
                .then(|| rng.random_range(0..count))
                .map(|place| (place, ledger.posted[place].body.clone()))
        };
        match chosen {
            Some((place, body)) => {
                self.post(world, base, place, &body).await?;
                Ok(0)
            }
            None => self.post_new(world, base, rng).await,
        }
    }

    async fn post(&self, world: &World, base: &str, place: usize, body: &str) -> Result<(), Gone> {
        match world.webhook(base, body).await {
            Some(200) => self.ledger.lock().unwrap().posted[place].acknowledged = true,
            // Refused for a moment: it counts as not answered, like a lost answer.
            Some(503) => {}
            Some(status) => panic!("a signed webhook was answered {status}"),
            None => return Err(Gone),
        }
        Ok(())
    }

    /// Posts every webhook again until it is answered 200, as the platform would.
    pub(crate) async fn post_all_again(&self, world: &World, server: &Server) {
        let bodies: Vec<String> = self.ledger().posted.into_iter().map(|posted| posted.body).collect();
        for (place, body) in bodies.iter().enumerate() {
            let status = world.webhook(&server.base, body).await;
            assert_eq!(status, Some(200), "a webhook is not accepted after the kills\n{}", server.log());
            self.ledger.lock().unwrap().posted[place].acknowledged = true;
        }
    }

    fn next_person(&self, tenant: usize) -> Option<Person> {
        self.fresh.lock().unwrap()[tenant].pop_front()
    }

    fn new_message(&self, rng: &mut StdRng) -> Message {
        let tenant = rng.random_range(0..self.tenants.len());
        let mid = format!("m_crash_{:016x}", rng.next_u64());
        let fresh = if rng.random_bool(0.6) { self.next_person(tenant) } else { None };
        let keyword = fresh.is_some();
        let person = fresh.unwrap_or_else(|| self.chatty[tenant].clone());
        Message { tenant, igsid: person.igsid, mid, keyword }
    }

    /// One delivery with an entry for each account.
    fn body(&self, messages: &[Message]) -> String {
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let mut entries: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for message in messages {
            let account = self.tenants[message.tenant].account.as_str();
            let words = if message.keyword { KEYWORD } else { CHATTER };
            entries.entry(account).or_default().push(json!({
                "sender": {"id": message.igsid}, "recipient": {"id": account}, "timestamp": now,
                "message": {"mid": message.mid, "text": words},
            }));
        }
        let entries: Vec<Value> = entries
            .into_iter()
            .map(|(account, messaging)| json!({"id": account, "time": now, "messaging": messaging}))
            .collect();
        json!({"object": "instagram", "entry": entries}).to_string()
    }
}

impl Workers {
    /// Ends the clients; none of them may have failed.
    pub(crate) async fn stop(mut self) {
        self.stop.store(true, Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a client failed");
        }
    }
}

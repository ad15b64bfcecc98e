//! What must be true after the kills.

use crate::{
    load::{Comment, Ledger, Message},
    server::Server,
    world::{Tenant, World},
};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// Everything must have come to rest by then.
const SETTLE_DEADLINE: Duration = Duration::from_secs(120);
/// Time between two looks at something that tells nobody of its changes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Questions to the server at the same time.
const QUESTIONS_AT_ONCE: usize = 8;
/// Direct messages that a young account sends at once; later ones are paced and wait for minutes (product rule).
pub(crate) const BURST: usize = 10;

/// Asks a running server about a load.
pub(crate) struct Audit<'a> {
    pub(crate) world: &'a World,
    pub(crate) server: &'a Server,
    pub(crate) token: &'a str,
    pub(crate) tenants: &'a [Tenant],
}

/// What was counted; for the eye, and to see that a run was not empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) acknowledged: usize,
    pub(crate) unanswered: usize,
    pub(crate) answered: usize,
    pub(crate) waiting: usize,
    pub(crate) doubtful: usize,
    pub(crate) private_replies: usize,
    pub(crate) public_replies: usize,
}

/// A message in the outbox, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    state: String,
    reason: String,
}

/// One tenant at one instant: what people saw, and what the outbox says of the rest.
struct Books {
    /// Ids of what was sent, by kind and whom it reached: a person, or a comment.
    sent: BTreeMap<(String, String), Vec<String>>,
    /// What has not ended well, by kind and thread.
    listed: BTreeMap<(String, String), Listed>,
}

impl Books {
    fn sent(&self, kind: &str, to: &str) -> &[String] {
        self.sent.get(&(kind.to_owned(), to.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn listed(&self, kind: &str, thread: &str) -> Option<&Listed> {
        self.listed.get(&(kind.to_owned(), thread.to_owned()))
    }
}

impl Listed {
    fn is_doubtful(&self) -> bool {
        matches!(self.state.as_str(), "unconfirmed" | "unknown")
    }
}

impl Audit<'_> {
    /// Waits until the platform has told everything and no send is under way.
    pub(crate) async fn settle(&self) {
        self.world.deliveries_idle(SETTLE_DEADLINE).await;
        let deadline = Instant::now() + SETTLE_DEADLINE;
        for tenant in self.tenants {
            loop {
                let view = self.outbox(tenant).await;
                let sending = view["sending"].as_array().unwrap().len();
                let started =
                    self.world.sent(tenant).await.iter().filter(|sent| sent["kind"] == "message").count()
                        + retried(&view)
                        + dms(&view, "unconfirmed")
                        + dms(&view, "dead_letters");
                if sending == 0 && (dms(&view, "waiting") == 0 || started >= BURST) {
                    break;
                }
                assert!(Instant::now() < deadline, "{} does not come to rest: {view:#}", tenant.workspace);
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        self.world.deliveries_idle(SETTLE_DEADLINE).await;
    }

    async fn outbox(&self, tenant: &Tenant) -> Value {
        self.world.outbox(self.server, self.token, tenant).await
    }

    async fn record(&self, tenant: usize, id: &str) -> Option<Value> {
        self.world.explain(self.server, self.token, &self.tenants[tenant], id).await
    }

    /// What was never answered 200 may be there or not, but never half: either it is decided and answered like anything
    /// else, or nobody heard of it.
    pub(crate) async fn nothing_is_half(&self, ledger: &Ledger) {
        let open = ledger.posted.iter().filter(|posted| !posted.acknowledged);
        let messages: Vec<&Message> = open.flat_map(|posted| &posted.messages).collect();
        let books = self.all_books().await;
        let known: BTreeSet<String> = stream::iter(&messages)
            .map(|message| async move {
                self.record(message.tenant, &message.mid).await.map(|_| message.mid.clone())
            })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        for message in messages.into_iter().filter(|message| message.keyword) {
            let books = &books[message.tenant];
            if known.contains(&message.mid) {
                answered_once(books, message, None);
            } else {
                let sent = books.sent("message", &message.igsid);
                assert!(sent.is_empty(), "an answer without a decision: {message:?} got {sent:?}");
                assert_eq!(
                    books.listed("dm", &message.igsid),
                    None,
                    "{message:?} is queued without a decision"
                );
            }
        }
    }

    /// Everything acknowledged is decided, and what deserves an answer got one, or will, or says why that is not known.
    pub(crate) async fn everything_counts_once(&self, ledger: &Ledger) -> Counts {
        let mut counts = Counts::default();
        for posted in &ledger.posted {
            let count = if posted.acknowledged { &mut counts.acknowledged } else { &mut counts.unanswered };
            *count += posted.messages.len();
        }
        // Paced messages go on being sent: a record is read after the books that it must explain.
        let books = self.all_books().await;
        let acknowledged = ledger.posted.iter().filter(|posted| posted.acknowledged);
        let messages: Vec<&Message> =
            acknowledged.flat_map(|posted| &posted.messages).chain(&ledger.told).collect();
        let decided: Vec<(&Message, Option<Value>)> = stream::iter(messages)
            .map(|message| async move { (message, self.record(message.tenant, &message.mid).await) })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .collect()
            .await;
        let comments: Vec<(&Comment, Option<Value>)> = stream::iter(&ledger.comments)
            .map(|comment| async move { (comment, self.record(comment.tenant, &comment.id).await) })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .collect()
            .await;
        for (message, record) in decided {
            let record =
                record.unwrap_or_else(|| panic!("lost: {message:?} was acknowledged and is unknown"));
            self.message(&books[message.tenant], message, &record, &mut counts);
        }
        for (comment, record) in comments {
            let record = record.unwrap_or_else(|| panic!("lost: {comment:?} was delivered and is unknown"));
            replied_once(&books[comment.tenant], comment, &record, &mut counts);
        }
        self.world.assert_no_duplicates().await;
        counts
    }

    fn message(&self, books: &Books, message: &Message, record: &Value, counts: &mut Counts) {
        assert_eq!(record["person"], message.igsid, "{record:#}");
        if !message.keyword {
            assert!(
                books.sent("message", &message.igsid).is_empty(),
                "nobody asked for an answer: {message:?}"
            );
            return;
        }
        match answered_once(books, message, Some(record)) {
            "answered" => counts.answered += 1,
            "waiting" => counts.waiting += 1,
            _ => counts.doubtful += 1,
        }
    }

    async fn all_books(&self) -> Vec<Books> {
        let mut all = Vec::new();
        for tenant in self.tenants {
            all.push(self.books(tenant).await);
        }
        all
    }

    /// The two sides of one tenant, taken when nothing moved in between.
    async fn books(&self, tenant: &Tenant) -> Books {
        let deadline = Instant::now() + SETTLE_DEADLINE;
        loop {
            let before = self.world.sent(tenant).await;
            self.world.deliveries_idle(SETTLE_DEADLINE).await;
            let view = self.outbox(tenant).await;
            let after = self.world.sent(tenant).await;
            if before == after && view["sending"].as_array().unwrap().is_empty() {
                return keep(&after, &view);
            }
            assert!(Instant::now() < deadline, "{} never stands still", tenant.workspace);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Attempts of messages that wait again after a definite refusal: they used up pace, too.
fn retried(view: &Value) -> usize {
    let dms = view["waiting"].as_array().unwrap().iter().filter(|line| line["kind"] == "dm");
    dms.map(|line| usize::try_from(line["attempts"].as_u64().unwrap()).unwrap()).sum()
}

fn dms(view: &Value, list: &str) -> usize {
    view[list].as_array().unwrap().iter().filter(|line| line["kind"] == "dm").count()
}

fn keep(sent: &[Value], view: &Value) -> Books {
    let mut books = Books { sent: BTreeMap::new(), listed: BTreeMap::new() };
    for item in sent {
        let kind = item["kind"].as_str().unwrap();
        let to = if kind == "message" { &item["person"] } else { &item["comment_id"] };
        let key = (kind.to_owned(), to.as_str().unwrap().to_owned());
        books.sent.entry(key).or_default().push(item["id"].as_str().unwrap().to_owned());
    }
    let mut listed = 0;
    for list in ["waiting", "unconfirmed", "dead_letters"] {
        for line in view[list].as_array().unwrap() {
            let member = |name: &str| line[name].as_str().unwrap().to_owned();
            let entry = Listed { state: member("state"), reason: member("reason") };
            assert!(!entry.reason.is_empty(), "no reason: {line}");
            let earlier = books.listed.insert((member("kind"), member("thread")), entry);
            assert_eq!(earlier, None, "one thing is to be sent twice: {line}");
            listed += usize::from(list != "dead_letters");
        }
    }
    assert_eq!(view["open"], listed, "the view leaves something out: {view:#}");
    books
}

/// An answer reached the person exactly once, or is on its way, or says why that is not known. Says which.
fn answered_once(books: &Books, message: &Message, record: Option<&Value>) -> &'static str {
    let sent = books.sent("message", &message.igsid);
    match (sent, books.listed("dm", &message.igsid)) {
        ([id], None) => {
            if let Some(record) = record {
                assert_eq!(record["delivery"]["state"], "sent", "{message:?}: {record:#}");
                assert_eq!(record["delivery"]["mid"], id.as_str(), "{message:?}: {record:#}");
                assert_eq!(record["automation"]["id"], "price", "{message:?}: {record:#}");
            }
            "answered"
        }
        ([], Some(listed)) if listed.state == "waiting" => "waiting",
        ([] | [_], Some(listed)) if listed.is_doubtful() => "doubtful",
        (sent, listed) => panic!("{message:?} got {sent:?} and the outbox says {listed:?}: {record:#?}"),
    }
}

/// A private reply reached the commenter at most once and the public one followed it at most once; nothing is missing that
/// the outbox does not explain.
fn replied_once(books: &Books, comment: &Comment, record: &Value, counts: &mut Counts) {
    let person = record["person"].as_str().unwrap();
    let private = books.sent("private_reply", &comment.id);
    let public = books.sent("public_reply", &comment.id);
    match (private, books.listed("private_reply", person)) {
        ([_], None) => {
            assert_eq!(record["delivery"]["state"], "sent", "{comment:?}: {record:#}");
            counts.private_replies += 1;
            match (public, books.listed("public_reply", &comment.id)) {
                ([_], None) => counts.public_replies += 1,
                ([], Some(listed)) if listed.state == "waiting" => {}
                ([] | [_], Some(listed)) if listed.is_doubtful() => {}
                (public, listed) => {
                    panic!("{comment:?} got {public:?} in public and the outbox says {listed:?}: {record:#}")
                }
            }
        }
        ([], Some(listed)) if listed.state == "waiting" => counts.waiting += 1,
        ([] | [_], Some(listed)) if listed.is_doubtful() => counts.doubtful += 1,
        (private, listed) => {
            panic!("{comment:?} got {private:?} and the outbox says {listed:?}: {record:#}")
        }
    }
}

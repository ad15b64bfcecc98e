//! Asks a running server and the platform for what [`judge`] needs.

use crate::{
    judge::{self, Books, Counts, Evidence},
    load::Ledger,
    server::Server,
    world::{Tenant, World},
};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::time::Duration;
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

    /// See [`judge::nothing_is_half`].
    pub(crate) async fn nothing_is_half(&self, ledger: &Ledger) {
        let open = ledger.posted.iter().filter(|posted| !posted.acknowledged);
        let asked =
            open.flat_map(|posted| &posted.messages).map(|message| (message.tenant, message.mid.as_str()));
        let evidence = self.evidence(asked).await;
        judge::nothing_is_half(ledger, &evidence).unwrap_or_else(|fault| panic!("{fault:?}"));
    }

    /// See [`judge::everything_counts_once`].
    pub(crate) async fn everything_counts_once(&self, ledger: &Ledger) -> Counts {
        let acknowledged = ledger.posted.iter().filter(|posted| posted.acknowledged);
        let messages = acknowledged.flat_map(|posted| &posted.messages).chain(&ledger.told);
        let messages = messages.map(|message| (message.tenant, message.mid.as_str()));
        let comments = ledger.comments.iter().map(|comment| (comment.tenant, comment.id.as_str()));
        let evidence = self.evidence(messages.chain(comments)).await;
        judge::everything_counts_once(ledger, &evidence).unwrap_or_else(|fault| panic!("{fault:?}"))
    }

    /// The books, and the decisions on what is `asked` about by tenant and id.
    async fn evidence<'a>(&self, asked: impl Iterator<Item = (usize, &'a str)>) -> Evidence {
        // Paced messages go on being sent: a record is read after the books that it must explain.
        let books = self.all_books().await;
        let records = stream::iter(asked)
            .map(|(tenant, id)| async move { Some((id.to_owned(), self.record(tenant, id).await?)) })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        Evidence { books, records, duplicates: self.world.duplicates().await }
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
                return Books::keep(&after, &view).unwrap_or_else(|fault| panic!("{fault:?}"));
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

use super::*;
use crate::{DueChange, Erase, conformance};

fn record(key: &str, expected: u64) -> NewRecord {
    NewRecord {
        entity: EntityId::new("user", key).unwrap(),
        expected_seq: Seq(expected),
        payload: b"event".to_vec(),
        rows: Vec::new(),
        directory: Vec::new(),
        due: DueChange::Unchanged,
        erase: Erase::Nothing,
    }
}

struct Fresh;

#[async_trait]
impl conformance::Engine for Fresh {
    type Place = MemoryHandle;

    async fn create(&self) -> (Stores, MemoryHandle) {
        open()
    }

    async fn reopen(&self, handle: &MemoryHandle) -> Stores {
        handle.reopen()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_promises_of_every_engine() {
    conformance::run(&Fresh).await;
}

#[tokio::test]
async fn faults_come_in_the_order_asked_for() {
    let (stores, handle) = open();
    handle.fail_next_append(Fault::Unavailable);
    handle.fail_next_append(Fault::UnknownLost);
    handle.fail_next_append(Fault::UnknownKept);
    assert!(matches!(stores.journal.append(record("a", 0)).await, Err(AppendError::Unavailable(_))));
    assert!(matches!(stores.journal.append(record("a", 0)).await, Err(AppendError::Unknown(_))));
    assert_eq!(stores.journal.position(), Position::ZERO);
    assert!(matches!(stores.journal.append(record("a", 0)).await, Err(AppendError::Unknown(_))));
    assert_eq!(stores.journal.position(), Position(1));
    assert!(stores.journal.append(record("a", 1)).await.is_ok());
}

#[tokio::test]
async fn a_journal_that_failed_says_so_and_takes_nothing() {
    let (stores, handle) = open();
    assert_eq!(stores.journal.health(), JournalHealth::Open);
    let mut failed = stores.journal.failed();
    assert!(futures_pending(&mut failed).await);
    handle.fail_for_good("no disk");
    assert_eq!(failed.await, "no disk");
    assert_eq!(stores.journal.health(), JournalHealth::Failed("no disk".to_owned()));
    assert!(matches!(stores.journal.append(record("a", 0)).await, Err(AppendError::Unavailable(_))));
    stores.journal.close().await;
    assert_eq!(stores.journal.health(), JournalHealth::Closed);
}

#[tokio::test]
async fn a_paused_append_goes_on_after_resume() {
    let (stores, handle) = open();
    handle.pause_appends();
    let journal = Arc::clone(&stores.journal);
    let mut append = Box::pin(async move { journal.append(record("a", 0)).await });
    assert!(futures_pending(&mut append).await);
    assert_eq!((handle.held_appends(), handle.records().len()), (1, 0));
    handle.resume_appends();
    assert!(append.await.is_ok());
    assert_eq!((handle.held_appends(), handle.records().len()), (0, 1));
}

/// Polls once.
async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending()))
        .await
}

#[tokio::test]
async fn reads_fail_when_asked_to() {
    let (stores, handle) = open();
    handle.fail_next_reads(1);
    let id = EntityId::new("user", "a").unwrap();
    assert!(stores.journal.head(&id).await.is_err());
    assert_eq!(stores.journal.head(&id).await, Ok(Seq::ZERO));
}

#[tokio::test]
async fn pressure_is_told_before_an_append_is_refused() {
    let (stores, handle) = open();
    assert_eq!(stores.journal.pressure(), None);
    let retry_after = Duration::from_millis(70);
    handle.set_pressure(Some(retry_after));
    assert_eq!(stores.journal.pressure(), Some(retry_after));
    let refused = stores.journal.append(record("a", 0)).await;
    assert_eq!(refused, Err(AppendError::Overloaded { retry_after }));
    handle.set_pressure(None);
    stores.journal.append(record("a", 0)).await.unwrap();
}

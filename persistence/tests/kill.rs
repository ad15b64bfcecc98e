//! Kills a process that appends, at no chosen moment, again and again; what it acknowledged must be there afterwards.
//!
//! Runs without the usual harness, because the process that is killed is this program itself.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, and a child that tells what it was promised"
)]

use greenroom_persistence::{
    Direction, DirectoryChange, DueChange, EntityId, HistoryRow, NewRecord, Seq, SnapshotBlob, Stores,
    Timestamp, embedded,
};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

const ROUNDS: usize = 12;
const WRITERS: u64 = 6;
/// After this many acknowledgements in a round, plus a few that depend on the round, the process is killed.
const ACKNOWLEDGED_BEFORE_KILL: usize = 150;

fn main() {
    let mut args = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match (args.next().as_deref(), args.next()) {
        (Some("child"), Some(folder)) => runtime.block_on(append_for_ever(Path::new(&folder))),
        // A test runner that lists tests finds none by name.
        (Some("--list"), _) => {}
        _ => runtime.block_on(kill_and_check()),
    }
}

fn options(folder: &Path) -> embedded::Options {
    embedded::Options {
        segment_bytes: 64 * 1024,
        cache_bytes: 8 * 1024 * 1024,
        flush_bytes: 16 * 1024,
        flush_interval: Duration::from_millis(5),
        checkpoint_bytes: 256 * 1024,
        ..embedded::Options::new(folder)
    }
}

fn entity(writer: u64) -> EntityId {
    EntityId::new("user", &writer.to_string()).unwrap()
}

fn made(writer: u64, n: u64) -> NewRecord {
    NewRecord {
        entity: entity(writer),
        expected_seq: Seq(n),
        payload: format!("{writer}:{n}:").repeat(30).into_bytes(),
        rows: vec![HistoryRow { stream: "m".into(), no: n, bytes: n.to_le_bytes().to_vec() }],
        directory: vec![DirectoryChange::Claim(format!("{writer}:{n}"))],
        due: DueChange::Set(Timestamp::from_millis(i64::try_from(n).unwrap())),
    }
}

/// The process that is killed: prints a line for each append that was acknowledged.
async fn append_for_ever(folder: &Path) {
    let opened = embedded::open(&options(folder), &mut |_| ()).unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let stores = opened.stores.clone();
        writers.spawn(async move {
            let mut n = stores.journal.head(&entity(writer)).await.unwrap().0;
            loop {
                stores.journal.append(made(writer, n)).await.unwrap();
                n += 1;
                println!("{writer} {n}");
                if n % 40 == 0 {
                    let state = SnapshotBlob { seq: Seq(n), bytes: n.to_le_bytes().repeat(500) };
                    stores.snapshots.save(&entity(writer), state).await.unwrap();
                }
            }
        });
    }
    while writers.join_next().await.is_some() {}
}

async fn kill_and_check() {
    let place = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    let mut rebuilds = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("child")
            .arg(place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.by_ref().take(ACKNOWLEDGED_BEFORE_KILL + round * 37) {
            note(&line.unwrap(), &mut acknowledged);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What was printed before the end counts; a line that was cut does not.
        lines.map_while(Result::ok).for_each(|line| note(&line, &mut acknowledged));
        let opened = embedded::open(&options(place.path()), &mut |_| ()).unwrap();
        // What sled lost where the start does not look is built again meanwhile.
        let audit = opened.handle.audited().await;
        rebuilds += usize::from(opened.report.rebuilt.is_some() || !audit.problems.is_empty());
        for (writer, count) in &acknowledged {
            check(&opened.stores, *writer, *count).await;
        }
        let journal = Arc::clone(&opened.stores.journal);
        journal.close().await;
        drop(opened);
        let report = embedded::verify(&options(place.path()), &mut |_| ()).unwrap();
        assert_eq!(report.problems, vec![], "round {round}");
    }
    assert!(acknowledged.len() as u64 == WRITERS);
    println!("{ROUNDS} kills, nothing lost, working set rebuilt {rebuilds} times");
}

fn note(line: &str, acknowledged: &mut HashMap<u64, u64>) {
    if let Some((writer, count)) = line.split_once(' ')
        && let (Ok(writer), Ok(count)) = (writer.parse(), count.parse::<u64>())
    {
        let kept = acknowledged.entry(writer).or_insert(0);
        // A number that was cut is smaller, so it changes nothing.
        *kept = count.max(*kept);
    }
}

async fn check(stores: &Stores, writer: u64, count: u64) {
    let id = entity(writer);
    let head = stores.journal.head(&id).await.unwrap();
    assert!(head.0 >= count, "writer {writer}: {count} acknowledged, {head} kept");
    let snapshot = stores.snapshots.load(&id).await.unwrap();
    let from = snapshot.as_ref().map_or(Seq::ZERO, |kept| kept.seq);
    assert!(snapshot.is_none_or(|kept| kept.bytes == kept.seq.0.to_le_bytes().repeat(500)));
    let tail = stores.journal.tail(&id, from).await.unwrap();
    for (n, stored) in (from.0..).zip(&tail) {
        assert_eq!(stored.record, made(writer, n), "writer {writer}");
    }
    assert_eq!(from.0 + tail.len() as u64, head.0);
    let rows = stores.history.page(&id, "m", None, usize::MAX - 1, Direction::Forward).await.unwrap().rows;
    assert_eq!(rows.iter().map(|(no, _)| *no).collect::<Vec<_>>(), (0..head.0).collect::<Vec<_>>());
    for n in (0..head.0).step_by(13) {
        assert_eq!(stores.directory.lookup(&format!("{writer}:{n}")).await.unwrap(), Some(id.clone()));
    }
    let due = stores.timers.due(Timestamp::MAX, None, 100).await.unwrap();
    let own: Vec<_> = due.iter().filter(|entry| entry.entity == id).collect();
    assert!(
        matches!(own.as_slice(), [entry] if entry.due.as_millis().unsigned_abs() == head.0 - 1),
        "{own:?}"
    );
}

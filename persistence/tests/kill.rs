//! Kills a process that appends, at no chosen moment, again and again; what it acknowledged must be there afterwards.
//!
//! Then the same with a journal that acknowledges before it writes: the check must find that out.
//!
//! Runs without the usual harness, because the process that is killed is this program itself.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, and a child that tells what it was promised"
)]

use greenroom_persistence::{
    Direction, DirectoryChange, DueChange, EntityId, Erase, HistoryRow, NewRecord, Seq, SnapshotBlob, Stores,
    Timestamp, embedded,
};
use std::{
    collections::{HashMap, VecDeque},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

const ROUNDS: usize = 12;
const WRITERS: u64 = 6;
/// A writer erases its history with every so many records.
const ERASED_EVERY: u64 = 50;
/// After this many acknowledgements in a round, plus a few that depend on the round, the process is killed.
const ACKNOWLEDGED_BEFORE_KILL: usize = 150;
/// Records of each writer that the cheating journal has acknowledged and not written.
const HELD_BACK: usize = 3;

fn main() {
    let mut args = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match (args.next().as_deref(), args.next()) {
        (Some("child"), Some(folder)) => runtime.block_on(append_for_ever(Path::new(&folder), 0)),
        (Some("cheating-child"), Some(folder)) => {
            runtime.block_on(append_for_ever(Path::new(&folder), HELD_BACK));
        }
        // A test runner that lists tests finds none by name.
        (Some("--list"), _) => {}
        _ => runtime.block_on(async {
            kill_and_check().await;
            cheating_is_found_out().await;
        }),
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
        erase: if n % ERASED_EVERY == ERASED_EVERY - 1 { Erase::History } else { Erase::Nothing },
    }
}

/// A journal that acknowledges the newest `held_back` records before it writes them; with zero, the honest one.
struct Acknowledging {
    stores: Stores,
    held: VecDeque<NewRecord>,
    held_back: usize,
}

impl Acknowledging {
    async fn append(&mut self, record: NewRecord) {
        self.held.push_back(record);
        while self.held.len() > self.held_back {
            self.stores.journal.append(self.held.pop_front().unwrap()).await.unwrap();
        }
    }
}

/// The process that is killed: prints a line for each append that was acknowledged.
async fn append_for_ever(folder: &Path, held_back: usize) {
    let opened = embedded::open(&options(folder), &mut |_| ()).unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let stores = opened.stores.clone();
        writers.spawn(async move {
            let mut n = stores.journal.head(&entity(writer)).await.unwrap().0;
            let mut journal = Acknowledging { stores: stores.clone(), held: VecDeque::new(), held_back };
            loop {
                journal.append(made(writer, n)).await;
                n += 1;
                println!("{writer} {n}");
                if n % 40 == 0 && held_back == 0 {
                    let state = SnapshotBlob { seq: Seq(n), bytes: n.to_le_bytes().repeat(500) };
                    stores.snapshots.save(&entity(writer), state).await.unwrap();
                }
            }
        });
    }
    while writers.join_next().await.is_some() {}
}

/// Starts the process, kills it, and collects what it acknowledged.
fn live_and_die(kind: &str, folder: &Path, acknowledgements: usize, acknowledged: &mut HashMap<u64, u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(kind)
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.by_ref().take(acknowledgements) {
        note(&line.unwrap(), acknowledged);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What was printed before the end counts; a line that was cut does not.
    lines.map_while(Result::ok).for_each(|line| note(&line, acknowledged));
}

async fn kill_and_check() {
    let place = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    let mut rebuilds = 0;
    for round in 0..ROUNDS {
        live_and_die("child", place.path(), ACKNOWLEDGED_BEFORE_KILL + round * 37, &mut acknowledged);
        let opened = embedded::open(&options(place.path()), &mut |_| ()).unwrap();
        // What sled lost where the start does not look is built again meanwhile.
        let audit = opened.handle.audited().await;
        rebuilds += usize::from(opened.report.rebuilt.is_some() || !audit.problems.is_empty());
        assert_eq!(faults(&opened.stores, &acknowledged).await, Vec::<String>::new(), "round {round}");
        let journal = Arc::clone(&opened.stores.journal);
        journal.close().await;
        drop(opened);
        let report = embedded::verify(&options(place.path()), &mut |_| ()).unwrap();
        assert_eq!(report.problems, vec![], "round {round}");
    }
    assert!(acknowledged.len() as u64 == WRITERS);
    println!("{ROUNDS} kills, nothing lost, working set rebuilt {rebuilds} times");
}

async fn cheating_is_found_out() {
    let place = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    live_and_die("cheating-child", place.path(), ACKNOWLEDGED_BEFORE_KILL, &mut acknowledged);
    let opened = embedded::open(&options(place.path()), &mut |_| ()).unwrap();
    let found = faults(&opened.stores, &acknowledged).await;
    let lost = found.iter().filter(|fault| fault.contains("acknowledged")).count();
    assert!(lost > 0, "a journal that acknowledges before it writes is taken for an honest one: {found:?}");
    opened.stores.journal.close().await;
    println!("a cheating journal was found out for {lost} of {} writers", acknowledged.len());
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

/// What is not as it was acknowledged, by writer.
async fn faults(stores: &Stores, acknowledged: &HashMap<u64, u64>) -> Vec<String> {
    let mut found = Vec::new();
    for (writer, count) in acknowledged {
        if let Err(what) = check(stores, *writer, *count).await {
            found.push(format!("writer {writer}: {what}"));
        }
    }
    found
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

async fn check(stores: &Stores, writer: u64, count: u64) -> Result<(), String> {
    let id = entity(writer);
    let head = stores.journal.head(&id).await.unwrap();
    ensure(head.0 >= count, || format!("{count} acknowledged, {head} kept"))?;
    let snapshot = stores.snapshots.load(&id).await.unwrap();
    let from = snapshot.as_ref().map_or(Seq::ZERO, |kept| kept.seq);
    let is_right = snapshot.is_none_or(|kept| kept.bytes == kept.seq.0.to_le_bytes().repeat(500));
    ensure(is_right, || format!("another state at {from}"))?;
    let tail = stores.journal.tail(&id, from).await.unwrap();
    for (n, stored) in (from.0..).zip(&tail) {
        ensure(stored.record == made(writer, n), || format!("another record at {n}: {stored:?}"))?;
    }
    ensure(from.0 + tail.len() as u64 == head.0, || format!("{} records after {from}", tail.len()))?;
    let rows = stores.history.page(&id, "m", None, usize::MAX - 1, Direction::Forward).await.unwrap().rows;
    let first = ((head.0 / ERASED_EVERY) * ERASED_EVERY).saturating_sub(1);
    let is_right = rows.iter().map(|(no, _)| *no).eq(first..head.0);
    ensure(is_right, || format!("{} rows, not those from {first} to {head}", rows.len()))?;
    for n in (0..head.0).step_by(13) {
        let owner = stores.directory.lookup(&format!("{writer}:{n}")).await.unwrap();
        ensure(owner.as_ref() == Some(&id), || format!("name {n} belongs to {owner:?}"))?;
    }
    let due = stores.timers.due(Timestamp::MAX, None, 100).await.unwrap();
    let own: Vec<_> = due.iter().filter(|entry| entry.entity == id).collect();
    let is_right = matches!(own.as_slice(), [entry] if entry.due.as_millis().unsigned_abs() == head.0 - 1);
    ensure(is_right, || format!("timers {own:?}"))
}

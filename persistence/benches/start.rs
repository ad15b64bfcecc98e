//! How long a start takes after the process was killed, by number of entities.
//!
//! ```sh
//! cargo bench -p greenroom-persistence --bench start -- 20000 100000 300000
//! ```
//!
//! A child process fills a data folder, brings it into the working set and is killed; this process then opens the
//! folder and prints how long that took. Each entity has one record with a row, a name and a timer, and a snapshot.
//! Files are in the system's cache: what the disk would add is not in the figures.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool that measures, and a child that tells when it is ready"
)]

use greenroom_persistence::{
    DirectoryChange, DueChange, EntityId, Erase, HistoryRow, NewRecord, Seq, SnapshotBlob, Stores, Timestamp,
    embedded,
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Sizes without arguments, in entities.
const SIZES: [u64; 3] = [20_000, 100_000, 300_000];
/// Appends at the same time while a folder is filled.
const WRITERS: u64 = 512;
const PAYLOAD_BYTES: usize = 600;
const ROW_BYTES: usize = 300;
const SNAPSHOT_BYTES: usize = 3_000;
/// What the child says when everything is in the working set.
const READY: &str = "ready";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match args.as_slice() {
        [child, folder, entities] if child == "child" => {
            runtime.block_on(fill(Path::new(folder), entities.parse().unwrap()));
        }
        sizes => {
            let given: Vec<u64> = sizes.iter().map(|size| size.parse().unwrap()).collect();
            for entities in if given.is_empty() { SIZES.to_vec() } else { given } {
                runtime.block_on(measure(entities));
            }
        }
    }
}

/// Fills the folder and waits to be killed.
async fn fill(folder: &Path, entities: u64) {
    let opened = embedded::open(&embedded::Options::new(folder), &mut |_| ()).unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let stores = opened.stores.clone();
        writers.spawn(async move {
            for n in (writer..entities).step_by(usize::try_from(WRITERS).unwrap()) {
                add(&stores, n).await;
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    if entities > 1 {
        opened.handle.checkpoint().await.unwrap();
    }
    while opened.handle.lag_bytes() > 0 {
        opened.handle.flush_soon();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("{READY}");
    std::future::pending::<()>().await;
}

async fn add(stores: &Stores, n: u64) {
    let entity = EntityId::new("user", &format!("{n:09}")).unwrap();
    // Not all alike, so that they do not pack to nothing.
    let bytes = |length: usize| -> Vec<u8> {
        (0..length as u64)
            .map(|at| (n.wrapping_mul(0x9e37_79b9).wrapping_add(at * at) >> 3).to_le_bytes()[0])
            .collect()
    };
    let record = || NewRecord {
        entity: entity.clone(),
        expected_seq: Seq::ZERO,
        payload: bytes(PAYLOAD_BYTES),
        rows: vec![HistoryRow { stream: "m".into(), no: n, bytes: bytes(ROW_BYTES) }],
        directory: vec![DirectoryChange::Claim(format!("account:{n}"))],
        due: DueChange::Set(Timestamp::from_millis(i64::try_from(n).unwrap())),
        erase: Erase::Nothing,
    };
    while let Err(error) = stores.journal.append(record()).await {
        assert!(matches!(error, greenroom_persistence::AppendError::Overloaded { .. }), "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let state = || SnapshotBlob { seq: Seq(1), bytes: bytes(SNAPSHOT_BYTES) };
    while stores.snapshots.save(&entity, state()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn measure(entities: u64) {
    let place = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", place.path().to_str().unwrap(), &entities.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.next().unwrap().unwrap();
    assert_eq!(said, READY);
    child.kill().unwrap();
    child.wait().unwrap();
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut phases: Vec<(embedded::Phase, Instant)> = Vec::new();
    let opened = embedded::open(&embedded::Options::new(place.path()), &mut |step| {
        if phases.last().is_none_or(|(phase, _)| *phase != step.phase) {
            phases.push((step.phase, Instant::now()));
        }
    })
    .unwrap();
    let open = started.elapsed();
    let cpu = cpu_seconds() - cpu;
    println!("{entities:>9} entities: open {open:.2?}, {cpu:.2} s of CPU  {:?}", opened.report.rebuilt);
    for (phase, at) in phases {
        println!("          {phase:?} began after {:.2?}", at - started);
    }
    let audit = opened.handle.audited().await;
    println!("          everything was checked after {:.2?}: {:?}", started.elapsed(), audit.problems);
    opened.stores.journal.close().await;
}

/// User and system time of this process, from Linux' accounting in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

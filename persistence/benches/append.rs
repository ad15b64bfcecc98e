//! Durable appends: the engine with many waiting writers, beside a bare loop of write and `fdatasync` on the same disk.
//!
//! `cargo bench -p greenroom-persistence --bench append [-- <seconds per case>]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool that prints its result and may stop at any error"
)]
#![expect(clippy::disallowed_methods, reason = "measures time")]

use greenroom_persistence::{DueChange, EntityId, Erase, NewRecord, Seq, embedded};
use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const PAYLOAD_BYTES: usize = 300;
const ENTITIES: usize = 10_000;

fn main() {
    let seconds = std::env::args().filter_map(|arg| arg.parse().ok()).next_back().unwrap_or(3);
    let span = Duration::from_secs(seconds);
    bare_loop(span, 1);
    bare_loop(span, 256);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for writers in [1, 16, 256, 2048] {
        runtime.block_on(engine(span, writers, None));
    }
    runtime.block_on(engine(span, 256, Some(25_000)));
}

/// Groups of `records` written to a preallocated file, each made durable.
fn bare_loop(span: Duration, records: usize) {
    let place = tempfile::tempdir_in(".").unwrap();
    let file = File::create(place.path().join("bare")).unwrap();
    file.write_all_at(&vec![0; 256 * 1024 * 1024], 0).unwrap();
    file.sync_all().unwrap();
    let group = vec![7; (PAYLOAD_BYTES + 60) * records];
    let (started, mut offset, mut written) = (Instant::now(), 0, 0_u64);
    while started.elapsed() < span {
        file.write_all_at(&group, offset).unwrap();
        file.sync_data().unwrap();
        offset = (offset + group.len() as u64) % (200 * 1024 * 1024);
        written += records as u64;
    }
    report(&format!("bare loop, groups of {records}"), written, started.elapsed(), &[], 0.0);
}

/// Writers that each wait for durability before their next append, over many entities.
async fn engine(span: Duration, writers: usize, per_second: Option<u64>) {
    let place = tempfile::tempdir_in(".").unwrap();
    let opened = embedded::open(&embedded::Options::new(place.path()), &mut |_| ()).unwrap();
    let appended = Arc::new(AtomicU64::new(0));
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let journal = Arc::clone(&opened.stores.journal);
        let appended = Arc::clone(&appended);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let own = (ENTITIES / writers).max(1);
            let entity = |n| EntityId::new("user", &format!("{writer}-{n}")).unwrap();
            let mut entities: Vec<_> = (0..own).map(|n| (entity(n), 0)).collect();
            let pace = per_second.map(|rate| Duration::from_secs_f64(writers as f64 / rate as f64));
            let mut next = 0;
            while started.elapsed() < span {
                let (entity, seq) = entities.get_mut(next % own).unwrap();
                let begun = Instant::now();
                journal.append(record(entity.clone(), *seq)).await.unwrap();
                latencies.push(begun.elapsed());
                *seq += 1;
                next += 1;
                appended.fetch_add(1, Ordering::Relaxed);
                if let Some(pace) = pace {
                    tokio::time::sleep(pace.saturating_sub(begun.elapsed())).await;
                }
            }
            latencies
        });
    }
    let mut latencies: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    latencies.sort_unstable();
    let rate = per_second.map_or(String::new(), |rate| format!(" at {rate}/s"));
    let spent = cpu_seconds() - cpu;
    report(
        &format!("{writers} writers{rate}"),
        appended.load(Ordering::Relaxed),
        started.elapsed(),
        &latencies,
        spent,
    );
    opened.stores.journal.close().await;
}

fn record(entity: EntityId, seq: u64) -> NewRecord {
    NewRecord {
        entity,
        expected_seq: Seq(seq),
        payload: vec![7; PAYLOAD_BYTES],
        rows: Vec::new(),
        directory: Vec::new(),
        due: DueChange::Unchanged,
        erase: Erase::Nothing,
    }
}

/// User and system time of this process, from Linux' accounting in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn report(name: &str, records: u64, took: Duration, latencies: &[Duration], cpu: f64) {
    let at = |percent: usize| {
        latencies.get((latencies.len() * percent / 100).min(latencies.len().saturating_sub(1)))
    };
    let millis = |percent| at(percent).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0);
    let rate = records as f64 / took.as_secs_f64();
    let (p50, p99, cores) = (millis(50), millis(99), cpu / took.as_secs_f64());
    println!("{name:28} {rate:>9.0} records/s  p50 {p50:.2} ms  p99 {p99:.2} ms  {cores:.2} cores");
}

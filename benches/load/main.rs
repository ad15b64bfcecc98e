//! End-to-end load with verification, durability on. See `benches/README.md`.
//!
//! `cargo bench --bench load [-- <scenario>… --events N --accounts N --connections N]`

mod activation;
mod baseline;
mod clock;
mod http;
mod machine;
mod memory;
mod open_loop;
mod outlet;
mod payload;
mod report;
mod scenarios;
mod stage;

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// The same door with a signature check only, and with a durable append of the raw body.
    Baseline,
    /// One message per delivery, over all accounts, no reply.
    Single,
    /// One message per delivery, all to one account.
    Hot,
    /// Each message causes a reply.
    Reply,
    /// 100 messages per delivery, ten accounts each.
    Batched,
    /// Answers under a steady rate: half of the capacity, and 12,500 per second.
    Latency,
    /// Answers to the other accounts while one is hot.
    HotVsMany,
    /// From disk to answer, for a workspace with 1,000 contacts.
    Activation,
    /// Resident bytes per idle workspace.
    Memory,
}

/// Open-loop load on the whole server, in this process.
#[derive(Parser, Debug)]
struct Args {
    /// What to measure; everything when empty.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// Messages per scenario.
    #[arg(long, default_value_t = 200_000)]
    events: u32,
    /// Accounts.
    #[arg(long, default_value_t = 10_000)]
    accounts: u32,
    /// Connections of the load.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Offered rate per second instead of the scenario's own.
    #[arg(long)]
    rate: Option<f64>,
    /// Threads of the load's runtime.
    #[arg(long, default_value_t = 1)]
    load_threads: usize,
    /// Writes the workspaces that `memory` looks at into a folder, then ends.
    #[arg(long, hide = true)]
    prepare: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(folder) = &args.prepare {
        return memory::prepare(folder, args.accounts);
    }
    let folder = stage::temporary()?;
    report::head(&[
        machine::describe(),
        format!(
            "server: {} threads, embedded engine with durability on, one write made durable in {} µs",
            stage::SERVER_THREADS,
            machine::sync_micros(folder.path())?
        ),
        format!("load: {} threads on the same cores, {} connections", args.load_threads, args.connections),
    ]);
    let chosen = if args.scenarios.is_empty() { Scenario::value_variants() } else { &args.scenarios };
    let bench = scenarios::Bench::new(&args)?;
    for scenario in chosen {
        match scenario {
            Scenario::Baseline => bench.baseline()?,
            Scenario::Single => bench.single()?,
            Scenario::Hot => bench.hot()?,
            Scenario::Reply => bench.reply()?,
            Scenario::Batched => bench.batched()?,
            Scenario::Latency => bench.latency()?,
            Scenario::HotVsMany => bench.hot_vs_many()?,
            Scenario::Activation => activation::run()?,
            Scenario::Memory => memory::run(args.accounts)?,
        }
    }
    Ok(())
}

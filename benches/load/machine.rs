//! What the kernel says about this process and machine.

use std::{collections::BTreeMap, fs, path::Path};

/// Ticks of `/proc` in one second (fixed on Linux).
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes of a page on the machines that this runs on.
const PAGE_BYTES: u64 = 4096;

/// Seconds of processor time used so far, by name of thread.
pub(crate) fn cpu_by_thread() -> BTreeMap<String, f64> {
    let mut used = BTreeMap::new();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return used };
    for task in tasks.flatten() {
        let Ok(stat) = fs::read_to_string(task.path().join("stat")) else { continue };
        if let Some((name, seconds)) = thread_of(&stat) {
            *used.entry(name).or_insert(0.0) += seconds;
        }
    }
    used
}

/// `pid (name) state …`: user and system time are the 12th and 13th fields after the name.
fn thread_of(stat: &str) -> Option<(String, f64)> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some((name.to_owned(), ticks / TICKS_PER_SECOND))
}

/// Resident bytes of this process.
pub(crate) fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES
}

/// Processor, cores, memory and load average, in one line.
pub(crate) fn describe() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0);
    let load = load_average();
    format!("{model}, {cores} cores, {} GiB, load average {load}", kilobytes / (1024 * 1024))
}

/// Load average of the last minute.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|one| one.parse().ok()).unwrap_or(f64::NAN)
}

/// Median time of a small write made durable in a folder, in microseconds.
pub(crate) fn sync_micros(folder: &Path) -> anyhow::Result<u64> {
    use std::{io::Write, os::unix::fs::FileExt, time::Instant};
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&vec![0; 1 << 20])?;
    file.sync_all()?;
    let mut times = Vec::new();
    for n in 0..100_u64 {
        #[expect(clippy::disallowed_methods, reason = "measures time")]
        let begun = Instant::now();
        file.write_all_at(&[1; 4096], n * 4096)?;
        file.sync_data()?;
        times.push(u64::try_from(begun.elapsed().as_micros())?);
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

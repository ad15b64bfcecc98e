//! A disk that lies: files of a stopped server vanish, change or end early. Nothing acknowledged is lost, or the start
//! stops and names the place.

use crate::{
    audit::Audit,
    load::Load,
    seeded,
    server::{Home, Server, files},
    world::World,
};
use rand::{Rng, RngExt, rngs::StdRng};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Workspaces, and people of each who write something that is answered.
const TENANTS: usize = 4;
const PEOPLE: usize = 20;
/// New things that are asked for between two looks at the disk.
const BUDGET: usize = 60;
/// Where a segment's salt stands; the first bytes of it mark the beginning of each group.
const MARK: std::ops::Range<usize> = 24..32;

/// A server with some work behind it, and the platform.
struct Stage {
    home: Home,
    world: Arc<World>,
    load: Arc<Load>,
    token: String,
    rng: StdRng,
}

impl Stage {
    /// A stopped server: killed after its work, so that the working set is behind the journal.
    async fn killed(test: &str) -> Self {
        let (seed, rng) = seeded(test);
        let world = Arc::new(World::new().await);
        let mut home = Home::new(&world.sandbox_url());
        let load = Load::prepare(&world, seed, TENANTS, PEOPLE).await;
        let server = home.start();
        let token = home.token();
        load.provision(&world, &server, &token).await;
        let mut stage = Self { home, world, load, token, rng };
        stage.work(&server).await;
        server.kill();
        stage
    }

    async fn work(&mut self, server: &Server) {
        self.load.ask(&self.world, &server.base, &mut self.rng, BUDGET).await;
    }

    /// Everything that was asked for is there, once.
    async fn audit(&self, server: &Server) {
        let audit = Audit { world: &self.world, server, token: &self.token, tenants: &self.load.tenants };
        audit.settle().await;
        let counts = audit.everything_counts_once(&self.load.ledger()).await;
        assert!(counts.acknowledged > 0 && counts.answered > 0, "{counts:?}");
    }

    fn newest_segment(&self) -> PathBuf {
        self.home.segments().pop().unwrap()
    }
}

/// Offset after the last byte that is not zero.
fn end_of(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

/// Offset of the last group of a segment.
fn last_group(bytes: &[u8]) -> usize {
    let mark = &bytes[MARK];
    bytes.windows(mark.len()).rposition(|window| window == mark).unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_working_set_that_vanishes_or_changes_costs_nothing_but_time() {
    let mut stage = Stage::killed("working_set").await;
    for damage in ["gone", "emptied", "bytes changed", "files cut"] {
        let folder = stage.home.working_set();
        match damage {
            "gone" => fs::remove_dir_all(&folder).unwrap(),
            "emptied" => files(&folder).iter().for_each(|file| fs::remove_file(file).unwrap()),
            "bytes changed" => spoil(&folder, &mut stage.rng, |bytes, rng| {
                for _ in 0..1 + bytes.len() / 4_096 {
                    let at = rng.random_range(0..bytes.len());
                    bytes[at] ^= 1 << rng.random_range(0..8);
                }
            }),
            _ => {
                spoil(&folder, &mut stage.rng, |bytes, rng| bytes.truncate(rng.random_range(0..bytes.len())))
            }
        }
        let verified = stage.home.verify();
        let stops = verified.text.contains("(stops the start)");
        assert!(!stops, "{damage}: {}", verified.text);
        let server = stage.home.start();
        stage.audit(&server).await;
        if damage != "emptied" {
            assert!(server.log().contains("built again"), "{damage}, and nothing is said:\n{}", server.log());
        }
        stage.work(&server).await;
        server.kill();
    }
    let server = stage.home.start();
    stage.audit(&server).await;
    server.stop();
    let verified = stage.home.verify();
    assert!(verified.is_sound, "{}", verified.text);
}

/// Changes every file of a folder that has bytes.
fn spoil(folder: &Path, rng: &mut StdRng, mut change: impl FnMut(&mut Vec<u8>, &mut StdRng)) {
    for file in files(folder) {
        let mut bytes = fs::read(&file).unwrap();
        if !bytes.is_empty() {
            change(&mut bytes, rng);
            fs::write(&file, bytes).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_in_the_journal_stops_the_start_and_is_named() {
    let mut stage = Stage::killed("flipped_byte").await;
    let segments = stage.home.segments();
    assert!(segments.len() > 1, "the journal is too short to have a middle");
    for segment in [segments.first().unwrap().clone(), stage.newest_segment()] {
        let bytes = fs::read(&segment).unwrap();
        // Anywhere after the header and before the last group: a whole group follows, so this is no torn tail.
        let at = stage.rng.random_range(MARK.end + 32..last_group(&bytes));
        flip(&segment, at);

        let said = stage.home.start_refused();
        for word in [name_of(&segment), "is damaged at offset", "at position"] {
            assert!(said.contains(word), "byte {at}: no {word:?} in {said:?}");
        }
        let verified = stage.home.verify();
        let named = verified.text.lines().any(|line| {
            line.starts_with("PROBLEM")
                && line.contains(name_of(&segment))
                && line.contains("at offset")
                && line.ends_with("(stops the start)")
        });
        assert!(named, "byte {at}: {}", verified.text);

        flip(&segment, at);
        assert_eq!(fs::read(&segment).unwrap(), bytes, "a refused start and a verification change nothing");
    }
    let server = stage.home.start();
    stage.audit(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_is_cut_loudly_and_nothing_before_it_is_lost() {
    let mut stage = Stage::killed("torn_tail").await;
    for way in ["a group cut short", "noise", "a group cut short with the file"] {
        let segment = stage.newest_segment();
        let mut bytes = fs::read(&segment).unwrap();
        let (end, group) = (end_of(&bytes), last_group(&bytes));
        // A group that was being written when the machine stopped.
        let half = group..group + (end - group) / 2;
        let mut torn = bytes[half].to_vec();
        if way == "noise" {
            stage.rng.fill_bytes(&mut torn);
            *torn.last_mut().unwrap() |= 1;
        }
        // Groups end anywhere, also with zeros of their own; a little distance keeps them whole.
        let from = end + 64;
        bytes.resize(bytes.len().max(from + torn.len()), 0);
        bytes[from..from + torn.len()].copy_from_slice(&torn);
        if way == "a group cut short with the file" {
            bytes.truncate(from + torn.len());
        }
        fs::write(&segment, &bytes).unwrap();

        let verified = stage.home.verify();
        assert!(verified.text.contains("torn tail after position"), "{way}: {}", verified.text);
        assert!(!verified.text.contains("(stops the start)"), "{way}: {}", verified.text);
        let position = verified.position();
        let server = stage.home.start();
        assert!(server.log().contains("is cut: nothing of it was acknowledged"), "{way}:\n{}", server.log());
        assert!(stage.world.position(&server).await >= position);
        stage.audit(&server).await;
        stage.work(&server).await;
        server.kill();
    }
    let server = stage.home.start();
    stage.audit(&server).await;
    server.stop();
    let verified = stage.home.verify();
    assert!(verified.is_sound, "{}", verified.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_forgets_what_it_had_promised_is_found_out() {
    let mut stage = Stage::killed("forgotten").await;
    let server = stage.home.start();
    stage.audit(&server).await;
    // A soft stop brings the working set up to the journal, so that the loss can be told.
    server.stop();
    let segment = stage.newest_segment();
    let whole = fs::read(&segment).unwrap();
    let mut short = whole.clone();
    short[last_group(&whole)..].fill(0);
    fs::write(&segment, &short).unwrap();

    let said = stage.home.start_refused();
    assert!(said.contains("the journal ends at position"), "{said}");
    let verified = stage.home.verify();
    assert!(verified.text.contains("(stops the start)"), "{}", verified.text);

    fs::write(&segment, &whole).unwrap();
    let server = stage.home.start();
    stage.audit(&server).await;
    server.stop();
}

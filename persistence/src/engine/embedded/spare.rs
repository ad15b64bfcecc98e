//! The next segment, prepared ahead on a thread of its own: written full of zeros, so that later writes change no
//! metadata and rotation waits for nothing.

use super::{group::SALT_BYTES, group::Salt, segment};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rand::{TryRng, rngs::SysRng};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

const PREFIX: &str = "spare-";

/// A file of zeros with the salt that its segment will have.
pub(super) struct Spare {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) salt: Salt,
}

/// Time between two tries to make a spare after one failed.
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// Where spares come from. One is ready or being made at any time; when it cannot be made, it is tried again and again.
pub(super) struct Spares {
    place: Arc<Place>,
}

#[derive(Default)]
struct Place {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Making,
    Ready(Spare),
    /// It could not be made; nothing is left of it, and it is tried again soon.
    Failed(io::ErrorKind, String),
    /// Nobody wants one any more.
    Unwanted,
    /// The thread is gone.
    Ended,
}

impl Spares {
    /// Removes spares of earlier runs and starts making one.
    pub(super) fn start(folder: &Path, segment_bytes: u64) -> io::Result<Self> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                fs::remove_file(entry.path())?;
            }
        }
        let place = Arc::<Place>::default();
        let maker = Maker { place: Arc::clone(&place), folder: folder.to_owned(), segment_bytes };
        thread::Builder::new().name("journal-spare".into()).spawn(move || maker.run())?;
        Ok(Self { place })
    }

    /// The spare; waits while it is being made.
    ///
    /// # Errors
    /// When the last try to make it failed. A later call may succeed.
    pub(super) fn take(&self) -> io::Result<Spare> {
        let mut state = self.place.state.lock();
        loop {
            match &*state {
                State::Making => self.place.changed.wait(&mut state),
                State::Failed(kind, what) => return Err(io::Error::new(*kind, what.clone())),
                State::Unwanted | State::Ended => {
                    return Err(io::Error::other("the thread that prepares segments ended"));
                }
                State::Ready(_) => {
                    if let State::Ready(spare) = std::mem::take(&mut *state) {
                        self.place.changed.notify_all();
                        return Ok(spare);
                    }
                }
            }
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        let unused = std::mem::replace(&mut *self.place.state.lock(), State::Unwanted);
        self.place.changed.notify_all();
        if let State::Ready(spare) = unused {
            remove(&spare.path);
        }
    }
}

struct Maker {
    place: Arc<Place>,
    folder: PathBuf,
    segment_bytes: u64,
}

impl Maker {
    fn run(self) {
        let mut number = 0_u64;
        loop {
            let path = self.folder.join(format!("{PREFIX}{number}"));
            let made = make_spare(&path, self.segment_bytes);
            let mut state = self.place.state.lock();
            if matches!(*state, State::Unwanted) {
                drop(state);
                remove(&path);
                return;
            }
            match made {
                Ok(spare) => {
                    *state = State::Ready(spare);
                    number += 1;
                }
                Err(error) => {
                    tracing::warn!(%error, "the next segment of the journal cannot be prepared; trying again");
                    *state = State::Failed(error.kind(), error.to_string());
                    remove(&path);
                }
            }
            self.place.changed.notify_all();
            self.wait_until_wanted(&mut state);
            if matches!(*state, State::Unwanted) {
                return;
            }
        }
    }

    /// Waits until the spare was taken, or until a failed one is tried again.
    fn wait_until_wanted(&self, state: &mut MutexGuard<'_, State>) {
        while matches!(**state, State::Ready(_)) {
            self.place.changed.wait(state);
        }
        // A try takes the whole disk for a moment when it is almost full, so it is not made at once.
        while matches!(**state, State::Failed(..)) {
            if self.place.changed.wait_for(state, RETRY_WAIT).timed_out() {
                return;
            }
        }
    }
}

impl Drop for Maker {
    /// However the thread ends, nobody waits for it any more.
    fn drop(&mut self) {
        let mut state = self.place.state.lock();
        if !matches!(*state, State::Unwanted) {
            *state = State::Ended;
        }
        self.place.changed.notify_all();
    }
}

/// A spare that stays behind is removed by the next start.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(%error, "could not remove a spare segment");
    }
}

fn make_spare(path: &Path, segment_bytes: u64) -> io::Result<Spare> {
    let mut salt = [0; SALT_BYTES];
    SysRng.try_fill_bytes(&mut salt).map_err(io::Error::other)?;
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    segment::fill_zeros(&file, 0, segment_bytes)?;
    file.sync_all()?;
    Ok(Spare { file, path: path.to_owned(), salt: Salt(salt) })
}

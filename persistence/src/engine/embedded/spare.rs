//! The next segment, prepared ahead on a thread of its own: written full of zeros, so that later writes change no
//! metadata and rotation waits for nothing.

use super::{group::SALT_BYTES, group::Salt, segment};
use rand::{TryRng, rngs::SysRng};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

const PREFIX: &str = "spare-";

/// A file of zeros with the salt that its segment will have.
pub(super) struct Spare {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) salt: Salt,
}

/// Where spares come from. One is ready or being made at any time.
pub(super) struct Spares {
    ready: Receiver<io::Result<Spare>>,
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
        // A rendezvous: one finished spare waits in `send`, none is made beyond it.
        let (sender, ready) = sync_channel(0);
        let folder = folder.to_owned();
        thread::Builder::new()
            .name("journal-spare".into())
            .spawn(move || make_spares(&folder, segment_bytes, &sender))?;
        Ok(Self { ready })
    }

    /// The spare; waits when it is not finished.
    pub(super) fn take(&self) -> io::Result<Spare> {
        self.ready.recv().map_err(|_| io::Error::other("the thread that prepares segments ended"))?
    }
}

fn make_spares(folder: &Path, segment_bytes: u64, sender: &SyncSender<io::Result<Spare>>) {
    for number in 0_u64.. {
        let path = folder.join(format!("{PREFIX}{number}"));
        let failed = match make_spare(&path, segment_bytes) {
            Ok(spare) => sender.send(Ok(spare)).is_err(),
            Err(error) => sender.send(Err(error)).is_err(),
        };
        if failed {
            // Nobody wants it any more. A spare that stays behind is removed by the next start.
            if let Err(error) = fs::remove_file(&path) {
                tracing::debug!(%error, "could not remove a spare segment");
            }
            return;
        }
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

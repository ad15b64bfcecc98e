//! The state file: so that a second start goes on where the first ended.

use super::{
    SandboxState,
    limits::SAVE_DELAY,
    options::SandboxError,
    world::{STATE_VERSION, World},
};
use serde::de::Error;
use std::{fs, io, io::Write, path::Path, path::PathBuf};

/// Reads a state file; `None` when there is none yet.
pub(crate) fn load(path: &Path) -> Result<Option<World>, SandboxError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SandboxError::StateFile(error)),
    };
    let mut world: World = serde_json::from_slice(&bytes).map_err(SandboxError::StateFormat)?;
    if world.version() != STATE_VERSION {
        let error = serde_json::Error::custom(format_args!("version {}", world.version()));
        return Err(SandboxError::StateFormat(error));
    }
    world.queue.restart_clock();
    Ok(Some(world))
}

/// Writes beside the file and renames, so that the file is whole at any instant.
fn save(path: &Path, world: &World) -> io::Result<()> {
    let aside = path.with_extension("new");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create(&aside)?;
    file.write_all(&serde_json::to_vec(world)?)?;
    file.sync_data()?;
    drop(file);
    fs::rename(&aside, path)
}

async fn save_now(state: &SandboxState, path: &Path) {
    let world = state.copy_to_save();
    let path = path.to_owned();
    let saved = tokio::task::spawn_blocking(move || save(&path, &world)).await;
    if !matches!(saved, Ok(Ok(()))) {
        state.not_saved();
        tracing::warn!("the sandbox could not write its state file; trying again");
    }
}

/// Saves after changes, and once more at the end.
pub(crate) async fn run(state: SandboxState, path: PathBuf) {
    loop {
        tokio::select! {
            () = state.stopped() => break,
            () = state.wait_for_change_to_save() => {}
        }
        tokio::select! {
            () = state.stopped() => break,
            () = tokio::time::sleep(SAVE_DELAY) => {}
        }
        save_now(&state, &path).await;
    }
}

/// The last save, when nothing changes any more.
pub(crate) async fn finish(state: &SandboxState, path: &Path) {
    save_now(state, path).await;
}

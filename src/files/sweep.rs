//! Bytes that no workspace names: left by a crash between bytes and record, or by a deletion that failed.

use super::{StoreError, store};
use crate::parts::App;
use futures::StreamExt;
use greenroom_actors::{Timestamp, user::files::file_claim};
use std::{sync::Arc, time::Duration};

/// Time between two sweeps.
const EVERY: Duration = Duration::from_secs(6 * 3_600);
/// Younger bytes may still get their record.
const AGE_MIN: Duration = Duration::from_secs(86_400);

/// Sweeps again and again. Ends by being dropped.
pub async fn keep_up(app: Arc<App>) {
    loop {
        app.clock.sleep_until(app.clock.now() + EVERY).await;
        match sweep(&app).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "files that nothing names are deleted"),
            Err(error) => tracing::warn!(%error, "files that nothing names are not deleted yet"),
        }
    }
}

/// Deletes bytes that no workspace names. How many files.
///
/// # Errors
/// When the store does not answer; the rest is for the next time.
pub(crate) async fn sweep(app: &App) -> Result<usize, StoreError> {
    let store = &app.uploads.store;
    let (mut objects, mut swept) = (store.list().boxed(), 0);
    while let Some(object) = objects.next().await {
        let object = object?;
        let since = Timestamp::from_millis(object.last_modified.timestamp_millis());
        if app.clock.now() < since + AGE_MIN {
            continue;
        }
        let Some(id) = store::id_of(&object.location) else { continue };
        // A directory that does not answer says nothing of the file.
        if matches!(app.stores.directory.lookup(&file_claim(id)).await, Ok(None)) {
            store.remove(&object.location).await?;
            swept += 1;
        }
    }
    Ok(swept)
}

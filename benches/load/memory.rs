//! Resident bytes per idle workspace.

use crate::{
    machine,
    payload::workspace,
    report::Report,
    stage::{self, Stage, StageOptions},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{path::Path, process::Command, time::Duration};

/// Workspaces that are activated at the same time.
const AT_ONCE: usize = 64;
/// Time in which the allocator gives back what it does not need.
const SETTLE: Duration = Duration::from_secs(3);

/// Writes connected workspaces into a folder; runs in a process of its own, so that the memory it took is gone.
pub(crate) fn prepare(folder: &Path, accounts: u32) -> anyhow::Result<()> {
    let stage = Stage::start(&StageOptions { folder: Some(folder.to_owned()), resident: None })?;
    stage.connect_accounts(accounts)?;
    stage.stop()
}

/// Activates every workspace and looks at what that takes.
pub(crate) fn run(accounts: u32) -> anyhow::Result<()> {
    let temporary = stage::temporary()?;
    let folder = temporary.path().join("data");
    let mut prepare = Command::new(std::env::current_exe()?);
    prepare.arg("--prepare").arg(&folder).arg("--accounts").arg(accounts.to_string());
    anyhow::ensure!(prepare.status()?.success(), "the workspaces could not be prepared");
    let stage = Stage::start(&StageOptions { folder: Some(folder), resident: None })?;
    let settle = || {
        #[expect(clippy::disallowed_methods, reason = "waits for the allocator's background work")]
        std::thread::sleep(SETTLE);
        machine::resident_bytes()
    };
    let before = settle();
    let app = &stage.app;
    let encoded: usize = stage.block_on(
        stream::iter(0..accounts)
            .map(|account| async move {
                let published = app.users.published(&workspace(account)).await?;
                anyhow::Ok(rmp_serde::to_vec_named(&*published.state)?.len())
            })
            .buffer_unordered(AT_ONCE)
            .try_fold(0, |sum, bytes| async move { Ok(sum + bytes) }),
    )?;
    let after = settle();
    let resident = stage.app.users.stats().resident;
    anyhow::ensure!(resident == accounts as usize, "{resident} of {accounts} workspaces are resident");
    let each = |bytes: u64| bytes as f64 / f64::from(accounts);
    let bytes = each(after.saturating_sub(before));
    let data = each(encoded as u64);
    Report::new("memory")
        .count("workspaces", resident)
        .value("resident_bytes_each", bytes)
        .value("encoded_state_bytes_each", data)
        .value("beyond_data_bytes_each", bytes - data)
        .print();
    stage.stop()
}

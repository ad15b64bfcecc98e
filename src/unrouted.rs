//! Items that came before their account was connected are served once it is.

use crate::{
    delivery::{self, NotStored},
    parts::App,
};
use axum::body::Bytes;
use greenroom_actors::intake::{Command, INTAKE_KEY};
use std::{collections::BTreeSet, sync::Arc};

/// Delivers everything that is kept for accounts that have a workspace by now; returns how many items.
///
/// The items leave the intake log only after they are durable in their workspace. A crash in between delivers them again,
/// as duplicates.
///
/// # Errors
/// When something is not durable; it stays in the intake log.
pub async fn serve(app: &Arc<App>) -> Result<usize, NotStored> {
    let failed = |error: greenroom_actors::shell::AskError<_>| NotStored::Intake(error.to_string());
    let kept = app.intake.published(INTAKE_KEY).await.map_err(failed)?.state;
    let accounts: BTreeSet<&str> = kept.unrouted.iter().map(|kept| kept.item.account()).collect();
    let mut served = 0;
    for account in accounts {
        if delivery::workspace_of(app, account).await?.is_none() {
            continue;
        }
        let mut through = 0;
        for kept in kept.unrouted.iter().filter(|kept| kept.item.account() == account) {
            if let Some(whole) = kept.item.whole() {
                let parcels = delivery::sort(&Bytes::copy_from_slice(whole), app.clock.now());
                delivery::deliver(app, parcels.unrouted()).await?;
            }
            through = kept.number;
            served += 1;
        }
        // Exactly those leave, however many serve at once; what came meanwhile stays for the next time.
        let command = Command::ReleaseUnrouted { account: account.to_owned(), through };
        app.intake.ask(INTAKE_KEY, command, account.len()).await.map_err(failed)?;
    }
    if served > 0 {
        tracing::info!(items = served, "served what had arrived before its account was connected");
    }
    Ok(served)
}

//! Names of every metric of this room, with description and unit. Labelled by entity kind and nothing else.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Commands per batch.
pub const BATCH_COMMANDS: &str = "greenroom_shell_batch_commands";
/// Time to decide one batch.
pub const DECIDE_SECONDS: &str = "greenroom_shell_decide_seconds";
/// Time from the decision to durability.
pub const APPEND_SECONDS: &str = "greenroom_shell_append_seconds";
/// Time of one recovery, permits included.
pub const ACTIVATION_SECONDS: &str = "greenroom_shell_activation_seconds";
/// Recoveries that failed.
pub const ACTIVATION_FAILURES: &str = "greenroom_shell_activation_failures_total";
/// Resident entities.
pub const RESIDENT: &str = "greenroom_shell_resident";
/// Resident state.
pub const RESIDENT_BYTES: &str = "greenroom_shell_resident_bytes";
/// Commands refused for want of permits.
pub const REFUSALS: &str = "greenroom_shell_refusals_total";
/// Activations that ended by a failure.
pub const RESTARTS: &str = "greenroom_shell_restarts_total";
/// Activations passivated.
pub const PASSIVATIONS: &str = "greenroom_shell_passivations_total";
/// Commands put into quarantine.
pub const QUARANTINED: &str = "greenroom_shell_quarantined_total";
/// Snapshots saved.
pub const SNAPSHOTS: &str = "greenroom_shell_snapshots_total";
/// Bytes of snapshots saved.
pub const SNAPSHOT_BYTES: &str = "greenroom_shell_snapshot_bytes_total";
/// Effects running.
pub const EFFECTS_RUNNING: &str = "greenroom_shell_effects_running";
/// Outlets that panicked.
pub const OUTLET_PANICS: &str = "greenroom_shell_outlet_panics_total";
/// Background effects that were not run because too many waited.
pub const BACKGROUND_LEFT_OUT: &str = "greenroom_shell_background_left_out_total";
/// Dues held in memory.
pub const TIMERS: &str = "greenroom_shell_timers";

/// Describes every metric to the installed recorder.
pub fn describe() {
    describe_counter!(BACKGROUND_LEFT_OUT, "Background effects not run because too many waited");
    describe_histogram!(BATCH_COMMANDS, Unit::Count, "Commands per batch");
    describe_histogram!(DECIDE_SECONDS, Unit::Seconds, "Time to decide one batch");
    describe_histogram!(APPEND_SECONDS, Unit::Seconds, "Time from the decision to durability");
    describe_histogram!(ACTIVATION_SECONDS, Unit::Seconds, "Time of one recovery, permits included");
    describe_counter!(ACTIVATION_FAILURES, Unit::Count, "Recoveries that failed");
    describe_gauge!(RESIDENT, Unit::Count, "Resident entities");
    describe_gauge!(RESIDENT_BYTES, Unit::Bytes, "Resident state");
    describe_counter!(REFUSALS, Unit::Count, "Commands refused for want of permits");
    describe_counter!(RESTARTS, Unit::Count, "Activations that ended by a failure");
    describe_counter!(PASSIVATIONS, Unit::Count, "Activations passivated");
    describe_counter!(QUARANTINED, Unit::Count, "Commands put into quarantine");
    describe_counter!(SNAPSHOTS, Unit::Count, "Snapshots saved");
    describe_counter!(SNAPSHOT_BYTES, Unit::Bytes, "Bytes of snapshots saved");
    describe_gauge!(EFFECTS_RUNNING, Unit::Count, "Effects running");
    describe_counter!(OUTLET_PANICS, Unit::Count, "Outlets that panicked");
    describe_gauge!(TIMERS, Unit::Count, "Dues held in memory");
}

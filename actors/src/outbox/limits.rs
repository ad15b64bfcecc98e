//! Every number the outbox keeps to, with its unit and its reason.

use std::time::Duration;

/// Messages that are not at their end, per workspace. A viral post brings tens of thousands of comments; more than
/// this would outlive the seven days of a private reply at the hourly budget.
pub const QUEUE_MAX: usize = 100_000;
/// Queued messages of one thread. An answer has at most three parts; more than a few answers waiting is a loop.
pub const THREAD_QUEUE_MAX: usize = 20;
/// Calls in flight at once, per workspace: one workspace never takes the relay for itself.
pub const IN_FLIGHT_MAX: usize = 8;
/// Dead letters kept at hand, per workspace; older ones go to the history.
pub const DEAD_LETTERS_MAX: usize = 1_000;
/// How long a dead letter stays at hand.
pub const DEAD_LETTER_RETENTION: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How long a delivered or cancelled message stays at hand before it goes to the history.
pub const ENDED_RETENTION: Duration = Duration::from_secs(10 * 60);
/// How long the key of a message is remembered, from its enqueueing: as long as inbound events are deduplicated, and
/// as long as a private reply may wait.
pub const KEY_RETENTION: Duration = Duration::from_secs(8 * 24 * 3_600);
/// How long the id of a delivered message is remembered: the platform redelivers webhooks for up to 36 hours.
pub const MESSAGE_ID_RETENTION: Duration = Duration::from_secs(48 * 3_600);
/// Messages moved to the history by one event: with templates they take 96 KiB each in the record.
pub const ARCHIVE_BATCH_MAX: usize = 8;
/// Messages expired by one event: each brings about ten events of the entity.
pub const EXPIRE_BATCH_MAX: usize = 32;
/// Keys or message ids forgotten by one event.
pub const FORGET_BATCH_MAX: usize = 1_024;
/// Steps an entity should take for one command before it lets other commands in.
pub const STEPS_PER_TICK_MAX: usize = 64;
/// Attempts remembered with a message, newest last; the attempt number counts on.
pub const ATTEMPTS_KEPT_MAX: usize = 8;

/// Attempts for a message that was definitely not sent (product rule). Refusals for a rate do not count: the message
/// stays queued behind the closed lane until its window ends.
pub const ATTEMPTS_MAX: u32 = 6;
/// Waits between those attempts, ± [`JITTER_PERCENT`] (product rule).
pub const RETRY_BACKOFF: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
];
/// Longest announced wait that is honoured for one message.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// Waits of a closed lane when the platform announces nothing, ± [`JITTER_PERCENT`] (platform practice).
pub const LANE_BACKOFF: [Duration; 7] = [
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(20 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];
/// Least wait after "inconsistent request volume".
pub const VOLUME_BACKOFF_MIN: Duration = Duration::from_secs(10 * 60);
/// Longest announced closing of a lane that is believed (the longest window of the platform's rate limits).
pub const LANE_CLOSED_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Spread of a back-off, in percent to either side.
pub const JITTER_PERCENT: u32 = 20;
/// Wait before the one retry after "the media could not be fetched".
pub const MEDIA_RETRY: Duration = Duration::from_secs(60);

/// No attempt starts later than this before the end of a window: the call takes time.
pub const WINDOW_MARGIN: Duration = Duration::from_secs(60);
/// Messages whose window ends within this go before older ones.
pub const URGENT_WITHIN: Duration = Duration::from_secs(3_600);
/// Urgent messages looked at before the oldest one is taken instead (those of a blocked thread are passed over).
pub const URGENT_SCAN_MAX: usize = 16;
/// Least time between two messages of one thread (platform practice).
pub const THREAD_SPACING: Duration = Duration::from_secs(1);
/// How long an attempt may stay without an outcome before it counts as lost. The longest call takes 90 seconds.
pub const ATTEMPT_LEASE: Duration = Duration::from_secs(120);
/// Least wait of a message that a guard holds back, so that it is not asked about again at once.
pub const HOLD_MIN: Duration = Duration::from_secs(1);

/// How long an echo is waited for before the first read (product rule).
pub const ECHO_WAIT: Duration = Duration::from_secs(30);
/// Least time between two reads for the same message (product rule).
pub const READ_SPACING: Duration = Duration::from_secs(60);
/// Successful reads without the message before it is given up as unknown (product rule).
pub const READS_MISSED_MAX: u32 = 2;
/// Failed reads before the message is given up as unknown.
pub const READS_FAILED_MAX: u32 = 8;
/// Longest wait between two failed reads.
pub const READ_BACKOFF_MAX: Duration = Duration::from_secs(10 * 60);
/// How long a read may stay without an outcome before it counts as failed.
pub const READ_LEASE: Duration = Duration::from_secs(60);
/// A message that is still unconfirmed after this is given up as unknown, whatever the reason.
pub const UNCONFIRMED_MAX: Duration = Duration::from_secs(24 * 3_600);
/// An echo or a read message may be this much later than the attempt's start (platform practice).
pub const ECHO_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Difference of clocks that is forgiven when a message seems to be from before the attempt.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);
/// How long an unmatched echo waits for the send in flight before it counts as a human's.
pub const ECHO_HOLD: Duration = Duration::from_secs(30);
/// Longest wait of such an echo when its text is that of the send in flight.
pub const ECHO_HOLD_MAX: Duration = Duration::from_secs(180);
/// Echoes held at once, per workspace: more than the sends in flight can explain are a human's at once.
pub const ECHOES_HELD_MAX: usize = 64;

/// First stop after a safety refusal; doubles on recurrence (platform practice).
pub const SAFETY_STOP: Duration = Duration::from_secs(24 * 3_600);
/// Longest stop after a safety refusal.
pub const SAFETY_STOP_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
/// A safety refusal this long after the last stop counts as the first again.
pub const SAFETY_FORGOTTEN: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Content refusals in a row after which an automation is switched off (product rule).
pub const CONTENT_FAILURES_MAX: u8 = 5;
/// Automations whose content refusals are counted.
pub const CONTENT_COUNTERS_MAX: usize = 256;
/// Different recipients in a row with code 200 after which it is a missing permission (platform practice).
pub const RECIPIENT_STREAK_MAX: usize = 3;
/// Sends in a row with 1/99 after which it is a missing permission (platform practice).
pub const AMBIGUOUS_STREAK_MAX: u8 = 3;
/// First rest of a lane that lacks a permission or a setting; doubles with each refusal. A trial costs a message.
pub const PERMISSION_REST: Duration = Duration::from_secs(3_600);
/// Longest rest of such a lane.
pub const PERMISSION_REST_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Outcomes looked at for the share of unreachable recipients.
pub const RECIPIENT_SAMPLE: u32 = 100;
/// Share of unreachable recipients, in percent of the sample, above which the account slows down by half.
pub const RECIPIENT_SHARE_MAX: u32 = 20;
/// How long a recipient counts as unreachable.
pub const UNREACHABLE_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Usage, in percent, from which background reads stop (platform practice).
pub const USAGE_BUSY: u16 = 75;
/// Usage, in percent, from which only answers go out, at half pace (product rule; platform practice says 90).
pub const USAGE_SLOW: u16 = 80;
/// Usage, in percent, from which the platform refuses calls.
pub const USAGE_FULL: u16 = 100;
/// How long a reported usage is believed; the platform counts over a rolling hour.
pub const USAGE_BELIEVED: Duration = Duration::from_secs(15 * 60);

/// Bytes of one text (platform limit).
pub const TEXT_BYTES_MAX: usize = 1_000;
/// Characters of a public reply (platform practice).
pub const PUBLIC_REPLY_CHARS_MAX: usize = 300;
/// Bytes of one template's JSON: ten elements at their limits.
pub const TEMPLATE_BYTES_MAX: usize = 128 * 1_024;
/// Bytes of an outbox key: two ids of 256 bytes and a step.
pub const KEY_BYTES_MAX: usize = 768;
/// Characters kept of the platform's own message about a refusal.
pub const REFUSAL_CHARS_MAX: usize = 300;

//! Every bound of the sandbox, with its unit and reason.

use std::time::Duration;

/// Accounts that can exist: enough for a load test with many tenants.
pub(crate) const ACCOUNTS_MAX: usize = 10_000;
/// People that can exist: a viral post in a load test.
pub(crate) const PEOPLE_MAX: usize = 200_000;
/// Media that can exist.
pub(crate) const MEDIA_MAX: usize = 10_000;
/// Comments kept; at the limit new ones are refused.
pub(crate) const COMMENTS_MAX: usize = 500_000;
/// Messages kept in all threads; the oldest go first.
pub(crate) const MESSAGES_MAX: usize = 500_000;
/// Messages kept in one thread; the oldest go first.
pub(crate) const THREAD_MESSAGES_MAX: usize = 500;
/// Messages of a conversation whose details can be read (platform limit).
pub(crate) const READABLE_MESSAGES: usize = 20;
/// What was sent by the product and is kept for the oracle; the oldest go first.
pub(crate) const SENT_MAX: usize = 200_000;
/// Duplicate groups kept with their details; the count goes on beyond it.
pub(crate) const DUPLICATES_MAX: usize = 10_000;
/// Calls kept in the ledger; the oldest go first.
pub(crate) const CALLS_MAX: usize = 100_000;
/// Bytes of a body or an answer kept in the ledger.
pub(crate) const CALL_TEXT_MAX: usize = 2_048;
/// Entries that one listing of the control API returns.
pub(crate) const LISTING_MAX: usize = 10_000;
/// Access tokens alive; the oldest go first.
pub(crate) const TOKENS_MAX: usize = 50_000;
/// Authorization codes alive; the oldest go first.
pub(crate) const CODES_MAX: usize = 10_000;
/// People with a Google account.
pub(crate) const GOOGLE_USERS_MAX: usize = 1_000;
/// Fault rules at one time.
pub(crate) const FAULTS_MAX: usize = 100;
/// Characters of a fault's path pattern.
pub(crate) const PATTERN_MAX: usize = 256;
/// Longest time that a fault holds an answer back.
pub(crate) const FAULT_WAIT_MAX: Duration = Duration::from_secs(600);
/// Updates that wait for delivery, held ones included; at the limit new ones are lost and counted.
pub(crate) const QUEUE_MAX: usize = 500_000;
/// Updates of one webhook body (platform limit).
pub(crate) const BATCH_MAX: usize = 1_000;
/// Extra copies of each update that can be asked for.
pub(crate) const COPIES_MAX: u32 = 20;
/// Webhook requests in flight at one time, highest setting.
pub(crate) const DELIVERY_CONCURRENCY_MAX: usize = 256;
/// Finished deliveries kept for listing and redelivery; the oldest go first.
pub(crate) const DELIVERIES_MAX: usize = 10_000;
/// Bytes of the product's answer to a callback that are read.
pub(crate) const CALLBACK_ANSWER_MAX: usize = 64 * 1024;
/// Bytes of a request body.
pub(crate) const BODY_MAX: usize = 8 * 1024 * 1024;
/// Comments of one burst.
pub(crate) const BURST_MAX: u64 = 100_000;
/// Bursts running at one time.
pub(crate) const BURSTS_MAX: usize = 8;
/// Longest wait of one request of the control API.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(600);
/// Time between a change and its writing to the state file.
pub(crate) const SAVE_DELAY: Duration = Duration::from_millis(400);
/// Time that running requests and deliveries get at shutdown.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// Nesting of braces in a `fields` parameter.
pub(crate) const FIELDS_DEPTH_MAX: usize = 4;

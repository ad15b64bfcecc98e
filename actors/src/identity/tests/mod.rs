//! Given a history, when a command, then events, names and the answer.

mod accounts;
mod deletion;
mod emails;
mod fields;
mod golden;
mod hosted;
mod imports;
mod machine;
mod mails;
mod passwords;
mod reseal;
mod sessions;
mod sign_ups;
mod world;

//! `[log]`: what is written to standard error.

use super::settings::section;

section! {
    /// Structured logs on standard error. They never hold message text or tokens.
    pub struct Log = "log" {
        /// Which events, in the syntax of `tracing` filters, for instance `info,greenroom=debug`.
        filter: String = "info".to_owned(), "filter";
        /// `text` for people, `json` for collectors.
        format: String = "text".to_owned(), "name";
    }
}

//! `[mail]`: the way to people's mailboxes.

use super::settings::{Secret, Span, section};

section! {
    /// The way to people's mailboxes. When it is off, what needs a mail is refused.
    pub struct Mail = "mail" {
        /// How mails leave: `smtp`, `sandbox` (a mailbox in memory that anybody on this machine can read), `off`, or `auto`: SMTP when a host is set, else the sandbox's mailbox while the sandbox stands in, else off.
        transport: String = "auto".to_owned(), "name";
        /// Host of the SMTP server.
        host: String = String::new(), "host";
        /// Port of the SMTP server.
        port: u32 = 587, "port", 1..=65_535;
        /// Encryption: `starttls`, `tls` (from the first byte, port 465) or `none` (this machine only).
        encryption: String = "starttls".to_owned(), "name";
        /// PEM file of an authority that is believed beside the well-known ones, for a server with a certificate of one's own; empty: none.
        ca_file: String = String::new(), "path";
        /// User at the SMTP server; empty: no authentication.
        user: String = String::new(), "text";
        /// Password at the SMTP server.
        password: Secret = Secret::default(), "text";
        /// Sender, `Name <address@example.com>` or an address.
        from: String = String::new(), "address";
        /// Time that one mail may take.
        timeout: Span = Span::seconds(20), "span", Span::seconds(1)..=Span::seconds(120);
        /// Connections to the SMTP server at once.
        connections_max: u32 = 8, "connections", 1..=64;
    }
}

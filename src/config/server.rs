//! `[server]`: the HTTP front door.

use super::settings::{Span, section};
use std::net::{Ipv4Addr, SocketAddr};

section! {
    /// The HTTP front door.
    pub struct Server = "server" {
        /// Address that the front door listens on.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), "host:port";
        /// Largest webhook body; a full batch of 1000 updates passes 1 MiB.
        webhook_body_bytes_max: usize = 8 * 1024 * 1024, "bytes", 64 * 1024..=64 * 1024 * 1024;
        /// Time within which a webhook body must have arrived.
        webhook_body_timeout: Span = Span::seconds(10), "span", Span::seconds(1)..=Span::seconds(60);
        /// Webhook requests worked on at once; more are refused with a retry hint.
        webhook_requests_max: usize = 4096, "requests", 1..=100_000;
        /// Bytes of webhook bodies held in memory at once; more are refused with a retry hint.
        webhook_bytes_max: usize = 256 * 1024 * 1024, "bytes", 8 * 1024 * 1024..=8 * 1024 * 1024 * 1024;
        /// Time that a stop waits for work in flight before it gives up on it.
        shutdown_deadline: Span = Span::seconds(20), "span", Span::seconds(0)..=Span::seconds(600);
    }
}

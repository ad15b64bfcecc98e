//! `[sandbox]`: the built-in platform that stands in for Instagram.

use super::settings::section;
use std::net::{Ipv4Addr, SocketAddr};

section! {
    /// The fake Instagram that runs when no app is configured.
    pub struct Sandbox = "sandbox" {
        /// Address that the sandbox listens on; loopback only.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 4010)), "host:port";
        /// A sandbox that runs elsewhere on this machine and is used instead of starting one; empty starts one.
        url: String = String::new(), "URL";
        /// Play the demo day when the data folder is new.
        demo: bool = true, "true or false";
    }
}

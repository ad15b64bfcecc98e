//! Plain HTTP to servers of this machine: the sandbox, and this program's own routes.

use std::sync::Arc;

/// A builder of clients that trust no certificate, for plain HTTP only.
///
/// The library sets up TLS even when it is never used, and that fails where no root certificates are installed. Here the
/// TLS side exists because it must.
///
/// # Errors
/// When the crypto provider supports no protocol version; it does.
pub fn client_builder() -> Result<reqwest::ClientBuilder, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy())
}

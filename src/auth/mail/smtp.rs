//! Mails by SMTP.

use super::{Mail, MailError, Mailer, compose::compose};
use crate::{auth::random::Kind, config};
use async_trait::async_trait;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        self, PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{fmt, io, time::Duration};

/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no way to the mail server; names the setting.
#[derive(Debug, thiserror::Error)]
pub enum SmtpConfigError {
    /// The sender is no address.
    #[error("setting mail.from: {0}")]
    From(lettre::address::AddressError),
    /// TLS could not be set up for this host.
    #[error("setting mail.host: {0}")]
    Host(smtp::Error),
    /// The file of the authority cannot be read.
    #[error("setting mail.ca_file: {0}")]
    AuthorityFile(io::Error),
    /// It is no PEM file with a certificate.
    #[error("setting mail.ca_file: there is no certificate in it")]
    Authority,
}

/// Sends by SMTP, over a bounded pool of connections.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpMailer")
    }
}

impl SmtpMailer {
    /// As configured; connects when the first mail leaves.
    ///
    /// # Errors
    /// [`SmtpConfigError`].
    pub fn new(config: &config::Mail) -> Result<Self, SmtpConfigError> {
        type Transport = AsyncSmtpTransport<Tokio1Executor>;
        let from: Mailbox = config.from.parse().map_err(SmtpConfigError::From)?;
        let builder = Transport::builder_dangerous(&config.host).tls(match config.encryption.as_str() {
            "none" => Tls::None,
            "tls" => Tls::Wrapper(tls(config)?),
            _ => Tls::Required(tls(config)?),
        });
        let pool = PoolConfig::new().max_size(config.connections_max).idle_timeout(IDLE_TIMEOUT);
        let mut builder = builder
            .port(u16::try_from(config.port).unwrap_or(u16::MAX))
            .timeout(Some(config.timeout.0))
            .pool_config(pool);
        if !config.user.is_empty() {
            let password = config.password.expose().to_owned();
            builder = builder.credentials(Credentials::new(config.user.clone(), password));
        }
        Ok(Self { transport: builder.build(), from, timeout: config.timeout.0 })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let to: Address = mail.to.parse().map_err(|_| MailError::Rejected("not an address"))?;
        let id =
            Kind::Id.generate(&mut rand::rngs::SysRng).map_err(|_| MailError::Retry("no random numbers"))?;
        let words = compose(mail.kind, &mail.url);
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(words.subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(words.text, words.html))
            .map_err(|_| MailError::Rejected("not a mail"))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        // The transport bounds each step; this bounds all of them.
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(class_of(&error)),
            Err(_) => Err(MailError::Retry("timed out")),
        }
    }
}

/// Whom the server's certificate must come from: a well-known authority, or the one in the settings.
fn tls(config: &config::Mail) -> Result<TlsParameters, SmtpConfigError> {
    let mut parameters = TlsParameters::builder(config.host.clone());
    if !config.ca_file.is_empty() {
        let pem = std::fs::read(&config.ca_file).map_err(SmtpConfigError::AuthorityFile)?;
        // Of a file without one the library makes an authority that vouches for nobody.
        CertificateDer::from_pem_slice(&pem).map_err(|_| SmtpConfigError::Authority)?;
        let authority = Certificate::from_pem(&pem).map_err(|_| SmtpConfigError::Authority)?;
        parameters = parameters.add_root_certificate(authority);
    }
    parameters.build().map_err(SmtpConfigError::Host)
}

/// Only what the server says for good is for good.
fn class_of(error: &smtp::Error) -> MailError {
    if error.is_permanent() {
        MailError::Rejected("refused by the mail server")
    } else if error.is_timeout() {
        MailError::Retry("timed out")
    } else if error.is_transient() {
        MailError::Retry("the mail server asks to try later")
    } else if error.is_tls() {
        MailError::Retry("no secure connection")
    } else {
        MailError::Retry("no connection")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{auth::mail::MailKind, config::Span};
    use rustls::pki_types::PrivateKeyDer;
    use std::sync::Arc;
    use tokio::{
        io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/auth/mail/certificates/authority.pem");

    fn mail() -> Mail {
        Mail {
            kind: MailKind::VerifyEmail,
            to: "ada@example.com".to_owned(),
            url: "https://app.example.com/verify?token=T".to_owned(),
            token: "T".to_owned(),
        }
    }

    fn mailer(port: u16, timeout: Span) -> SmtpMailer {
        let config = config::Mail {
            host: "127.0.0.1".to_owned(),
            port: u32::from(port),
            encryption: "none".to_owned(),
            from: "Greenroom <no-reply@app.example.com>".to_owned(),
            timeout,
            ..config::Mail::default()
        };
        SmtpMailer::new(&config).unwrap()
    }

    /// A server that takes one connection and answers `RCPT` as told; gives back what it was sent.
    async fn serve_once(listener: TcpListener, rcpt: &str) -> String {
        let (socket, _) = listener.accept().await.unwrap();
        converse(socket, true, rcpt).await
    }

    async fn converse(socket: impl AsyncRead + AsyncWrite, greets: bool, rcpt: &str) -> String {
        let (read, mut write) = tokio::io::split(socket);
        futures::pin_mut!(read);
        let mut lines = BufReader::new(read).lines();
        let mut heard = String::new();
        if greets {
            write.write_all(b"220 test\r\n").await.unwrap();
        }
        let mut in_data = false;
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push_str(&line);
            heard.push('\n');
            let answer = match (in_data, line.split(' ').next().unwrap_or_default()) {
                (true, ".") => {
                    in_data = false;
                    "250 taken\r\n".to_owned()
                }
                (true, _) => continue,
                (false, "EHLO") => "250-test\r\n250 AUTH PLAIN\r\n".to_owned(),
                (false, "AUTH") => "235 welcome\r\n".to_owned(),
                (false, "RCPT") => format!("{rcpt}\r\n"),
                (false, "DATA") => {
                    in_data = true;
                    "354 go on\r\n".to_owned()
                }
                (false, "QUIT") => break,
                (false, _) => "250 ok\r\n".to_owned(),
            };
            write.write_all(answer.as_bytes()).await.unwrap();
        }
        heard
    }

    async fn send(rcpt: &str) -> (Result<(), MailError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailer = mailer(listener.local_addr().unwrap().port(), Span::seconds(10));
        let sending = async {
            let sent = mailer.send(&mail()).await;
            drop(mailer);
            sent
        };
        tokio::join!(sending, serve_once(listener, rcpt))
    }

    #[tokio::test]
    async fn a_mail_is_handed_over_in_both_forms() {
        let (sent, heard) = send("250 ok").await;
        assert_eq!(sent, Ok(()));
        for part in [
            "MAIL FROM:<no-reply@app.example.com>",
            "RCPT TO:<ada@example.com>",
            "From: Greenroom <no-reply@app.example.com>",
            "Subject: Verify your email address",
            "Content-Type: multipart/alternative",
            "https://app.example.com/verify?token",
        ] {
            assert!(heard.contains(part), "{part} is missing in {heard}");
        }
        let id = heard.lines().find(|line| line.starts_with("Message-ID: <")).unwrap();
        assert!(id.ends_with("@app.example.com>"), "{id}");
    }

    #[tokio::test]
    async fn refusals_for_good_and_for_now_are_told_apart() {
        assert!(matches!(send("550 no such user").await.0, Err(MailError::Rejected(_))));
        assert!(matches!(send("451 later").await.0, Err(MailError::Retry(_))));
    }

    #[tokio::test]
    async fn without_a_server_the_mail_may_leave_later() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let sent = mailer(port, Span::seconds(10)).send(&mail()).await;
        assert!(matches!(sent, Err(MailError::Retry(_))), "{sent:?}");
        let nobody = Mail { to: "nobody".to_owned(), ..mail() };
        assert!(matches!(mailer(port, Span::seconds(1)).send(&nobody).await, Err(MailError::Rejected(_))));
    }

    #[test]
    fn a_wrong_sender_is_named() {
        let config = config::Mail { host: "x".to_owned(), ..config::Mail::default() };
        assert!(SmtpMailer::new(&config).unwrap_err().to_string().starts_with("setting mail.from"));
        assert_eq!(format!("{:?}", mail()), "Mail(VerifyEmail)");
    }

    /// A mailer that believes the authority of the tests, or only the well-known ones.
    fn secure(listener: &TcpListener, encryption: &str, ca_file: &str) -> SmtpMailer {
        let config = config::Mail {
            host: "127.0.0.1".to_owned(),
            port: u32::from(listener.local_addr().unwrap().port()),
            encryption: encryption.to_owned(),
            ca_file: ca_file.to_owned(),
            from: "no-reply@app.example.com".to_owned(),
            user: "greenroom".to_owned(),
            password: config::Secret::new("hush"),
            timeout: Span::seconds(10),
            ..config::Mail::default()
        };
        SmtpMailer::new(&config).unwrap()
    }

    fn acceptor() -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("certificates/server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("certificates/server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server that speaks TLS from the first byte, or once it was asked to; what it heard before and after.
    async fn serve_securely(listener: TcpListener, starttls: bool, offers: bool) -> (String, String) {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut before = String::new();
        if starttls {
            let (read, mut write) = socket.split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 test\r\n").await.unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                before.push_str(&line);
                before.push('\n');
                let answer: &[u8] = match (line.as_str(), offers) {
                    ("STARTTLS", _) => b"220 go on\r\n",
                    ("QUIT", _) => break,
                    (_, true) => b"250-test\r\n250 STARTTLS\r\n",
                    (_, false) => b"250 test\r\n",
                };
                write.write_all(answer).await.unwrap();
                if line == "STARTTLS" {
                    break;
                }
            }
        }
        match acceptor().accept(socket).await {
            Ok(secure) => (before, converse(secure, !starttls, "250 ok").await),
            Err(_) => (before, String::new()),
        }
    }

    async fn send_securely(
        encryption: &str,
        ca_file: &str,
        offers: bool,
    ) -> (Result<(), MailError>, (String, String)) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailer = secure(&listener, encryption, ca_file);
        let sending = async {
            let sent = mailer.send(&mail()).await;
            drop(mailer);
            sent
        };
        tokio::join!(sending, serve_securely(listener, encryption == "starttls", offers))
    }

    #[tokio::test]
    async fn a_mail_leaves_by_tls_and_nothing_of_it_in_the_clear() {
        for encryption in ["tls", "starttls"] {
            let (sent, (before, after)) = send_securely(encryption, AUTHORITY, true).await;
            assert_eq!(sent, Ok(()), "{encryption}: {before}");
            for part in ["AUTH PLAIN ", "RCPT TO:<ada@example.com>"] {
                assert!(after.contains(part), "{encryption}: {after}");
            }
            assert!(!before.contains("MAIL") && !before.contains("AUTH"), "{encryption}: {before}");
        }
    }

    #[tokio::test]
    async fn a_server_that_nobody_vouches_for_gets_nothing() {
        for encryption in ["tls", "starttls"] {
            let (sent, (before, after)) = send_securely(encryption, "", true).await;
            assert!(matches!(sent, Err(MailError::Retry(_))), "{encryption}: {sent:?}");
            assert_eq!(after, "", "{encryption}");
            assert!(!before.contains("MAIL") && !before.contains("AUTH"), "{encryption}: {before}");
        }
        // One that offers no encryption, where it is wanted.
        let (sent, (before, after)) = send_securely("starttls", AUTHORITY, false).await;
        assert!(sent.is_err() && after.is_empty(), "{sent:?}");
        assert!(!before.contains("MAIL") && !before.contains("AUTH"), "{before}");
    }

    #[tokio::test]
    async fn a_wrong_authority_is_named() {
        let wrong = |ca_file: &str| {
            let config = config::Mail {
                host: "127.0.0.1".to_owned(),
                from: "no-reply@app.example.com".to_owned(),
                ca_file: ca_file.to_owned(),
                ..config::Mail::default()
            };
            SmtpMailer::new(&config).unwrap_err().to_string()
        };
        for ca_file in ["/nowhere/authority.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            assert!(wrong(ca_file).starts_with("setting mail.ca_file"), "{ca_file}: {}", wrong(ca_file));
        }
    }
}

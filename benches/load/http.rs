//! A keep-alive HTTP/1.1 connection that costs almost nothing, so that the measured side is the server.

use secrecy::SecretString;
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longest response head plus body that is read, in bytes.
const RESPONSE_BYTES_MAX: usize = 16 * 1024;

/// One connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: std::net::SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1024) })
    }

    /// Writes a whole request and reads the whole answer; returns its status.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, end)) = head(&self.buffer)?
                && self.buffer.len() >= end
            {
                return Ok(status);
            }
            if self.buffer.len() > RESPONSE_BYTES_MAX {
                return Err(io::Error::other("answer too large"));
            }
        }
    }
}

/// Status and end of the body, once the head is complete.
fn head(bytes: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).map_err(io::Error::other)?;
    let status =
        text.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(|| io::Error::other("no status"))?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    Ok(Some((status, end + 4 + length)))
}

/// A signed webhook request, ready to be written.
pub(crate) fn signed_post(secret: &SecretString, body: &str) -> Vec<u8> {
    let signature = greenroom_instagram::signature::sign(secret, body.as_bytes());
    format!(
        "POST /api/webhooks/instagram HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         x-hub-signature-256: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

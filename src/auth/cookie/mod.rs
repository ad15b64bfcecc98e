//! Cookies: their names, their attributes in the contract's order, and which answers set or delete them.

mod cache;
mod read;
mod sign;

pub use cache::{CACHE_LIFETIME, CachedSession, SessionCopy};
pub use read::RequestCookies;

use super::secrets::Secrets;
use std::fmt::Write;

/// Seconds that a session cookie lives.
pub const SESSION_SECONDS: u32 = 604_800;
/// Seconds that the cookie of a sign-in with a provider lives.
pub const STATE_SECONDS: u32 = 300;
/// Bytes that a cookie may take with its name and attributes; browsers drop larger ones.
const COOKIE_BYTES_MAX: usize = 4050;
/// Most cookies that one copy of a session is cut into.
const CHUNKS_MAX: usize = 10;

/// A cookie of the auth endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// The signed session token.
    SessionToken,
    /// The signed literal `true` of somebody who does not want to be remembered.
    DontRemember,
    /// The signed copy of the session.
    SessionData,
    /// The signed state of a sign-in with a provider.
    State,
    /// The token of the sync client.
    ConvexJwt,
}

impl Name {
    /// As it is written when the public origin is https (`secure`) or not.
    #[must_use]
    pub const fn text(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::SessionToken, true) => "__Secure-better-auth.session_token",
            (Self::SessionToken, false) => "better-auth.session_token",
            (Self::DontRemember, true) => "__Secure-better-auth.dont_remember",
            (Self::DontRemember, false) => "better-auth.dont_remember",
            (Self::SessionData, true) => "__Secure-better-auth.session_data",
            (Self::SessionData, false) => "better-auth.session_data",
            (Self::State, true) => "__Secure-better-auth.state",
            (Self::State, false) => "better-auth.state",
            (Self::ConvexJwt, true) => "__Secure-better-auth.convex_jwt",
            (Self::ConvexJwt, false) => "better-auth.convex_jwt",
        }
    }
}

/// Writes and reads the cookies of one installation. Every text it returns is a value of `Set-Cookie`.
#[derive(Clone, Debug)]
pub struct Cookies {
    secure: bool,
    secrets: Secrets,
}

impl Cookies {
    /// For a public origin that is https (`secure`) or not.
    #[must_use]
    pub const fn new(secure: bool, secrets: Secrets) -> Self {
        Self { secure, secrets }
    }

    /// Whether the public origin is https.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Sets a signed cookie; without `max_age` (seconds) it ends with the browser's session.
    #[must_use]
    pub fn set_signed(&self, name: Name, value: &str, max_age: Option<u32>) -> String {
        self.write(name.text(self.secure), &sign::seal(&self.secrets, value), max_age)
    }

    /// Sets a cookie whose value proves itself and needs no escaping (a JWT).
    #[must_use]
    pub fn set_plain(&self, name: Name, value: &str, max_age: Option<u32>) -> String {
        self.write(name.text(self.secure), value, max_age)
    }

    /// Deletes a cookie.
    #[must_use]
    pub fn delete(&self, name: Name) -> String {
        self.write(name.text(self.secure), "", Some(0))
    }

    /// The session cookies of a sign-in. Without `remember` both end with the browser's session.
    #[must_use]
    pub fn set_session(&self, token: &str, remember: bool) -> Vec<String> {
        if remember {
            return vec![self.set_signed(Name::SessionToken, token, Some(SESSION_SECONDS))];
        }
        vec![
            self.set_signed(Name::SessionToken, token, None),
            self.set_signed(Name::DontRemember, "true", None),
        ]
    }

    /// Deletes everything of a session, in the contract's order; of a copy in pieces every piece that came.
    #[must_use]
    pub fn clear_session(&self, request: &RequestCookies) -> Vec<String> {
        let mut cookies = vec![self.delete(Name::SessionToken), self.delete(Name::SessionData)];
        cookies.extend(self.pieces(request).into_iter().map(|(name, _)| self.write(&name, "", Some(0))));
        cookies.push(self.delete(Name::DontRemember));
        cookies
    }

    /// The value of a signed cookie. `None` when it is missing, or anything about it is wrong.
    #[must_use]
    pub fn signed(&self, request: &RequestCookies, name: Name) -> Option<String> {
        sign::open(&self.secrets, request.value(name.text(self.secure))?)
    }

    /// The session token of the request.
    #[must_use]
    pub fn session_token(&self, request: &RequestCookies) -> Option<String> {
        self.signed(request, Name::SessionToken)
    }

    /// Whether the request comes from somebody who does not want to be remembered.
    #[must_use]
    pub fn dont_remember(&self, request: &RequestCookies) -> bool {
        self.signed(request, Name::DontRemember).is_some_and(|value| value == "true")
    }

    /// Deletes the copy of a session that came with the request, whole or in pieces; empty when none came.
    #[must_use]
    pub fn clear_session_data(&self, request: &RequestCookies) -> Vec<String> {
        let name = Name::SessionData.text(self.secure);
        let whole = request.value(name).map(|_| name.to_owned());
        let pieces = self.pieces(request).into_iter().map(|(name, _)| name);
        whole.into_iter().chain(pieces).map(|name| self.write(&name, "", Some(0))).collect()
    }

    /// Sets the copy of a session, in pieces when one cookie does not hold it, and deletes pieces of an older copy that
    /// would be left over. A copy that is too large for [`CHUNKS_MAX`] pieces is not set.
    #[must_use]
    pub fn set_session_data(
        &self,
        request: &RequestCookies,
        copy: &SessionCopy<'_>,
        remember: bool,
    ) -> Vec<String> {
        let value = copy.seal(&self.secrets);
        let name = Name::SessionData.text(self.secure);
        let max_age = remember.then_some(CACHE_LIFETIME);
        let room = COOKIE_BYTES_MAX - self.write(&format!("{name}.0"), "", max_age).len();
        let names: Vec<String> = match value.len().div_ceil(room) {
            0 | 1 => vec![name.to_owned()],
            count if count > CHUNKS_MAX => Vec::new(),
            count => (0..count).map(|n| format!("{name}.{n}")).collect(),
        };
        let pieces = value.as_bytes().chunks(room).map(|piece| String::from_utf8_lossy(piece).into_owned());
        let mut cookies: Vec<String> =
            names.iter().zip(pieces).map(|(name, piece)| self.write(name, &piece, max_age)).collect();
        let stale = request.value(name).map(|_| name.to_owned()).into_iter();
        let stale = stale.chain(self.pieces(request).into_iter().map(|(name, _)| name));
        cookies.extend(stale.filter(|name| !names.contains(name)).map(|name| self.write(&name, "", Some(0))));
        cookies
    }

    /// The copy of the session of the request, when its signature and times are right and it belongs to `token`.
    #[must_use]
    pub fn session_data(&self, request: &RequestCookies, token: &str, now_ms: i64) -> Option<CachedSession> {
        let name = Name::SessionData.text(self.secure);
        let value = match request.value(name) {
            Some(whole) => whole.to_owned(),
            None => {
                let pieces = self.pieces(request);
                let in_order =
                    pieces.iter().enumerate().all(|(n, (piece, _))| *piece == format!("{name}.{n}"));
                if !in_order {
                    return None;
                }
                pieces.into_iter().map(|(_, value)| value).collect()
            }
        };
        CachedSession::open(&self.secrets, &value, token, now_ms)
    }

    /// Pieces of a copy that came with the request, by number.
    fn pieces(&self, request: &RequestCookies) -> Vec<(String, String)> {
        let name = Name::SessionData.text(self.secure);
        let piece = |n| format!("{name}.{n}");
        (0..CHUNKS_MAX).filter_map(|n| Some((piece(n), request.value(&piece(n))?.to_owned()))).collect()
    }

    /// `name=value; Max-Age=N; Path=/; HttpOnly; Secure; SameSite=Lax`, in this order.
    fn write(&self, name: &str, value: &str, max_age: Option<u32>) -> String {
        let mut text = format!("{name}={value}");
        if let Some(seconds) = max_age {
            // Writing to a string cannot fail.
            let _ = write!(text, "; Max-Age={seconds}");
        }
        text.push_str("; Path=/; HttpOnly");
        if self.secure {
            text.push_str("; Secure");
        }
        text.push_str("; SameSite=Lax");
        text
    }
}

#[cfg(test)]
mod tests;

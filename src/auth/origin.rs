//! Which origins are trusted, and the checks that keep other sites from acting with a visitor's cookies.

use super::error::{AuthError, Refusal};
use std::net::Ipv4Addr;
use url::Url;

/// Most patterns at once.
const PATTERNS_MAX: usize = 256;
/// Longest address that is compared, in bytes.
const ADDRESS_BYTES_MAX: usize = 4096;

/// Why a pattern says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Neither an origin nor a pattern of one.
    #[error("is no origin such as https://app.example.com, nor a pattern of one")]
    NotAnOrigin,
    /// Would trust everybody.
    #[error("trusts every origin")]
    TrustsAll,
}

/// An entry of the list of trusted origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This scheme, host and port.
    Exact(String),
    /// A glob over `scheme://host[:port]`.
    OriginGlob(String),
    /// A glob over `host[:port]`.
    HostGlob(String),
    /// A glob over IPv4 literals: a name that looks like one does not match.
    Ipv4Glob(String),
    /// An app's own scheme, with the authority and the path prefix that it must have, if any.
    Custom {
        /// Lower case.
        scheme: String,
        /// Empty: any.
        authority: String,
        /// Empty or beginning with a slash.
        path: String,
    },
}

impl Pattern {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let is_glob = text.contains(['*', '?']);
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(PatternError::NotAnOrigin);
        }
        if text.chars().all(|c| "*?:/.".contains(c)) && is_glob {
            return Err(PatternError::TrustsAll);
        }
        match (is_glob, text.split_once("://")) {
            (true, Some((scheme, rest))) if !scheme.is_empty() && !rest.contains('/') => {
                Ok(Self::OriginGlob(text.to_ascii_lowercase()))
            }
            (true, None) if !text.contains('/') => {
                let numeric = text.bytes().all(|c| c.is_ascii_digit() || b".*?:".contains(&c));
                let text = text.to_ascii_lowercase();
                Ok(if numeric { Self::Ipv4Glob(text) } else { Self::HostGlob(text) })
            }
            (false, Some((scheme, rest))) => Self::without_glob(text, scheme, rest),
            _ => Err(PatternError::NotAnOrigin),
        }
    }

    fn without_glob(text: &str, scheme: &str, rest: &str) -> Result<Self, PatternError> {
        let is_scheme = scheme.bytes().next().is_some_and(|c| c.is_ascii_alphabetic())
            && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
        if !is_scheme {
            return Err(PatternError::NotAnOrigin);
        }
        let scheme = scheme.to_ascii_lowercase();
        if matches!(scheme.as_str(), "http" | "https") {
            return origin_of(text).map(Self::Exact).ok_or(PatternError::NotAnOrigin);
        }
        let (authority, path) = split_authority(rest);
        let path = path.trim_end_matches('/').to_owned();
        Ok(Self::Custom { scheme, authority: authority.to_ascii_lowercase(), path })
    }

    fn matches(&self, address: &Address) -> bool {
        match (self, address) {
            (Self::Exact(origin), Address::Web { origin: other, .. }) => origin == other,
            (Self::OriginGlob(glob), Address::Web { origin, .. }) => glob_matches(glob, origin),
            (Self::OriginGlob(glob), Address::Custom { scheme, authority, .. }) => {
                glob_matches(glob, &format!("{scheme}://{authority}"))
            }
            (Self::HostGlob(glob), Address::Web { host, .. }) => glob_matches(glob, host),
            (Self::Ipv4Glob(glob), Address::Web { host, .. }) => {
                let bare = host.split(':').next().unwrap_or_default();
                bare.parse::<Ipv4Addr>().is_ok() && glob_matches(glob, host)
            }
            (
                Self::Custom { scheme, authority, path },
                Address::Custom { scheme: s, authority: a, path: p },
            ) => {
                let on_border = |rest: &str| rest.is_empty() || rest.starts_with('/');
                scheme == s
                    && (authority.is_empty() || authority == a)
                    && p.strip_prefix(path.as_str()).is_some_and(on_border)
            }
            (Self::Exact(_) | Self::HostGlob(_) | Self::Ipv4Glob(_), Address::Custom { .. })
            | (Self::Custom { .. }, Address::Web { .. }) => false,
        }
    }
}

/// What is tested.
enum Address {
    Web { origin: String, host: String },
    Custom { scheme: String, authority: String, path: String },
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        if let Some(origin) = origin_of(text) {
            let host = origin.split_once("://").map(|(_, host)| host.to_owned())?;
            return Some(Self::Web { origin, host });
        }
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if matches!(scheme.as_str(), "http" | "https") {
            return None;
        }
        let (authority, path) = split_authority(rest);
        // A path that climbs would leave the prefix that was compared.
        let climbs = path.split('/').any(|part| part == "..");
        (!climbs).then(|| Self::Custom {
            scheme,
            authority: authority.to_ascii_lowercase(),
            path: path.to_owned(),
        })
    }
}

/// Scheme, host and port as browsers write them, of an http or https address.
pub(super) fn origin_of(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_web.then(|| url.origin().ascii_serialization())
}

fn split_authority(rest: &str) -> (&str, &str) {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    (authority, path)
}

/// `*` is any run without a slash, `?` one character that is none. Linear: on a mismatch only the last `*` grows.
fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    // The double slash of the scheme is literal in both.
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some('?') if text[t] != '/' => {
                g += 1;
                t += 1;
            }
            Some(c) if *c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) if text[from] != '/' => {
                    star = Some((at, from + 1));
                    g = at + 1;
                    t = from + 1;
                }
                _ => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

/// The public origin and the patterns beside it.
#[derive(Clone, Debug)]
pub struct TrustedOrigins {
    own: String,
    patterns: Vec<Pattern>,
}

impl TrustedOrigins {
    /// `own` is the public origin; entries that say nothing are left out, the configuration has refused them before.
    #[must_use]
    pub fn new(own: &str, patterns: &[String]) -> Self {
        let own = origin_of(own).unwrap_or_default();
        let patterns =
            patterns.iter().take(PATTERNS_MAX).filter_map(|text| Pattern::parse(text).ok()).collect();
        Self { own, patterns }
    }

    /// The public origin, without a slash at the end.
    #[must_use]
    pub fn own(&self) -> &str {
        &self.own
    }

    /// Whether the origin of an absolute address is trusted.
    #[must_use]
    pub fn trusts(&self, address: &str) -> bool {
        let Some(address) = Address::parse(address) else { return false };
        let is_own = matches!(&address, Address::Web { origin, .. } if *origin == self.own);
        is_own || self.patterns.iter().any(|pattern| pattern.matches(&address))
    }

    /// Whether an absolute http or https address is trusted, for redirects.
    pub(super) fn trusts_web(&self, address: &str) -> bool {
        origin_of(address).is_some_and(|origin| self.trusts(&origin))
    }
}

/// What a browser says about where a request comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Provenance<'a> {
    /// Whether there is a `Cookie` header, whatever it holds.
    pub has_cookies: bool,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Referer`.
    pub referer: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a str>,
    /// `Sec-Fetch-Mode`.
    pub fetch_mode: Option<&'a str>,
    /// `Sec-Fetch-Dest`.
    pub fetch_dest: Option<&'a str>,
}

/// The check of every request that is neither GET, HEAD nor OPTIONS: one with cookies must come from a trusted origin.
///
/// # Errors
/// 403 with the contract's codes.
pub fn check_origin(trusted: &TrustedOrigins, from: &Provenance<'_>) -> Result<(), AuthError> {
    if from.has_cookies { demand_trusted(trusted, from) } else { Ok(()) }
}

/// The check of the forms that sign up and in. Without cookies there is nothing to abuse, but a visitor could be signed
/// in as somebody else: what a browser says about itself must be right then.
///
/// # Errors
/// 403 with the contract's codes.
pub fn check_form(trusted: &TrustedOrigins, from: &Provenance<'_>) -> Result<(), AuthError> {
    if from.has_cookies {
        return demand_trusted(trusted, from);
    }
    if from.fetch_site.is_some() || from.fetch_mode.is_some() || from.fetch_dest.is_some() {
        if from.fetch_site == Some("cross-site") && from.fetch_mode == Some("navigate") {
            return Err(Refusal::CrossSiteNavigation.into());
        }
        return demand_trusted(trusted, from);
    }
    if from.origin.is_some() || from.referer.is_some() { demand_trusted(trusted, from) } else { Ok(()) }
}

fn demand_trusted(trusted: &TrustedOrigins, from: &Provenance<'_>) -> Result<(), AuthError> {
    let stated = from.origin.filter(|text| !text.is_empty());
    let source = stated.or(from.referer).filter(|text| !text.is_empty());
    match source {
        Some("null") if from.fetch_site == Some("same-origin") => Ok(()),
        None | Some("null") => Err(Refusal::MissingOrNullOrigin.into()),
        Some(address) if trusted.trusts(address) => Ok(()),
        Some(_) => Err(Refusal::InvalidOrigin.into()),
    }
}

#[cfg(test)]
mod tests;

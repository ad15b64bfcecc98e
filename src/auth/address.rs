//! The client's address, as sessions store it and rate limits count it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Most hops of a list that are looked at.
const HOPS_MAX: usize = 64;

/// An address or a range of them, `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Neither an address nor a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor a range such as 10.0.0.0/8")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| NetworkError)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(widest);
        if prefix > widest {
            return Err(NetworkError);
        }
        // A range of mapped addresses is a range of IPv4.
        Ok(match (plain(address), address.is_ipv6()) {
            (IpAddr::V4(v4), true) if prefix >= 96 => Self { address: IpAddr::V4(v4), prefix: prefix - 96 },
            _ => Self { address, prefix },
        })
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (u32::from(net) ^ u32::from(other)) & mask == 0
            }
            (IpAddr::V6(net), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (u128::from(net) ^ u128::from(other)) & mask == 0
            }
            _ => false,
        }
    }
}

/// A client, as far as it can be told apart: an IPv4 address, or the /64 network of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match plain(address) {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for ClientAddress {
    /// IPv6 in full and lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => {
                let [first, rest @ ..] = v6.segments();
                write!(f, "{first:04x}")?;
                rest.iter().try_for_each(|segment| write!(f, ":{segment:04x}"))
            }
        }
    }
}

/// Finds the client in the list that proxies write.
#[derive(Clone, Debug, Default)]
pub struct ClientAddresses {
    trusted: Vec<Network>,
}

impl ClientAddresses {
    /// With these proxies in front; entries that are wrong were refused by the configuration.
    #[must_use]
    pub fn behind(proxies: &[String]) -> Self {
        Self { trusted: proxies.iter().filter_map(|text| text.parse().ok()).collect() }
    }

    /// Proxies are named, so what they write can be trusted.
    #[must_use]
    pub const fn is_behind_proxies(&self) -> bool {
        !self.trusted.is_empty()
    }

    /// The client of a request with these values of the header, in order.
    ///
    /// Without trusted proxies only a single address counts: of several anybody may have written the first. With them
    /// the list is walked from the right past the trusted ones.
    #[must_use]
    pub fn resolve<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> Option<ClientAddress> {
        let hops: Vec<&str> =
            values.into_iter().flat_map(|value| value.split(',')).map(str::trim).take(HOPS_MAX + 1).collect();
        if hops.len() > HOPS_MAX {
            return None;
        }
        if self.trusted.is_empty() {
            return match hops.as_slice() {
                [one] => parse(one).map(ClientAddress::from),
                _ => None,
            };
        }
        let mut client = None;
        for hop in hops.iter().rev() {
            let address = parse(hop)?;
            client = Some(ClientAddress::from(address));
            if !self.trusted.iter().any(|network| network.contains(address)) {
                break;
            }
        }
        client
    }
}

fn parse(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(plain)
}

/// IPv4 in IPv6 clothes is IPv4.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, |v4: Ipv4Addr| IpAddr::V4(v4)),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(proxies: &[&str], values: &[&str]) -> String {
        let proxies: Vec<String> = proxies.iter().map(|text| (*text).to_owned()).collect();
        let found = ClientAddresses::behind(&proxies).resolve(values.iter().copied());
        found.map(|address| address.to_string()).unwrap_or_default()
    }

    #[test]
    fn one_address_is_the_client() {
        for (header, client) in [
            ("2001:DB8:1:2:3:4:5:6", "2001:0db8:0001:0002:0000:0000:0000:0000"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("203.0.113.9", "203.0.113.9"),
            (" 203.0.113.9 ", "203.0.113.9"),
            ("203.0.113.9:1234", ""),
            ("[2001:db8::1]", ""),
            ("203.0.113", ""),
            ("unknown", ""),
            ("fe80::1%eth0", ""),
            ("", ""),
            ("203.0.113.9, 203.0.113.10", ""),
        ] {
            assert_eq!(resolve(&[], &[header]), client, "{header}");
        }
        assert_eq!(resolve(&[], &[]), "");
        assert_eq!(resolve(&[], &["203.0.113.9", "203.0.113.10"]), "");
    }

    #[test]
    fn trusted_proxies_are_walked_past_from_the_right() {
        let proxies = ["10.0.0.0/8", "2001:db8:f::/48", "198.51.100.7"];
        for (header, client) in [
            ("1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
            ("1.1.1.1, 203.0.113.9, 198.51.100.7, 2001:db8:f::9", "203.0.113.9"),
            ("203.0.113.9", "203.0.113.9"),
            ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
            ("203.0.113.9, rubbish, 10.0.0.2", ""),
            ("rubbish, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("1.1.1.1, ::ffff:10.0.0.2", "1.1.1.1"),
        ] {
            assert_eq!(resolve(&proxies, &[header]), client, "{header}");
        }
        assert_eq!(resolve(&proxies, &["1.1.1.1", "203.0.113.9, 10.0.0.1"]), "203.0.113.9");
        assert_eq!(resolve(&["0.0.0.0/0"], &["1.1.1.1, 2.2.2.2"]), "1.1.1.1");
        assert_eq!(resolve(&["::ffff:10.0.0.0/104"], &["1.1.1.1, 10.9.9.9"]), "1.1.1.1");
        assert_eq!(resolve(&["10.0.0.0/8"], &[&"10.0.0.1,".repeat(HOPS_MAX + 1)]), "");
    }

    #[test]
    fn networks_that_are_none_are_refused() {
        for wrong in ["10.0.0.0/33", "::/129", "10.0.0/8", "example.com", "10.0.0.0/", "10.0.0.0/-1", ""] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }
}

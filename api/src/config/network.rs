//! Network values of the configuration: address blocks and the public address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses in CIDR notation; a plain address is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Whether the address lies in the block. An IPv4 address in IPv6 form counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(block), IpAddr::V4(a)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                block.to_bits() & mask == a.to_bits() & mask
            }
            (IpAddr::V6(block), IpAddr::V6(a)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                block.to_bits() & mask == a.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address block such as 10.0.0.0/8, 192.0.2.7 or fd00::/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |b| b.parse::<u8>().map_err(|_| wrong()))?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// The address under which the service is reached: `scheme://host[:port][/prefix]`, without trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicBase {
    scheme: String,
    authority: String,
    prefix: String,
}

impl PublicBase {
    /// Puts the parts together. `prefix` is empty or a path; slashes at its end are dropped.
    ///
    /// # Errors
    /// Says which part is wrong: anything that could break out of a link is refused.
    pub fn new(scheme: &str, authority: &str, prefix: &str) -> Result<Self, String> {
        if scheme != "http" && scheme != "https" {
            return Err(format!("the scheme is http or https, not {scheme:?}"));
        }
        let host_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        if authority.is_empty() || authority.len() > 255 || !authority.bytes().all(host_byte) {
            return Err(format!("{authority:?} is no host with an optional port"));
        }
        let prefix = prefix.trim_end_matches('/');
        let path_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~');
        let odd = prefix.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
        if !prefix.is_empty() && (!prefix.starts_with('/') || !prefix.bytes().all(path_byte) || odd) {
            return Err(format!("{prefix:?} is no path prefix such as /water"));
        }
        Ok(Self { scheme: scheme.into(), authority: authority.to_ascii_lowercase(), prefix: prefix.into() })
    }

    /// The path prefix: empty, or beginning with a slash and not ending with one.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl FromStr for PublicBase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| format!("{text:?} is no address such as https://water.example/p"))?;
        let cut = rest.find('/').unwrap_or(rest.len());
        Self::new(scheme, &rest[..cut], &rest[cut..])
    }
}

impl fmt::Display for PublicBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

/// The address of something outside, such as a map style: `https://host[:port]/path[?query]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress {
    origin: PublicBase,
    rest: String,
}

impl WebAddress {
    /// Scheme, host and port, as security policies name them.
    pub fn origin(&self) -> String {
        self.origin.to_string()
    }
}

impl FromStr for WebAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address such as https://maps.example/style.json");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'\\')) {
            return Err(wrong());
        }
        Ok(Self { origin: PublicBase::new(scheme, authority, "")?, rest: rest.to_owned() })
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.rest)
    }
}

/// Servers that may be asked: `host`, `host:port`, or `*.domain` with or without a port. Without one the standard ports
/// are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// In lower case; of a `*.domain` with the dot at its beginning.
    host: String,
    port: Option<u16>,
}

impl HostPattern {
    /// Whether an address's host and port are meant.
    pub fn matches(&self, host: &str, port: Option<u16>) -> bool {
        let named = if self.host.starts_with('.') {
            host.len() > self.host.len() && host.ends_with(&self.host)
        } else {
            host == self.host
        };
        named
            && match self.port {
                Some(own) => port == Some(own),
                None => matches!(port, Some(80 | 443)),
            }
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no host such as data.example, data.example:8443 or *.data.example");
        let (dot, rest) = text.strip_prefix("*.").map_or(("", text), |rest| (".", rest));
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| wrong())?)),
            _ => (rest, None),
        };
        // The parser of addresses says what a host is, so that both sides of a comparison are written alike.
        let address = url::Url::parse(&format!("http://{host}/")).map_err(|_| wrong())?;
        let plain =
            !host.contains('*') && address.path() == "/" && address.username().is_empty() && address.port().is_none();
        let host = address.host_str().filter(|_| plain && !host.is_empty()).ok_or_else(wrong)?;
        Ok(Self { host: format!("{dot}{host}"), port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.host.starts_with('.') { "*" } else { "" };
        write!(f, "{star}{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_means_itself_at_the_standard_ports_and_a_star_what_is_below_a_domain() {
        let check = |pattern: &str, host: &str, port: u16, expected: bool| {
            let pattern: HostPattern = pattern.parse().expect(pattern);
            assert_eq!(pattern.matches(host, Some(port)), expected, "{pattern} {host}:{port}");
        };
        check("Data.Example", "data.example", 443, true);
        check("data.example", "data.example", 8443, false);
        check("data.example:8443", "data.example", 8443, true);
        check("data.example", "evil-data.example", 443, false);
        check("*.example", "a.b.example", 80, true);
        check("*.example", "example", 80, false);
        check("*.example", "badexample", 80, false);
        check("[::1]:81", "[::1]", 81, true);
        check("0x7f.1", "127.0.0.1", 80, true);
        for wrong in ["", "a/b", "user@a", "a:b", "*", "*.", "a b", "http://a"] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_block_contains_its_addresses_and_no_others() {
        let check = |block: &str, address: &str, expected: bool| {
            let block: Cidr = block.parse().expect("a block");
            assert_eq!(block.contains(address.parse().expect("an address")), expected, "{block} {address}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.0.0.1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("fd00::/8", "fd12::1", true);
        check("::/0", "2001:db8::1", true);
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0", "::/129", "10.0.0.0/", "host"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_public_address_is_normalised_or_refused() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(text.parse::<PublicBase>().ok().map(|b| b.to_string()).as_deref(), expected, "{text}");
        };
        check("https://Water.Example", Some("https://water.example"));
        check("https://water.example:8443/a/b//", Some("https://water.example:8443/a/b"));
        check("http://[::1]:80/", Some("http://[::1]:80"));
        check("ftp://water.example", None);
        check("water.example", None);
        check("https://", None);
        check("https://a/b?c", None);
        check("https://a/../b", None);
        check("https://user@a/", None);
    }

    #[test]
    fn an_outside_address_has_an_origin_and_nothing_that_could_leave_a_policy() {
        let address: WebAddress = "https://Maps.example:8443/a/style.json?key=1;2".parse().expect("an address");
        assert_eq!(address.origin(), "https://maps.example:8443");
        assert_eq!(address.to_string(), "https://maps.example:8443/a/style.json?key=1;2");
        for bad in ["maps.example", "ftp://a.example/x", "https://a.example;script-src/x", "https://a b/", "https:///x"]
        {
            assert!(bad.parse::<WebAddress>().is_err(), "{bad}");
        }
    }
}

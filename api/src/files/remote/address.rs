//! Which addresses may be connected to on a caller's behalf: public ones, and those that the configuration names.
//!
//! The check is made on the very addresses that are then connected to, so a name that means another address a moment
//! later gains nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::Cidr;

/// Looks a name up.
pub(super) type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// The system's look-up.
pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| Ok((name, 0).to_socket_addrs()?.collect()))
}

/// Looks names up and passes on the addresses that may be connected to.
#[derive(Clone)]
pub(super) struct Guard {
    allowed: Arc<[Cidr]>,
    lookup: Lookup,
}

impl Guard {
    pub(super) fn new(allowed: &[Cidr], lookup: Lookup) -> Self {
        Self { allowed: allowed.into(), lookup }
    }

    /// Whether an address may be connected to.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed.iter().any(|block| block.contains(address))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let resolved = tokio::task::spawn_blocking(move || {
                let found = (guard.lookup)(name.as_str())?;
                let allowed: Vec<SocketAddr> = found.into_iter().filter(|a| guard.allows(a.ip())).collect();
                if allowed.is_empty() { Err(io::Error::other(Forbidden)) } else { Ok(allowed) }
            });
            let allowed = resolved.await.map_err(io::Error::other)??;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// A name has no address that may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("no address of this name may be connected to")]
pub(super) struct Forbidden;

/// Whether an address is one of the public internet. IPv4 in IPv6 form counts as IPv4; forms that a gateway translates
/// into some IPv4 address are none.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The registry of special addresses (RFC 6890 and its successors).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., _, _)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // What is assigned to the public internet is 2000::/3; all special blocks elsewhere go with the rest.
    let global = a & 0xe000 == 0x2000;
    let special = matches!((a, b), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_its_network_and_its_cloud_are_not_public() {
        for address in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2001:0:4136:e378::",
            "2001:db8::1",
            "fec0::1",
            "100::1",
            "3fff::1",
        ] {
            assert!(!is_public(address.parse().expect(address)), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "100.63.0.1", "193.49.1.1", "2a01:e0a::1", "2600::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(address.parse().expect(address)), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_is_never_resolved_to_an_address_that_is_not_allowed() {
        let resolved = async |answers: &[&str], allowed: &[&str]| -> Vec<String> {
            let answers: Vec<SocketAddr> =
                answers.iter().map(|a| SocketAddr::new(a.parse().expect("an address"), 0)).collect();
            let allowed: Vec<Cidr> = allowed.iter().map(|c| c.parse().expect("a block")).collect();
            let guard = Guard::new(&allowed, Arc::new(move |_| Ok(answers.clone())));
            match guard.resolve("data.example".parse().expect("a name")).await {
                Ok(found) => found.map(|a| a.ip().to_string()).collect(),
                Err(_) => Vec::new(),
            }
        };
        assert_eq!(resolved(&["127.0.0.1", "8.8.8.8", "::1"], &[]).await, ["8.8.8.8"]);
        assert!(resolved(&["127.0.0.1", "::ffff:10.0.0.1"], &[]).await.is_empty());
        assert_eq!(resolved(&["127.0.0.2", "127.0.0.1"], &["127.0.0.1"]).await, ["127.0.0.1"]);
        assert!(resolved(&[], &[]).await.is_empty());
    }
}

//! Resolves names to public addresses only, because a host name of a storage could be pointed into our own
//! network.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A resolver that drops addresses that are not public, except for the hosts that the operator has
/// configured.
#[derive(Debug)]
pub(crate) struct PublicHosts {
    configured: BTreeSet<String>,
}

impl PublicHosts {
    /// Returns a resolver that accepts any address for these hosts.
    pub(crate) fn and(configured: impl IntoIterator<Item = String>) -> Self {
        Self { configured: configured.into_iter().map(|host| host.to_ascii_lowercase()).collect() }
    }
}

impl Resolve for PublicHosts {
    fn resolve(&self, name: Name) -> Resolving {
        let is_configured = self.configured.contains(&name.as_str().to_ascii_lowercase());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| is_configured || is_public(address.ip()))
                .collect();
            if found.is_empty() {
                return Err(io::Error::other("the name has no public address").into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// True for an address of the public internet (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (18..20).contains(&second));
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3. An address that embeds an IPv4 address (mapped, 6to4, Teredo, NAT64) is not
    // public, because it could lead to any of those.
    let is_global = first & 0xE000 == 0x2000;
    let is_tunnel = first == 0x2002 || (first == 0x2001 && second == 0);
    let is_documentation = (first == 0x2001 && second == 0x0DB8) || first & 0xFFF0 == 0x3FF0;
    is_global && !is_tunnel && !is_documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s01_addresses_of_our_own_network_are_not_public() {
        for address in ["157.240.1.35", "54.172.60.1", "1.1.1.1", "2a03:2880:f12d::1", "2606:4700::1111"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001:0:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn s01_a_name_that_leads_home_does_not_resolve_unless_it_is_configured() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(PublicHosts::and([]).resolve(name()).await.is_err());
        let found = PublicHosts::and(["LOCALHOST".to_owned()]).resolve(name()).await.unwrap();
        assert!(found.count() > 0);
    }
}

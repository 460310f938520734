//! The configuration of the public listener, and the client addresses of its requests.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{extract::FromRef, http::HeaderMap};
use postly_app::App;
use url::Url;

use crate::{long_bodies::LongBodies, session_cookie::CookieKeys};

/// The configuration of the site by the operator.
#[derive(Debug, Clone)]
pub struct Site {
    /// The keys of the session cookie.
    pub cookies: CookieKeys,
    /// True if cookies of another NextAuth app authorize reading and generating (`NEXTAUTH_SHARED`).
    pub shared: bool,
    /// The public address of the service, as configured (`PUBLIC_BASE_URL`).
    pub public_base_url: String,
    /// The proxies that are trusted to send `X-Forwarded-For`.
    pub trusted_proxies: Vec<Network>,
}

impl Site {
    /// Returns true if browsers use TLS, with this service or with a proxy in front of it.
    pub(crate) fn is_https(&self) -> bool {
        Url::parse(&self.public_base_url).is_ok_and(|url| url.scheme() == "https")
    }

    /// Returns true if `origin` is our own. Scheme, host and port are compared as in browsers: without regard
    /// to case, and with or without a default port.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        match (Url::parse(origin), Url::parse(&self.public_base_url)) {
            (Ok(theirs), Ok(ours)) => theirs.origin() == ours.origin(),
            (_, _) => false,
        }
    }

    /// Returns the client address of a request: see [`visitor`].
    pub(crate) fn visitor(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> String {
        visitor(&self.trusted_proxies, peer, headers)
    }
}

/// Returns the client address under which limits count a request: an IPv4 address, or the /64 network of an
/// IPv6 address, because one client has all of its addresses. Only the rightmost address in `X-Forwarded-For`
/// that is not a trusted proxy counts, and only if a trusted proxy sent the header.
pub(crate) fn visitor(proxies: &[Network], peer: Option<SocketAddr>, headers: &HeaderMap) -> String {
    let Some(mut address) = peer.map(|peer| canonical(peer.ip())) else { return "unknown".to_owned() };
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for hop in hops.iter().rev() {
        if !proxies.iter().any(|network| network.holds(address)) {
            break;
        }
        // A trusted proxy that sends no address does not identify its client.
        let before = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|hop| hop.ip()));
        let Ok(before) = before else { break };
        address = canonical(before);
    }
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from(network))
        }
    }
}

/// Returns true if a trusted proxy reports that the browser uses https.
pub(crate) fn is_forwarded_https(proxies: &[Network], peer: Option<SocketAddr>, headers: &HeaderMap) -> bool {
    let by_proxy = peer.is_some_and(|peer| {
        let address = canonical(peer.ip());
        proxies.iter().any(|network| network.holds(address))
    });
    let said = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    by_proxy && said.is_some_and(|said| said.eq_ignore_ascii_case("https"))
}

/// Returns the IPv4 address of an IPv4-mapped IPv6 address; others unchanged.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// An address, or all addresses with the same leading bits (`10.0.0.0/8`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Parses an address with or without a prefix length. Returns `None` if it is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address = canonical(address.trim().parse().ok()?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    /// Returns true if the network contains the address.
    pub fn contains(self, address: IpAddr) -> bool {
        self.holds(address)
    }

    fn holds(self, address: IpAddr) -> bool {
        let same = |left: u128, right: u128, width: u32| {
            let rest = width - u32::from(self.bits);
            left.checked_shr(rest) == right.checked_shr(rest)
        };
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                same(u32::from(ours).into(), u32::from(theirs).into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => same(ours.into(), theirs.into(), 128),
            (IpAddr::V4(_) | IpAddr::V6(_), _) => false,
        }
    }
}

/// The state of the handlers.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) app: App,
    pub(crate) site: Arc<Site>,
    pub(crate) long_bodies: LongBodies,
}

impl FromRef<AppState> for App {
    fn from_ref(state: &AppState) -> Self {
        state.app.clone()
    }
}

/// The remote address of the connection of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn site(proxies: &[&str]) -> Site {
        Site {
            cookies: CookieKeys::new(&[SecretString::from("a secret of some length".to_owned())], true),
            shared: false,
            public_base_url: "https://postly.example/base".to_owned(),
            trusted_proxies: proxies.iter().map(|text| Network::parse(text).unwrap()).collect(),
        }
    }

    fn visitor(proxies: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        headers.append("x-real-ip", "9.9.9.9".parse().unwrap());
        headers.append("forwarded", "for=9.9.9.9".parse().unwrap());
        site(proxies).visitor(Some(peer.parse().unwrap()), &headers)
    }

    #[test]
    fn o05_only_the_rightmost_hop_of_a_trusted_proxy_counts() {
        assert_eq!(visitor(&[], "1.2.3.4:5", &["9.9.9.9"]), "1.2.3.4");
        assert_eq!(visitor(&["1.2.3.4"], "1.2.3.4:5", &["9.9.9.9, 8.8.8.8"]), "8.8.8.8");
        assert_eq!(visitor(&["1.2.3.4"], "1.2.3.4:5", &["9.9.9.9", "8.8.8.8"]), "8.8.8.8");
        assert_eq!(
            visitor(&["1.2.3.4", "10.0.0.0/8"], "1.2.3.4:5", &["9.9.9.9, 8.8.8.8, 10.1.2.3"]),
            "8.8.8.8"
        );
        assert_eq!(visitor(&["1.2.3.4"], "1.2.3.4:5", &["9.9.9.9, nonsense"]), "1.2.3.4");
        assert_eq!(visitor(&["1.2.3.4"], "1.2.3.4:5", &[]), "1.2.3.4");
        assert_eq!(visitor(&["1.2.3.0/24"], "[::ffff:1.2.3.4]:5", &["8.8.8.8"]), "8.8.8.8");
        assert_eq!(visitor(&["1.2.3.4"], "1.2.3.4:5", &["8.8.8.8:443"]), "8.8.8.8");
        assert_eq!(visitor(&["0.0.0.0/0"], "1.2.3.4:5", &["9.9.9.9"]), "9.9.9.9");
    }

    #[test]
    fn o04_an_ipv6_visitor_is_her_network() {
        let first = visitor(&[], "[2001:db8:1:2:3:4:5:6]:7", &[]);
        assert_eq!(first, "2001:db8:1:2::/64");
        assert_eq!(visitor(&[], "[2001:db8:1:2:ffff::1]:7", &[]), first);
        assert_ne!(visitor(&[], "[2001:db8:1:3::1]:7", &[]), first);
    }

    #[test]
    fn origins_are_compared_as_browsers_do() {
        let check = |base: &str, origin: &str, own: bool| {
            let site = Site { public_base_url: base.to_owned(), ..site(&[]) };
            assert_eq!(site.is_own_origin(origin), own, "{origin} at {base}");
        };
        for base in [
            "https://postly.example/base",
            "https://postly.example",
            "https://postly.example/",
            "https://Postly.Example",
            "HTTPS://POSTLY.EXAMPLE:443/base/",
        ] {
            check(base, "https://postly.example", true);
            for foreign in [
                "http://postly.example",
                "https://postly.example:8443",
                "https://postly.example.evil.example",
                "https://evil.example",
                "postly.example",
                "null",
                "",
            ] {
                check(base, foreign, false);
            }
        }
        check("http://LocalHost:8080", "http://localhost:8080", true);
        // A browser writes an international host in Punycode.
        check("https://Café.example", "https://xn--caf-dma.example", true);
        check("nonsense", "nonsense", false);
        let https = |base: &str| Site { public_base_url: base.to_owned(), ..site(&[]) }.is_https();
        assert_eq!(
            ["HTTPS://p.example", "https://p.example", "http://p.example"].map(https),
            [true, true, false]
        );
    }

    #[test]
    fn networks_that_are_none_are_refused() {
        assert_eq!(Network::parse("10.0.0.0/33"), None);
        assert_eq!(Network::parse("somewhere"), None);
    }
}

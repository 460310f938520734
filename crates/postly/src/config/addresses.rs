//! Web addresses: those of other services, and our own, which the providers must be able to reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::{Meta, Reader, Twilio};

impl Reader {
    /// Reads an http or https address. Its scheme becomes lower case, and a slash at its end is removed.
    pub(super) fn url(&mut self, name: &str, default: &str) -> String {
        let value = self.get(name).unwrap_or_else(|| default.to_owned());
        let (scheme, rest) = value.split_once("://").unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let is_web = matches!(scheme.as_str(), "http" | "https")
            && !rest.starts_with('/')
            && !rest.contains(['?', '#', ' '])
            && Url::parse(&value).is_ok_and(|url| url.has_host());
        if !is_web {
            self.fault(format!("{name} must be an http:// or https:// address without a query"));
            return String::new();
        }
        format!("{scheme}://{}", rest.trim_end_matches('/'))
    }

    /// Our public origin. It stands in links and in the text that Twilio signs, so it may not hold a
    /// password.
    pub(crate) fn public_base_url(&mut self) -> String {
        let nextauth_url = self.url("NEXTAUTH_URL", "http://localhost:8080");
        let public = self.url("PUBLIC_BASE_URL", &nextauth_url);
        if Url::parse(&public).is_ok_and(|url| !url.username().is_empty() || url.password().is_some()) {
            self.fault("PUBLIC_BASE_URL must hold no user and no password");
        }
        public
    }

    /// Refuses a public address that a real provider cannot reach. A provider on this machine is simulated.
    pub(super) fn check_reachable(&mut self, public: &str, meta: Option<&Meta>, twilio: Option<&Twilio>) {
        let is_real = |base_url: &str| Url::parse(base_url).is_ok_and(|url| !is_on_this_machine(&url));
        let meta = meta.is_some_and(|meta| is_real(&meta.send.base_url));
        let twilio = twilio.is_some_and(|twilio| is_real(&twilio.send.api_base_url));
        let Some(reason) = Url::parse(public).ok().as_ref().and_then(unreachable) else { return };
        let consequence = match (meta, twilio) {
            (_, true) => "Twilio refuses each message with error 21609",
            (true, false) => {
                "Meta delivers webhooks to public https addresses only, and links in messages lead nowhere"
            }
            (false, false) => return,
        };
        self.fault(format!(
            "PUBLIC_BASE_URL (or NEXTAUTH_URL) must be the https address at which the internet reaches this service, \
             but it {reason}: {consequence}"
        ));
    }
}

/// Returns true for a plain http address outside of this machine and of private networks.
pub(super) fn crosses_the_internet_in_clear(url: &Url) -> bool {
    url.scheme() == "http" && unreachable(url) == Some(PLAIN)
}

/// The reason of [`unreachable`] for an address in clear.
const PLAIN: &str = "is plain http";

/// Returns the reason if an address is certainly not reachable from the internet.
fn unreachable(url: &Url) -> Option<&'static str> {
    if is_on_this_machine(url) {
        return Some("is on localhost");
    }
    let is_private = match url.host()? {
        Host::Domain(name) => is_private_name(name),
        Host::Ipv4(address) => is_private_v4(address),
        Host::Ipv6(address) => is_private_v6(address),
    };
    match (is_private, url.scheme()) {
        (true, _) => Some("is in a private network"),
        (false, "https") => None,
        (false, _) => Some(PLAIN),
    }
}

fn is_on_this_machine(url: &Url) -> bool {
    let is_here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_here(address.into()),
        Some(Host::Ipv6(address)) => is_here(address.to_canonical()),
        None => false,
    }
}

/// Returns true for a name without a dot, and for one outside the public DNS (RFC 6762, and `.internal` as
/// ICANN reserved it).
fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    !name.contains('.') || [".local", ".internal"].iter().any(|ending| name.ends_with(ending))
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    // RFC 6598: the addresses that carriers share among customers.
    let is_shared = matches!(address.octets(), [100, 64..=127, _, _]);
    address.is_private() || address.is_link_local() || is_shared
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let mapped = address.to_ipv4_mapped();
    mapped.is_some_and(is_private_v4) || address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    const TWILIO: [(&str, Option<&str>); 4] = [
        ("WHATSAPP_PROVIDER", Some("twilio")),
        ("TWILIO_ACCOUNT_SID", Some("AC00000000000000000000000000000001")),
        ("TWILIO_AUTH_TOKEN", Some("0123456789abcdef0123456789abcdef")),
        ("TWILIO_WHATSAPP_FROM", Some("whatsapp:+14155238886")),
    ];
    const NO_META: [(&str, Option<&str>); 4] = [
        ("META_ACCESS_TOKEN", None),
        ("META_PHONE_NUMBER_ID", None),
        ("META_VERIFY_TOKEN", None),
        ("META_APP_SECRET", None),
    ];

    /// Addresses that no provider reaches, each with its reason.
    const UNREACHABLE: &[(&str, &str)] = &[
        ("http://localhost:8080", "is on localhost"),
        ("https://localhost", "is on localhost"),
        ("https://LOCALHOST./base", "is on localhost"),
        ("https://postly.localhost", "is on localhost"),
        ("http://127.0.0.1:8080", "is on localhost"),
        ("https://127.8.9.10", "is on localhost"),
        ("https://0.0.0.0", "is on localhost"),
        ("https://[::1]:8443", "is on localhost"),
        ("https://[::ffff:127.0.0.1]", "is on localhost"),
        ("https://10.1.2.3", "is in a private network"),
        ("https://172.31.0.1", "is in a private network"),
        ("http://192.168.1.20:8080", "is in a private network"),
        ("https://169.254.1.1", "is in a private network"),
        ("https://100.100.1.1", "is in a private network"),
        ("https://[fd00::1]", "is in a private network"),
        ("https://[fe80::1]", "is in a private network"),
        ("https://[::ffff:192.168.1.1]", "is in a private network"),
        ("https://postly", "is in a private network"),
        ("https://postly.local", "is in a private network"),
        ("https://postly.prod.internal", "is in a private network"),
        ("http://postly.example", "is plain http"),
        ("http://93.184.215.14", "is plain http"),
    ];

    #[test]
    fn a_real_provider_must_be_able_to_reach_us() {
        for (url, reason) in UNREACHABLE {
            for (variables, consequence) in [
                (vec![], "Meta delivers webhooks"),
                ([&TWILIO[..], &NO_META].concat(), "21609"),
                (TWILIO.to_vec(), "21609"),
            ] {
                let faults = read(&[&variables[..], &[("PUBLIC_BASE_URL", Some(url))]].concat()).unwrap_err();
                let [fault] = &faults[..] else { panic!("{url}: {faults:?}") };
                assert!(fault.starts_with("PUBLIC_BASE_URL") && fault.contains(reason), "{url}: {fault}");
                assert!(fault.contains(consequence) && !fault.contains(url), "{url}: {fault}");
            }
        }
        // The default address is not reachable; the address may come from next-auth's variable.
        let by_default = read(&[("PUBLIC_BASE_URL", None)]).unwrap_err();
        assert!(by_default.concat().contains("is on localhost"), "{by_default:?}");
        let shared = [("PUBLIC_BASE_URL", None), ("NEXTAUTH_URL", Some("https://postly.example"))];
        assert_eq!(read(&shared).unwrap().public_base_url, "https://postly.example");
        for url in [
            "https://postly.example",
            "https://Postly.Example:8443/base/",
            "https://93.184.215.14",
            "https://172.32.0.1",
            "https://[2001:db8::1]",
            "https://localhost.example",
            "https://a-tunnel.ngrok.app",
        ] {
            assert!(read(&[&TWILIO[..], &[("PUBLIC_BASE_URL", Some(url))]].concat()).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_simulated_provider_on_this_machine_may_be_told_any_address() {
        for base in
            ["http://127.0.0.1:9999", "http://localhost:9999", "http://[::1]:9999", "https://localhost"]
        {
            let simulated = [("META_GRAPH_BASE_URL", Some(base)), ("TWILIO_API_BASE_URL", Some(base))];
            for (url, _) in UNREACHABLE {
                let variables = [&TWILIO[..], &simulated, &[("PUBLIC_BASE_URL", Some(*url))]].concat();
                assert!(read(&variables).is_ok(), "{url} with {base}");
            }
        }
        // One real provider is enough to require a reachable address.
        let one = [("META_GRAPH_BASE_URL", Some("http://127.0.0.1:9999")), ("PUBLIC_BASE_URL", None)];
        assert!(read(&[&TWILIO[..], &one].concat()).unwrap_err().concat().contains("21609"));
        assert!(read(&one).is_ok());
    }

    #[test]
    fn an_address_is_a_whole_one_and_is_kept_as_it_is_configured() {
        let public = |url| read(&[("PUBLIC_BASE_URL", Some(url))]);
        for (url, kept) in [
            ("https://Postly.Example.COM/", "https://Postly.Example.COM"),
            ("HTTPS://postly.example/Base//", "https://postly.example/Base"),
            ("https://postly.example:443", "https://postly.example:443"),
        ] {
            assert_eq!(public(url).unwrap().public_base_url, kept);
        }
        for url in [
            "postly.example",
            "https://",
            "https:///base",
            "ftp://postly.example",
            "https://postly.example/?a=b",
            "https://postly.example#x",
            "https://postly.example:port",
            "https://post ly.example",
            "https://user:hunter2@postly.example",
        ] {
            let faults = public(url).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with("PUBLIC_BASE_URL must"), "{url}: {faults:?}");
            assert!(!faults[0].contains("hunter2"), "{faults:?}");
        }
    }
}

//! Checks of the configuration: faults, weak and reused secrets, proxies, and the legal pages' variables.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::{ExposeSecret as _, SecretString};

use super::Finding;
use crate::config::{Config, Fault};

/// A key below this length or variety can be guessed from its output. The service starts with it; `doctor`
/// warns.
const STRONG_CHARS: usize = 32;
const FEWEST_DIFFERENT: usize = 10;

/// The faults that prevent a start, each under the variable that it names.
pub(super) fn faults(faults: &[Fault]) -> Vec<Finding> {
    let finding = |fault: &Fault| {
        let text = fault.to_string();
        let name: String =
            text.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect();
        let why = "postly serve refuses to start.";
        Finding::error(
            format!("config.{name}"),
            text.clone(),
            why,
            format!("Correct {name} in the environment, in .env or in the file that {name}_FILE names."),
        )
    };
    faults.iter().map(finding).collect()
}

/// Returns findings on a configuration with which the service starts.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![];
    secrets(config, &mut findings);
    listeners(config, &mut findings);
    legal(config, &mut findings);
    findings
}

fn secrets(config: &Config, findings: &mut Vec<Finding>) {
    let own = |name, secrets: &[SecretString]| (name, secrets.first().cloned());
    let mut keys = vec![
        own("OTP_SALT", &config.accounts.otp_peppers),
        own("NEXTAUTH_SECRET", &config.accounts.session_secrets),
        ("IDENTITY_HASH_KEY", Some(config.identity_hash_key.clone())),
    ];
    let weak: Vec<&str> = keys
        .iter()
        .filter(|(_, key)| key.as_ref().is_some_and(|key| is_weak(key.expose_secret())))
        .map(|(name, _)| *name)
        .collect();
    if !weak.is_empty() {
        let names = weak.join(", ");
        findings.push(Finding::warning(
            "secrets.weak",
            format!("{names}: fewer than {STRONG_CHARS} characters, or hardly any different ones"),
            "A key that can be guessed opens what it keys: codes, sessions or the hashes of numbers.",
            "Make each with `openssl rand -base64 32`. OTP_SALT and NEXTAUTH_SECRET take the new one before the old \
             one, separated by a comma; IDENTITY_HASH_KEY cannot be changed once it is in use.",
        ));
    }
    keys.push(("META_VERIFY_TOKEN", config.meta.as_ref().map(|meta| meta.verify_token.clone())));
    let mut reused = vec![];
    for (at, (name, key)) in keys.iter().enumerate() {
        let same = |(_, other): &&(&str, Option<SecretString>)| match (key, other) {
            (Some(key), Some(other)) => key.expose_secret() == other.expose_secret(),
            _ => false,
        };
        if keys.iter().enumerate().any(|(other, pair)| other != at && same(&pair)) {
            reused.push(*name);
        }
    }
    if !reused.is_empty() {
        findings.push(Finding::warning(
            "secrets.reused",
            format!("{} hold the same secret", reused.join(" and ")),
            "One leak then opens several doors, and none of them can be changed alone.",
            "Give each variable a secret of its own (`openssl rand -base64 32`).",
        ));
    }
}

fn is_weak(key: &str) -> bool {
    let mut different: Vec<char> = key.chars().collect();
    let length = different.len();
    different.sort_unstable();
    different.dedup();
    length < STRONG_CHARS || different.len() < FEWEST_DIFFERENT
}

/// Returns true if an address is reachable from this machine or its own network only. The unspecified address
/// stands for all addresses of the machine.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

fn listeners(config: &Config, findings: &mut Vec<Finding>) {
    if !config.admin_bind_address.ip().is_loopback() {
        findings.push(Finding::warning(
            "admin.exposed",
            format!("The operator listener is bound to {}, not to this machine alone", config.admin_bind_address),
            "Metrics and readiness have no password: whoever reaches the port reads them.",
            "Set ADMIN_BIND_ADDRESS=127.0.0.1:9090, or let a firewall or private network keep strangers away.",
        ));
    }
    if config.admin.as_ref().is_some_and(|_| !is_private(config.admin_bind_address.ip())) {
        let second = match &config.admin {
            Some(access) if !access.asks_code() => {
                " ADMIN_TOTP_SECRET is not set: the password alone opens them."
            }
            Some(_) | None => "",
        };
        findings.push(Finding::warning(
            "admin.pages",
            format!("The operator's pages are on, and their listener is bound to {}", config.admin_bind_address),
            format!("They show what authors write and change credits, without TLS of their own.{second}"),
            "Bind ADMIN_BIND_ADDRESS to a loopback or private address, and reach it through SSH, a VPN or a TLS proxy.",
        ));
    }
    let proxies = &config.accounts.trusted_proxies;
    let strangers = [Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::new(203, 0, 113, 77)].map(IpAddr::from);
    if strangers.iter().all(|address| proxies.iter().any(|network| network.contains(*address))) {
        findings.push(Finding::error(
            "proxy.everyone",
            "TRUSTED_PROXIES holds every address",
            "Any client may then name any address as its own by X-Forwarded-For, and no limit by address holds.",
            "Set TRUSTED_PROXIES to the addresses of your own proxies, such as 127.0.0.1.",
        ));
    }
    let is_behind = config.public_base_url.starts_with("https://") && config.bind_address.ip().is_loopback();
    if is_behind && proxies.is_empty() {
        findings.push(Finding::warning(
            "proxy.untrusted",
            "PUBLIC_BASE_URL is https, the listener is on this machine, and TRUSTED_PROXIES is empty",
            "All visitors then seem to come from the proxy's one address, and share its limits: the sixth person who asks \
             for a code within five minutes is refused.",
            "Set TRUSTED_PROXIES to the address from which the proxy calls (often 127.0.0.1), and let it set \
             X-Forwarded-For.",
        ));
    }
}

fn legal(config: &Config, findings: &mut Vec<Finding>) {
    let legal = &config.legal;
    for (id, name, value, what) in [
        ("legal.name", "LEGAL_NAME", &legal.name, "the person or company that runs the service"),
        ("legal.address", "LEGAL_ADDRESS", &legal.address, "its postal address"),
        ("legal.support_email", "SUPPORT_EMAIL", &legal.support_email, "the address for questions"),
        ("legal.terms_url", "TERMS_URL", &legal.terms_url, "your terms"),
    ] {
        if value.is_none() {
            findings.push(Finding::warning(
                id,
                format!("{name} is empty"),
                format!("The legal pages and the first reply have to name {what}."),
                format!("Set {name}."),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_strong_by_length_and_variety() {
        for weak in ["a-pepper-of-some-length", &"ab".repeat(40), ""] {
            assert!(is_weak(weak), "{weak}");
        }
        assert!(!is_weak("q8Jw2mZ0cV6rT4yL1nB7xK9dF3hS5gAe"));
    }
}

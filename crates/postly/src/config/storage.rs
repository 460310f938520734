//! The account at the S3-compatible storage of the backups, from the variables that every client of S3 reads.

use postly_app::StorageAccount;
use secrecy::ExposeSecret as _;
use url::Url;

use super::{Reader, addresses::crosses_the_internet_in_clear};

const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
const REGION: &str = "AWS_REGION";
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// The region that storages without regions expect, and the oldest of AWS.
const DEFAULT_REGION: &str = "us-east-1";

impl Reader {
    /// Reads the account; `None` without credentials. A missing region is no fault, because the variables may
    /// be there for another program.
    pub(crate) fn storage(&mut self) -> Option<StorageAccount> {
        let region = self.get(REGION);
        let endpoint = self.get(ENDPOINT).map(|url| self.url(ENDPOINT, &url));
        if let Some(url) = endpoint.as_ref().and_then(|url| Url::parse(url).ok()) {
            if crosses_the_internet_in_clear(&url) {
                self.fault(format!(
                    "{ENDPOINT} must be an https:// address outside of this network: http shows the copies"
                ));
            }
            if !url.username().is_empty() || url.password().is_some() {
                self.fault(format!(
                    "{ENDPOINT} must hold no user and no password: they are {KEY_ID} and {SECRET}"
                ));
            }
        }
        let session_token = self.maybe_key(TOKEN);
        if !self.complete(&[KEY_ID, SECRET]) {
            return None;
        }
        Some(StorageAccount {
            access_key_id: self.maybe_key(KEY_ID)?.expose_secret().to_owned(),
            secret_access_key: self.maybe_key(SECRET)?,
            session_token,
            region: region.unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            endpoint,
        })
    }

    /// Reads the account for a command that uses a bucket.
    pub(crate) fn required_storage(&mut self) -> Option<StorageAccount> {
        if self.get(REGION).is_none() && self.get(ENDPOINT).is_none() {
            self.fault(format!(
                "{REGION} is missing: name the region of the bucket, such as eu-west-3, or set {ENDPOINT} for a storage that is \
                 not of AWS"
            ));
        }
        if self.get(KEY_ID).is_none() && self.get(SECRET).is_none() {
            for name in [KEY_ID, SECRET] {
                self.fault(format!("{name} is missing: s3:// needs the credentials of the storage"));
            }
        }
        self.storage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::read;

    const ACCOUNT: [(&str, Option<&str>); 2] =
        [(KEY_ID, Some("AKIDEXAMPLE")), (SECRET, Some("wJalrXUtnFEMI/K7MDENG"))];

    #[test]
    fn half_an_account_and_a_wrong_endpoint_are_refused_without_their_values() {
        let check = |changes: &[(&str, Option<&str>)], expected: &str| {
            let faults = read(changes).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains(expected), "{faults:?}");
            for (_, value) in changes {
                assert!(value.is_none_or(|value| !faults[0].contains(value)), "{faults:?}");
            }
        };
        check(&ACCOUNT[..1], "AWS_SECRET_ACCESS_KEY is missing");
        check(&ACCOUNT[1..], "AWS_ACCESS_KEY_ID is missing");
        check(&[ACCOUNT[0], (SECRET, Some("xxxxxxxxxxxx"))], "AWS_SECRET_ACCESS_KEY is a placeholder");
        for (endpoint, expected) in [
            ("storage.example", "AWS_ENDPOINT_URL must be an http"),
            ("http://storage.example.com", "https:// address outside"),
            ("https://me:it@storage.example.com", "no user and no password"),
        ] {
            check(&[(ENDPOINT, Some(endpoint))], expected);
        }
    }

    #[test]
    fn an_account_has_the_region_of_the_bucket_or_an_endpoint() {
        assert!(read(&[]).unwrap().storage.is_none());
        let of = |changes: &[(&str, Option<&str>)]| {
            read(&[&ACCOUNT[..], changes].concat()).unwrap().storage.unwrap()
        };
        assert_eq!(of(&[]).region, "us-east-1");
        let there = of(&[(REGION, Some("eu-west-3")), (ENDPOINT, Some("http://minio.internal:9000/"))]);
        assert_eq!(
            (there.region.as_str(), there.endpoint.as_deref()),
            ("eu-west-3", Some("http://minio.internal:9000"))
        );
        let printed = format!("{:?}", of(&[(TOKEN, Some("a-token-of-some-hours"))]));
        assert!(!printed.contains("wJalrXUtnFEMI") && !printed.contains("a-token"), "{printed}");
    }
}

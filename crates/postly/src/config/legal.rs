//! The publisher of the service, as shown on the legal pages and in the first reply.

use postly_app::Legal;
use postly_domain::Email;

use super::Reader;

impl Reader {
    /// Reads the variables of the legal pages. None is required: `postly doctor` warns of empty ones.
    pub(crate) fn legal(&mut self) -> Legal {
        let support_email = self.get("SUPPORT_EMAIL");
        if support_email.as_ref().is_some_and(|email| Email::parse(email).is_err()) {
            self.fault("SUPPORT_EMAIL must be an e-mail address, such as help@postly.example");
        }
        let terms_url = self.get("TERMS_URL").map(|url| self.url("TERMS_URL", &url));
        Legal { name: self.get("LEGAL_NAME"), address: self.get("LEGAL_ADDRESS"), support_email, terms_url }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    #[test]
    fn the_legal_pages_may_be_empty_but_not_wrong() {
        let legal = read(&[]).unwrap().legal;
        assert_eq!(legal, postly_app::Legal::default());
        let set = read(&[
            ("LEGAL_NAME", Some("Postly SARL")),
            ("LEGAL_ADDRESS", Some("1 rue des Halles, 69001 Lyon")),
            ("SUPPORT_EMAIL", Some("aide@postly.example")),
            ("TERMS_URL", Some("https://postly.example/cgv")),
        ]);
        let legal = set.unwrap().legal;
        assert_eq!(legal.support_email.as_deref(), Some("aide@postly.example"));
        assert_eq!(legal.terms_url.as_deref(), Some("https://postly.example/cgv"));
        for (name, value) in [("SUPPORT_EMAIL", "nobody"), ("TERMS_URL", "postly.example/cgv")] {
            let faults = read(&[(name, Some(value))]).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with(name), "{faults:?}");
            assert!(!faults[0].contains(value), "{faults:?}");
        }
    }
}

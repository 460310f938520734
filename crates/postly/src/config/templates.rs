//! The templates that carry codes outside of the service window: one at each provider, created there
//! beforehand.

use super::Reader;

/// The longest name of a template at Meta.
const LONGEST_TEMPLATE: usize = 512;

impl Reader {
    /// The name of the authentication template at Meta.
    pub(super) fn otp_template(&mut self) -> String {
        let name = self.get("META_OTP_TEMPLATE").unwrap_or_else(|| "postly_code".to_owned());
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.len() > LONGEST_TEMPLATE || !name.bytes().all(plain) {
            self.fault("META_OTP_TEMPLATE must be the name of a template: small letters, digits and _");
        }
        name
    }

    /// The languages of that template's translations, best first.
    pub(super) fn otp_template_languages(&mut self) -> Vec<String> {
        let list = self.get("META_OTP_TEMPLATE_LANGUAGES");
        let list = list.as_deref().unwrap_or("fr,en,en_US,es,pt_BR,pt_PT,ar");
        let mut languages: Vec<String> = vec![];
        for language in list.split(',').map(str::trim).filter(|language| !language.is_empty()) {
            if !is_language(language) {
                self.fault("META_OTP_TEMPLATE_LANGUAGES must be a list of languages as Meta names them: fr, en_US, pt_BR");
                break;
            }
            if !languages.iter().any(|known| known == language) {
                languages.push(language.to_owned());
            }
        }
        if languages.is_empty() {
            self.fault("META_OTP_TEMPLATE_LANGUAGES names no language");
        }
        languages
    }

    /// The content resource at Twilio. Without it, no code is sent through Twilio outside of the service
    /// window.
    pub(super) fn otp_content_sid(&mut self) -> Option<String> {
        let sid = self.get("TWILIO_OTP_CONTENT_SID")?;
        let digits = sid.strip_prefix("HX").unwrap_or_default();
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.fault("TWILIO_OTP_CONTENT_SID must be HX and 32 hexadecimal digits");
        }
        Some(sid)
    }
}

/// Returns true for a language as Meta names it: `fr`, `fil`, `pt_BR`.
fn is_language(name: &str) -> bool {
    let (language, region) = name.split_once('_').map_or((name, None), |(name, region)| (name, Some(region)));
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && region
            .is_none_or(|region| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    #[test]
    fn the_translations_of_the_template_are_a_list_of_metas_names() {
        let languages = |value: Option<&str>| -> Result<_, Vec<String>> {
            let config = read(&[("META_OTP_TEMPLATE_LANGUAGES", value)])?;
            Ok(config.meta.unwrap().send.otp_template_languages.join(" "))
        };
        assert_eq!(languages(None), Ok("fr en en_US es pt_BR pt_PT ar".to_owned()));
        assert_eq!(languages(Some(" pt_PT, fr,pt_PT ,fil")), Ok("pt_PT fr fil".to_owned()));
        for wrong in ["french", "FR", "fr-FR", "fr_fr", "pt_", "fr;en", ",", "é"] {
            let faults: Vec<String> = languages(Some(wrong)).unwrap_err();
            let one = faults.iter().filter(|fault| fault.starts_with("META_OTP_TEMPLATE_LANGUAGES")).count();
            assert!(one > 0 && one == faults.len(), "{wrong}: {faults:?}");
        }
    }

    #[test]
    fn the_templates_of_codes_are_named_and_well_formed() {
        let twilio: &[(&str, Option<&str>)] = &[
            ("WHATSAPP_PROVIDER", Some("meta")),
            ("TWILIO_ACCOUNT_SID", Some("AC00000000000000000000000000000001")),
            ("TWILIO_AUTH_TOKEN", Some("0123456789abcdef0123456789abcdef")),
            ("TWILIO_WHATSAPP_FROM", Some("whatsapp:+14155238886")),
        ];
        let names = |more: &[(&str, Option<&str>)]| -> Result<_, Vec<String>> {
            let config = read(&[twilio, more].concat())?;
            Ok((config.meta.unwrap().send.otp_template, config.twilio.unwrap().send.otp_content_sid))
        };
        assert_eq!(names(&[]), Ok(("postly_code".to_owned(), None)));
        let longest = "a".repeat(512);
        let sid = "HX0123456789abcdefABCDEF0123456789";
        let both = [("META_OTP_TEMPLATE", Some(longest.as_str())), ("TWILIO_OTP_CONTENT_SID", Some(sid))];
        assert_eq!(names(&both), Ok((longest.clone(), Some(sid.to_owned()))));
        let too_long = "a".repeat(513);
        for (name, value) in [
            ("META_OTP_TEMPLATE", too_long.as_str()),
            ("META_OTP_TEMPLATE", "Code"),
            ("META_OTP_TEMPLATE", "code-fr"),
            ("META_OTP_TEMPLATE", "códe"),
            ("TWILIO_OTP_CONTENT_SID", "HX"),
            ("TWILIO_OTP_CONTENT_SID", "0123456789abcdefabcdef0123456789ab"),
            ("TWILIO_OTP_CONTENT_SID", "HX0123456789abcdefabcdef01234567890"),
            ("TWILIO_OTP_CONTENT_SID", "HX0123456789abcdefabcdef012345678g"),
            ("TWILIO_OTP_CONTENT_SID", "hx0123456789abcdefabcdef0123456789"),
        ] {
            let faults: Vec<String> = names(&[(name, Some(value))]).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with(name), "{value}: {faults:?}");
        }
    }
}

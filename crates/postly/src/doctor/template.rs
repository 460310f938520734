//! Checks of the template of codes at Meta; a finding holds the request that creates it.

use postly_whatsapp::{MetaConfig, inspect::MetaTemplate};
use serde_json::json;

use super::Finding;

/// Examines the template of codes: each language of authors needs an approved translation.
pub(super) fn examine(config: &MetaConfig, waba: &str, templates: &[MetaTemplate]) -> Vec<Finding> {
    let name = &config.otp_template;
    if name.is_empty() {
        return vec![];
    }
    let wanted = &config.otp_template_languages;
    if templates.is_empty() {
        let first = wanted.first().map_or("fr", String::as_str);
        return vec![Finding::error(
            "meta.template_missing",
            format!("The account {waba} has no template {name}"),
            "No code leaves outside the 24-hour window: nobody can log in or link a number on the web who has not just \
             written.",
            format!("{}; then its other translations", create(config, waba, "message_templates", &[first])),
        )];
    }
    let mut findings = vec![];
    let base = |code: &str| code.split('_').next().unwrap_or_default().to_owned();
    let mut missing: Vec<&str> = vec![];
    let mut bases: Vec<String> = vec![];
    for code in wanted {
        if bases.contains(&base(code)) {
            continue;
        }
        bases.push(base(code));
        let mut of_language = templates
            .iter()
            .filter(|template| base(&template.language) == base(code) && wanted.contains(&template.language));
        let first = of_language.clone().next();
        match (first, of_language.any(|template| template.status == "APPROVED")) {
            (None, _) => missing.push(code),
            (Some(_), true) => {}
            (Some(template), false) => findings.push(Finding::error(
                format!("meta.template_status.{}", base(code)),
                format!("The translation {} of the template {name} is {}", template.language, template.status),
                "Meta refuses it: authors of this language get codes in another one, or none.",
                "Read the reason in WhatsApp Manager, Message templates; edit the template and submit it again.",
            )),
        }
    }
    if !missing.is_empty() {
        findings.push(Finding::warning(
            "meta.template_translation",
            format!("The template {name} has no translation for {}", missing.join(", ")),
            "Authors of these languages get their codes in the first language that Meta has.",
            create(config, waba, "upsert_message_templates", &missing),
        ));
    }
    let is_other =
        |template: &&MetaTemplate| !template.category.is_empty() && template.category != "AUTHENTICATION";
    if let Some(template) = templates.iter().find(is_other) {
        findings.push(Finding::error(
            "meta.template_category",
            format!("The template {name} is of category {}, not AUTHENTICATION", template.category),
            "Meta refuses codes in it, or bills them as something else.",
            "Delete the template in WhatsApp Manager and make it again as an authentication template with a copy-code \
             button.",
        ));
    }
    findings
}

/// The request that creates the template, ready to be pasted. The token stays a variable.
fn create(config: &MetaConfig, waba: &str, edge: &str, languages: &[&str]) -> String {
    let mut body = json!({
        "name": config.otp_template,
        "category": "AUTHENTICATION",
        "message_send_ttl_seconds": 600,
        "components": [
            {"type": "BODY", "add_security_recommendation": true},
            {"type": "FOOTER", "code_expiration_minutes": 10},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
        ],
    });
    if let Some(fields) = body.as_object_mut() {
        if edge == "message_templates" {
            fields.insert("language".to_owned(), json!(languages.first()));
        } else {
            fields.insert("languages".to_owned(), json!(languages));
        }
    }
    format!(
        "curl -X POST '{}/{}/{waba}/{edge}' -H \"Authorization: Bearer $META_ACCESS_TOKEN\" -H 'Content-Type: \
         application/json' -d '{body}'",
        config.base_url, config.version
    )
}

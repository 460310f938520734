//! Meta's notices of changed numbers, ids and keys, and numbers shared by their owners.
//!
//! Documented in "System messages webhook reference" (2026-08-11) and, for `customer_identity_changed`, in
//! the older reference of webhook components. Each part is read from its documented place; missing parts are
//! not inferred.

use postly_domain::event::{IdentityChange, IdentityChangeKind, Sender};
use postly_domain::{PhoneE164, Provider};
use serde_json::Value;

use super::inbound::text;
use crate::inbound::is_bsuid;

/// The kind of change in a system message, if any. The second names are those of API versions before v12.
fn kind_of(message: &Value) -> Option<IdentityChangeKind> {
    let system = message.get("system")?;
    match (text(message, "type")?.as_str(), text(system, "type")?.as_str()) {
        ("system", "user_changed_number" | "customer_changed_number" | "user_changed_user_id") => {
            Some(IdentityChangeKind::Moved)
        }
        ("system", "customer_identity_changed" | "user_identity_changed") => {
            Some(IdentityChangeKind::KeyChanged)
        }
        _ => None,
    }
}

pub(super) fn changes_identity(message: &Value) -> bool {
    kind_of(message).is_some()
}

/// Reads a system message. If the author hides the number, it has no `from`, and the webhook has no contact.
pub(super) fn system_change(message: &Value) -> IdentityChange {
    let system = message.get("system").unwrap_or(&Value::Null);
    let number = text(message, "from").or_else(|| text(system, "customer"));
    let id = text(message, "from_user_id");
    if kind_of(message) == Some(IdentityChangeKind::KeyChanged) {
        let id = id.or_else(|| text(system, "user_id"));
        let change = identity(number.as_deref(), id, None, None);
        return IdentityChange { kind: IdentityChangeKind::KeyChanged, ..change };
    }
    let (new_number, new_id) =
        (text(system, "wa_id").or_else(|| text(system, "new_wa_id")), text(system, "user_id"));
    let (number_said, id_said) = said_before(system, new_number.as_deref(), new_id.as_deref());
    let previous_id = text(system, "previous_user_id").or(id).filter(|id| Some(id) != new_id.as_ref());
    identity(
        number.or(number_said).as_deref(),
        previous_id.filter(|id| is_bsuid(id)).or(id_said),
        new_number,
        new_id,
    )
}

/// The previous number or id, from a sentence that ends with "changed from OLD to NEW". The sentence begins
/// with a name chosen by its owner. Therefore only its very end is read, and only if NEW equals the new
/// number or id of the notice.
fn said_before(
    system: &Value,
    new_number: Option<&str>,
    new_id: Option<&str>,
) -> (Option<String>, Option<String>) {
    let body = text(system, "body").unwrap_or_default();
    let Some((old, new)) =
        body.rsplit_once(" changed from ").and_then(|(_, change)| change.split_once(" to "))
    else {
        return (None, None);
    };
    let is_number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()) && PhoneE164::from_provider(text).is_some()
    };
    if is_bsuid(old) && new_id == Some(new) {
        return (None, Some(old.to_owned()));
    }
    let same_number = new_number
        .and_then(PhoneE164::from_provider)
        .is_some_and(|named| Some(named) == PhoneE164::from_provider(new));
    if is_number(old) && is_number(new) && same_number {
        return (Some(old.to_owned()), None);
    }
    (None, None)
}

/// Reads an update with the ids before and after, and the number that now belongs to them.
pub(super) fn id_change(change: &Value) -> IdentityChange {
    let ids = change.get("user_id").unwrap_or(&Value::Null);
    identity(None, text(ids, "previous"), text(change, "wa_id"), text(ids, "current"))
}

fn identity(
    previous_number: Option<&str>,
    previous_bsuid: Option<String>,
    number: Option<String>,
    bsuid: Option<String>,
) -> IdentityChange {
    let phone = number.as_deref().and_then(PhoneE164::from_provider);
    let bsuid = bsuid.filter(|id| is_bsuid(id));
    IdentityChange {
        provider: Provider::Meta,
        kind: IdentityChangeKind::Moved,
        previous_phone: previous_number.and_then(PhoneE164::from_provider),
        previous_bsuid: previous_bsuid.filter(|id| is_bsuid(id)),
        address: number.filter(|_| phone.is_some()).or_else(|| bsuid.clone()),
        phone,
        bsuid,
    }
}

/// The number of a sender, shared because we asked for it (`origin: contact_request`). A contact that is
/// merely sent along (`other`) may be another person's; so may a second number, or one that contradicts the
/// sender.
pub(super) fn own_number(message: &Value, sender: &Sender) -> Option<PhoneE164> {
    if text(message, "type")? != "contacts" || text(message, "group_id").is_some() {
        return None;
    }
    let [contact] = message.get("contacts")?.as_array()?.as_slice() else { return None };
    if text(contact, "origin")? != "contact_request" {
        return None;
    }
    let names_another = |id: String| sender.bsuid.as_ref() != Some(&id);
    if text(contact, "user_id").is_some_and(names_another) {
        return None;
    }
    let phones = contact.get("phones")?.as_array()?;
    let mut numbers =
        phones.iter().map(|phone| text(phone, "wa_id").and_then(|id| PhoneE164::from_provider(&id)));
    let number = numbers.next()??;
    if numbers.any(|other| other.as_ref() != Some(&number)) {
        return None;
    }
    sender.phone.as_ref().is_none_or(|phone| *phone == number).then_some(number)
}

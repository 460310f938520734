//! The `pricing` of a status.

use postly_domain::Pricing;
use serde_json::Value;

use super::inbound::text;
use crate::inbound::kind_name;

/// The price in a status. Of the statuses of one message, one or two have it.
pub(super) fn pricing(status: &Value) -> Option<Pricing> {
    let pricing = status.get("pricing").filter(|pricing| pricing.is_object())?;
    let word = |name| text(pricing, name).map(|word| kind_name(&word));
    Some(Pricing {
        category: word("category"),
        kind: word("type"),
        model: word("pricing_model"),
        billable: pricing.get("billable").and_then(Value::as_bool),
    })
}

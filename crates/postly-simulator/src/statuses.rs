//! The statuses of an accepted message, and their delivery to the service.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Channel, StatusPolicy};
use crate::deliver;
use crate::fault::FaultKind;
use crate::webhook::{self, Webhook};
use crate::world::{MessageStatus, World};
use crate::{meta_hooks, twilio_hooks};

/// The statuses that follow a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Those of the policy.
    Usual,
    None,
    Failed(i64),
    Duplicate,
    Reordered,
}

impl Plan {
    pub(crate) fn of(fault: Option<&FaultKind>) -> Self {
        match fault {
            Some(FaultKind::AcceptThenNoAnswerNoStatus | FaultKind::NoStatus) => Self::None,
            Some(FaultKind::FailedStatus { code }) => Self::Failed(*code),
            Some(FaultKind::DuplicateStatus) => Self::Duplicate,
            Some(FaultKind::ReorderedStatuses) => Self::Reordered,
            _ => Self::Usual,
        }
    }

    /// Returns the code of a failure after acceptance, if any.
    pub(crate) fn failure(&self) -> Option<i64> {
        match self {
            Self::Failed(code) => Some(*code),
            Self::Usual | Self::None | Self::Duplicate | Self::Reordered => None,
        }
    }

    fn steps(&self, policy: &StatusPolicy) -> Vec<MessageStatus> {
        use MessageStatus::{Delivered, Read, Sent};
        match self {
            Self::None => Vec::new(),
            Self::Failed(_) => vec![MessageStatus::Failed],
            Self::Duplicate => vec![Sent, Sent, Delivered, Delivered],
            Self::Reordered => vec![Delivered, Sent],
            Self::Usual => [(policy.sent, Sent), (policy.delivered, Delivered), (policy.read, Read)]
                .into_iter()
                .filter_map(|(wanted, status)| wanted.then_some(status))
                .collect(),
        }
    }
}

/// Sends the statuses of one message in the background, in order. A status that the service refuses is
/// retried without delaying the next.
pub(crate) fn follow(world: &Arc<World>, id: String, plan: &Plan) {
    let (steps, delay, code) = {
        let state = world.state();
        let Some(message) = state.accepted(&id) else { return };
        // Twilio sends statuses only to a requested callback.
        if message.channel == Channel::Twilio && message.callback.is_none() {
            return;
        }
        let doom = message.doomed;
        let plan = match (doom, plan) {
            (Some(code), Plan::Usual | Plan::Failed(_) | Plan::Duplicate | Plan::Reordered) => {
                Plan::Failed(code)
            }
            (_, plan) => plan.clone(),
        };
        (plan.steps(&state.statuses), Duration::from_millis(state.statuses.delay_ms), doom)
    };
    if steps.is_empty() {
        return;
    }
    let world = Arc::clone(world);
    tokio::spawn(async move {
        for status in steps {
            tokio::time::sleep(delay).await;
            if world.stopped() || world.state().target.is_none() {
                return;
            }
            let webhook = build(&world, &id, status, code.filter(|_| status == MessageStatus::Failed));
            if deliver::once(&world, &webhook).await.status != 200 {
                let world = Arc::clone(&world);
                tokio::spawn(async move { deliver::with_retries(&world, &webhook).await });
            }
        }
    });
}

/// Builds the signed status of a message, accepted here or not.
pub(crate) fn build(world: &World, id: &str, status: MessageStatus, code: Option<i64>) -> Webhook {
    let mut state = world.state();
    state.progress(id, status);
    let message = state.accepted(id).cloned();
    let public_url = state.target.as_ref().map(|target| target.public_url.clone()).unwrap_or_default();
    let channel = match &message {
        Some(message) => message.channel,
        None if id.starts_with("wamid.") => Channel::Meta,
        None => Channel::Twilio,
    };
    let person = message.as_ref().and_then(|message| state.person(channel, &message.number)).cloned();
    drop(state);
    world.changed();
    let ids = vec![id.to_owned()];
    match channel {
        Channel::Meta => {
            let about = message.as_ref().map(|message| (message, person.as_ref()));
            let body = meta_hooks::status(&world.config.meta, id, about, status, code, world.clock.now_s());
            webhook::meta(world, ids, body)
        }
        Channel::Twilio => {
            let url = message.as_ref().and_then(|message| message.callback.clone()).unwrap_or(public_url);
            let body = twilio_hooks::status(&world.config.twilio, id, message.as_ref(), status, code);
            webhook::twilio_to(world, ids, deliver::path_query(&url), &url, body)
        }
    }
}

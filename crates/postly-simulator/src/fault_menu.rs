//! The faults that a person switches on from the phone page, one at a time.

use crate::config::Upstream;
use crate::fault::{Fault, FaultKind};
use crate::world::World;

/// A fault in the menu.
pub(crate) struct MenuFault {
    /// The name in requests of the page.
    pub(crate) name: &'static str,
    /// The words of the menu.
    pub(crate) label: &'static str,
    faults: fn() -> Vec<(Upstream, Fault)>,
}

/// The providers of messages.
const BOTH: [Upstream; 2] = [Upstream::Meta, Upstream::Twilio];

/// The menu.
pub(crate) const MENU: [MenuFault; 6] = [
    MenuFault {
        name: "whatsapp_down",
        label: "WhatsApp en panne (erreur 503)",
        faults: || on_both(&down(unavailable())),
    },
    MenuFault {
        name: "whatsapp_silent",
        label: "WhatsApp ne répond plus",
        faults: || on_both(&down(FaultKind::Hang)),
    },
    MenuFault {
        name: "answer_lost",
        label: "Message remis, réponse perdue",
        faults: || on_both(&Fault::always(FaultKind::AcceptThenReset)),
    },
    MenuFault {
        name: "refused_later",
        label: "Message accepté, puis refusé",
        // The codes for a number that cannot receive messages, of Meta and of Twilio.
        faults: || {
            vec![
                (Upstream::Meta, Fault::always(FaultKind::FailedStatus { code: 131_026 })),
                (Upstream::Twilio, Fault::always(FaultKind::FailedStatus { code: 63_024 })),
            ]
        },
    },
    MenuFault {
        name: "statuses_twice",
        label: "Accusés de réception en double",
        faults: || on_both(&Fault::always(FaultKind::DuplicateStatus)),
    },
    MenuFault {
        name: "stripe_down",
        label: "Stripe en panne (erreur 503)",
        faults: || vec![(Upstream::Stripe, down(unavailable()))],
    },
];

fn unavailable() -> FaultKind {
    FaultKind::Status { code: 503, body: "{}".to_owned(), headers: Vec::new() }
}

/// A server that is down answers no look-up either.
fn down(kind: FaultKind) -> Fault {
    Fault::always(kind).on_every_request()
}

fn on_both(fault: &Fault) -> Vec<(Upstream, Fault)> {
    BOTH.into_iter().map(|upstream| (upstream, fault.clone())).collect()
}

/// Switches on the fault with this name, in place of all that wait; with an empty name, none. Returns false
/// for an unknown name.
pub(crate) fn switch(world: &World, name: &str) -> bool {
    let chosen = MENU.iter().find(|fault| fault.name == name);
    if chosen.is_none() && !name.is_empty() {
        return false;
    }
    world.faults.clear();
    for (upstream, fault) in chosen.map_or_else(Vec::new, |chosen| (chosen.faults)()) {
        world.faults.push(upstream, fault);
    }
    world.state().fault_switched_on = chosen.map(|fault| fault.name);
    true
}

//! Twilio's error codes and their actions.
//!
//! The table with its sources is `tables/twilio_error_codes.json`; a test compares this match with it.

use postly_domain::delivery::ErrorAction::{
    self, GiveUp, OurFault, Retry, StopSender, WaitForSender, WindowClosed,
};

/// The action for `code`, or `None` if the code is unknown.
pub(crate) fn action(code: i64) -> Option<ErrorAction> {
    Some(match code {
        20003 | 63001 | 63013 | 63038 => StopSender,
        20429 | 21611 | 63017 | 63018 => WaitForSender,
        21211 | 21610 | 57012 | 63003 | 63014 | 63015 | 63024 | 63032 | 63049 => GiveUp,
        21608 | 21617 | 21656 | 21658 | 11200 | 11217 | 12300 | 63005 | 63007 | 63008 | 63019 | 63021
        | 63027 | 63028 => OurFault,
        63012 => Retry,
        63016 => WindowClosed,
        _ => return None,
    })
}

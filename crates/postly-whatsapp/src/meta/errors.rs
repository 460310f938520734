//! Meta's error codes and their actions.
//!
//! The table with its sources is `tables/meta_error_codes.json`; a test compares this match with it.

use postly_domain::delivery::ErrorAction::{
    self, GiveUp, OurFault, Retry, StopSender, WaitForRecipient, WaitForSender, WindowClosed,
};

/// The action for `code`, or `None` if the code is unknown.
pub(crate) fn action(code: i64) -> Option<ErrorAction> {
    Some(match code {
        0 | 190 | 368 | 131031 | 131042 | 131048 | 131064 => StopSender,
        1 | 2 | 131000 | 131016 | 131057 | 133004 => Retry,
        3
        | 10
        | 33
        | 100
        | 200..=299
        | 131005
        | 131008
        | 131009
        | 131030
        | 131037
        | 131045
        | 131051
        | 131053
        | 131062
        | 131063
        | 132000
        | 132001
        | 132005
        | 132007
        | 132012
        | 132015
        | 132016
        | 132018
        | 132068
        | 133000
        | 133010
        | 134011
        | 135000 => OurFault,
        4 | 80007 | 130429 | 132069 => WaitForSender,
        130472 | 130497 | 131021 | 131026 | 131049 | 131050 | 131052 | 137000 => GiveUp,
        131047 => WindowClosed,
        131056 => WaitForRecipient,
        _ => return None,
    })
}

//! The names of operators, and the actions that the audit log keeps.

/// The longest name of an operator, in characters: a name and a surname.
pub const LONGEST_OPERATOR_NAME: usize = 60;

/// The name that an operator gives at the login of the pages, as the audit log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorName(String);

impl OperatorName {
    /// Reads a name: 1 to [`LONGEST_OPERATOR_NAME`] characters without control characters; blanks around it
    /// go.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim();
        let length = name.chars().count();
        let is_name = (1..=LONGEST_OPERATOR_NAME).contains(&length) && !name.chars().any(char::is_control);
        is_name.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for OperatorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! actions {
    ($($variant:ident = $name:literal, $meaning:literal;)*) => {
        /// An action of an operator: a change, or a view of personal content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AdminAction {
            $(#[doc = $meaning] $variant,)*
        }

        impl AdminAction {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in the audit log.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

actions! {
    LogIn = "log_in", "Logged in, or tried to.";
    LogOut = "log_out", "Logged out.";
    ViewAuthor = "view_author", "Read the page of an author.";
    ViewMessage = "view_message", "Read the timeline of a message.";
    ViewHandoffs = "view_handoffs", "Read the conversations that ask for a person.";
    Adjust = "adjust_credits", "Granted or deducted credits.";
    Block = "block_author", "Blocked an author.";
    Unblock = "unblock_author", "Unblocked an author.";
    AnswerHandoff = "answer_handoff", "Answered an author who asked for a person.";
    CloseHandoff = "close_handoff", "Handed a conversation back to the service.";
    Replay = "replay_dead_letter", "Put a dead letter back in line.";
    Refund = "refund_generation", "Gave the credit of a generation back.";
    RefundPayment = "refund_payment", "Refunded money at Stripe.";
    Export = "export_author", "Handed over everything that is held of an author.";
    Erase = "erase_author", "Erased an author.";
    ResetPassword = "reset_password", "Made a link that sets a new password.";
    Pause = "pause", "Stopped a part of the service.";
    Resume = "resume", "Ended a stop of a part of the service.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_one_line() {
        for (typed, expected) in [
            (" Awa Diop ", Some("Awa Diop")),
            ("é", Some("é")),
            ("", None),
            ("  ", None),
            ("a\nb", None),
            ("a\0b", None),
            (&"x".repeat(60), Some("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
            (&"x".repeat(61), None),
        ] {
            assert_eq!(OperatorName::parse(typed).as_ref().map(OperatorName::as_str), expected, "{typed:?}");
        }
    }
}

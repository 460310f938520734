//! Commands, and the answers to them.

use postly_domain::{Command, UnixMillis, brief::MAX_BRIEF_CHARS, event::IgnoreRule, small_talk::SmallTalk};
use postly_i18n::Value;
use postly_store::{Tx, authors, identities, wallets};

use crate::{
    JourneyError, Turns,
    people::Person,
    reply::Reply,
    turn::{Step, Turn},
};

/// The number of ledger entries that BALANCE names.
const LAST_ENTRIES: usize = 5;

impl Turns {
    /// Executes a command.
    pub(crate) async fn obey(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        command: &Command,
    ) -> Result<Step, JourneyError> {
        let Turn { person, now, .. } = *turn;
        let language = person.author.language;
        let code = match command {
            Command::Login => Some(None),
            Command::Export => {
                let url = format!("{}/api/me/export", self.core.settings.site_url);
                let url = [("url", Value::Text(&url))];
                Some(Some(self.core.catalogue.format(language, "export", &url)))
            }
            _ => None,
        };
        if let Some(lead) = code {
            let (sender, lane) = (&turn.message.sender, &turn.claimed.lane);
            let brought = self.logins.login_code_reply(tx, person, sender, lane, lead, now).await?;
            return Ok(brought.map_or(Step::Ignore(IgnoreRule::SaidAlready), Step::from));
        }
        let offer = match command {
            Command::Recharge => Some(("recharge", "shop-title")),
            Command::SmallTalk(SmallTalk::Price) => Some(("small_talk", "small-talk-about-us")),
            _ => None,
        };
        if let Some((purpose, title)) = offer {
            let title = vec![self.core.catalogue.text(language, title)];
            if let Some(reply) = self.payments.offer(tx, person, purpose, title, now).await? {
                return Ok(reply.into());
            }
        }
        Ok(match command {
            // Nothing is for sale: a reserved word is answered like HELP (RULES 4.3).
            Command::Recharge => self.replies.say(person, "help", "help"),
            Command::Phrase(phrase) => self.logins.answer_phrase(tx, person, phrase, now).await?,
            Command::NotMe => self.logins.deny_codes(tx, person, now).await?,
            command => self.answer(tx, person, command, now).await?,
        }
        .into())
    }

    /// Answers a command that needs no further steps.
    async fn answer(
        &self,
        tx: &mut Tx,
        person: &Person,
        command: &Command,
        now: UnixMillis,
    ) -> Result<Reply, JourneyError> {
        let author = &person.author;
        let texts = &self.core.catalogue;
        let say = |purpose, key| Reply::plain(purpose, texts.text(author.language, key));
        let limited = |purpose, key, limit: i64| {
            Reply::plain(purpose, texts.format(author.language, key, &[("limit", Value::Number(limit))]))
        };
        Ok(match command {
            Command::Help => say("help", "help"),
            Command::Balance => {
                let available = wallets::get(tx, &author.id).await?.available();
                let values = [("credits", Value::Number(available))];
                let mut lines = vec![texts.format(author.language, "balance", &values)];
                let (entries, _) = wallets::entries(tx, &author.id, None, LAST_ENTRIES).await?;
                if !entries.is_empty() {
                    lines.push(format!("\n{}", texts.text(author.language, "balance-entries")));
                }
                for entry in entries {
                    let reason = texts.reason(author.language, &entry.reason);
                    lines.push(format!("{:+} · {reason}", entry.delta));
                }
                Reply::plain("balance", lines.join("\n"))
            }
            Command::ShowLanguage => say("language", "language-now"),
            Command::SetLanguage(language) => {
                authors::set_language(tx, &author.id, *language, true).await?;
                Reply::plain("language", texts.text(*language, "language-set"))
            }
            Command::UnknownLanguage => say("language", "language-unknown"),
            Command::Stop => {
                identities::set_stopped(tx, &person.identity.id, Some(now)).await?;
                say("stopped", "stopped")
            }
            Command::HowToStop => say("how_to_stop", "how-to-stop"),
            Command::Start => {
                identities::set_stopped(tx, &person.identity.id, None).await?;
                say("started", "started")
            }
            Command::SmallTalk(SmallTalk::Greeting) => say("small_talk", "small-talk-greeting"),
            Command::SmallTalk(SmallTalk::Thanks) => say("small_talk", "small-talk-thanks"),
            Command::SmallTalk(SmallTalk::Acknowledgement) => say("small_talk", "small-talk-acknowledgement"),
            Command::SmallTalk(SmallTalk::AboutUs | SmallTalk::Price) => {
                say("small_talk", "small-talk-about-us")
            }
            Command::SmallTalk(SmallTalk::Opening) => say("small_talk", "small-talk-opening"),
            Command::Delete => {
                authors::ask_erasure(tx, &author.id, Some(now)).await?;
                say("delete_confirm", "delete-confirm")
            }
            // The other commands are handled before this point. A missing brief leaves nothing to write
            // about.
            Command::MissingBrief
            | Command::Generate(_)
            | Command::Login
            | Command::Export
            | Command::Recharge
            | Command::Phrase(_)
            | Command::NotMe => say("missing_brief", "missing-brief"),
            Command::BriefTooLong => {
                let limit = i64::try_from(MAX_BRIEF_CHARS).unwrap_or(i64::MAX);
                limited("brief_too_long", "brief-too-long", limit)
            }
        })
    }
}

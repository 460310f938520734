//! Queues a reply: one or several messages in the outbox, once.

use postly_domain::{
    Provider, UnixMillis,
    delivery::Form,
    id::{GenerationId, MessageId},
    text::utf16_len,
    time::SERVICE_WINDOW_SECS,
};
use postly_i18n::Value;
use postly_pipeline::Writer;
use postly_store::{
    StoreError, Tx, authors,
    inbox::DueEvent,
    outbox::{self, NewMessage},
    wallets,
};
use postly_whatsapp::split::split_reply;

use crate::{CodeTemplates, Core, JourneyError, Pauses, ids::Fresh as _, people::Person, seal::Sealed};

/// The longest text for which Meta shows reply buttons, in UTF-16 units ("Interactive reply buttons
/// messages").
const MAX_BUTTON_TEXT: usize = 1_024;
/// The most characters of a voice note repeated in its answer: enough to notice a wrong transcription.
const LONGEST_ECHO: usize = 300;
/// The prefix of the id of a button for one post.
const CHOICE: &str = "post:";
/// The length of the signature in the id of a button, in hexadecimal digits: 64 bits.
const CHOICE_SIGNATURE: usize = 16;

/// The answer to one message.
pub(crate) struct Reply {
    /// The purpose: `help`, `result`, `no_credit` …
    pub(crate) purpose: &'static str,
    /// Parts that are not split if they fit: a header, a post, a footer.
    pub(crate) units: Vec<String>,
    /// The range of the posts among the units, and their generation.
    pub(crate) posts: Option<(GenerationId, std::ops::Range<usize>)>,
    /// True if the author may ask for one of the posts alone.
    pub(crate) offers_choice: bool,
    /// Set if the units contain a secret: they are encrypted with these values until the provider has
    /// answered.
    pub(crate) sealed: Option<Sealed>,
    /// The end of the reply's usefulness, if it is before the end of the service window.
    pub(crate) expires_at: Option<UnixMillis>,
}

impl Reply {
    /// A reply with one unit.
    pub(crate) fn plain(purpose: &'static str, text: String) -> Self {
        Self::of(purpose, vec![text])
    }

    /// A reply with several units.
    pub(crate) fn of(purpose: &'static str, units: Vec<String>) -> Self {
        Self { purpose, units, posts: None, offers_choice: false, sealed: None, expires_at: None }
    }

    /// A reply that contains a code or a secret link.
    pub(crate) fn sealed(purpose: &'static str, units: Vec<String>, sealed: Sealed) -> Self {
        Self { sealed: Some(sealed), ..Self::of(purpose, units) }
    }
}

/// The context of the answer to a message.
pub(crate) struct ReplyContext<'a> {
    pub(crate) event: &'a DueEvent,
    pub(crate) lane: &'a str,
    pub(crate) person: &'a Person,
    pub(crate) business: &'a str,
    pub(crate) provider_message_id: &'a str,
    pub(crate) address: &'a str,
    /// The words that the model heard in a voice note.
    pub(crate) heard: Option<&'a str>,
}

impl ReplyContext<'_> {
    /// Returns the key of a hold for this message: a retry finds the same hold, a replay creates a new one.
    pub(crate) fn hold_key(&self) -> String {
        hold_key(self.event)
    }

    /// Returns a message to the author, by the provider and address of the inbound message.
    fn message<'m>(
        &'m self,
        id: &'m MessageId,
        key: &'m str,
        purpose: &'m str,
        body: &'m str,
    ) -> NewMessage<'m> {
        NewMessage {
            id,
            key,
            lane: self.lane,
            author: Some(&self.person.author.id),
            provider: self.event.provider,
            business: self.business,
            address: self.address,
            purpose,
            event: Some(&self.event.id),
            generation: None,
            carries_variant: false,
            reply_to: Some(self.provider_message_id),
            body,
            buttons: None,
            form: Form::Text,
            sealed: None,
            expires_at: self.event.occurred_at.plus_secs(SERVICE_WINDOW_SECS),
        }
    }
}

/// See [`ReplyContext::hold_key`].
pub(crate) fn hold_key(event: &DueEvent) -> String {
    format!("{}:{}", event.id, event.round)
}

/// The replies to inbound messages, and the end of their handling.
#[derive(Clone)]
pub struct Replies {
    pub(crate) core: Core,
    pub(crate) code_templates: CodeTemplates,
    pub(crate) pauses: Pauses,
    pub(crate) writer: Writer,
}

impl Replies {
    /// Queues a reply in the author's language. The first reply to an author ends with the greeting, which
    /// names the service. Returns the id of its first message.
    pub(crate) async fn queue_reply(
        &self,
        tx: &mut Tx,
        context: &ReplyContext<'_>,
        mut reply: Reply,
        now: UnixMillis,
    ) -> Result<MessageId, JourneyError> {
        let author = &context.person.author;
        let greeting = if !author.greeted && authors::greet(tx, &author.id, now).await? {
            let key = if self.writer.is_ai() { "greeting-ai" } else { "greeting-offline" };
            let terms = format!("{}/terms", self.core.settings.site_url);
            Some(self.core.catalogue.format(author.language, key, &[("url", Value::Text(&terms))]))
        } else {
            None
        };
        // A code is kept short, and a post alone is copied as it is.
        let may_tell =
            reply.purpose != "post_alone" && reply.sealed.as_ref().is_none_or(|sealed| sealed.code.is_none());
        if may_tell
            && author.untold_refunds > 0
            && wallets::tell_refunds(tx, &author.id, author.untold_refunds).await?
        {
            let credits = [("credits", Value::Count(author.untold_refunds))];
            reply.units.push(self.core.catalogue.format(author.language, "refund-told", &credits));
        }
        self.echo(context, &mut reply);
        let buttons = self.choice(context, &mut reply, greeting.as_deref());
        reply.units.extend(greeting);
        if let Some(sealed) = reply.sealed {
            // A code is never sent twice; for a shop link, sending it twice is better than not at all.
            let form = if sealed.code.is_some() { Form::Code } else { Form::Text };
            let id = MessageId::fresh(self.core.now());
            let key = format!("{}:{}:0", context.event.id, context.event.round);
            let text = reply.units.join("\n\n");
            let sealed = self.core.code_keys.seal(&id, &Sealed { text: Some(text), ..sealed })?;
            let message = context.message(&id, &key, reply.purpose, "");
            let expires_at = reply.expires_at.map_or(message.expires_at, |end| end.min(message.expires_at));
            let message = NewMessage { form, sealed: Some(&sealed), expires_at, ..message };
            if outbox::queue(tx, &message, now).await? && form == Form::Code {
                self.code_templates.keep_for_template(tx, &message, now).await?;
            }
            return Ok(id);
        }
        let parts = split_reply(&reply.units, context.event.provider.text_limit_utf16());
        let mut first = None;
        for (number, part) in parts.iter().enumerate() {
            let id = MessageId::fresh(self.core.now());
            let carries_variant = reply
                .posts
                .as_ref()
                .is_some_and(|(_, posts)| part.units.iter().any(|unit| posts.contains(unit)));
            let key = format!("{}:{}:{number}", context.event.id, context.event.round);
            let message = NewMessage {
                generation: reply.posts.as_ref().map(|(generation, _)| generation),
                carries_variant,
                buttons: buttons.as_deref().filter(|_| number + 1 == parts.len()),
                ..context.message(&id, &key, reply.purpose, &part.text)
            };
            outbox::queue(tx, &message, now).await?;
            first.get_or_insert(id);
        }
        // A reply has at least one unit, so at least one part.
        Ok(first.unwrap_or_else(|| MessageId::fresh(self.core.now())))
    }

    /// Puts the transcription of a voice note before its answer, so that the author notices an error. A
    /// single post is sent without it, because it is meant to be copied, and shows itself how the message was
    /// understood.
    fn echo(&self, context: &ReplyContext<'_>, reply: &mut Reply) {
        let Some(heard) = context.heard.filter(|_| reply.purpose != "post_alone") else { return };
        let mut text: String = heard.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = text.char_indices().nth(LONGEST_ECHO) {
            text.truncate(end);
            text.push('…');
        }
        let language = context.person.author.language;
        reply.units.insert(0, self.core.catalogue.format(language, "heard", &[("text", Value::Text(&text))]));
        if let Some((_, posts)) = &mut reply.posts {
            *posts = posts.start + 1..posts.end + 1;
        }
    }

    /// Offers the posts of a result one by one: by buttons if the whole reply is one message that can have
    /// them, else by a line of text. Returns the buttons as JSON.
    fn choice(
        &self,
        context: &ReplyContext<'_>,
        reply: &mut Reply,
        greeting: Option<&str>,
    ) -> Option<String> {
        let (generation, _) = reply.posts.as_ref().filter(|_| reply.offers_choice)?;
        let units: Vec<String> = reply.units.iter().cloned().chain(greeting.map(str::to_owned)).collect();
        let parts = split_reply(&units, context.event.provider.text_limit_utf16());
        let fits = matches!(parts.as_slice(), [part] if utf16_len(&part.text) <= MAX_BUTTON_TEXT);
        if context.event.provider == Provider::Meta && fits {
            let button = |number: u8| (self.choice_id(generation, number), number.to_string());
            return serde_json::to_string(&[button(1), button(2), button(3)]).ok();
        }
        reply.units.push(self.core.catalogue.text(context.person.author.language, "how-to-choose"));
        None
    }

    /// Returns the signed id of the button for one post of a result.
    pub(crate) fn choice_id(&self, generation: &GenerationId, number: u8) -> String {
        let named = format!("{CHOICE}{generation}:{number}");
        let signature: String = self.core.name_hash(&named).chars().take(CHOICE_SIGNATURE).collect();
        format!("{named}:{signature}")
    }

    /// Returns the generation and the number of the post of one of our buttons.
    pub(crate) fn chosen(&self, payload: &str) -> Option<(GenerationId, u8)> {
        let (generation, rest) = payload.strip_prefix(CHOICE)?.split_once(':')?;
        let generation = GenerationId::new(generation.to_owned());
        let number = rest.split(':').next()?.parse().ok()?;
        (self.choice_id(&generation, number) == payload).then_some((generation, number))
    }

    /// Queues a notice in addition to the reply to a message, or instead of it.
    pub(crate) async fn queue_notice(
        &self,
        tx: &mut Tx,
        context: &ReplyContext<'_>,
        purpose: &'static str,
        text: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let key = format!("{}:{}:{purpose}", context.event.id, context.event.round);
        outbox::queue(tx, &context.message(&MessageId::fresh(self.core.now()), &key, purpose, text), now)
            .await?;
        Ok(())
    }

    /// Returns a free answer with one unit.
    pub(crate) fn say(&self, person: &Person, purpose: &'static str, key: &str) -> Reply {
        Reply::plain(purpose, self.core.catalogue.text(person.author.language, key))
    }
}

//! Queueing a reply: one or several messages in the outbox, once.

use postly_domain::{
    Provider, UnixMillis,
    delivery::Form,
    id::{GenerationId, MessageId},
    text::utf16_len,
    time::SERVICE_WINDOW_SECS,
};
use postly_i18n::Value;
use postly_store::{
    StoreError, Tx, authors,
    inbox::DueEvent,
    outbox::{self, NewMessage},
};
use postly_whatsapp::split::split_reply;

use crate::{App, JourneyError, ids::Fresh as _, people::Person, seal::Sealed};

/// The longest text below which Meta shows reply buttons, in UTF-16 units ("Interactive reply buttons messages").
const MAX_BUTTON_TEXT: usize = 1_024;
/// The most characters of a voice note that its answer repeats: enough to see what was misheard.
const LONGEST_ECHO: usize = 300;
/// The prefix of the id of a button for one post.
const CHOICE: &str = "post:";
/// The length of the signature in the id of a button, in hexadecimal digits: 64 bits.
const CHOICE_SIGNATURE: usize = 16;

/// What is said in answer to one message.
pub(crate) struct Reply {
    /// What it is: `help`, `result`, `no_credit` …
    pub(crate) purpose: &'static str,
    /// Pieces that are kept whole where they fit: a header, a post, a footer.
    pub(crate) units: Vec<String>,
    /// The posts among the units, by index, and the generation they are of.
    pub(crate) posts: Option<(GenerationId, std::ops::Range<usize>)>,
    /// True if the author may ask for one of the posts alone.
    pub(crate) offers_choice: bool,
    /// Set when the units hold a secret: they are encrypted until the provider has answered, with what stands here.
    pub(crate) sealed: Option<Sealed>,
    /// When it has no more worth, if before the end of the service window.
    pub(crate) expires_at: Option<UnixMillis>,
}

impl Reply {
    /// A reply of one piece.
    pub(crate) fn plain(purpose: &'static str, text: String) -> Self {
        Self::of(purpose, vec![text])
    }

    /// A reply of several pieces.
    pub(crate) fn of(purpose: &'static str, units: Vec<String>) -> Self {
        Self { purpose, units, posts: None, offers_choice: false, sealed: None, expires_at: None }
    }

    /// A reply that holds a code, or a link that is a secret.
    pub(crate) fn sealed(purpose: &'static str, units: Vec<String>, sealed: Sealed) -> Self {
        Self { sealed: Some(sealed), ..Self::of(purpose, units) }
    }
}

/// A message that is being answered.
pub(crate) struct ReplyContext<'a> {
    pub(crate) event: &'a DueEvent,
    pub(crate) lane: &'a str,
    pub(crate) person: &'a Person,
    pub(crate) business: &'a str,
    pub(crate) provider_message_id: &'a str,
    pub(crate) address: &'a str,
    /// The words that were heard in a voice note.
    pub(crate) heard: Option<&'a str>,
}

impl ReplyContext<'_> {
    /// What a hold for this message is keyed by: a retry finds it, a replay makes a new one.
    pub(crate) fn hold_key(&self) -> String {
        hold_key(self.event)
    }

    /// A message to the author who asked, by the way on which the message came.
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

impl App {
    /// Queues a reply, in the language of the author. The first reply of her life ends with who we are. Returns
    /// the id of its first message.
    pub(crate) async fn queue_reply(
        &self,
        tx: &mut Tx,
        context: &ReplyContext<'_>,
        mut reply: Reply,
        now: UnixMillis,
    ) -> Result<MessageId, JourneyError> {
        let author = &context.person.author;
        let greeting = if !author.greeted && authors::greet(tx, &author.id, now).await? {
            let key = if self.0.writer.is_ai() { "greeting-ai" } else { "greeting-offline" };
            Some(self.0.catalogue.text(author.language, key))
        } else {
            None
        };
        self.echo(context, &mut reply);
        let buttons = self.choice(context, &mut reply, greeting.as_deref());
        reply.units.extend(greeting);
        if let Some(sealed) = reply.sealed {
            // A code is never sent twice; a link to buy by is better sent twice than not at all.
            let form = if sealed.code.is_some() { Form::Code } else { Form::Text };
            let id = MessageId::fresh(self.now());
            let key = format!("{}:{}:0", context.event.id, context.event.round);
            let text = reply.units.join("\n\n");
            let sealed = self.0.peppers.seal(&id, &Sealed { text: Some(text), ..sealed })?;
            let message = context.message(&id, &key, reply.purpose, "");
            let expires_at = reply.expires_at.map_or(message.expires_at, |end| end.min(message.expires_at));
            let message = NewMessage { form, sealed: Some(&sealed), expires_at, ..message };
            if outbox::queue(tx, &message, now).await? && form == Form::Code {
                self.keep_for_template(tx, &message, now).await?;
            }
            return Ok(id);
        }
        let parts = split_reply(&reply.units, context.event.provider.text_limit_utf16());
        let mut first = None;
        for (number, part) in parts.iter().enumerate() {
            let id = MessageId::fresh(self.now());
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
        // A reply has at least one unit, and so at least one part.
        Ok(first.unwrap_or_else(|| MessageId::fresh(self.now())))
    }

    /// Puts what was heard in a voice note before its answer, so that a word that was misheard shows. A post alone stays alone:
    /// it is there to be copied, and shows by itself what was understood.
    fn echo(&self, context: &ReplyContext<'_>, reply: &mut Reply) {
        let Some(heard) = context.heard.filter(|_| reply.purpose != "post_alone") else { return };
        let mut text: String = heard.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = text.char_indices().nth(LONGEST_ECHO) {
            text.truncate(end);
            text.push('…');
        }
        let language = context.person.author.language;
        reply.units.insert(0, self.0.catalogue.format(language, "heard", &[("text", Value::Text(&text))]));
        if let Some((_, posts)) = &mut reply.posts {
            *posts = posts.start + 1..posts.end + 1;
        }
    }

    /// Offers the posts of a result one by one: by buttons where the whole reply is one message that can have them, else by a
    /// line in the text. Returns the buttons as JSON.
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
        reply.units.push(self.0.catalogue.text(context.person.author.language, "how-to-choose"));
        None
    }

    /// The id of the button for one post of a result, with a signature of ours.
    pub(crate) fn choice_id(&self, generation: &GenerationId, number: u8) -> String {
        let named = format!("{CHOICE}{generation}:{number}");
        let signature: String = self.name_hash(&named).chars().take(CHOICE_SIGNATURE).collect();
        format!("{named}:{signature}")
    }

    /// The result and the number of the post that a button of ours stands for.
    pub(crate) fn chosen(&self, payload: &str) -> Option<(GenerationId, u8)> {
        let (generation, rest) = payload.strip_prefix(CHOICE)?.split_once(':')?;
        let generation = GenerationId::new(generation.to_owned());
        let number = rest.split(':').next()?.parse().ok()?;
        (self.choice_id(&generation, number) == payload).then_some((generation, number))
    }

    /// Queues a notice that comes beside the reply of a message, or in its stead when there will be none.
    pub(crate) async fn queue_notice(
        &self,
        tx: &mut Tx,
        context: &ReplyContext<'_>,
        purpose: &'static str,
        text: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let key = format!("{}:{}:{purpose}", context.event.id, context.event.round);
        outbox::queue(tx, &context.message(&MessageId::fresh(self.now()), &key, purpose, text), now).await?;
        Ok(())
    }
}

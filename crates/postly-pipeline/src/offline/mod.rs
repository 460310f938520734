//! The writer without network: proofread sentences, with the facts of the brief slotted in as they stand.
//!
//! It is no AI and says so. It understands little, so it claims little: what it recognises (a trade, an occasion,
//! a discount, a day) chooses the sentences, and everything else of the brief is quoted on a line of its own, where
//! any phrase is grammatical. French and English have sentences for each trade and occasion; Spanish, Portuguese
//! and Arabic have sentences for each occasion that suit any trade.

mod book;
mod compose;
pub(crate) mod lexicon;
mod reading;
mod request;
mod topic;
mod trade;

use futures_util::future::BoxFuture;
use postly_domain::{
    Language,
    post::{BriefKind, Platform, Variant},
    small_talk,
};

use crate::{
    Answer, CallRecord, Draft, DraftBody, DraftRequest, Model, ModelError, guard::Guard, missing_space,
    tokens::folded_words, validate::Form,
};
use compose::DetailLevel;
use reading::{Reading, Tone};

/// The name under which it signs.
const NAME: &str = "offline";

/// How many wordings we try for each amount of detail before giving some detail up.
const WORDINGS: u64 = 3;

/// Composes posts from the brief alone: no network, no waiting, the same posts for the same brief and seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfflineWriter;

impl OfflineWriter {
    /// A writer.
    pub fn new() -> Self {
        Self
    }
}

impl Model for OfflineWriter {
    fn name(&self) -> &str {
        NAME
    }

    fn is_ai(&self) -> bool {
        false
    }

    fn draft<'a>(&'a self, request: &'a DraftRequest) -> BoxFuture<'a, Result<Draft, ModelError>> {
        let body = body(request);
        let call = CallRecord {
            model: NAME.to_owned(),
            stage: request.stage(),
            outcome: "ok",
            prompt_tokens: None,
            completion_tokens: None,
            price_microunits: Some(0),
            latency_ms: 0,
            request_id: None,
            prompt_version: request.prompt_version,
        };
        let draft = Draft { answer: Answer::Body(body), writer: NAME.to_owned(), calls: vec![call] };
        Box::pin(std::future::ready(Ok(draft)))
    }
}

fn body(request: &DraftRequest) -> DraftBody {
    let brief = request.ask.brief.as_str();
    let language = request.language;
    let platform = request.platform.unwrap_or(Platform::General);
    let kind = if small_talk::read(brief).is_some() {
        BriefKind::SmallTalk
    } else if topic::is_off_topic(brief) {
        BriefKind::OffTopic
    } else {
        BriefKind::Post
    };
    let mut reading = Reading::of(&missing_space::mend_brief(brief));
    if let Some(tone) = &request.ask.tone {
        reading.tone = Tone::read(&folded_words(tone));
    }
    let variants = match kind {
        BriefKind::Post => best(&reading, request, platform),
        BriefKind::SmallTalk | BriefKind::OffTopic => Vec::new(),
    };
    DraftBody {
        kind,
        platform,
        industry: reading.trade.name(language).to_owned(),
        objective: reading.objective.name(language).to_owned(),
        tone: reading.tone.name(language).to_owned(),
        language: Some(language),
        variants,
    }
}

/// The posts with the most detail that pass the checks; if none do, the plainest, for the writer to turn down.
fn best(reading: &Reading, request: &DraftRequest, platform: Platform) -> Vec<Variant> {
    let brief = request.ask.brief.as_str();
    let language: Language = request.language;
    // The repair of a deterministic writer is another wording.
    let first = request.ask.seed.wrapping_add(if request.repair.is_some() { WORDINGS } else { 0 });
    let form = Form::new(brief, platform, language);
    let guard = Guard::new(brief, language);
    let mut variants = Vec::new();
    for room in DetailLevel::ALL {
        for wording in 0..WORDINGS {
            variants = compose::posts(
                reading,
                language,
                platform,
                form.most_hashtags(),
                first.wrapping_add(wording),
                room,
            );
            if form.check(&variants).is_empty() && guard.check(&variants).is_empty() {
                return variants;
            }
        }
    }
    variants
}

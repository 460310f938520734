//! The writer without network: proofread sentences around the facts of the brief, laid out as a person would.
//!
//! It is no AI and says so. A brief is cut into facts (`pieces`), its spelling is mended (`mend`), its occasion and trade
//! choose sentences from a book in each language, and each of the three posts holds every fact. What it cannot do justice,
//! a translation or more facts than fit, it turns down, for free.

mod book;
mod choice;
mod compose;
mod hashtags;
mod keywords;
pub(crate) mod lexicon;
mod mend;
pub(crate) mod occasion;
mod pieces;
mod reading;
mod request;
mod tone;
mod topic;
mod trade;

use futures_util::future::BoxFuture;
use postly_domain::{
    Language,
    post::{BriefKind, Platform, Variant},
    small_talk,
};

use crate::{
    Answer, CallRecord, Defect, Draft, DraftBody, DraftRequest, Model, ModelError, ModelFailure,
    guard::{self, Guard},
    language, missing_space,
    tokens::folded_words,
    validate::Form,
};
use compose::{Composer, Room};
use reading::Reading;
use tone::Tone;

/// The name under which it signs.
const NAME: &str = "offline";

/// How many wordings are tried for each amount of room before some room is given up.
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
            outcome: if body.is_ok() { "ok" } else { "refused" },
            prompt_tokens: None,
            completion_tokens: None,
            price_microunits: Some(0),
            latency_ms: 0,
            request_id: None,
            prompt_version: request.prompt_version,
        };
        let draft = match body {
            Ok(body) => Ok(Draft { answer: Answer::Body(body), writer: NAME.to_owned(), calls: vec![call] }),
            Err(failure) => Err(ModelError { failure, calls: vec![call] }),
        };
        Box::pin(std::future::ready(draft))
    }
}

fn body(request: &DraftRequest) -> Result<DraftBody, ModelFailure> {
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
    let read = |mends| {
        let mut reading = Reading::of(&missing_space::mend_brief(brief), language, mends);
        if let Some(tone) = &request.ask.tone {
            reading.tone = Tone::read(&folded_words(tone));
        }
        reading
    };
    let reading = read(true);
    let variants = match kind {
        BriefKind::Post if needs_translation(&reading, language) => return Err(ModelFailure::NoTranslation),
        BriefKind::Post => best(&[&reading, &read(false)], request, platform)?,
        BriefKind::SmallTalk | BriefKind::OffTopic => Vec::new(),
    };
    Ok(DraftBody {
        kind,
        platform,
        industry: reading.trade.name(language).to_owned(),
        objective: reading.occasion.name(language).to_owned(),
        tone: reading.tone.name(language).to_owned(),
        language: Some(language),
        variants,
        alt_text: None,
    })
}

/// True if the facts of the brief are, beyond doubt, in another language than the posts.
fn needs_translation(reading: &Reading, language: Language) -> bool {
    let content: Vec<&str> = reading.pieces().map(|piece| piece.text.as_str()).collect();
    language::detect_language(&content.join(", ")).certain().is_some_and(|found| found != language)
}

/// The first wording that passes the checks; if none does, the plainest, for the writer to turn down.
///
/// # Errors
/// If the facts do not fit three different posts of this network.
fn best(
    readings: &[&Reading],
    request: &DraftRequest,
    platform: Platform,
) -> Result<Vec<Variant>, ModelFailure> {
    let brief = request.ask.brief.as_str();
    let language: Language = request.language;
    // The repair of a deterministic writer is another wording.
    let repair = if request.repair.is_some() { WORDINGS } else { 0 };
    let first = choice::seed_of(brief).wrapping_add(request.ask.seed).wrapping_add(repair);
    let form = Form::new(brief, platform, language);
    let guard = Guard::new(brief, language);
    let mut defects = Vec::new();
    let mut variants = Vec::new();
    if readings.iter().any(|reading| reading.overflows) {
        return Err(ModelFailure::TooManyFacts);
    }
    let legal_line = guard::alcohol_line(brief, request.ask.region.as_deref());
    let about_alcohol = guard::is_about_alcohol(brief);
    let lacks_room = |defect: &Defect| {
        matches!(defect, Defect::TooLong { .. } | Defect::TooAlike { .. } | Defect::TooManyLinks { .. })
    };
    for reading in readings {
        for room in Room::ALL {
            for wording in 0..WORDINGS {
                let composer = Composer {
                    reading,
                    language,
                    platform,
                    most_hashtags: form.most_hashtags(),
                    legal_line,
                    about_alcohol,
                    seed: first.wrapping_add(wording),
                    room,
                };
                variants = composer.posts();
                defects = form.check(&variants);
                // What is too long needs no second look.
                if defects.is_empty() {
                    defects = guard.check(&variants);
                }
                if defects.is_empty() {
                    return Ok(variants);
                }
            }
        }
        // The spelling of the brief makes no room.
        if defects.iter().all(lacks_room) {
            return Err(ModelFailure::TooManyFacts);
        }
    }
    Ok(variants)
}

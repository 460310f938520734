//! The writer without network: proofread sentences around the facts of the brief.
//!
//! It is not an AI, and says so. It leaves out the instructions in a brief (`instructions`), cuts the rest
//! into facts (`pieces`), corrects its spelling (`mend`), and chooses sentences by occasion and trade from a
//! book in each language. Each of the three posts holds every fact. It refuses a translation, more facts than
//! fit, or instructions that seem to be left, for free.

mod book;
mod choice;
mod compose;
mod hashtags;
mod instructions;
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
    Answer, CallRecord, Defect, Draft, DraftBody, DraftRequest, Model, ModelError, ModelFailure, brand,
    guard::{self, Guard},
    language, missing_space,
    tokens::folded_words,
    validate::Form,
};
use compose::{Composer, Room};
use occasion::Occasion;
use reading::Reading;
use tone::Tone;

/// The name of this writer in records.
const NAME: &str = "offline";

/// The number of wordings tried for each amount of room, before a smaller one.
const WORDINGS: u64 = 3;
/// The same for an author with banned words, because our own sentences may hold them.
const WORDINGS_AROUND_BANS: u64 = 12;

/// Composes posts from the brief alone: without network, without waiting, and the same posts for the same
/// brief and seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfflineWriter;

impl OfflineWriter {
    /// Returns a writer.
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
        let memory = &request.ask.brand;
        let mut reading = Reading::of(&missing_space::mend_brief(brief), language, memory.address, mends);
        let usual = memory.tone.as_ref().filter(|_| reading.tone == Tone::Warm);
        if let Some(tone) = request.ask.tone.as_ref().or(usual) {
            reading.tone = Tone::read(&folded_words(tone), language);
        }
        reading
    };
    let reading = read(true);
    let variants = match kind {
        BriefKind::Post if reading.is_unclear => return Err(ModelFailure::UnclearInstructions),
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

/// True if the facts of the brief are certainly in another language than the posts.
fn needs_translation(reading: &Reading, language: Language) -> bool {
    let content: Vec<&str> = reading.pieces().map(|piece| piece.text.as_str()).collect();
    language::detect_language(&content.join(", ")).certain().is_some_and(|found| found != language)
}

/// Returns the first wording that passes the checks; if none does, the plainest, for the writer to reject.
///
/// # Errors
/// Fails if the facts do not fit three different posts of this network.
fn best(
    readings: &[&Reading],
    request: &DraftRequest,
    platform: Platform,
) -> Result<Vec<Variant>, ModelFailure> {
    let brief = request.ask.brief.as_str();
    let language: Language = request.language;
    // A repair by a deterministic writer is another wording.
    let repair = if request.repair.is_some() { WORDINGS } else { 0 };
    let first = choice::seed_of(brief).wrapping_add(request.ask.seed).wrapping_add(repair);
    let form = Form::new(brief, platform, language).of_composer();
    let memory = &request.ask.brand;
    let guard = Guard::with_brand(brief, memory, language);
    let business_line = brand::business_line(memory);
    let wordings = if memory.banned_words.is_empty() { WORDINGS } else { WORDINGS_AROUND_BANS };
    let mut defects = Vec::new();
    let mut variants = Vec::new();
    // The first posts of a long brief that differ only in our own words.
    let mut alike: Option<Vec<Variant>> = None;
    if readings.iter().any(|reading| reading.overflows) {
        return Err(ModelFailure::TooManyFacts);
    }
    let legal_line = guard::alcohol_line(brief, request.ask.region.as_deref());
    let lacks_room = |defect: &Defect| {
        matches!(defect, Defect::TooLong { .. } | Defect::TooAlike { .. } | Defect::TooManyLinks { .. })
    };
    for reading in readings {
        for room in Room::ALL {
            for wording in 0..wordings {
                let composer = Composer {
                    reading,
                    language,
                    platform,
                    most_hashtags: form.most_hashtags(),
                    business_line: business_line.as_deref(),
                    legal_line,
                    about_alcohol: is_about_alcohol(reading, brief),
                    seed: first.wrapping_add(wording),
                    room,
                };
                variants = composer.posts();
                for variant in &mut variants {
                    brand::finish(memory, &mut variant.text);
                }
                defects = form.check(&variants);
                // The guard is skipped for posts that already have a defect of form.
                if defects.is_empty() {
                    defects = guard.check(&variants);
                    defects.extend(brand::check(memory, &variants));
                }
                if defects.is_empty() {
                    if Form::are_distinct(&variants) {
                        return Ok(variants);
                    }
                    alike.get_or_insert_with(|| variants.clone());
                }
            }
        }
        if let Some(alike) = alike.take() {
            return Ok(alike);
        }
        // The original spelling of the brief would not be shorter.
        if defects.iter().all(lacks_room) {
            return Err(ModelFailure::TooManyFacts);
        }
    }
    Ok(variants)
}
/// True if the posts are about alcohol, so that no other sentence may praise it. At an event it may be served
/// beside the subject.
fn is_about_alcohol(reading: &Reading, brief: &str) -> bool {
    let beside = matches!(reading.occasion, Occasion::Event | Occasion::News);
    let subject = reading.pieces().next().filter(|_| beside);
    guard::is_about_alcohol(subject.map_or(brief, |piece| &piece.text))
}

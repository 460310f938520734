//! Writes three posts from a brief, behind one [`Model`] trait.
//!
//! A [`Writer`] asks a model once, checks the answer against our own rules (it never trusts the server to
//! have enforced them) and asks for one repair at most. The result is three good posts, or a typed failure
//! that costs the author nothing. The crate has two models: [`openai`], which calls any compatible server,
//! and [`offline`], a composer of proofread sentences that needs no network and is not an AI.
//! [`FallbackModel`] holds two models, so that one may be down.
//!
//! This crate puts no brief and no post into a log, an error message or a `Debug` output.

pub mod brand;
mod breaker;
mod circuit;
mod defect;
mod draft_body;
mod evidence;
mod facts;
mod fallback;
pub mod guard;
mod language;
mod missing_space;
mod model;
mod networks;
mod notes;
mod offer;
pub mod offline;
pub mod openai;
pub mod platform_limits;
pub mod prompt;
mod revise;
mod tlds;
mod tokens;
mod transcript;
pub mod validate;
mod wishes;
mod writer;
mod x_weight;

pub use defect::Defect;
pub use fallback::{FIRST_SHARE, FallbackModel};
pub use language::{Detection, detect_language, requested_language};
pub use model::{
    Answer, CallRecord, Draft, DraftBody, DraftRequest, Model, ModelError, ModelFailure, Picture, Repair,
    Stage, WriteRequest,
};
pub use notes::Note;
pub use openai::{Hints, Transcriber, Transcription};
pub use revise::{Revision, amended_brief};
pub use transcript::TranscribeError;
pub use writer::{TIME_LIMIT, WriteError, WriteFailure, Writer, Written};

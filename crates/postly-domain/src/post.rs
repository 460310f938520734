//! Posts: what was understood, and what was written.

use serde::{Deserialize, Serialize};

use crate::Language;

/// Where a post will be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Instagram.
    Instagram,
    /// Facebook.
    Facebook,
    /// LinkedIn.
    Linkedin,
    /// X, formerly Twitter.
    X,
    /// TikTok.
    Tiktok,
    /// A WhatsApp status or broadcast.
    Whatsapp,
    /// The brief names none: a text that fits everywhere but on X.
    General,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 7] = [
        Self::Instagram,
        Self::Facebook,
        Self::Linkedin,
        Self::X,
        Self::Tiktok,
        Self::Whatsapp,
        Self::General,
    ];

    /// The name in the database, in prompts and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instagram => "instagram",
            Self::Facebook => "facebook",
            Self::Linkedin => "linkedin",
            Self::X => "x",
            Self::Tiktok => "tiktok",
            Self::Whatsapp => "whatsapp",
            Self::General => "general",
        }
    }

    /// Reads [`Platform::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.as_str() == text)
    }
}

/// What kind of message the author sent, as the writer understood it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BriefKind {
    /// A request for posts: paid work.
    Post,
    /// Talk: answered for free.
    SmallTalk,
    /// Anything but marketing posts for her own business: answered for free.
    OffTopic,
}

/// What we understood of a brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What kind of message it is.
    pub kind: BriefKind,
    /// Where the posts will be published.
    pub platform: Platform,
    /// The author's trade, in a word or two.
    pub industry: String,
    /// What the posts are for: promotion, announcement …
    pub objective: String,
    /// How they should sound.
    pub tone: String,
    /// The language of the posts.
    pub language: Language,
}

/// One of the three posts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The post, ready to paste.
    pub text: String,
    /// What sets it apart from the other two, in a few words.
    pub angle: String,
}

/// Says how long the post is and nothing of it: posts stay out of logs.
impl std::fmt::Debug for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Variant({} characters)", self.text.chars().count())
    }
}

/// How many variants a generation has.
pub const VARIANTS: usize = 3;

//! Posts, and the intent read from a brief.

use serde::{Deserialize, Serialize};

use crate::Language;

/// The platform on which a post is published.
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
    /// Threads.
    Threads,
    /// Bluesky.
    Bluesky,
    /// Mastodon.
    Mastodon,
    /// The description of a Pin.
    Pinterest,
    /// An update of a Google Business Profile.
    GoogleBusiness,
    /// The description of a video, or a community post.
    Youtube,
    /// A message to a Telegram channel.
    Telegram,
    /// The caption of a Snap.
    Snapchat,
    /// An e-mail to customers, or a newsletter.
    Email,
    /// The brief names none, several, or one without known limits.
    General,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 16] = [
        Self::Instagram,
        Self::Facebook,
        Self::Linkedin,
        Self::X,
        Self::Tiktok,
        Self::Whatsapp,
        Self::Threads,
        Self::Bluesky,
        Self::Mastodon,
        Self::Pinterest,
        Self::GoogleBusiness,
        Self::Youtube,
        Self::Telegram,
        Self::Snapchat,
        Self::Email,
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
            Self::Threads => "threads",
            Self::Bluesky => "bluesky",
            Self::Mastodon => "mastodon",
            Self::Pinterest => "pinterest",
            Self::GoogleBusiness => "google_business",
            Self::Youtube => "youtube",
            Self::Telegram => "telegram",
            Self::Snapchat => "snapchat",
            Self::Email => "email",
            Self::General => "general",
        }
    }

    /// Reads [`Platform::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.as_str() == text)
    }
}

/// The channel of a request for posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A message on WhatsApp.
    Whatsapp,
    /// The web app or its API.
    Web,
}

impl Origin {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Web => "web",
        }
    }

    /// Reads [`Origin::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Whatsapp, Self::Web].into_iter().find(|origin| origin.as_str() == text)
    }
}

/// The kind of an author's message, as the writer classified it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BriefKind {
    /// A request for posts: paid work.
    Post,
    /// Talk: answered for free.
    SmallTalk,
    /// Anything but marketing posts for the author's own business: answered for free.
    OffTopic,
}

/// The intent that the writer read from a brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind of message.
    pub kind: BriefKind,
    /// The platform of the posts.
    pub platform: Platform,
    /// The author's trade, in a word or two.
    pub industry: String,
    /// The objective of the posts: promotion, announcement …
    pub objective: String,
    /// The tone of the posts.
    pub tone: String,
    /// The language of the posts.
    pub language: Language,
}

/// One of the three posts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The post, ready to paste.
    pub text: String,
    /// The difference from the other two posts, in a few words.
    pub angle: String,
}

/// Prints the length of the post only, because posts must not reach logs.
impl std::fmt::Debug for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Variant({} characters)", self.text.chars().count())
    }
}

/// The number of variants of a generation.
pub const VARIANTS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_read_back_from_its_name() {
        for platform in Platform::ALL {
            assert_eq!(Platform::parse(platform.as_str()), Some(platform));
        }
    }
}

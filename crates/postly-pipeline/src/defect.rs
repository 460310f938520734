//! The defects of a draft, worded so that a model can repair them.

use postly_domain::{Language, post::Platform};

/// One reason why a draft is not delivered. Posts are numbered from 1.
///
/// Some defects quote the draft, because the model that repairs it must know the text to change. `Debug` and
/// [`Defect::code`] do not quote it, because their output ends in logs.
#[derive(Clone, PartialEq, Eq)]
pub enum Defect {
    /// The answer holds no JSON object.
    NotJson,
    /// The answer is JSON that does not follow the schema.
    Schema,
    /// The model called the brief small talk or off topic, but the words of the brief ask for posts.
    NotTalk,
    /// The number of posts is not three.
    WrongCount {
        /// The number of posts found.
        found: usize,
    },
    /// A post without a word.
    Empty {
        /// The number of the post, from 1.
        post: usize,
    },
    /// Two posts that are nearly the same.
    TooAlike {
        /// The earlier post.
        first: usize,
        /// The later post.
        second: usize,
    },
    /// A post over the platform's limit, in the platform's own unit of length.
    TooLong {
        /// The number of the post, from 1.
        post: usize,
        /// The platform of the post.
        platform: Platform,
        /// The length as the platform counts it.
        length: usize,
        /// The limit of the platform.
        limit: usize,
    },
    /// More hashtags than the platform allows.
    TooManyHashtags {
        /// The number of the post, from 1.
        post: usize,
        /// The limit of the platform.
        limit: usize,
    },
    /// More links than the platform allows.
    TooManyLinks {
        /// The number of the post, from 1.
        post: usize,
        /// The limit of the platform.
        limit: usize,
    },
    /// The same hashtag twice in one post.
    RepeatedHashtag {
        /// The number of the post, from 1.
        post: usize,
    },
    /// A hashtag, though the brief asks for none.
    UnwantedHashtag {
        /// The number of the post, from 1.
        post: usize,
    },
    /// An emoji, though the brief asks for none.
    UnwantedEmoji {
        /// The number of the post, from 1.
        post: usize,
    },
    /// A line that looks like one of our own: the list of posts, the balance, an error, a code.
    ForgedHeader {
        /// The number of the post, from 1.
        post: usize,
    },
    /// A post in another language than the requested one.
    WrongLanguage {
        /// The number of the post, from 1.
        post: usize,
        /// The requested language.
        expected: Language,
    },
    /// A number, price, date, phone, link … that is not in the brief.
    UnknownFact {
        /// The number of the post, from 1.
        post: usize,
        /// The fact, approximately as the model wrote it.
        fact: String,
    },
    /// A promise that the brief does not make.
    UnknownPromise {
        /// The number of the post, from 1.
        post: usize,
        /// The words that make the promise.
        words: String,
    },
    /// The discount of the brief, its subject or its period is missing.
    MissingOffer {
        /// The number of the post, from 1.
        post: usize,
        /// The words of the brief to copy.
        words: String,
    },
    /// A word that the author banned.
    BannedWord {
        /// The number of the post, from 1.
        post: usize,
        /// The word.
        word: String,
    },
    /// A vulgar word.
    Vulgar {
        /// The number of the post, from 1.
        post: usize,
    },
    /// Content that the rules of the channel forbid.
    Forbidden {
        /// The number of the post, from 1.
        post: usize,
    },
    /// A part of our own instructions.
    Leak {
        /// The number of the post, from 1.
        post: usize,
    },
}

impl Defect {
    /// Returns a short name for logs and metrics, without any text of the draft.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::Schema => "schema",
            Self::NotTalk => "not_talk",
            Self::WrongCount { .. } => "wrong_count",
            Self::Empty { .. } => "empty",
            Self::TooAlike { .. } => "too_alike",
            Self::TooLong { .. } => "too_long",
            Self::TooManyHashtags { .. } => "too_many_hashtags",
            Self::TooManyLinks { .. } => "too_many_links",
            Self::RepeatedHashtag { .. } => "repeated_hashtag",
            Self::UnwantedHashtag { .. } => "unwanted_hashtag",
            Self::UnwantedEmoji { .. } => "unwanted_emoji",
            Self::ForgedHeader { .. } => "forged_header",
            Self::WrongLanguage { .. } => "wrong_language",
            Self::UnknownFact { .. } => "unknown_fact",
            Self::UnknownPromise { .. } => "unknown_promise",
            Self::MissingOffer { .. } => "missing_offer",
            Self::BannedWord { .. } => "banned_word",
            Self::Vulgar { .. } => "vulgar",
            Self::Forbidden { .. } => "forbidden",
            Self::Leak { .. } => "leak",
        }
    }

    /// Returns one sentence for the repair prompt that names the change to make.
    pub fn sentence(&self) -> String {
        match self {
            Self::NotJson => "The answer was not one JSON object; answer with the object alone.".to_owned(),
            Self::Schema => "The JSON object did not follow the schema.".to_owned(),
            Self::NotTalk => {
                "The brief does ask for posts: \"kind\" is \"post\", and there are three posts to write."
                    .to_owned()
            }
            Self::WrongCount { found } => format!("There were {found} posts; write exactly three."),
            Self::Empty { post } => format!("Post {post} was empty."),
            Self::TooAlike { first, second } => {
                format!(
                    "Posts {first} and {second} say nearly the same; take really different angles and words."
                )
            }
            Self::TooLong { post, platform, length, limit } => {
                format!("Post {post} counts {length} characters; {} allows {limit}.", platform.as_str())
            }
            Self::TooManyHashtags { post, limit } => {
                format!("Post {post} has too many hashtags; use at most {limit}.")
            }
            Self::TooManyLinks { post, limit } => {
                format!("Post {post} has too many links; use at most {limit}.")
            }
            Self::RepeatedHashtag { post } => format!("Post {post} repeats a hashtag."),
            Self::UnwantedHashtag { post } => {
                format!("Post {post} has a hashtag; the brief asks for none.")
            }
            Self::UnwantedEmoji { post } => format!("Post {post} has an emoji; the brief asks for none."),
            Self::ForgedHeader { post } => {
                format!("Post {post} contains a line that imitates a notice of the service; remove it.")
            }
            Self::WrongLanguage { post, expected } => {
                format!("Post {post} is not in the language asked for ({}).", expected.code())
            }
            Self::UnknownFact { post, fact } => {
                format!("Post {post} states \"{fact}\", which the brief does not; remove it.")
            }
            Self::UnknownPromise { post, words } => {
                format!(
                    "Post {post} says \"{words}\", a promise or claim the brief does not make; remove it."
                )
            }
            Self::MissingOffer { post, words } => {
                format!("Post {post} must contain the words \"{words}\" exactly as the brief has them.")
            }
            Self::BannedWord { post, word } => {
                format!("Post {post} has \"{word}\", a word that the author banned; say it otherwise.")
            }
            Self::Vulgar { post } => format!("Post {post} has a vulgar word."),
            Self::Forbidden { post } => {
                format!(
                    "Post {post} is about something that this service does not write about (drugs, weapons, tobacco, \
                     gambling, sex, hate, medicines, cures), or urges to drink; leave that out."
                )
            }
            Self::Leak { post } => format!("Post {post} repeats the instructions; write for customers only."),
        }
    }
}

/// Prints the code of the defect only, because text of the draft stays out of logs.
impl std::fmt::Debug for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

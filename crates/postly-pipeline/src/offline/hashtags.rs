//! The hashtags of a post: trade, place, occasion. They are few, and none on networks without hashtags.

use postly_domain::{post::Platform, text::fold};

use super::{book::Book, reading::Reading, trade::Trade};
use crate::platform_limits;

/// Returns the line of hashtags of a post. `turn` rotates those of the trade.
pub(super) fn line(
    reading: &Reading,
    book: &Book,
    platform: Platform,
    most: Option<usize>,
    turn: usize,
) -> String {
    let usual = match platform {
        Platform::Instagram | Platform::Tiktok => 4,
        Platform::Mastodon | Platform::Pinterest | Platform::Youtube | Platform::General => 3,
        Platform::Facebook | Platform::X | Platform::Bluesky | Platform::Linkedin => 2,
        Platform::Threads => 1,
        Platform::Whatsapp
        | Platform::GoogleBusiness
        | Platform::Telegram
        | Platform::Snapchat
        | Platform::Email => 0,
    };
    let count = match reading.wishes.hashtags {
        _ if reading.wishes.no_hashtag || reading.occasion.is_grave() => 0,
        wish => wish.unwrap_or(usual).min(most.unwrap_or(usize::MAX)),
    };
    let own: Vec<String> = reading
        .pieces()
        .flat_map(|piece| platform_limits::hashtags(&piece.text).into_iter().map(fold).collect::<Vec<_>>())
        .collect();
    // The author's own hashtags suffice.
    if !own.is_empty() {
        return String::new();
    }
    // An unknown business gets no hashtags of retail in formal posts.
    let mut of_trade = book.tags("trade", reading.trade.key());
    if reading.trade == Trade::Shop && reading.is_formal(platform) {
        of_trade.clear();
    }
    if !of_trade.is_empty() {
        let by = turn % of_trade.len();
        of_trade.rotate_left(by);
    }
    let feast = reading.feast.map(|feast| book.tags("occasion", feast.key())).unwrap_or_default();
    let occasion = book.tags("occasion", reading.occasion.key());
    let mut tags: Vec<&str> = vec![];
    if platform == Platform::Linkedin && reading.trade != Trade::Office {
        of_trade.clear();
    } else if reading.is_formal(platform) {
        of_trade.truncate(1);
    }
    let first = of_trade.first().copied();
    let rest = of_trade.iter().skip(1).copied();
    let all = first.into_iter().chain(reading.place.as_deref()).chain(feast).chain(occasion).chain(rest);
    for tag in all {
        if tags.len() < count && !tags.iter().any(|other| fold(other) == fold(tag)) {
            tags.push(tag);
        }
    }
    tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ")
}

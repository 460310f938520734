//! The limits of the networks, as replies show them.

use postly_simulator::Channel;
use postly_testkit::{Options, for_each_engine_with};

/// Splits a reply into its posts and the text after the balance.
fn parts(reply: &str) -> (&str, &str) {
    let (posts, rest) = reply.split_once("💳").unwrap();
    (posts, rest)
}

async fn check(brief: &str, expected: &[&str]) {
    for offline in [true, false] {
        for_each_engine_with(Options { offline, ..Options::default() }, async |app| {
            for (channel, number) in [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")] {
                let fatou = app.author_of(channel, number);
                fatou.says(brief).await;
                let reply = fatou.texts().join("\n\n");
                let (posts, notes) = parts(&reply);
                assert!(!posts.contains("ℹ️"), "a note stands in the posts: {reply}");
                assert_eq!(notes.matches("ℹ️").count(), expected.len(), "{brief}: {reply}");
                for note in expected {
                    assert!(notes.contains(note), "{brief}: {note} in {reply}");
                }
                assert_eq!(fatou.ledger().await, ["+5 trial", "-1 whatsapp_generation"], "{brief}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_wish_above_the_limit_of_a_network_is_answered_beside_the_posts() {
    let brief = "Crée un post Instagram avec 15 hashtags : -20 % sur les croissants ce week-end";
    check(brief, &["ℹ️ Hashtags : Instagram en accepte 5 au plus par post."]).await;
}

#[tokio::test]
async fn a_network_without_known_limits_is_said_in_the_language_of_the_author() {
    let brief = "Crée un post pour Xing : -20 % sur les croissants ce week-end";
    check(brief, &["ℹ️ Xing : je n'en connais pas les limites"]).await;
    let brief = "Write a post for Nextdoor: 20% off all croissants this weekend at the bakery";
    check(brief, &["ℹ️ Nextdoor: no limits known to me"]).await;
}

#[tokio::test]
async fn a_brief_within_the_limits_is_answered_without_a_note() {
    check("Crée un post promo pour Instagram, -20 % sur les croissants ce week-end", &[]).await;
}

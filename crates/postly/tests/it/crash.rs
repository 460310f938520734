//! Aborts before and after each step of a journey, followed by a restart: the end is the same as without the
//! abort.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt as _, path::Path};

use futures_util::{StreamExt as _, stream};
use postly_simulator::{
    Channel, Fault, FaultKind, MediaFile, MessageKind, MessageStatus, ModelBehaviour, Upstream,
};
use postly_testkit::EngineName;

use crate::outside::{CHANNELS, Outside};

/// Every point at which the process can be stopped (`crash::point` in postly-app), in the order of the
/// journey.
const POINTS: [&str; 13] = [
    "received",
    "stored",
    "claimed",
    "hold.before",
    "hold.after",
    "written",
    "finish.before",
    "finish.after",
    "sending",
    "sent",
    "recorded.before",
    "recorded.after",
    "status.before",
];
/// The points that only a voice note reaches.
const VOICE_POINTS: [&str; 3] = ["listening", "heard", "heard.kept"];
const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
/// The signal of `abort`.
const SIGABRT: i32 = 6;
/// The number of cases that run at once; each has one or two processes.
const AT_ONCE: usize = 4;

/// The further course of the message, apart from the abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Posts arrive, and statuses follow.
    Usual,
    /// The brief is a voice note, and posts arrive.
    Spoken,
    /// Posts arrive, but no status ever does.
    Silent,
    /// The model refuses to write.
    Refused,
    /// The posts are accepted, and fail by status.
    Undelivered,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    engine: EngineName,
    channel: Channel,
    number: &'static str,
    point: &'static str,
    story: Story,
}

fn cases(story: Story, points: &[&'static str]) -> Vec<Case> {
    let mut cases = vec![];
    for engine in EngineName::ALL {
        for (channel, number) in CHANNELS {
            cases.extend(points.iter().map(|point| Case { engine, channel, number, point, story }));
        }
    }
    cases
}

/// Runs cases, `AT_ONCE` at a time.
async fn check_all(cases: Vec<Case>) {
    if cfg!(not(feature = "crash-points")) {
        panic!(
            "this binary has no points to stop at: run the tests with `--features postly/crash-points`, as \
             `cargo xtask test` does"
        );
    }
    stream::iter(cases)
        .for_each_concurrent(AT_ONCE, async |case| {
            eprintln!("{case:?}");
            check(case).await;
        })
        .await;
}

async fn check(case: Case) {
    let outside = match case.story {
        Story::Silent => Outside::silent(case.engine).await,
        Story::Usual | Story::Spoken | Story::Refused | Story::Undelivered => {
            Outside::start(case.engine).await
        }
    };
    let (upstream, code) = match case.channel {
        Channel::Meta => (Upstream::Meta, 131_026),
        Channel::Twilio => (Upstream::Twilio, 63_024),
    };
    match case.story {
        Story::Usual | Story::Spoken | Story::Silent => {}
        Story::Refused => outside.simulator.model(ModelBehaviour::Refuses),
        Story::Undelivered => {
            outside.simulator.fault(upstream, Fault::always(FaultKind::FailedStatus { code }));
        }
    }
    let author = outside.simulator.person(case.channel, case.number);
    let mut service = outside.serve(&[("POSTLY_CRASH_AT", case.point)]).await;
    let kind = match case.story {
        Story::Spoken => MessageKind::Recording(MediaFile::voice_note(BRIEF)),
        Story::Usual | Story::Silent | Story::Refused | Story::Undelivered => {
            MessageKind::Text(BRIEF.to_owned())
        }
    };
    let webhook = outside.simulator.webhook_kind(&author, kind);
    let first = outside.simulator.deliver(&webhook).await;
    assert!([0, 200].contains(&first.status), "{case:?}: {first:?}");
    let status = service.ended().await;
    assert_eq!(status.signal(), Some(SIGABRT), "{case:?}: {status}: {:#?}", service.logs());

    outside.leases_end().await;
    if case.point == "sending" || case.story == Story::Silent {
        // A message that was not sent has no status, and a silent provider sends none at all.
        outside.unclear_waits_end(i64::MAX).await;
    }
    let service = outside.serve(&[]).await;
    if first.status != 200 {
        outside.deliver_for_sure(&webhook).await;
    }
    match case.story {
        Story::Usual | Story::Spoken => {
            outside.statuses_come_again(MessageStatus::Delivered, None).await;
        }
        Story::Undelivered => outside.statuses_come_again(MessageStatus::Failed, Some(code)).await,
        Story::Silent | Story::Refused => {}
    }
    match case.story {
        // The reply to this brief fits into one message of either provider.
        Story::Usual | Story::Spoken | Story::Silent | Story::Refused => {
            outside.until("SELECT COUNT(*) FROM outbox WHERE state = 'accepted'", 1).await;
        }
        Story::Undelivered => outside.until("SELECT COUNT(*) FROM ledger WHERE reason = 'refund'", 1).await,
    }
    outside.until_idle().await;
    service.stop().await;

    assert_same_end(&outside, case).await;
    outside.assert_audit_is_clean().await;
    outside.end().await;
}

async fn assert_same_end(outside: &Outside, case: Case) {
    let author = outside.simulator.person(case.channel, case.number);
    let phone = outside.phone(&author);
    let texts = outside.simulator.phone_messages(&author);
    let ledger = outside.ledger(case.number).await;
    let holds = outside.database.texts("SELECT state FROM holds").await;
    if case.story == Story::Spoken {
        assert_eq!(phone.matches("J'ai entendu : « Crée un post promo").count(), 1, "{case:?}: {phone}");
        let heard = "SELECT outcome FROM model_calls WHERE stage = 'transcription'";
        assert_eq!(outside.database.texts(heard).await, ["ok"], "{case:?}");
    }
    match case.story {
        Story::Usual | Story::Spoken | Story::Silent => {
            // RULES 8.5: the process was aborted between the provider's acceptance and its record, and no
            // status ever arrives.
            let sent_twice = case.story == Story::Silent && ["sent", "recorded.before"].contains(&case.point);
            let times = if sent_twice { 2 } else { 1 };
            for part in ["*1.* ", "*2.* ", "*3.* ", "💳 Crédits restants: 4"] {
                assert_eq!(phone.matches(part).count(), times, "{case:?}: {part} in {phone}");
            }
            assert_eq!(texts.len(), times, "{case:?}: {phone}");
            assert_eq!(ledger, ["+5 trial", "-1 whatsapp_generation"], "{case:?}");
            assert_eq!(holds, ["settled"], "{case:?}");
        }
        Story::Refused => {
            assert_eq!(phone.matches("❌ Erreur lors de la génération.").count(), 1, "{case:?}: {phone}");
            assert_eq!(texts.len(), 1, "{case:?}: {phone}");
            assert_eq!(ledger, ["+5 trial"], "{case:?}");
            assert_eq!(holds, ["released"], "{case:?}");
        }
        Story::Undelivered => {
            assert_eq!(phone, "", "{case:?}");
            assert_eq!(outside.simulator.accepted_messages().len(), 1, "{case:?}");
            assert_eq!(ledger, ["+5 trial", "-1 whatsapp_generation", "+1 refund"], "{case:?}");
            assert_eq!(holds, ["settled"], "{case:?}");
        }
    }
}

#[test]
fn every_point_of_the_sources_is_a_case() {
    fn visit(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for rest in text.split("crash::point(").skip(1) {
                let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
                let (name, _) = name.expect("a point is named by a literal, so that this test can read it");
                found.insert(name.to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../postly-app/src"), &mut found);
    assert_eq!(
        found,
        POINTS.into_iter().chain(VOICE_POINTS).chain(crate::refunds::POINTS).map(str::to_owned).collect()
    );
}

#[tokio::test]
async fn c18_stopped_at_any_point_a_brief_ends_in_one_reply_that_is_paid_once() {
    check_all(cases(Story::Usual, &POINTS)).await;
}

#[tokio::test]
async fn c18_stopped_while_it_listens_or_writes_a_voice_note_ends_in_one_reply_that_is_paid_once() {
    check_all(cases(Story::Spoken, &[VOICE_POINTS.as_slice(), &["hold.after", "written"]].concat())).await;
}

#[tokio::test]
async fn c18_stopped_around_a_send_that_nobody_reports_it_is_sent_again_and_paid_once() {
    check_all(cases(Story::Silent, &["sending", "sent", "recorded.before", "recorded.after"])).await;
}

#[tokio::test]
async fn c18_stopped_around_a_failure_to_write_it_costs_nothing_and_is_told_once() {
    check_all(cases(Story::Refused, &["written", "finish.before", "finish.after"])).await;
}

#[tokio::test]
async fn c18_stopped_in_the_middle_of_a_refund_it_comes_back_once() {
    check_all(cases(Story::Undelivered, &["recorded.before", "status.before"])).await;
}

//! Interleavings that random histories of a single conversation do not cover: one write of a batch fails, or
//! another transaction commits while an answer is recorded.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::future::join_all;
use postly_domain::{
    Language, Provider,
    credits::LedgerReason,
    delivery::{Form, SendOutcome, UNCLEAR_WAIT_MS},
    event::DeliveryStatus,
    id::{AuthorId, EntryId, HoldId, LeaseToken, MessageId},
};
use postly_store::{
    StoreError, Tx, attempts, authors, dead_letters, erasures,
    lanes::{self, ClaimedLane, Queue},
    outbox::{self, Head, NewMessage},
    wallets::{self, Held, NewEntry},
};
use postly_testkit::EngineName;

use super::{Scene, retire};
use crate::{
    JourneyError,
    batcher::{BatchWrite, Batcher},
    deliver::PlannedSend,
    ids::Fresh as _,
};

const LANES: [&str; 3] = ["one", "two", "three"];
const LEASE_MS: i64 = 60_000;

async fn queue(scene: &Scene) -> AuthorId {
    let author = AuthorId::fresh(scene.now());
    let mut tx = scene.db().write().await.unwrap();
    authors::add(&mut tx, &author, Language::Fr, scene.now()).await.unwrap();
    for lane in LANES {
        let new = NewMessage {
            id: &MessageId::fresh(scene.now()),
            key: lane,
            lane,
            author: Some(&author),
            provider: Provider::Meta,
            business: "15550000000",
            address: "33612345678",
            purpose: "help",
            event: None,
            generation: None,
            carries_variant: false,
            reply_to: None,
            body: "bonjour",
            form: Form::Text,
            sealed: None,
            buttons: None,
            expires_at: scene.now().plus_ms(86_400_000),
        };
        assert!(outbox::queue(&mut tx, &new, scene.now()).await.unwrap());
    }
    tx.commit().await.unwrap();
    author
}

/// Claims due lanes of the outbox.
async fn claim(scene: &Scene, tx: &mut Tx, limit: usize) -> Vec<ClaimedLane> {
    let (now, until) = (scene.now(), scene.now().plus_ms(LEASE_MS));
    lanes::claim(tx, Queue::Outbox, &LeaseToken::fresh(now), now, until, limit).await.unwrap()
}

/// Queues one message in each lane, and records an attempt for each.
async fn plan(scene: &Scene) -> (AuthorId, Vec<Arc<PlannedSend>>) {
    let author = queue(scene).await;
    let mut tx = scene.db().write().await.unwrap();
    let claimed = claim(scene, &mut tx, LANES.len()).await;
    let planned_sends = scene.app.deliveries.plan_sends(&mut tx, claimed, scene.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(planned_sends.len(), LANES.len());
    (author, planned_sends.into_iter().map(Arc::new).collect())
}

fn accepted(planned: &PlannedSend) -> SendOutcome {
    SendOutcome::Accepted { provider_message_id: format!("wamid.{}", planned.message.id) }
}

/// Runs a test on each engine, one after the other.
async fn on_both(story: impl AsyncFn(&Scene)) {
    for engine in EngineName::ALL {
        let scene = Scene::new(engine).await;
        story(&scene).await;
        retire(scene).await;
    }
}

/// A send that lost its lease gets that error, and does not fail the other writes of its batch.
#[tokio::test]
async fn one_of_three_loses_its_lease() {
    on_both(async |scene| {
        let (_, planned_sends) = plan(scene).await;
        scene.advance_ms(LEASE_MS);
        let mut tx = scene.db().write().await.unwrap();
        let stolen = claim(scene, &mut tx, 1).await;
        tx.commit().await.unwrap();

        // All three are enqueued before the batch is drained, because this runtime has one thread.
        let recorded =
            join_all(planned_sends.iter().map(async |planned| {
                (planned, scene.app.deliveries.record(planned, &accepted(planned)).await)
            }))
            .await;
        for (planned, result) in recorded {
            if planned.claimed.lane == stolen[0].lane {
                assert!(result.unwrap_err().is_lease_lost());
            } else {
                result.unwrap();
            }
        }

        // Only that message is still due, and the worker that has its lane now knows of the acceptance.
        scene.advance_ms(LEASE_MS);
        let mut tx = scene.db().write().await.unwrap();
        for planned in &planned_sends {
            // A claim skips rows that are still being rolled back; this waits for them.
            outbox::lock(&mut tx, &planned.message.id).await.unwrap();
        }
        let claimed = claim(scene, &mut tx, LANES.len()).await;
        assert_eq!(claimed.len(), 1);
        let heads = outbox::heads(&mut tx, &claimed).await.unwrap();
        let Head::Due(head) = &heads[0] else { panic!("{heads:?}") };
        assert_eq!((&claimed[0].lane, head.attempts.len()), (&stolen[0].lane, 1));
        assert!(head.attempts[0].is_taken());
        tx.commit().await.unwrap();
    })
    .await;
}

/// A message does not end as accepted if its failure is recorded concurrently with its answer, and the two
/// transactions do not deadlock.
#[tokio::test]
async fn failure_overtakes_the_answer() {
    on_both(async |scene| {
        let (_, planned_sends) = plan(scene).await;
        let failed = &planned_sends[1];
        let mut news = scene.db().write().await.unwrap();
        let reported =
            attempts::reported(&mut news, Provider::Meta, Some(&failed.attempt), "").await.unwrap().unwrap();
        let told = async {
            // Long enough for all three to be enqueued, and to wait for this transaction.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let (attempt, code) = (&reported.attempt, Some(131_026));
            attempts::set_status(&mut news, attempt, DeliveryStatus::Failed, code, "wamid").await.unwrap();
            news.commit().await.unwrap();
        };
        let answers = join_all(planned_sends.iter().map(|planned| async {
            scene.app.deliveries.record(planned, &accepted(planned)).await.unwrap();
        }));
        tokio::join!(told, answers);
        // Reading the message locks it.
        let mut tx = scene.db().write().await.unwrap();
        for planned in &planned_sends {
            let is_listed = dead_letters::message(&mut tx, &planned.message.id).await.unwrap().is_some();
            assert_eq!(is_listed, planned.message.id == failed.message.id);
        }
    })
    .await;
}

/// The next step of a message is not decided while one of its statuses is being written. On SQLite the two
/// transactions cannot overlap.
#[tokio::test]
async fn failure_overtakes_the_next_claim() {
    let scene = Scene::new(EngineName::Postgres).await;
    let (_, planned_sends) = plan(&scene).await;
    let failed = &planned_sends[1];
    for planned in &planned_sends {
        scene.app.deliveries.record(planned, &SendOutcome::Unclear).await.unwrap();
    }
    let mut tx = scene.db().write().await.unwrap();
    for planned in &planned_sends {
        attempts::set_status(&mut tx, &planned.attempt, DeliveryStatus::Sent, None, "wamid").await.unwrap();
    }
    tx.commit().await.unwrap();
    scene.advance_ms(UNCLEAR_WAIT_MS);

    let mut news = scene.db().write().await.unwrap();
    attempts::reported(&mut news, Provider::Meta, Some(&failed.attempt), "").await.unwrap().unwrap();
    let told = async {
        // Long enough for the claim to reach the message, and to wait for this transaction.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let code = Some(131_026);
        attempts::set_status(&mut news, &failed.attempt, DeliveryStatus::Failed, code, "wamid")
            .await
            .unwrap();
        news.commit().await.unwrap();
    };
    let step = async || {
        let mut tx = scene.db().write().await.unwrap();
        let claimed = claim(&scene, &mut tx, LANES.len()).await;
        assert!(scene.app.deliveries.plan_sends(&mut tx, claimed, scene.now()).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    };
    tokio::join!(told, step());
    scene.advance_ms(UNCLEAR_WAIT_MS);
    step().await;
    let mut tx = scene.db().write().await.unwrap();
    for planned in &planned_sends {
        let is_listed = dead_letters::message(&mut tx, &planned.message.id).await.unwrap().is_some();
        assert_eq!(is_listed, planned.message.id == failed.message.id);
    }
    drop(tx);
    retire(scene).await;
}

/// An item with this outcome of its write.
enum Fate {
    Written,
    Refused,
    Panics,
}

static BATCHER: LazyLock<Batcher<Fate>> = LazyLock::new(Batcher::default);

impl BatchWrite for Fate {
    type Service = ();
    type Outcome = ();
    const MAX_BATCH: usize = 64;
    const MAX_BATCH_BYTES: usize = 64;
    const MAX_PENDING_BYTES: usize = 64;

    fn batcher((): &()) -> &Batcher<Self> {
        &BATCHER
    }

    fn bytes(&self) -> usize {
        1
    }

    async fn write((): &(), batch: &[&Self]) -> Result<Vec<()>, StoreError> {
        assert!(!batch.iter().any(|fate| matches!(fate, Self::Panics)));
        match batch.iter().any(|fate| matches!(fate, Self::Refused)) {
            true => Err(StoreError::LeaseLost),
            false => Ok(vec![(); batch.len()]),
        }
    }
}

/// A refused item does not fail the others of its batch. A panic is reported to the callers concerned, which
/// may retry. The batcher works after both.
#[tokio::test]
async fn a_line_outlives_what_stands_in_it() {
    let told = |fates: Vec<Fate>| fates.into_iter().map(|fate| BATCHER.enqueue(&(), fate).ok().unwrap());
    let refused = join_all(told(vec![Fate::Written, Fate::Refused, Fate::Written]).collect::<Vec<_>>()).await;
    let written: Vec<_> = refused.into_iter().map(|told| told.unwrap().is_ok()).collect();
    assert_eq!(written, [true, false, true]);
    for told in join_all(told(vec![Fate::Panics, Fate::Written]).collect::<Vec<_>>()).await {
        assert!(told.is_err());
    }
    assert!(JourneyError::BatchLost.is_temporary());
    for told in join_all(told(vec![Fate::Written]).collect::<Vec<_>>()).await {
        told.unwrap().unwrap();
    }
}

/// A slow status transaction of one message does not delay the answers of the others. SQLite has one writer
/// at a time anyway.
#[tokio::test]
async fn one_that_is_locked_holds_up_nobody_else() {
    let scene = Scene::new(EngineName::Postgres).await;
    let (_, planned_sends) = plan(&scene).await;
    let mut news = scene.db().write().await.unwrap();
    attempts::reported(&mut news, Provider::Meta, Some(&planned_sends[1].attempt), "").await.unwrap();
    let record = async |planned: &Arc<PlannedSend>| {
        scene.app.deliveries.record(planned, &accepted(planned)).await.unwrap();
    };
    let others = async {
        tokio::join!(record(&planned_sends[0]), record(&planned_sends[2]));
        news.commit().await.unwrap();
    };
    // The middle one is recorded after the status transaction has committed.
    tokio::join!(record(&planned_sends[1]), others);
    retire(scene).await;
}

/// After an erasure, nothing is recorded for the author's messages in progress.
#[tokio::test]
async fn erasure_overtakes_the_answer() {
    on_both(async |scene| {
        let (author, planned_sends) = plan(scene).await;
        let mut tx = scene.db().write().await.unwrap();
        erasures::erase(&mut tx, &author, &LANES.map(str::to_owned), scene.now()).await.unwrap();
        tx.commit().await.unwrap();
        for planned in &planned_sends {
            assert!(
                scene.app.deliveries.record(planned, &accepted(planned)).await.unwrap_err().is_lease_lost()
            );
        }
    })
    .await;
}

/// A message with an acceptance that only this process knows, because the database is unavailable, is not
/// resent after its lease.
#[tokio::test]
async fn what_cannot_be_written_down_yet_is_not_sent_again() {
    on_both(async |scene| {
        let (_, planned_sends) = plan(scene).await;
        let kept = scene.app.deliveries.unpersisted.keep(&planned_sends[1].message.id);
        let sent_again = async || {
            scene.advance_ms(LEASE_MS);
            let mut tx = scene.db().write().await.unwrap();
            let claimed = claim(scene, &mut tx, LANES.len()).await;
            let again = scene.app.deliveries.plan_sends(&mut tx, claimed, scene.now()).await.unwrap();
            tx.commit().await.unwrap();
            again.into_iter().map(|planned| planned.message.id).collect::<Vec<_>>()
        };
        assert!(!sent_again().await.contains(&planned_sends[1].message.id));
        drop(kept);
        assert!(sent_again().await.contains(&planned_sends[1].message.id));
    })
    .await;
}

/// No credit is reserved for an author who is erased while the hold waits for the wallet's lock: nothing of
/// the author may be written after that. On SQLite the two transactions cannot overlap.
#[tokio::test]
async fn erasure_overtakes_a_hold() {
    let scene = Scene::new(EngineName::Postgres).await;
    let author = queue(&scene).await;
    let entry = NewEntry {
        id: &EntryId::fresh(scene.now()),
        author: &author,
        delta: 5,
        reason: LedgerReason::Purchase,
        operation: "five",
        note: None,
        reference: None,
    };
    let mut tx = scene.db().write().await.unwrap();
    wallets::post(&mut tx, &entry, scene.now()).await.unwrap();
    tx.commit().await.unwrap();

    let mut erasing = scene.db().write().await.unwrap();
    erasures::erase(&mut erasing, &author, &[], scene.now()).await.unwrap();
    let erased = async {
        // Long enough for the hold to wait for this transaction.
        tokio::time::sleep(Duration::from_millis(300)).await;
        erasing.commit().await.unwrap();
    };
    let held = async {
        let mut tx = scene.db().write().await.unwrap();
        wallets::hold(&mut tx, &HoldId::fresh(scene.now()), &author, "key", 1, scene.now()).await.unwrap()
    };
    assert_eq!(tokio::join!(erased, held).1, Held::Erased);
    retire(scene).await;
}

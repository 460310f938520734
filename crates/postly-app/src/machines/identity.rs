//! Random histories of identities: authors write through two providers under numbers and ids that change,
//! return, and change hands.
//!
//! The model stores no authors of its own: it compares the database before and after each step, and checks
//! the step against RULES 6.

use std::collections::{BTreeMap, BTreeSet};

use postly_domain::{
    Language, PhoneDoubt, PhoneE164, Provider,
    event::{IdentityChange, IdentityChangeKind, Sender},
    id::{AuthorId, IdentityId},
};
use postly_store::{
    Tx, authors,
    identities::{self, Identity},
    wallets::{self, Wallet},
};
use postly_testkit::EngineName;
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{LONGEST, Scene, TRIAL, assert_audit_is_clean, play};
use crate::{
    ids::fresh_text,
    operator::{AuthorSelector, OperatorError},
};

/// Few enough that authors share them.
const PHONES: usize = 3;
const IDS: usize = 3;

/// The names in a message or a notice: a number, an id, or both.
type Names = (Option<usize>, Option<usize>);

#[derive(Debug, Clone)]
enum Op {
    /// A message arrives; its author may get the first reply.
    Write { provider: Provider, names: Names, is_greeted: bool },
    /// A provider reports new names for an identity.
    Move { provider: Provider, before: Names, after: Names },
    /// A provider reports that the key of an identity has changed.
    ChangeKey { provider: Provider, names: Names },
    /// An operator grants or deducts credits.
    Adjust { phone: usize, delta: i64 },
}

fn op() -> impl Strategy<Value = Op> {
    let names = || {
        (option::weighted(0.7, 0..PHONES), option::weighted(0.6, 0..IDS))
            .prop_filter("somebody is named", |(phone, id)| phone.is_some() || id.is_some())
    };
    let provider = || select(vec![Provider::Meta, Provider::Meta, Provider::Twilio]);
    prop_oneof![
        6 => (provider(), names(), any::<bool>())
            .prop_map(|(provider, names, is_greeted)| Op::Write { provider, names, is_greeted }),
        3 => (provider(), names(), names())
            .prop_map(|(provider, before, after)| Op::Move { provider, before, after }),
        1 => (provider(), names()).prop_map(|(provider, names)| Op::ChangeKey { provider, names }),
        1 => (0..PHONES, select(vec![3, -1])).prop_map(|(phone, delta)| Op::Adjust { phone, delta }),
    ]
}

/// The owner of an identity, its provider, its number, its id, and the doubt about the number.
type Known = (AuthorId, Provider, Option<PhoneE164>, Option<String>, Option<PhoneDoubt>);

/// All identities and wallets of the database.
#[derive(Debug, Default, PartialEq)]
struct World {
    identities: BTreeMap<IdentityId, Known>,
    wallets: BTreeMap<AuthorId, Wallet>,
}

/// An identity of the world.
#[derive(Debug, Clone, Copy)]
struct Named<'a> {
    id: &'a IdentityId,
    author: &'a AuthorId,
    provider: Provider,
    phone: Option<&'a PhoneE164>,
    bsuid: Option<&'a String>,
    doubt: Option<PhoneDoubt>,
}

impl Named<'_> {
    /// True if the number alone does not tell this author from another.
    fn may_have_left(&self) -> bool {
        self.doubt == Some(PhoneDoubt::IdChanged)
    }
}

impl World {
    fn all(&self) -> impl Iterator<Item = Named<'_>> {
        self.identities.iter().map(|(id, (author, provider, phone, bsuid, doubt))| Named {
            id,
            author,
            provider: *provider,
            phone: phone.as_ref(),
            bsuid: bsuid.as_ref(),
            doubt: *doubt,
        })
    }

    fn by_id(&self, provider: Provider, bsuid: Option<&String>) -> Option<Named<'_>> {
        bsuid?;
        self.all().find(|known| known.provider == provider && known.bsuid == bsuid)
    }

    /// Returns the identity of a notice with these previous names and this new id.
    fn named(&self, before: &Sender, after: Option<&String>) -> Option<Named<'_>> {
        let by_phone = self.holders(before.phone.as_ref()).into_iter().find(|known| {
            let has_moved = after.is_some() && known.bsuid == after;
            let may_be = (known.bsuid.is_none() || before.bsuid.is_none()) && !known.may_have_left();
            known.provider == before.provider && (has_moved || may_be)
        });
        self.by_id(before.provider, before.bsuid.as_ref()).or(by_phone)
    }

    fn holders(&self, phone: Option<&PhoneE164>) -> Vec<Named<'_>> {
        self.all().filter(|known| phone.is_some() && known.phone == phone).collect()
    }

    /// RULES 6.1: returns the author of a message, or `None` for a new one.
    fn author_of(&self, sender: &Sender) -> Option<&AuthorId> {
        if let Some(known) = self.by_id(sender.provider, sender.bsuid.as_ref()) {
            return Some(known.author);
        }
        // A phone matches only if that provider knows its owner by no id, or by this one. It never matches an
        // identity with a changed id.
        if self.holders(sender.phone.as_ref()).iter().any(Named::may_have_left) {
            return None;
        }
        let author = self.holders(sender.phone.as_ref()).first()?.author;
        let mut of_hers =
            self.all().filter(|known| known.author == author && known.provider == sender.provider);
        let has_written_so = self.holders(sender.phone.as_ref()).iter().any(|known| {
            known.provider == sender.provider && (known.bsuid.is_none() || sender.bsuid.is_none())
        });
        let is_another = |known: &Named<'_>| {
            known.bsuid.zip(sender.bsuid.as_ref()).is_some_and(|(known, given)| known != given)
        };
        (has_written_so || !of_hers.any(|known| is_another(&known))).then_some(author)
    }
}

struct Machine<'a> {
    scene: &'a Scene,
    /// Distinguishes the names of this history from those of others.
    name: String,
    authors: BTreeSet<AuthorId>,
    /// Numbers and ids that have had their trial credits.
    tried: BTreeSet<String>,
    greeted: BTreeSet<AuthorId>,
    with_trial: BTreeSet<AuthorId>,
    /// The database after the last step.
    world: World,
}

impl Machine<'_> {
    fn phone(&self, phone: usize) -> PhoneE164 {
        // A number of this history: the last digits of a random name, in decimal.
        let seed: u64 = self.name.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        PhoneE164::from_provider(&format!("39{:010}{phone}", seed % 10_000_000_000)).unwrap()
    }

    fn bsuid(&self, id: usize) -> String {
        format!("FR.{}{id}", self.name.replace('-', ""))
    }

    fn sender(&self, provider: Provider, (phone, id): Names) -> Sender {
        let (phone, bsuid) = (phone.map(|phone| self.phone(phone)), id.map(|id| self.bsuid(id)));
        let address = phone.as_ref().map(|phone| phone.as_str().to_owned()).or(bsuid.clone()).unwrap();
        Sender { provider, address, phone, bsuid }
    }

    async fn look(&self, tx: &mut Tx) -> World {
        let mut world = World::default();
        for author in &self.authors {
            world.wallets.insert(author.clone(), wallets::get(tx, author).await.unwrap());
            for identity in identities::of_author(tx, author).await.unwrap() {
                let Identity { id, author_id, provider, phone, phone_doubt, bsuid, .. } = identity;
                assert!(phone.is_some() || phone_doubt.is_none(), "no number, no doubt");
                world.identities.insert(id, (author_id, provider, phone, bsuid, phone_doubt));
            }
        }
        for phone in (0..PHONES).map(|phone| self.phone(phone)) {
            let holders: BTreeSet<_> =
                world.holders(Some(&phone)).iter().map(|known| known.author.clone()).collect();
            assert!(holders.len() <= 1, "a number of two authors: {world:?}");
            let found = identities::by_phone(tx, &phone).await.unwrap();
            assert_eq!(found.len(), world.holders(Some(&phone)).len(), "somebody whom we never met");
        }
        world
    }

    async fn write(&mut self, provider: Provider, names: Names, is_greeted: bool) {
        let sender = self.sender(provider, names);
        let now = self.scene.now();
        let mut tx = self.scene.db().write().await.unwrap();
        let before = std::mem::take(&mut self.world);
        let person =
            self.scene.app.people.resolve_author(&mut tx, &sender, now, || Language::Fr, now).await.unwrap();
        let person = person.expect("nobody was erased");
        let author = person.author.id.clone();
        let is_new = self.authors.insert(author.clone());
        if let Some(expected) = before.author_of(&sender) {
            assert_eq!(&author, expected, "{sender:?} in {before:?}");
        } else {
            assert!(is_new, "somebody else's account: {sender:?} in {before:?}");
        }
        let after = self.look(&mut tx).await;

        let known = after.all().find(|known| known.id == &person.identity.id).unwrap();
        assert_eq!((known.author, known.provider), (&author, provider));
        assert!(
            sender.bsuid.is_none() || known.bsuid == sender.bsuid.as_ref(),
            "she is found by her id again"
        );
        if let Some(phone) = &sender.phone {
            let holders = after.holders(Some(phone));
            assert!(
                holders.iter().all(|holder| holder.author != &author || holder.doubt.is_none()),
                "a message proves the number that it comes from"
            );
            // The number belongs to the author, unless an identity that may be the same person has it:
            // authors are not merged by a guess.
            let is_hers = holders.iter().any(|holder| holder.author == &author);
            let may_be_herself = |holder: &Named<'_>| holder.provider != provider || holder.bsuid.is_none();
            assert!(is_hers || holders.iter().all(may_be_herself), "{sender:?}: {holders:?}");
        }
        assert_eq!(
            Some(&author),
            after.author_of(&sender),
            "who writes again is the same: {sender:?} in {after:?}"
        );

        let names: Vec<String> =
            sender.phone.iter().map(|phone| phone.as_str().to_owned()).chain(sender.bsuid.clone()).collect();
        let mut granted = 0;
        if !self.greeted.contains(&author) {
            let is_first = names.iter().all(|name| !self.tried.contains(name));
            if is_first && self.with_trial.insert(author.clone()) {
                granted = TRIAL;
            }
            self.tried.extend(names);
        }
        self.assert_credits(&before, &after, &author, granted);
        if is_greeted {
            authors::greet(&mut tx, &author, now).await.unwrap();
            self.greeted.insert(author);
        }
        tx.commit().await.unwrap();
        self.world = after;
    }

    async fn change(&mut self, provider: Provider, before: Names, after: Names) {
        let (previous, next) = (self.sender(provider, before), self.sender(provider, after));
        let change = IdentityChange {
            provider,
            kind: IdentityChangeKind::Moved,
            previous_phone: previous.phone.clone(),
            previous_bsuid: previous.bsuid.clone(),
            address: Some(next.address.clone()),
            phone: next.phone.clone(),
            bsuid: next.bsuid.clone(),
        };
        let mut tx = self.scene.db().write().await.unwrap();
        let before = std::mem::take(&mut self.world);
        let has_moved =
            self.scene.app.people.apply_identity_change(&mut tx, &change).await.unwrap().is_some();
        let after = self.look(&mut tx).await;
        self.assert_credits(&before, &after, &AuthorId::new("nobody"), 0);

        let moved = before.named(&previous, next.bsuid.as_ref());
        let holder = before.by_id(provider, next.bsuid.as_ref());
        let is_free = holder.is_none() || holder.map(|known| known.id) == moved.map(|known| known.id);
        assert_eq!(has_moved, moved.is_some() && is_free, "{change:?} in {before:?}");
        if !has_moved {
            assert_eq!(before, after, "nothing else changes");
            self.world = before;
            return;
        }
        let moved = moved.unwrap();
        let now = after.all().find(|known| known.id == moved.id).expect("it has moved, not gone");
        assert_eq!((now.author, now.provider), (moved.author, provider));
        assert_eq!(now.bsuid, next.bsuid.as_ref());
        let phone = next.phone.as_ref().or(moved.phone);
        assert_eq!(now.phone, phone, "{change:?} in {before:?}");
        // No other author has the new number, and the old number no longer finds the author.
        assert!(after.holders(phone).iter().all(|known| known.author == moved.author));
        if moved.phone != phone {
            assert!(after.holders(moved.phone).iter().all(|known| known.author != moved.author));
        }
        if next.bsuid.is_some() || !now.may_have_left() {
            assert_eq!(after.author_of(&next), Some(moved.author), "she is found by her new names");
        }
        let id_only = next.phone.is_none() && next.bsuid.as_ref() != moved.bsuid && moved.phone.is_some();
        assert!(!id_only || now.may_have_left(), "a number that nothing proves any more");
        tx.commit().await.unwrap();
        self.world = after;
    }

    async fn change_key(&mut self, provider: Provider, names: Names) {
        let named = self.sender(provider, names);
        let change = IdentityChange {
            provider,
            kind: IdentityChangeKind::KeyChanged,
            previous_phone: named.phone.clone(),
            previous_bsuid: named.bsuid.clone(),
            address: None,
            phone: None,
            bsuid: None,
        };
        let mut tx = self.scene.db().write().await.unwrap();
        let before = std::mem::take(&mut self.world);
        let author = self.scene.app.people.apply_identity_change(&mut tx, &change).await.unwrap();
        let after = self.look(&mut tx).await;
        self.assert_credits(&before, &after, &AuthorId::new("nobody"), 0);
        assert_eq!(author.as_ref(), before.named(&named, None).map(|known| known.author));
        for (was, is) in before.all().zip(after.all()) {
            assert_eq!((was.id, was.author, was.phone, was.bsuid), (is.id, is.author, is.phone, is.bsuid));
            let is_doubted = Some(is.author) == author.as_ref() && is.phone.is_some();
            assert_eq!(is.doubt.is_some(), is_doubted || was.doubt.is_some());
            assert!(!was.may_have_left() || is.may_have_left(), "the graver doubt stays");
        }
        tx.commit().await.unwrap();
        self.world = after;
    }

    async fn adjust(&mut self, phone: usize, delta: i64) {
        let phone = self.phone(phone);
        let before = std::mem::take(&mut self.world);
        let holder = before.holders(Some(&phone)).first().map(|known| known.author.clone());
        let available =
            holder.as_ref().and_then(|holder| before.wallets.get(holder)).map(|wallet| wallet.available());
        match self.scene.app.operator.adjust(&AuthorSelector::Phone(phone.clone()), delta, "for a test").await
        {
            Ok(_) => {
                let mut tx = self.scene.db().read().await.unwrap();
                let found = identities::by_phone(&mut tx, &phone).await.unwrap();
                let author = found[0].author_id.clone();
                let is_new = self.authors.insert(author.clone());
                assert_eq!(is_new, holder.is_none());
                let after = self.look(&mut tx).await;
                self.assert_credits(&before, &after, &author, delta);
                self.world = after;
                return;
            }
            Err(OperatorError::UnknownAuthor) => assert!(holder.is_none() && delta < 0),
            Err(OperatorError::Insufficient) => assert!(available.unwrap() + delta < 0),
            Err(error) => panic!("{error}"),
        }
        self.world = before;
    }

    /// Checks that only this author's balance has changed, by `delta`.
    fn assert_credits(&self, before: &World, after: &World, author: &AuthorId, delta: i64) {
        for (owner, wallet) in &after.wallets {
            let had = before.wallets.get(owner).map_or(0, |wallet| wallet.balance);
            let expected = if owner == author { had + delta } else { had };
            assert_eq!(wallet.balance, expected, "credits moved");
        }
        assert!(before.wallets.keys().all(|owner| after.wallets.contains_key(owner)));
    }
}

async fn act(scene: &Scene, operations: Vec<Op>) {
    let mut machine = Machine {
        scene,
        name: fresh_text(scene.now()),
        authors: BTreeSet::new(),
        tried: BTreeSet::new(),
        greeted: BTreeSet::new(),
        with_trial: BTreeSet::new(),
        world: World::default(),
    };
    for operation in operations {
        match operation {
            Op::Write { provider, names, is_greeted } => machine.write(provider, names, is_greeted).await,
            Op::Move { provider, before, after } => machine.change(provider, before, after).await,
            Op::ChangeKey { provider, names } => machine.change_key(provider, names).await,
            Op::Adjust { phone, delta } => machine.adjust(phone, delta).await,
        }
    }
    let mut tx = scene.db().read().await.unwrap();
    assert_audit_is_clean(&mut tx, scene.now(), &[]).await;
}

#[test]
fn a_person_keeps_what_is_hers_on_sqlite() {
    play(file!(), EngineName::Sqlite, &vec(op(), 1..LONGEST), &act);
}

#[test]
fn a_person_keeps_what_is_hers_on_postgres() {
    play(file!(), EngineName::Postgres, &vec(op(), 1..LONGEST), &act);
}

//! The core that every service shares.

use std::{ops::Deref, sync::Arc};

use postly_domain::{PhoneE164, Provider, UnixMillis, event::EventKey};
use postly_i18n::Catalogue;
use postly_store::Db;
use postly_whatsapp::OwnNumbers;

use crate::{
    Clock, Legal, Retention, Settings,
    health::Health,
    live::Live,
    seal::{CodeKeys, keyed_hash},
    wake::Wakers,
};

/// The database, the clock and the settings, and what a process knows of itself. It is cheap to clone.
#[derive(Clone)]
pub struct Core(Arc<Shared>);

/// The parts of a [`Core`].
pub struct Shared {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    /// The business numbers of this service.
    pub(crate) routes: OwnNumbers,
    pub(crate) catalogue: Catalogue,
    pub(crate) code_keys: CodeKeys,
    pub(crate) wakers: Wakers,
    pub(crate) live: Live,
    pub(crate) health: Health,
}

impl Deref for Core {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Core {
    /// Builds the core on a database that has its tables.
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: Settings, routes: OwnNumbers) -> Self {
        Self(Arc::new(Shared {
            code_keys: CodeKeys::new(settings.otp_peppers.clone()),
            db,
            clock,
            settings,
            routes,
            catalogue: Catalogue::load(),
            wakers: Wakers::default(),
            live: Live::default(),
            health: Health::default(),
        }))
    }

    /// Returns the time of the application's clock.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Returns the calling code of the region of national numbers: the one of most numbers here.
    pub fn calling_code(&self) -> Option<String> {
        postly_domain::phone::calling_code(&self.settings.default_region)
    }

    /// Returns the operator's details for the legal pages.
    pub fn legal(&self) -> &Legal {
        &self.settings.legal
    }

    /// Returns the retention of each kind of data.
    pub fn retention(&self) -> &Retention {
        &self.settings.retention
    }

    /// Returns the database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Returns a keyed hash of a number, an id or an address. It can be compared, and does not reveal the
    /// person.
    pub(crate) fn name_hash(&self, name: &str) -> String {
        keyed_hash(&self.settings.identity_hash_key, name)
    }

    /// Returns the name of a lane in the database, as a hash: more people than the author can read the
    /// database, so it must not contain a phone number.
    pub(crate) fn lane(&self, lane: &str) -> String {
        // 128 bits are enough to tell lanes apart.
        self.name_hash(lane).chars().take(32).collect()
    }

    /// Returns the lane of the codes requested by browsers. Other messages of the conversation may wait for a
    /// failed provider or for their turn, longer than a code is valid.
    pub(crate) fn code_lane(&self, provider: Provider, business: &str, phone: &PhoneE164) -> String {
        self.lane(&format!("{}#code", postly_whatsapp::conversation_lane(provider, business, phone)))
    }

    /// Returns the key of a message as stored in the inbox.
    pub(crate) fn stored_key(&self, provider: Provider, provider_message_id: &str) -> EventKey {
        EventKey(self.name_hash(&postly_whatsapp::message_key(provider, provider_message_id).0))
    }
}

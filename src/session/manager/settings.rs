//! Holds the checked settings, which do not change while the server runs.

use super::{
    former::{Former, SiteCookie},
    key_use::KeyCounts,
};
use crate::{
    Codec, KeyId, Keyring, Timestamp,
    codec::token_len,
    session::{
        cookie::{SessionCookie, TooLarge},
        data::SessionData,
        events::Event,
        head::OriginRules,
        lifecycle::Rules,
    },
};
#[cfg(feature = "store")]
use alloc::sync::Arc;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;
use std::{sync::LazyLock, time::Instant};

#[cfg(feature = "store")]
use super::store_settings::{Place, StoreSettings};
#[cfg(feature = "unstable-device-bound")]
use crate::session::device::{DeviceCodecs, DeviceSettings};
#[cfg(feature = "store")]
use crate::session::{record::MAX_TICKET_LEN, store::StoreKeys};

/// The first part of HKDF's info, which separates the keys of sessions from the keys of a codec.
const LABEL: &[u8] = b"cookie";

/// The maximum length of a token in characters, more than nine cookies hold. `max_cookie_bytes` and
/// `max_chunks` limit only what is saved, so a session that was saved under larger limits still
/// opens.
const MAX_TOKEN_LEN: usize = 9 * 4096;

pub(super) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;

/// Where the time comes from.
pub(super) enum Clock {
    System,
    /// The application's. It also measures the time within a process: there may be no other clock, as
    /// in WebAssembly.
    Own(Box<dyn Fn() -> Timestamp + Send + Sync>),
}

impl Clock {
    pub(super) fn wall(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::now(),
            Clock::Own(clock) => clock(),
        }
    }

    pub(super) fn ticks(&self) -> Duration {
        /// When this process first asked.
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Clock::System => START.elapsed(),
            Clock::Own(clock) => Duration::from_secs(clock().to_unix().into()),
        }
    }
}

/// The keys of this moment.
pub(crate) struct Keys {
    pub(crate) codec: Codec,
    /// Those of the former cookies, in the order of the settings.
    pub(crate) formers: Vec<Codec>,
    /// A session that was created or sealed earlier is revoked.
    pub(crate) floor: Timestamp,
    pub(super) counts: KeyCounts,
    /// Of what is in the store, if there is one.
    #[cfg(feature = "store")]
    pub(crate) store: Option<StoreKeys>,
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) device: Option<DeviceCodecs>,
}

impl Keys {
    /// Counts a cookie that this key has opened.
    pub(crate) fn count(&self, key: KeyId, now: Timestamp) {
        self.counts.count(key, now);
    }

    pub(super) fn set_floor(&mut self, floor: Timestamp) {
        self.floor = floor;
        for codec in core::iter::once(&mut self.codec).chain(&mut self.formers) {
            *codec = codec.clone().reject_issued_before(floor);
        }
        #[cfg(feature = "unstable-device-bound")]
        if let Some(device) = &mut self.device {
            device.reject_issued_before(floor);
        }
    }
}

/// Returns the codec of the sessions under one cookie name, of one realm and one type. No part may hold a zero byte:
/// then no two cookies share a purpose.
pub(crate) fn cookie_codec(keyring: &Keyring, name: &str, realm: &str, data: &str) -> Codec {
    let [name, realm, data] = [name, realm, data].map(str::as_bytes);
    Codec::with_label(keyring, &[LABEL, &[0], name, &[0], realm, &[0], data])
        .max_age(Duration::MAX) // the record's limits judge the age
        .max_token_len(MAX_TOKEN_LEN)
}

/// Holds settings that [`SessionManagerBuilder`](crate::session::SessionManagerBuilder) has checked.
pub(crate) struct Settings<T> {
    pub(crate) cookie: SessionCookie,
    pub(crate) formers: Vec<Former>,
    pub(crate) rules: Rules<T>,
    pub(crate) origin: OriginRules,
    /// The 500 of a session that was not saved has the reason as its body: on a developer's machine.
    pub(crate) explains_failures: bool,
    pub(super) on_event: Option<OnEvent>,
    pub(super) clock: Clock,
    pub(super) realm: String,
    pub(super) pad_to: usize,
    #[cfg(feature = "store")]
    pub(crate) store: Option<Arc<StoreSettings>>,
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) device: Option<DeviceSettings>,
}

impl<T: SessionData> Settings<T> {
    /// Returns the codec of this cookie under a ring, and the counts of the ring before for the same keys.
    pub(super) fn keys(&self, keyring: &Keyring, floor: Timestamp, before: &KeyCounts) -> Keys {
        // `build` refuses zero bytes in every part.
        let codec = |cookie: &SessionCookie, realm: &str, type_name: &str| {
            cookie_codec(keyring, cookie.name(), realm, type_name)
                .skew(self.rules.skew)
                .reject_issued_before(floor)
                .pad_to(self.pad_to)
        };
        let former = |former: &Former| codec(&former.cookie, &former.realm, &former.type_name);
        Keys {
            codec: codec(&self.cookie, &self.realm, T::NAME),
            formers: self.formers.iter().map(former).collect(),
            floor,
            counts: before.carried_to(keyring),
            #[cfg(feature = "store")]
            store: self
                .store
                .is_some()
                .then(|| StoreKeys::new(keyring, &self.realm, T::NAME, self.pad_to)),
            #[cfg(feature = "unstable-device-bound")]
            device: self.device.as_ref().map(|device| {
                let formers = self.formers.iter();
                let formers = formers
                    .map(|former| (former.cookie.name(), &*former.realm, &*former.type_name));
                let present = (self.cookie.name(), &*self.realm, T::NAME);
                DeviceCodecs::new(keyring, device, (present, formers), self.rules.skew, floor)
            }),
        }
    }

    pub(crate) fn cookie_of(&self, which: SiteCookie) -> &SessionCookie {
        match which {
            SiteCookie::Present => &self.cookie,
            SiteCookie::Former(at) => {
                let former = self.formers.get(at);
                former.map_or(&self.cookie, |former| &former.cookie)
            }
        }
    }

    /// Returns the former cookies that still count, each with its place in the settings.
    pub(crate) fn formers_at(&self, now: Timestamp) -> impl Iterator<Item = (usize, &Former)> {
        let formers = self.formers.iter().enumerate();
        formers.filter(move |(_, former)| former.is_active(now))
    }

    /// Fails if a record of `len` bytes does not fit where sessions are saved.
    pub(crate) fn fits(&self, len: usize) -> Result<(), TooLarge> {
        #[cfg(feature = "store")]
        if self
            .store
            .as_ref()
            .is_some_and(|store| store.place == Place::Store)
        {
            return self.fits_record(len);
        }
        self.fits_cookies(len)
    }

    /// Fails if a record of `len` bytes does not fit into the store.
    #[cfg(feature = "store")]
    pub(crate) fn fits_record(&self, len: usize) -> Result<(), TooLarge> {
        match &self.store {
            Some(store) => store.fits(len, self.pad_to),
            None => Ok(()),
        }
    }

    /// Fails if the token of a payload of `len` bytes does not fit into the cookies.
    pub(crate) fn fits_cookies(&self, len: usize) -> Result<(), TooLarge> {
        self.cookie.fits(token_len(len, self.pad_to))
    }

    /// Fails if not even a session without data could be saved.
    pub(super) fn fits_empty(&self, record: usize) -> Result<(), TooLarge> {
        #[cfg(feature = "store")]
        if self.store.is_some() {
            self.fits_cookies(MAX_TICKET_LEN)?;
        }
        self.fits(record)
    }
}

//! The entries of sessions in the lists of their owners.

use super::{current::with_keys, saving::Unsaved};
use crate::{
    Timestamp,
    session::{
        data::SessionData,
        error::SaveError,
        manager::{SessionManager, StoreSettings},
        record::{About, Record},
        store::{Owner, OwnerKey, RecordKey, StoreError, StoreErrorKind},
    },
    system_random::SystemRandom,
};
use alloc::{string::String, vec::Vec};
use core::time::Duration;

/// Returns what the list shows of the session under its present id, to show the same under the next one.
pub(super) async fn description<T: SessionData>(
    manager: &SessionManager<T>,
    store: &StoreSettings,
    subject: &str,
    from: Option<&RecordKey>,
) -> Result<String, StoreError> {
    let Some(from) = from else {
        return Ok(String::new());
    };
    let owners = with_keys(manager, |keys, _| keys.owners(subject)).unwrap_or_default();
    for owner in owners {
        let owned = store.store.owned(&owner).await?;
        let Some(entry) = owned.into_iter().find(|entry| entry.key == *from) else {
            continue;
        };
        let opened = with_keys(manager, |keys, _| {
            keys.open_about((from, &owner), &entry.about)
        });
        if let Some(Ok(opened)) = opened
            && let Ok(about) = About::decode(&opened.plaintext.0)
        {
            return Ok(about.text);
        }
    }
    Ok(String::new())
}

/// The owner under the primary key, and the sealed entry.
pub(super) type Entry = (OwnerKey, Vec<u8>);

/// Returns the entry of a record, with this description.
pub(super) fn entry<T: SessionData>(
    manager: &SessionManager<T>,
    subject: &str,
    (key, record): (&RecordKey, &Record<'_>),
    text: String,
    now: Timestamp,
) -> Result<Entry, Unsaved> {
    let about = About {
        id: record.ids.session,
        created_at: record.head.created_at,
        text,
    };
    let entry = with_keys(manager, |keys, _| {
        let owner = keys.owners(subject).into_iter().next();
        let owner = owner?;
        let about = keys.seal_about((key, &owner), &about.encode(), now, &mut SystemRandom);
        Some((owner, about.ok()?))
    });
    let entry = entry.ok_or(StoreError::from(StoreErrorKind::Unsupported))?;
    entry.ok_or(Unsaved::Fail(SaveError::Randomness))
}

/// Returns what the store is told of the owner. The entry lasts as long as the session can live.
pub(super) fn owner((key, about): &Entry, at_most: Duration) -> Owner<'_> {
    Owner {
        key,
        about,
        keep: at_most,
    }
}

//! One session on its way to the store.

use super::current::{Came, Current};
use crate::{
    KeyId,
    secret::Scratch,
    session::{
        cookie::Names,
        error::SaveError,
        events::{Event, SkipReason},
        lifecycle::{Closing, EndedLogin, Now, OwnChange, Save},
        record::Ticket,
        store::{Ending, RecordSecret, StoreError, Tag},
    },
};
use alloc::{string::String, vec::Vec};
use core::time::Duration;

/// One session to be saved.
pub(crate) struct Saving {
    pub(super) save: Save,
    /// The record as this request wants it, before any merge.
    pub(super) mine: Scratch,
    pub(super) own: OwnChange,
    pub(super) way: Way,
    /// What will open the record.
    pub(super) secret: RecordSecret,
    /// Where the session was.
    pub(super) from: Option<Current>,
    /// What the list of its owner is to show, if this request says so.
    pub(super) description: Option<String>,
    /// How long the tombstone of another id stays.
    pub(super) grace: Duration,
    /// When the request's head arrived.
    pub(super) head_at: Duration,
    pub(super) renews: bool,
    /// The browser keeps the cookie that it has, as long as that finds the record: see `close::waits`.
    pub(super) waits: bool,
    /// The logins of authentic cookies that do not count.
    pub(super) others: Vec<EndedLogin>,
    /// How each of them ends, if this is a login, which replaces them.
    pub(super) replaced: Vec<Ending>,
    /// The lines that remove the former cookies, before a new one is set.
    pub(super) formers: Vec<String>,
    /// The event for a session that moves from a former cookie.
    pub(super) moved: Option<Event>,
    /// The parts of a longer session that came: see `Brought::stale`.
    pub(super) stale: Names,
    /// The names to be removed if nothing is saved after all.
    pub(super) to_remove: Option<Names>,
}

/// How a save reaches the store.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// Under a key that has no record.
    Create,
    /// In the place of this version.
    Swap(Tag),
    /// In the place of this version, under another key.
    Rename(Tag),
    /// The session is in its cookie only: it is created under its id, and then renamed.
    MoveAndRename,
    /// As it is, and for longer.
    Keep,
}

/// Why nothing was saved.
pub(super) enum Unsaved {
    Skip(SkipReason),
    Fail(SaveError),
    Store(StoreError),
}

impl From<StoreError> for Unsaved {
    fn from(error: StoreError) -> Unsaved {
        Unsaved::Store(error)
    }
}

impl From<SaveError> for Unsaved {
    fn from(error: SaveError) -> Unsaved {
        Unsaved::Fail(error)
    }
}

impl Saving {
    /// Returns `true` if the entry in the list of the owner is written anew. A plain save leaves it, unless the
    /// record gets under another key by it: once the old key is gone, nobody finds what was listed under it.
    pub(super) fn writes_entry(&self, primary: KeyId) -> bool {
        let is_plain = match self.way {
            Way::Swap(tag) => tag.key() == primary && !self.own.lives_longer,
            Way::Keep => true,
            Way::Create | Way::Rename(_) | Way::MoveAndRename => false,
        };
        self.description.is_some() || !is_plain
    }

    /// Returns the record as the cookie held it, if this save moves it into the store under its id.
    pub(super) fn moved_record(&self) -> Option<&[u8]> {
        let from = self.from.as_ref()?;
        let moves = matches!(self.way, Way::Create) && from.ids.session == self.save.ids.session;
        let base = self.own.base.as_ref().filter(|_| moves)?;
        Some(&base.0)
    }

    pub(super) fn closing<'s>(&'s self, now: &'s dyn Fn() -> Now) -> Closing<'s> {
        Closing {
            now,
            head_at: self.head_at,
            renews: self.renews,
            others: &self.others,
        }
    }

    /// The ticket of the browser.
    pub(super) fn came(&self) -> Option<Ticket> {
        match &self.from.as_ref()?.came {
            // It is to get the present cookie.
            _ if self.moved.is_some() => None,
            Came::AsTicket(ticket) => Some(ticket.ticket.clone()),
            Came::AsSession(..) => None,
        }
    }
}

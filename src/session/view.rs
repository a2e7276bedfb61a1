use super::{Map, SessionId};
use crate::Timestamp;
use core::fmt;

/// What [`Builder::validate`](super::Builder::validate) sees of a session.
pub struct View<'a, T = Map> {
    pub(super) id: SessionId,
    pub(super) created_at: Timestamp,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) data: &'a T,
}

impl<T> View<'_, T> {
    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// When it was created: [`regenerate_for_login`](super::Session::regenerate_for_login) sets it anew.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the cookie was sealed; before a save, now.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it ends if it is not used any more.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What is in it.
    #[must_use]
    pub fn data(&self) -> &T {
        self.data
    }
}

/// Id and times, no value.
impl<T> fmt::Debug for View<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

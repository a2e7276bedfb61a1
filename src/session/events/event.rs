use super::reasons::{Refusal, SaveReason, SkipReason};
use crate::{
    KeyId, KeyState, Timestamp,
    session::{error::SaveError, record::SessionId},
};

/// Reports a decision about a session to the operator. No event carries a value of the session.
///
/// [`SessionManagerBuilder::on_event`](crate::session::SessionManagerBuilder::on_event) receives every
/// event, and with the feature `tracing` the subscriber does too. No lock is held meanwhile. The
/// key id of a refused cookie is chosen by its sender. Do not use it as the label of a metric,
/// because an attacker could make millions of labels.
///
/// ```
/// use hardtack::session::{Event, Refusal};
///
/// fn alert(event: &Event) {
///     match event {
///         Event::Refused { reason: Refusal::UnknownKey, key, .. } => {
///             eprintln!("a cookie under key {key:?}: does an instance have an old keyring?");
///         }
///         Event::Failed { error, .. } => eprintln!("a response was lost: {error}"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A session cookie was accepted.
    Opened {
        /// The id of the session.
        id: SessionId,
        /// The key that sealed the cookie.
        key: KeyId,
        /// The present state of this key.
        key_state: KeyState,
    },
    /// A session cookie was refused. It stays in the browser.
    Refused {
        /// The reason.
        reason: Refusal,
        /// The key id in the cookie. If `id` is `None`, it is not authenticated and may be anything.
        key: Option<KeyId>,
        /// The id of the session, if the cookie was authentic and its record could be read.
        id: Option<SessionId>,
    },
    /// The session was saved into a cookie of the response.
    Saved {
        /// The id of the session.
        id: SessionId,
        /// The key that sealed the cookie.
        key: KeyId,
        /// The reason.
        reason: SaveReason,
        /// The size of the cookies in bytes: their names, `=` and values.
        len: usize,
    },
    /// The session had something to save and was not saved. The response was sent without it.
    NotSaved {
        /// The id of the session, if it has one yet.
        id: Option<SessionId>,
        /// The reason.
        reason: SkipReason,
    },
    /// The session could not be saved. The response was replaced by a 500.
    Failed {
        /// The id of the session, if it has one yet.
        id: Option<SessionId>,
        /// The reason.
        error: SaveError,
    },
    /// The session was saved under a new id. A copy of the old cookie works until `absolute_end`,
    /// unless `validate` refuses the old id. The event follows the [`Saved`](Event::Saved) of the
    /// same session, because a session that could not be saved keeps its id.
    Regenerated {
        /// The old id.
        from: SessionId,
        /// The new id.
        to: SessionId,
        /// The time when the old session ends at the latest.
        absolute_end: Timestamp,
    },
    /// The session was ended by [`destroy`](crate::session::Session::destroy), or by
    /// [`remember`](crate::session::Session::remember) after its absolute timeout. A copy of its
    /// cookie works until `absolute_end`, unless `validate` refuses the id. Store both in your
    /// denylist until then.
    Destroyed {
        /// The id of the session.
        id: SessionId,
        /// The time when the session ends at the latest.
        absolute_end: Timestamp,
    },
    /// The handler set a `Cache-Control` that lets a shared cache store the session cookie. The
    /// header was replaced by `no-store`.
    CacheControlReplaced,
}

use super::reasons::{Refusal, SaveReason, SkipReason};
use crate::{
    KeyId, KeyState, Timestamp,
    session::{
        endings::DenylistFull,
        error::SaveError,
        origin::CrossOrigin,
        record::{LoginId, SessionId},
    },
};

/// What was decided about a session, and why: for the operator. No event carries a value.
///
/// Events reach [`SessionManagerBuilder::on_event`](crate::session::SessionManagerBuilder::on_event) and, with the feature `tracing`, the
/// subscriber; no lock is held meanwhile. The key id of a refused cookie is the sender's choice: do
/// not make it the label of a metric.
///
/// ```
/// use hardtack::session::{Event, Refusal};
///
/// fn alert(event: &Event) {
///     match event {
///         Event::Refused { reason: Refusal::UnknownKey, key, .. } => {
///             eprintln!("a cookie under key {key:?}: has an instance an old ring?");
///         }
///         Event::Failed { error, .. } => eprintln!("a response was lost: {error}"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A cookie was opened and counts.
    Opened {
        /// The session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// The key that sealed it.
        key: KeyId,
        /// What this key is for now.
        key_state: KeyState,
    },
    /// A cookie does not count, and stays in the browser.
    Refused {
        /// Why.
        reason: Refusal,
        /// The key that it names: if `id` is `None`, whatever its sender wrote there.
        key: Option<KeyId>,
        /// The session, if the cookie was authentic.
        id: Option<SessionId>,
        /// Its login, if the cookie was authentic.
        login_id: Option<LoginId>,
    },
    /// The session goes out in a cookie.
    Saved {
        /// The session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// The key that sealed it.
        key: KeyId,
        /// Why.
        reason: SaveReason,
        /// Bytes of cookie names and values.
        len: usize,
    },
    /// What could have been saved was not, and nothing was lost by it but what is said here.
    NotSaved {
        /// The session, if it has an id yet.
        id: Option<SessionId>,
        /// Why.
        reason: SkipReason,
    },
    /// The session could not be saved: the answer is a 500.
    Failed {
        /// The session, if it has an id yet.
        id: Option<SessionId>,
        /// Why.
        error: SaveError,
    },
    /// The session went out under a new id. A copy of the old cookie opens until `absolute_end`, unless
    /// a [`Denylist`](crate::session::Denylist) or `validate` refuses it. Comes after the
    /// [`Saved`](Event::Saved) that it explains: a session that could not be saved keeps its id.
    Regenerated {
        /// The id before.
        from: SessionId,
        /// The id now.
        to: SessionId,
        /// The login before.
        from_login: LoginId,
        /// The login now: another one only if somebody logged in.
        to_login: LoginId,
        /// The end of every copy of the old session.
        absolute_end: Timestamp,
    },
    /// [`destroy`](crate::session::Session::destroy) ended this session: that of the request, and every other
    /// one whose cookie came with it. A copy of its cookie opens until `absolute_end`, unless a
    /// [`Denylist`](crate::session::Denylist) or `validate` refuses it.
    Destroyed {
        /// The session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// The end of every copy, whatever settings and calls make of it.
        absolute_end: Timestamp,
    },
    /// A request from another origin asked for a session, and has none.
    CrossOrigin(CrossOrigin),
    /// Two sessions of different logins came under one cookie name, and neither counts. An attacker on a
    /// sibling domain plants cookies, or two applications share a name.
    Rivals {
        /// The logins, newest first.
        login_ids: [LoginId; 2],
    },
    /// The [`Denylist`](crate::session::Denylist) had no room for a login that ended: its copies open until
    /// their own end.
    DenylistFull(DenylistFull),
    /// The handler's own Cache-Control, or a targeted field (RFC 9213), would have let a cache keep a
    /// session: it is now `no-store`.
    CacheControlReplaced,
}

use super::reasons::{Lost, Refusal, SaveReason, SkipReason};
use crate::{
    KeyId, KeyState, Timestamp,
    session::{
        endings::DenylistFull,
        error::SaveError,
        head::CrossOrigin,
        record::{LoginId, SessionId},
    },
};
use alloc::string::String;

#[cfg(feature = "unstable-device-bound")]
use super::reasons::DeviceRefusal;
#[cfg(feature = "store")]
use crate::session::store::StoreErrorKind;

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
        /// Its login.
        login_id: LoginId,
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
        /// Its login, if the cookie was authentic.
        login_id: Option<LoginId>,
    },
    /// The session was saved into a cookie of the response, or into the store.
    Saved {
        /// The id of the session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// The key that sealed the cookie or the record.
        key: KeyId,
        /// The reason.
        reason: SaveReason,
        /// The size in bytes: of the names, `=` and values of the cookies, or of the sealed record.
        len: usize,
    },
    /// The session had something to save and was not saved. The response was sent without it. That counts as
    /// success, because the next request would not have the session in any case.
    NotSaved {
        /// The id of the session, if it has one yet.
        id: Option<SessionId>,
        /// The reason.
        reason: SkipReason,
    },
    /// The session could not be saved. The response was replaced by an empty one with the
    /// [status](SaveError::status) of the error.
    Failed {
        /// The id of the session, if it has one yet.
        id: Option<SessionId>,
        /// The reason.
        error: SaveError,
    },
    /// The session went out under a new id. A copy of the old cookie opens until `absolute_end`, unless
    /// a [`Denylist`](crate::session::Denylist) or `validate` refuses it. Comes after the
    /// [`Saved`](Event::Saved) that it explains: a session that could not be saved keeps its id. A login
    /// also reports each other login whose cookie the browser had, such as one that was idle for too long.
    Regenerated {
        /// The old id.
        from: SessionId,
        /// The new id.
        to: SessionId,
        /// The login before.
        from_login: LoginId,
        /// The login now: another one only if somebody logged in.
        to_login: LoginId,
        /// The end of every copy of the old session.
        absolute_end: Timestamp,
    },
    /// The session came in a [former cookie](crate::session::FormerCookie), and its
    /// [`Saved`](Event::Saved) has moved it into the present one. The former cookies are removed.
    Moved {
        /// The id of the session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// The name of the former cookie.
        from: String,
    },
    /// [`destroy`](crate::session::Session::destroy) ended this session: that of the request, and every other
    /// one whose cookie came with it. A copy of its cookie opens until `absolute_end`, unless a
    /// [`Denylist`](crate::session::Denylist) or `validate` refuses it.
    Destroyed {
        /// The id of the session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// The end of every copy, whatever settings and calls make of it.
        absolute_end: Timestamp,
    },
    /// A value of the dictionary had another type than the handler asked for: its type has changed
    /// since the session was saved, or two parts of the application share a key. The response does not
    /// renew the session, unless the value was removed.
    WrongType {
        /// The id of the session, if it has one yet.
        id: Option<SessionId>,
        /// The key in the dictionary.
        key: String,
        /// The kind of value that was found, and the type that the handler asked for.
        reason: String,
        /// Whether [`get_or_remove`](crate::session::Session::get_or_remove) removed the value.
        removed: bool,
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
    /// Another request saved the same session meanwhile, and not all of both could be kept.
    Conflict {
        /// The id of the session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// What was lost.
        lost: Lost,
    },
    /// A session was bound to a key in the browser's device.
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    DeviceBound {
        /// The id of the session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
    },
    /// A browser has proven its key, and got a fresh proof cookie.
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    DeviceProven {
        /// The id of the session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
    },
    /// A key was not bound, or not proven.
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    DeviceRefused {
        /// The id of the session, if the request has one.
        id: Option<SessionId>,
        /// Its login.
        login_id: Option<LoginId>,
        /// The reason.
        reason: DeviceRefusal,
    },
    /// A session of the store was to be saved in its cookie and does not fit into it: it stays in the
    /// store. Keep the store, or raise [`max_cookie_bytes`], while this happens.
    ///
    /// [`max_cookie_bytes`]: crate::session::SessionManagerBuilder::max_cookie_bytes
    #[cfg(feature = "store")]
    StaysInStore {
        /// The id of the session.
        id: SessionId,
        /// Its login.
        login_id: LoginId,
        /// The size that its cookies would have: of their names, `=` and values, in bytes.
        len: usize,
        /// The maximum.
        max: usize,
    },
    /// The session store gave no answer, or none until the request was dropped. A session that was to be loaded answers
    /// [`SessionError::Store`](crate::session::SessionError::Store).
    #[cfg(feature = "store")]
    StoreFailed {
        /// In which way it failed.
        kind: StoreErrorKind,
        /// What the store said, such as a code of its engine.
        detail: Option<String>,
    },
    /// The handler's own Cache-Control, or a targeted field (RFC 9213), would have let a cache keep a
    /// session: it is now `no-store`.
    CacheControlReplaced,
}

use super::missing::MissingLayer;
use crate::session::{
    data::{SessionData, SessionMap},
    error::SessionError,
    session::Session,
};
use core::{error::Error, fmt, marker::PhantomData};

/// Proves that a request does not come from another origin, on a route that does not use the session. Take
/// it as an argument of the handler, in any of the three frameworks.
///
/// It decides as the session does, with the settings of the manager in the session's layer: `trust_origin`
/// and `allow_cross_origin`. A request that it refuses gets an empty 403 (Rocket: its page for 403), and
/// the log names the origin, the host and the setting. A handler that uses its [`Session`] needs no guard.
/// [The guide](crate::guide::sessions#routes-without-a-session) shows how to guard many routes at once.
///
/// [`Session`]: crate::session::Session
///
/// ```
/// use hardtack::session::SameOrigin;
///
/// /// A form of this site may do it, and no page elsewhere.
/// async fn clear_cache(_: SameOrigin) -> &'static str {
///     "done"
/// }
/// ```
pub struct SameOrigin<T: SessionData = SessionMap>(PhantomData<fn() -> T>);

impl<T: SessionData> SameOrigin<T> {
    /// Judges a request by the session that an extractor gave.
    pub(crate) fn judge(session: &Session<T>) -> Result<SameOrigin<T>, SameOriginError> {
        session.check_origin()?;
        Ok(SameOrigin(PhantomData))
    }
}

impl<T: SessionData> Clone for SameOrigin<T> {
    fn clone(&self) -> SameOrigin<T> {
        *self
    }
}

impl<T: SessionData> Copy for SameOrigin<T> {}

impl<T: SessionData> fmt::Debug for SameOrigin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SameOrigin").finish_non_exhaustive()
    }
}

/// Says why [`SameOrigin`] let a request not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameOriginError {
    /// No layer for sessions knows the settings.
    MissingLayer(MissingLayer),
    /// [`SessionError::CrossOrigin`]: the request comes from another origin.
    Refused(SessionError),
}

impl SameOriginError {
    /// Returns the HTTP status of the response: 403 for a request from another origin, else 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            SameOriginError::MissingLayer(_) => 500,
            SameOriginError::Refused(refused) => refused.status(),
        }
    }
}

impl From<MissingLayer> for SameOriginError {
    fn from(missing: MissingLayer) -> SameOriginError {
        SameOriginError::MissingLayer(missing)
    }
}

impl From<SessionError> for SameOriginError {
    fn from(refused: SessionError) -> SameOriginError {
        SameOriginError::Refused(refused)
    }
}

impl fmt::Display for SameOriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SameOriginError::MissingLayer(missing) => missing.fmt(f),
            SameOriginError::Refused(refused) => refused.fmt(f),
        }
    }
}

impl Error for SameOriginError {}

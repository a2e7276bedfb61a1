//! What a response carries for its session.

use crate::session::error::SaveError;
use alloc::{borrow::Cow, boxed::Box, string::String, vec::Vec};

/// What a response carries for a session that was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) set_cookie: Vec<String>,
    pub(crate) failed: Option<SaveError>,
    /// There was something to save, and it must not be: the session has ended meanwhile.
    pub(crate) skipped: bool,
    /// What the session layer says by itself. Most responses have nothing of it.
    pub(crate) own: Option<Box<OwnAnswer>>,
}

/// Headers other than Set-Cookie, and a response that takes the place of the handler's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnAnswer {
    /// `None` leaves the handler's response.
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
    pub(crate) headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Answer {
    pub(super) fn failure(error: SaveError) -> Answer {
        Answer {
            failed: Some(error),
            ..Answer::default()
        }
    }
}

#[cfg(feature = "unstable-device-bound")]
impl Answer {
    pub(super) fn own(
        status: u16,
        body: String,
        headers: Vec<(&'static str, Cow<'static, str>)>,
    ) -> Answer {
        Answer {
            own: Some(Box::new(OwnAnswer {
                status: Some(status),
                body,
                headers,
            })),
            ..Answer::default()
        }
    }

    pub(super) fn json(status: u16, body: String) -> Answer {
        let json = Cow::Borrowed("application/json");
        Answer::own(status, body, Vec::from([("content-type", json)]))
    }

    pub(super) fn empty(status: u16) -> Answer {
        Answer::own(status, String::new(), Vec::new())
    }
}

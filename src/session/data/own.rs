//! What a request has written itself, apart from what it was given.

use super::{SessionData, SessionMap, encode};
use crate::secret::Scratch;
use core::any::Any;

/// Encodes what this request has written itself: for a login over a session that has ended. Of typed data that is known
/// only if the request has `replaced` it.
pub(crate) fn encode_own<T: SessionData>(data: &T, replaced: bool) -> Option<Scratch> {
    match (data as &dyn Any).downcast_ref::<SessionMap>() {
        Some(map) => encode(&map.written()),
        None if replaced => encode(data),
        None => None,
    }
}

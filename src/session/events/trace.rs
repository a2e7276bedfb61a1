//! Sends events to `tracing`, with ids and reasons and never a value.

use super::{
    event::Event,
    reasons::{Refusal, SkipReason},
};

pub(crate) fn trace(event: &Event) {
    match event {
        Event::Opened { id, key, key_state } => {
            tracing::debug!(target: "hardtack", %id, %key, %key_state, "session opened");
        }
        Event::Refused { reason, key, id } => {
            let key = key.map(tracing::field::display);
            let id = id.map(tracing::field::display);
            // Timeouts are normal. Everything else is an attack or a mistake in operations.
            match reason {
                Refusal::IdleTimeout | Refusal::AbsoluteTimeout => {
                    tracing::debug!(target: "hardtack", %reason, key, id, "session cookie refused");
                }
                _ => tracing::info!(target: "hardtack", %reason, key, id, "session cookie refused"),
            }
        }
        Event::Saved {
            id,
            key,
            reason,
            len,
        } => {
            tracing::debug!(target: "hardtack", %id, %key, %reason, len, "session saved");
        }
        Event::NotSaved { id, reason } => {
            let id = id.map(tracing::field::display);
            match reason {
                SkipReason::TooLate => {
                    tracing::debug!(target: "hardtack", %reason, id, "session not saved");
                }
                SkipReason::RenewalFailed(_) => {
                    tracing::warn!(target: "hardtack", %reason, id, "session not saved");
                }
                _ => tracing::info!(target: "hardtack", %reason, id, "session not saved"),
            }
        }
        Event::Failed { id, error } => {
            let id = id.map(tracing::field::display);
            tracing::error!(target: "hardtack", %error, id, "session could not be saved: the response is a 500");
        }
        Event::Regenerated {
            from,
            to,
            absolute_end,
        } => {
            tracing::debug!(target: "hardtack", %from, %to, %absolute_end, "session regenerated");
        }
        Event::Destroyed { id, absolute_end } => {
            tracing::debug!(target: "hardtack", %id, %absolute_end, "session destroyed");
        }
        Event::CacheControlReplaced => {
            tracing::warn!(
                target: "hardtack",
                "the handler's Cache-Control would let a cache store the session: it was replaced by no-store"
            );
        }
    }
}

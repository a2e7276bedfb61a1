//! Sends events to `tracing`, with ids and reasons and never a value.

use super::{
    event::Event,
    reasons::{Refusal, SkipReason},
};

#[cfg(feature = "unstable-device-bound")]
use super::reasons::DeviceRefusal;

pub(crate) fn trace(event: &Event) {
    match event {
        Event::Opened {
            id,
            login_id,
            key,
            key_state,
        } => {
            tracing::debug!(target: "hardtack", %id, %login_id, %key, %key_state, "session opened");
        }
        Event::Refused {
            reason,
            key,
            id,
            login_id,
        } => {
            let login_id = login_id.map(tracing::field::display);
            let key = key.map(tracing::field::display);
            let id = id.map(tracing::field::display);
            // Timeouts are normal. Everything else is an attack or a mistake in operations.
            match reason {
                Refusal::IdleTimeout | Refusal::AbsoluteTimeout => {
                    tracing::debug!(target: "hardtack", %reason, key, id, login_id, "session cookie refused");
                }
                _ => {
                    tracing::info!(target: "hardtack", %reason, key, id, login_id, "session cookie refused")
                }
            }
        }
        Event::Saved {
            id,
            login_id,
            key,
            reason,
            len,
        } => {
            tracing::debug!(target: "hardtack", %id, %login_id, %key, %reason, len, "session saved");
        }
        Event::NotSaved { id, reason } => {
            let id = id.map(tracing::field::display);
            match reason {
                SkipReason::TooLate => {
                    tracing::debug!(target: "hardtack", %reason, id, "session not saved");
                }
                SkipReason::RenewalFailed(_) | SkipReason::Panicked => {
                    tracing::warn!(target: "hardtack", %reason, id, "session not saved");
                }
                _ => tracing::info!(target: "hardtack", %reason, id, "session not saved"),
            }
        }
        Event::Failed { id, error } => {
            let id = id.map(tracing::field::display);
            let status = error.status();
            tracing::error!(target: "hardtack", %error, status, id, "session could not be saved: the response is an error");
        }
        Event::Regenerated {
            from,
            to,
            from_login,
            to_login,
            absolute_end,
        } => {
            tracing::debug!(target: "hardtack", %from, %to, %from_login, %to_login, %absolute_end, "session regenerated");
        }
        Event::Moved { id, login_id, from } => {
            tracing::debug!(target: "hardtack", %id, %login_id, from, "session moved from a former cookie");
        }
        Event::Destroyed {
            id,
            login_id,
            absolute_end,
        } => {
            tracing::debug!(target: "hardtack", %id, %login_id, %absolute_end, "session destroyed");
        }
        Event::WrongType {
            id,
            key,
            reason,
            removed,
        } => {
            let id = id.map(tracing::field::display);
            tracing::warn!(target: "hardtack", id, ?key, %reason, removed, "session value has another type");
        }
        Event::CrossOrigin(request) => tracing::warn!(target: "hardtack", "{request}"),
        Event::Rivals {
            login_ids: [newer, older],
        } => {
            tracing::warn!(target: "hardtack", %newer, %older, "two logins under one session cookie name: neither counts");
        }
        Event::Conflict { id, login_id, lost } => {
            tracing::info!(target: "hardtack", %id, %login_id, %lost, "two requests changed one session, and what one of them wrote is gone");
        }
        #[cfg(feature = "store")]
        Event::StaysInStore {
            id,
            login_id,
            len,
            max,
        } => {
            tracing::info!(target: "hardtack", %id, %login_id, len, max, "session does not fit into its cookie: it stays in the store");
        }
        #[cfg(feature = "store")]
        Event::StoreFailed { kind, detail } => {
            tracing::error!(target: "hardtack", ?kind, detail, "the session store gave no answer");
        }
        #[cfg(feature = "unstable-device-bound")]
        Event::DeviceBound { id, login_id } => {
            tracing::debug!(target: "hardtack", %id, %login_id, "session bound to a device");
        }
        #[cfg(feature = "unstable-device-bound")]
        Event::DeviceProven { id, login_id } => {
            tracing::debug!(target: "hardtack", %id, %login_id, "device proven");
        }
        #[cfg(feature = "unstable-device-bound")]
        Event::DeviceRefused {
            id,
            login_id,
            reason,
        } => {
            let login_id = login_id.map(tracing::field::display);
            let id = id.map(tracing::field::display);
            match reason {
                DeviceRefusal::ForeignKey => {
                    tracing::warn!(target: "hardtack", %reason, id, login_id, "device refused");
                }
                _ => tracing::info!(target: "hardtack", %reason, id, login_id, "device refused"),
            }
        }
        Event::DenylistFull(full) => tracing::error!(target: "hardtack", "{full}"),
        Event::CacheControlReplaced => {
            tracing::warn!(
                target: "hardtack",
                "the handler's Cache-Control would let a cache store the session: it was replaced by no-store"
            );
        }
    }
}

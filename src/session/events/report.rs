use super::{
    event::Event,
    log::{self, Topic},
    reasons::SkipReason,
};

#[cfg(feature = "unstable-device-bound")]
use super::reasons::DeviceRefusal;
#[cfg(feature = "store")]
use crate::session::store::StoreError;

/// Returns `true` if a subscriber of `tracing` gets all events.
pub(crate) fn are_traced() -> bool {
    #[cfg(feature = "tracing")]
    return log::has_subscriber();
    #[cfg(not(feature = "tracing"))]
    false
}

/// Logs an event: all of them through `tracing` if somebody listens, else those that lose something or
/// that an operator must see, on standard error.
pub(crate) fn report(event: &Event) {
    #[cfg(feature = "tracing")]
    if are_traced() {
        super::trace::trace(event);
        return;
    }
    match event {
        Event::Failed { error, .. } => {
            log::error(
                Topic::FailedSave,
                &format_args!("the session was not saved: {error}"),
            );
        }
        Event::NotSaved {
            reason: reason @ SkipReason::Panicked,
            ..
        } => log::warn(
            Topic::Panic,
            &format_args!("the session was not saved: {reason}"),
        ),
        Event::CrossOrigin(request) => log::warn(Topic::CrossOrigin, request),
        Event::Rivals { .. } => log::warn(
            Topic::Rivals,
            &"two logins came under one session cookie name, and neither counts",
        ),
        #[cfg(feature = "store")]
        Event::StoreFailed { kind, detail } => {
            let error = StoreError::from(*kind);
            match detail {
                Some(detail) => log::error(Topic::Store, &format_args!("{error}: {detail}")),
                None => log::error(Topic::Store, &error),
            }
        }
        #[cfg(feature = "unstable-device-bound")]
        Event::DeviceRefused {
            reason: reason @ DeviceRefusal::ForeignKey,
            ..
        } => log::warn(
            Topic::Device,
            &format_args!("a bound session was not proven: {reason}"),
        ),
        Event::DenylistFull(full) => log::error(Topic::Denylist, full),
        _ => {}
    }
}

use super::{
    event::Event,
    log::{self, Topic},
    reasons::SkipReason,
};

/// Logs an event: all of them through `tracing` if somebody listens, else those that lose something or
/// that an operator must see, on standard error.
pub(crate) fn report(event: &Event) {
    #[cfg(feature = "tracing")]
    if log::has_subscriber() {
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
        Event::DenylistFull(full) => log::error(Topic::Denylist, full),
        _ => {}
    }
}

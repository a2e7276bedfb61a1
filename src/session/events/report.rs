use super::{
    event::Event,
    log::{self, Topic},
};

/// Logs an event: all of them through `tracing` if somebody listens, else those that lose something or
/// that an operator must see, on standard error.
pub(crate) fn report(event: &Event) {
    #[cfg(feature = "tracing")]
    if tracing::dispatcher::has_been_set() {
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
        Event::CrossOrigin(request) => log::warn(Topic::CrossOrigin, request),
        Event::Rivals { .. } => log::warn(
            Topic::Rivals,
            &"two logins came under one session cookie name, and neither counts",
        ),
        Event::DenylistFull(full) => log::error(Topic::Denylist, full),
        _ => {}
    }
}

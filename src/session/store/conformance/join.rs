//! Futures at once, in one task and without a runtime.

use alloc::{boxed::Box, vec::Vec};
use core::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

/// Polls all futures in turn until each has its output.
pub(super) async fn join_all<'a, T>(
    futures: impl IntoIterator<Item = Pin<Box<dyn Future<Output = T> + 'a>>>,
) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(Some).collect();
    let mut outputs = Vec::new();
    poll_fn(|cx| {
        let mut pending = false;
        for slot in &mut running {
            match slot.as_mut().map(|future| future.as_mut().poll(cx)) {
                Some(Poll::Ready(output)) => {
                    outputs.push(output);
                    *slot = None;
                }
                Some(Poll::Pending) => pending = true,
                None => {}
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    outputs
}

/// Polls a future at most so many times, then drops it. Returns its output if it had one by then.
pub(super) async fn cut_short<T>(future: impl Future<Output = T>, polls: u32) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        let Some(rest) = left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        left = rest;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::{
        future::pending,
        task::{Context, Waker},
    };

    /// A connection that is closed during a save waits for no answer, or the suite would never see half of one.
    #[test]
    fn a_future_is_dropped_at_its_last_poll() {
        let cut = pin!(cut_short(pending::<()>(), 1));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(cut.poll(&mut context), Poll::Ready(None));
    }
}

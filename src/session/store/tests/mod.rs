//! The store in memory, what a trait's defaults and keys are, and proof that the suite finds what it looks for.

mod contract;
mod faulty;
mod memory;

use core::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Polls until there is an output: the stores of these tests wait for nothing outside.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}

/// Lets the others go first, once.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|_| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        Poll::Pending
    })
    .await;
}

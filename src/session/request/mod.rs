//! The session of one request: what its handles and its exchange share, and how it comes out of
//! cookies and goes back into them.

mod answer;
mod candidate;
mod close;
#[cfg(feature = "unstable-device-bound")]
mod device;
#[cfg(feature = "unstable-device-bound")]
mod endpoint;
mod facts;
mod handle;
mod open;
mod state;
#[cfg(feature = "store")]
mod stored;

pub(crate) use answer::{Answer, OwnAnswer};
#[cfg(feature = "unstable-device-bound")]
pub(crate) use endpoint::Step as DeviceStep;
#[cfg(feature = "store")]
pub(crate) use handle::Boxed;
pub(crate) use handle::Handle;
pub(crate) use state::Write;

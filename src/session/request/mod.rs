//! The session of one request: what its handles and its exchange share, and how it comes out of
//! cookies and goes back into them.

mod close;
#[cfg(feature = "unstable-device-bound")]
mod device;
mod facts;
mod handle;
mod head;
mod open;
mod state;
#[cfg(feature = "store")]
mod stored;

pub(crate) use close::{Answer, OwnAnswer};
#[cfg(feature = "unstable-device-bound")]
pub(crate) use device::Step as DeviceStep;
pub(crate) use handle::Handle;
pub use head::RequestHead;
pub(crate) use open::refusal;
pub(crate) use state::Write;

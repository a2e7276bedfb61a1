//! The session of one request: what its handles and its exchange share, and how it comes out of
//! cookies and goes back into them.

mod close;
mod handle;
mod open;
mod state;

pub(crate) use close::Answer;
pub(crate) use handle::Handle;

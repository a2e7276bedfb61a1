//! The application under test, one thin file for each framework.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "rocket")]
pub mod rocket;

use crate::app::App;
use std::net::SocketAddr;

/// A framework, as the cases see it.
pub struct Framework {
    /// As in the names of the tests.
    pub name: &'static str,
    /// Starts the application on a port of its own; what the log says if it refuses.
    pub serve: fn(App) -> Result<Server, String>,
    /// The call that installs the session.
    pub layer: &'static str,
    /// The routes without a session that the guard against forged requests protects: by an argument of the
    /// handler, and by a layer where the framework has layers.
    pub guarded: &'static [&'static str],
    /// Whether a Cookie line that is not UTF-8 reaches the application.
    pub takes_bytes: bool,
    /// Whether the server answers when a handler panics.
    pub answers_panics: bool,
}

/// A running server; stops when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Server {
    pub fn new(address: SocketAddr, stop: impl FnOnce() + Send + Sync + 'static) -> Server {
        Server {
            address,
            stop: Some(Box::new(stop)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

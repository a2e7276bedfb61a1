//! Where the sessions are: in their cookies, or in a store that is stopped once.

use servers::Server;
use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};
use tokio::{
    task::{JoinError, spawn_blocking},
    time::sleep,
};

/// How long the store is gone.
const OUTAGE: Duration = Duration::from_secs(5);
/// How long a server may take to notice that it is back.
const RECOVERY: Duration = Duration::from_secs(5);

/// A server of sessions, and its address.
pub struct Store {
    pub url: String,
    server: Server,
}

impl Store {
    /// Starts the one of this name, or none for `cookie`.
    pub fn start(name: &str) -> Result<Option<Store>, Box<dyn Error>> {
        let (server, user, database) = match name {
            "cookie" => return Ok(None),
            // What it has answered is on disk, so a restart loses nothing.
            "redis" => {
                let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
                (servers::redis(&arguments), "", "")
            }
            "postgres" => (servers::postgres(), "postgres@", "/postgres"),
            _ => return Err(format!("no store {name}: cookie, redis or postgres").into()),
        };
        let server = server.ok_or_else(|| format!("{name} is not installed"))?;
        let url = format!("{name}://{user}127.0.0.1:{}{database}", server.port());
        Ok(Some(Store { url, server }))
    }

    /// Stops it for a few seconds. `down` is set until the servers must have noticed that it is back.
    pub async fn interrupt(self, down: &AtomicBool) -> Result<Store, JoinError> {
        let Store { url, mut server } = self;
        down.store(true, SeqCst);
        server = spawn_blocking(move || {
            server.stop();
            server
        })
        .await?;
        sleep(OUTAGE).await;
        server = spawn_blocking(move || {
            server.restart();
            server
        })
        .await?;
        sleep(RECOVERY).await;
        down.store(false, SeqCst);
        Ok(Store { url, server })
    }
}

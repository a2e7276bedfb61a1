//! Reads the settings from the arguments and the environment. All of them are optional.

use crate::{Site, accounts::Accounts, journal::Journal, limits::Limits, stores};
use hardtack::{
    Key, Keyring,
    session::{Denylist, DeviceBound, SessionManager},
};
use std::{
    env,
    error::Error,
    ffi::OsString,
    fs,
    net::SocketAddr,
    process,
    sync::{Arc, Mutex, PoisonError},
};

/// The output of `--help`.
const HELP: &str = "\
The example site of hardtack. Without --store, each session is in an encrypted cookie.

  --store sqlite       keeps sessions in the file hardtack-site.db; there is nothing to install
  --store sqlite://PATH, redis://HOST or postgres://USER@HOST/DATABASE
                       keeps them in another file or on a server
  --store memory       keeps them in memory, until the process ends

  --device-bound       binds each login to the browser's device, behind https and in Chrome

With a store there is a page \"Your devices\". SQLite, Redis and PostgreSQL need the feature `stores`:

  cargo run --example axum --features axum,stores -- --store sqlite

HARDTACK_KEYS, HARDTACK_KEYS_FILE   the keys, or a file with them; sessions outlive the process only with one of them
HARDTACK_ADDR                       the address to listen on instead of 127.0.0.1:3000
HARDTACK_INSECURE                   makes the cookie without Secure, for Safari";

/// Makes the site for this framework and the manager of its sessions, with the store of the arguments and
/// the keys of the environment.
///
/// The cookie is the default, `__Host-session` with Secure. Chromium, Firefox and curl 7.79 or
/// newer also accept it from `http://localhost`. Safari does not, so set `HARDTACK_INSECURE` for
/// Safari.
pub async fn open(framework: &'static str) -> Result<(Arc<Site>, SessionManager), Box<dyn Error>> {
    let Arguments {
        store,
        binds_devices,
    } = Arguments::read(env::args().skip(1))?;
    let keyring = keyring()?;
    let keys = Mutex::new(keyring.to_string());
    let journal = Arc::new(Journal::default());
    let (clock, events) = (journal.clone(), journal.clone());
    let mut builder = SessionManager::builder(keyring)
        .clock(move || clock.now())
        .on_event(move |event| events.record(event))
        // Without it, anyone with a copy of the cookie could use it after the logout until its timeouts. A site
        // with several instances shares the entries.
        .denylist(Denylist::new());
    if env::var_os("HARDTACK_INSECURE").is_some() {
        builder = builder.insecure_for_development();
    }
    if binds_devices {
        builder = builder.device_bound(DeviceBound::default());
    }
    if let Some(store) = &store {
        builder = stores::with_store(builder, store).await?;
    }
    let sessions = builder.build()?;
    if store.is_some() {
        sessions.check().await?;
        stores::sweep(sessions.clone());
    }
    let site = Arc::new(Site {
        framework,
        accounts: Accounts::new()?,
        limits: Limits::new(&journal),
        journal,
        has_store: store.is_some(),
        binds_devices,
        sessions: sessions.clone(),
        keys,
    });
    Ok((site, sessions))
}

#[derive(Default)]
struct Arguments {
    store: Option<String>,
    binds_devices: bool,
}

impl Arguments {
    /// Reads the arguments. `--help` prints them and ends the process.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut read = Arguments::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--store" => {
                    read.store = Some(
                        arguments
                            .next()
                            .ok_or("--store needs a value, see `--help`")?,
                    )
                }
                "--device-bound" => read.binds_devices = true,
                "--help" | "-h" => {
                    println!("{HELP}");
                    process::exit(0);
                }
                _ => return Err(format!("unknown argument `{argument}`, see `--help`")),
            }
        }
        Ok(read)
    }
}

fn keyring() -> Result<Keyring, Box<dyn Error>> {
    if let Some(keyring) = keyring_of_file() {
        return keyring;
    }
    if env::var_os("HARDTACK_KEYS").is_some() {
        return Ok(Keyring::from_env("HARDTACK_KEYS")?);
    }
    eprintln!(
        "\n  FOR DEVELOPMENT ONLY: HARDTACK_KEYS is not set, so this process uses a new key.\n  \
         Every session ends with the process. Make a key to keep with `openssl rand -base64 32`.\n"
    );
    Ok(Keyring::new(Key::generate()?))
}

/// Returns the path of the file with the keys, if it is set.
pub(crate) fn keys_file() -> Option<OsString> {
    env::var_os("HARDTACK_KEYS_FILE")
}

fn keyring_of_file() -> Option<Result<Keyring, Box<dyn Error>>> {
    let text = fs::read_to_string(keys_file()?).map_err(Into::into);
    Some(text.and_then(|text| Ok(text.parse()?)))
}

impl Site {
    /// Reads the keys from the file again. If they are not valid, the site keeps its present keys.
    pub(crate) fn read_keys(&self) {
        match keyring_of_file() {
            None => {}
            Some(Err(error)) => eprintln!("the site keeps its present keys: {error}"),
            Some(Ok(keyring)) => {
                *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keyring.to_string();
                self.sessions.set_keyring(keyring);
            }
        }
    }
}

/// Returns the address to listen on: `HARDTACK_ADDR`, or else 127.0.0.1:3000. With port 0, the
/// system chooses a free port.
pub fn address() -> Result<SocketAddr, Box<dyn Error>> {
    match env::var("HARDTACK_ADDR") {
        Ok(address) => Ok(address.parse().map_err(|_| {
            format!("HARDTACK_ADDR is `{address}`, it must be an address such as 127.0.0.1:3000")
        })?),
        Err(_) => Ok(SocketAddr::from(([127, 0, 0, 1], 3000))),
    }
}

/// Prints the address of the site. It says `localhost`, because browsers treat that name like https.
pub fn announce(address: SocketAddr) {
    let port = address.port();
    if address.ip().is_loopback() {
        println!("listening on http://localhost:{port}/");
    } else {
        println!("listening on http://{address}/");
    }
}

//! Reads the settings from the environment. All of them are optional.

use crate::{Site, accounts::Accounts, journal::Journal};
use hardtack::{Key, Keyring, session::SessionManager};
use std::{
    env,
    error::Error,
    ffi::OsString,
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Makes the site for this framework and the manager of its sessions, with the keys of the
/// environment.
///
/// The cookie is the default, `__Host-session` with Secure. Chromium, Firefox and curl 7.79 or
/// newer also accept it from `http://localhost`. Safari does not, so set `HARDTACK_INSECURE` for
/// Safari.
pub fn open(framework: &'static str) -> Result<(Arc<Site>, SessionManager), Box<dyn Error>> {
    let keyring = keyring()?;
    let keys = Mutex::new(keyring.to_string());
    let journal = Arc::new(Journal::default());
    let (clock, events, ended) = (journal.clone(), journal.clone(), journal.clone());
    let mut builder = SessionManager::builder(keyring)
        .clock(move || clock.now())
        .on_event(move |event| events.record(event))
        .validate(move |session| ended.is_current(session));
    if env::var_os("HARDTACK_INSECURE").is_some() {
        builder = builder.insecure_for_development();
    }
    let sessions = builder.build()?;
    let site = Arc::new(Site {
        framework,
        accounts: Accounts::new()?,
        journal,
        sessions: sessions.clone(),
        keys,
    });
    Ok((site, sessions))
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

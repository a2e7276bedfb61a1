//! What the environment says. Nothing has to be set.

use crate::{Site, accounts::Accounts, journal::Journal};
use hardtack::{Key, Keyring, session::Sessions};
use std::{env, error::Error, net::SocketAddr, sync::Arc};

/// The site on this framework, and its sessions, with the keys of `HARDTACK_KEYS`.
///
/// The cookie is the default one, `__Host-session` with Secure: Chromium, Firefox and curl 7.79 or
/// newer keep it for http://localhost too. For Safari, which does not, set `HARDTACK_INSECURE`.
pub fn open(framework: &'static str) -> Result<(Arc<Site>, Sessions), Box<dyn Error>> {
    let keyring = keyring()?;
    let site = Arc::new(Site {
        framework,
        accounts: Accounts::new()?,
        journal: Journal::default(),
        keys: keyring.to_string(),
    });
    let (clock, events, ended) = (site.clone(), site.clone(), site.clone());
    let mut builder = Sessions::builder(keyring)
        .clock(move || clock.journal.now())
        .on_event(move |event| events.journal.record(event))
        .validate(move |session| ended.journal.is_current(session));
    if env::var_os("HARDTACK_INSECURE").is_some() {
        builder = builder.insecure_for_development();
    }
    Ok((site, builder.build()?))
}

fn keyring() -> Result<Keyring, hardtack::KeyError> {
    if env::var_os("HARDTACK_KEYS").is_some() {
        return Keyring::from_env("HARDTACK_KEYS");
    }
    eprintln!(
        "\n  FOR DEVELOPMENT ONLY: HARDTACK_KEYS is not set, so this process made itself a key.\n  \
         Every session ends with it. `openssl rand -base64 32` makes a key to keep.\n"
    );
    Ok(Keyring::new(Key::generate()?))
}

/// Where to listen: `HARDTACK_ADDR`, else 127.0.0.1:3000. Port 0 takes a free one.
pub fn address() -> Result<SocketAddr, Box<dyn Error>> {
    match env::var("HARDTACK_ADDR") {
        Ok(address) => Ok(address
            .parse()
            .map_err(|_| format!("HARDTACK_ADDR is `{address}`, not like 127.0.0.1:3000"))?),
        Err(_) => Ok(SocketAddr::from(([127, 0, 0, 1], 3000))),
    }
}

/// Prints where the site is. Browsers treat `localhost` as they treat https.
pub fn announce(address: SocketAddr) {
    let port = address.port();
    if address.ip().is_loopback() {
        println!("listening on http://localhost:{port}/");
    } else {
        println!("listening on http://{address}/");
    }
}

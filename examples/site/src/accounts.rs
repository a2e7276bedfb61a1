//! Keeps accounts in memory. Passwords are hashed properly. Real accounts also need mail, password
//! reset, a second factor, and a limit on attempts by account and by address.

use argon2::{
    Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// The maximum number of accounts, so that an attacker cannot fill the memory.
const MAX_ACCOUNTS: usize = 1000;

/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 40;

pub(crate) struct Accounts {
    hashes: Mutex<HashMap<String, PasswordHash>>,
    /// Any hash. It is checked if an account does not exist, because otherwise the time of the
    /// response would tell an attacker which accounts exist.
    nobody: PasswordHash,
}

impl Accounts {
    /// Makes one account, so that nobody has to register: `ada` with the password `analytical
    /// engine`.
    pub(crate) fn new() -> Result<Accounts, argon2::password_hash::Error> {
        let ada = hash("analytical engine")?;
        Ok(Accounts {
            nobody: ada.clone(),
            hashes: Mutex::new(HashMap::from([("ada".into(), ada)])),
        })
    }

    /// Checks a password. This keeps a core busy for a tenth of a second, on purpose. A busy site
    /// does it on a separate thread.
    pub(crate) fn verify(&self, name: &str, password: &str) -> bool {
        let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hashes.get(name).cloned();
        drop(hashes);
        let matches = Argon2::default()
            .verify_password(password.as_bytes(), known.as_ref().unwrap_or(&self.nobody))
            .is_ok();
        matches && known.is_some()
    }

    /// Adds an account. The error is a sentence for the page.
    pub(crate) fn add(&self, name: &str, password: &str) -> Result<(), &'static str> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err("Choose a name of 1 to 40 characters.");
        }
        if password.len() < 8 {
            return Err("Choose a password of at least 8 characters.");
        }
        let hash = hash(password).map_err(|_| "This password cannot be hashed.")?;
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() >= MAX_ACCOUNTS {
            return Err("No more accounts can be made.");
        }
        if hashes.contains_key(name) {
            return Err("This name is taken.");
        }
        hashes.insert(name.into(), hash);
        Ok(())
    }
}

fn hash(password: &str) -> Result<PasswordHash, argon2::password_hash::Error> {
    Argon2::default().hash_password(password.as_bytes())
}

//! Accounts in memory. Passwords are hashed as they should be; the rest of what accounts need (mail,
//! reset, a second factor, a limit on attempts by account and by address) is not here.

use argon2::{
    Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// So that a stranger cannot fill the memory.
const MAX_ACCOUNTS: usize = 1000;

pub(crate) struct Accounts {
    hashes: Mutex<HashMap<String, PasswordHash>>,
    /// Compared with when there is no such account, or the time of the answer would tell. Any will do.
    nobody: PasswordHash,
}

impl Accounts {
    /// With one account, `ada` and `analytical engine`, for who does not want to register.
    pub(crate) fn new() -> Result<Accounts, argon2::password_hash::Error> {
        let ada = hash("analytical engine")?;
        Ok(Accounts {
            nobody: ada.clone(),
            hashes: Mutex::new(HashMap::from([("ada".into(), ada)])),
        })
    }

    /// Takes a tenth of a second of a core, on purpose. A busy site does it on a thread for such work.
    pub(crate) fn verify(&self, name: &str, password: &str) -> bool {
        let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hashes.get(name).cloned();
        drop(hashes);
        let matches = Argon2::default()
            .verify_password(password.as_bytes(), known.as_ref().unwrap_or(&self.nobody))
            .is_ok();
        matches && known.is_some()
    }

    /// What is wrong is said in a sentence for the page.
    pub(crate) fn add(&self, name: &str, password: &str) -> Result<(), &'static str> {
        if name.is_empty() || name.len() > 40 {
            return Err("A name has 1 to 40 letters.");
        }
        if password.len() < 8 {
            return Err("A password has 8 letters at least.");
        }
        let hash = hash(password).map_err(|_| "This password cannot be hashed.")?;
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() >= MAX_ACCOUNTS {
            return Err("There are accounts enough.");
        }
        if hashes.contains_key(name) {
            return Err("Somebody has this name already.");
        }
        hashes.insert(name.into(), hash);
        Ok(())
    }
}

fn hash(password: &str) -> Result<PasswordHash, argon2::password_hash::Error> {
    Argon2::default().hash_password(password.as_bytes())
}

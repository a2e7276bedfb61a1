//! Keeps accounts in memory. Passwords are hashed properly. Real accounts also need mail, password
//! reset and a second factor.

use argon2::{
    Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// The maximum number of accounts, so that an attacker cannot fill the memory.
const MAX_ACCOUNTS: usize = 1000;

/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 40;

/// What a person may do. The login stores it in the session.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    Customer,
    Administrator,
}

pub(crate) struct Accounts {
    accounts: Mutex<HashMap<String, (PasswordHash, Role)>>,
    /// Any hash. It is checked if an account does not exist, because otherwise the time of the
    /// response would tell an attacker which accounts exist.
    nobody: PasswordHash,
}

impl Accounts {
    /// Makes two accounts, so that nobody has to register: `ada` with the password `analytical engine`,
    /// and the administrator, `captain` with the password `permission to board`.
    pub(crate) fn new() -> Result<Accounts, argon2::password_hash::Error> {
        let ada = hash("analytical engine")?;
        let captain = hash("permission to board")?;
        Ok(Accounts {
            nobody: ada.clone(),
            accounts: Mutex::new(HashMap::from([
                ("ada".into(), (ada, Role::Customer)),
                ("captain".into(), (captain, Role::Administrator)),
            ])),
        })
    }

    /// Checks a password, and returns the role of its account. This keeps a core busy for a tenth of a second, on purpose. A busy site
    /// does it on a separate thread.
    pub(crate) fn verify(&self, name: &str, password: &str) -> Option<Role> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.get(name).cloned();
        drop(accounts);
        let hash = known.as_ref().map_or(&self.nobody, |(hash, _)| hash);
        let matches = Argon2::default().verify_password(password.as_bytes(), hash);
        known.filter(|_| matches.is_ok()).map(|(_, role)| role)
    }

    /// Adds a customer. The error is a sentence for the page.
    pub(crate) fn add(&self, name: &str, password: &str) -> Result<(), &'static str> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err("Choose a name of 1 to 40 characters.");
        }
        if password.len() < 8 {
            return Err("Choose a password of at least 8 characters.");
        }
        let hash = hash(password).map_err(|_| "This password cannot be hashed.")?;
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MAX_ACCOUNTS {
            return Err("No more accounts can be made.");
        }
        if accounts.contains_key(name) {
            return Err("This name is taken.");
        }
        accounts.insert(name.into(), (hash, Role::Customer));
        Ok(())
    }
}

fn hash(password: &str) -> Result<PasswordHash, argon2::password_hash::Error> {
    Argon2::default().hash_password(password.as_bytes())
}

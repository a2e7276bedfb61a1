//! The keys of the site, and how they rotate: each stage as src/guide/operations.md has it.

use hardtack::{Key, Timestamp};
use std::{fs, io, path::PathBuf, time::Duration};

/// Stages of a rotation: stage the new key, seal with it, retire the old one.
const STAGES: usize = 3;
/// Rotations in a run.
const ROTATIONS: usize = 3;
/// How often the keys change in a run.
pub const STEPS: usize = STAGES * ROTATIONS;

pub struct Keys {
    /// In hexadecimal digits, in the order in which they seal.
    texts: Vec<String>,
    /// Retired an hour before the run.
    retired: String,
    retired_at: Timestamp,
    /// When the keys stopped sealing, so far.
    ends: Vec<Timestamp>,
    step: usize,
    file: PathBuf,
}

impl Keys {
    /// Writes those of the first stage into the file.
    pub fn new(file: PathBuf) -> io::Result<Keys> {
        let keys = Keys {
            texts: (0..=ROTATIONS).map(|_| text()).collect(),
            retired: text(),
            retired_at: Timestamp::now().saturating_sub(Duration::from_secs(3600)),
            ends: Vec::new(),
            step: 0,
            file,
        };
        keys.write()?;
        Ok(keys)
    }

    /// Those that are ever primary, in their order.
    pub fn all(&self) -> Vec<Key> {
        self.texts.iter().map(|text| key(text)).collect()
    }

    pub fn retired(&self) -> Key {
        key(&self.retired)
    }

    /// The place of the primary key among all.
    pub fn primary(&self) -> usize {
        (self.step + 1) / STAGES
    }

    /// Writes the keys of the next stage into the file.
    pub fn advance(&mut self) -> io::Result<()> {
        self.step += 1;
        if self.step.is_multiple_of(STAGES) {
            self.ends.push(Timestamp::now());
        }
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let primary = self.primary();
        let mut list = self.texts[primary].clone();
        match self.step % STAGES {
            // Learned by every instance before one of them seals with it.
            1 => list += &format!(",{}", self.texts[primary + 1]),
            // Not retired before every instance has switched.
            2 => list += &format!(",{}", self.texts[primary - 1]),
            _ => {}
        }
        // Only the latest retired key stays. Clients that were last here under an older key are logged out.
        if let Some((place, end)) = self.ends.iter().enumerate().next_back() {
            list += &format!(",{}@{end}", self.texts[place]);
        }
        list += &format!(",{}@{}", self.retired, self.retired_at);
        fs::write(&self.file, list)
    }
}

fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

/// A key for tests only: its randomness is not fit for any other.
pub fn text() -> String {
    (0..32)
        .map(|_| format!("{:02x}", fastrand::u8(..)))
        .collect()
}

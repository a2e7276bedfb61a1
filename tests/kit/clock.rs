//! Times, and a clock that stands until a test moves it.
#![allow(dead_code, reason = "each program uses a part")]

use hardtack::Timestamp;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// When every test of the session begins, in Unix seconds.
pub const T0: u32 = 1_700_000_000;
pub const MINUTE: u32 = 60;
pub const HOUR: u32 = 60 * MINUTE;
pub const DAY: u32 = 24 * HOUR;

pub fn at(seconds: u32) -> Timestamp {
    Timestamp::from_unix(seconds)
}

pub fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// A clock. Its clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<AtomicU32>);

impl Clock {
    pub fn new() -> Clock {
        Clock::at(T0)
    }

    pub fn at(unix: u32) -> Clock {
        Clock(Arc::new(AtomicU32::new(unix)))
    }

    pub fn set(&self, unix: u32) {
        self.0.store(unix, Ordering::SeqCst);
    }

    pub fn pass(&self, seconds: u32) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn now(&self) -> Timestamp {
        at(self.unix())
    }

    pub fn unix(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

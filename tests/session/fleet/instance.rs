//! An instance of the site.

#[cfg(feature = "store")]
use super::store;
use super::{
    Scenario,
    rollout::{self, Change, Place, Rollout},
};
#[cfg(feature = "store")]
use crate::kit::store::Scripted;
use crate::kit::{clock::Clock, site::Site};
use hardtack::session::{Denylist, Event};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// What the instances share.
pub struct Shared {
    pub scenario: Scenario,
    pub denylist: Option<Denylist>,
    #[cfg(feature = "store")]
    pub store: Scripted,
}

/// How far each change has come at one instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps([u32; 3]);

impl Steps {
    pub fn of(rollouts: &[Rollout; 3]) -> Steps {
        Steps(std::array::from_fn(|n| rollouts[n].step))
    }

    pub fn get(&self, change: Change) -> u32 {
        self.0[change as usize]
    }

    pub fn set(&mut self, change: Change, step: u32) {
        self.0[change as usize] = step;
    }
}

pub struct Instance {
    pub site: Site,
    pub steps: Steps,
    /// How wrong its clock is, as clocks are.
    pub drift: i64,
    /// Set while the clock is far away from the truth.
    pub jump: i64,
    /// How often two logins came under one name.
    pub rivals: Arc<AtomicU32>,
}

impl Instance {
    /// A process that has just started: it remembers nothing.
    pub fn start(
        shared: &Shared,
        rollouts: &[Rollout; 3],
        now: u32,
        drift: i64,
        steps: Steps,
    ) -> Instance {
        let clock = Clock::at(now.checked_add_signed(drift as i32).unwrap());
        let begun = |change: Change| rollouts[change as usize].begun;
        let keyring = rollout::keyring(steps.get(Change::Keys), begun(Change::Keys));
        let rivals = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&rivals);
        let site = Site::under(keyring, &clock, |builder| {
            let mut builder =
                rollout::settings(builder, steps.get(Change::Cookie), begun(Change::Cookie));
            builder = builder.on_event(move |event| {
                if let Event::Rivals { .. } = event {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            #[cfg(feature = "store")]
            {
                let store = (&shared.store, shared.scenario.renames_in_two_steps);
                let place = Place::at(steps.get(Change::Place));
                builder = store::settings(builder, store, place);
            }
            match &shared.denylist {
                Some(denylist) => builder.denylist(denylist.clone()),
                None => builder,
            }
        });
        Instance {
            site,
            steps,
            drift,
            jump: 0,
            rivals,
        }
    }

    pub fn place(&self) -> Place {
        Place::at(self.steps.get(Change::Place))
    }

    pub fn set_clock(&self, now: u32) {
        let time = i64::from(now) + self.drift + self.jump;
        self.site.clock.set(u32::try_from(time).unwrap());
    }
}

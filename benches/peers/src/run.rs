//! Everything that one process measured, with one backend of hardtack.

use serde::{Deserialize, Serialize};

use crate::app::Act;
use crate::codec::{self, Operation};
use crate::harness::{self, How, Timing};
use crate::request::{self, Framework};

#[derive(Serialize, Deserialize)]
pub struct Run {
    pub ring: bool,
    pub tokens: Vec<codec::Token>,
    pub codecs: Vec<codec::Group>,
    pub requests: Vec<request::Group>,
}

impl Run {
    pub fn measure(rounds: usize) -> Run {
        let mut run = Run {
            ring: cfg!(feature = "ring"),
            tokens: codec::tokens(),
            codecs: codec::measure(How::Timed(rounds)),
            requests: request::measure(How::Timed(rounds)),
        };
        eprintln!("the same once more, under valgrind");
        let mut counts = harness::instructions(&["count"]).into_iter();
        for group in &mut run.codecs {
            harness::assign(&mut group.timings, &mut counts);
        }
        for group in &mut run.requests {
            harness::assign(&mut group.timings, &mut counts);
        }
        run
    }

    /// Does all that is measured, for valgrind to count.
    pub fn count() {
        codec::measure(How::Counted);
        request::measure(How::Counted);
    }

    pub fn read(file: &str) -> Run {
        let json = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub fn codec(&self, operation: Operation, size: usize) -> &[Timing] {
        let group = self
            .codecs
            .iter()
            .find(|group| group.operation == operation && group.size == size);
        &group
            .expect("every operation is measured on every size")
            .timings
    }

    pub fn request(&self, framework: Framework, act: Act) -> &request::Group {
        let group = self
            .requests
            .iter()
            .find(|group| group.framework == framework && group.act == act);
        group.expect("every act is measured in every framework")
    }
}

/// Whether this is one of hardtack's own contenders.
pub fn own(name: &str) -> bool {
    name.starts_with("hardtack")
}

/// The timing of this name, if it was measured.
pub fn named<'a>(timings: &'a [Timing], name: &str) -> Option<&'a Timing> {
    timings.iter().find(|timing| timing.name == name)
}

//! What hardtack says of itself, as facts that a run confirms or does not.

use std::fmt;

use crate::codec::{Operation, PRIVATE_JAR, SEAL, Token};
use crate::harness::Timing;
use crate::payload::SIZES;
use crate::request::{Act, Framework, HARDTACK};
use crate::run::{Run, named, own};

pub struct Claim {
    what: String,
    /// How many times hardtack is better, and how many it claims to be.
    measured: f64,
    at_least: f64,
}

impl Claim {
    pub fn holds(&self) -> bool {
        self.measured >= self.at_least
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds() { "holds" } else { "FAILS" };
        write!(
            f,
            "{verdict}  {}: {:.2}, at least {}",
            self.what, self.measured, self.at_least
        )
    }
}

pub fn all(default: &Run, ring: &Run) -> Vec<Claim> {
    assert!(
        ring.ring && !default.ring,
        "the first file is the default backend's, the second ring's"
    );
    let mut claims = Vec::new();
    for size in SIZES {
        let jar = |run: &Run, operation| {
            named(run.codec(operation, size), PRIVATE_JAR)
                .and_then(|timing| timing.ratio)
                .expect("the jar is measured")
        };
        let mut claim = |what: &str, measured, at_least| {
            claims.push(Claim {
                what: format!("{what}, {size} bytes"),
                measured,
                at_least,
            });
        };
        claim(
            "open with ring, against PrivateJar and JSON",
            jar(ring, Operation::Open),
            6.0,
        );
        claim(
            "seal with ring, against PrivateJar and JSON",
            jar(ring, Operation::Seal),
            3.5,
        );
        claim(
            "open by default, against PrivateJar and JSON",
            jar(default, Operation::Open),
            1.3,
        );
        for (operation, what, at_least) in [
            (Operation::Open, "open", 1.5),
            (Operation::Seal, "seal", 1.0),
        ] {
            let best = best_peer(ring.codec(operation, size), |_| true).expect("there are peers");
            let what = format!("{what} with ring, against the fastest peer, {}", best.name);
            claim(&what, best.ratio.expect("peers have a ratio"), at_least);
        }
    }
    claims.extend(tokens(&ring.tokens));
    for run in [default, ring] {
        claims.extend(
            Framework::ALL
                .into_iter()
                .flat_map(|framework| requests(run, framework)),
        );
    }
    claims
}

/// The one that comes closest to hardtack.
fn best_peer(timings: &[Timing], eligible: impl Fn(&Timing) -> bool) -> Option<&Timing> {
    timings
        .iter()
        .filter(|timing| !own(&timing.name) && timing.ratio.is_some() && eligible(timing))
        .min_by(|a, b| a.ratio.partial_cmp(&b.ratio).expect("ratios are numbers"))
}

/// Shorter than every peer that carries a key id or a time: for text, and for the smallest session.
fn tokens(tokens: &[Token]) -> Vec<Claim> {
    let own = tokens
        .iter()
        .find(|token| token.name == SEAL)
        .expect("hardtack is measured");
    let rivals = tokens
        .iter()
        .filter(|token| token.name != SEAL && (token.key_id || token.time));
    rivals
        .flat_map(|rival| {
            let more = |what: &str, rivals: usize, own: usize| Claim {
                what: format!(
                    "characters that {} takes more than hardtack for {what}",
                    rival.name
                ),
                measured: rivals as f64 - own as f64,
                at_least: 1.0,
            };
            [
                more("100 of text", rival.text_100, own.text_100),
                more("a session of 64 bytes", rival.account[0], own.account[0]),
            ]
        })
        .collect()
}

/// An untouched session adds at most 0.2 us; one that is read adds at most half of what the best encrypting peer adds.
fn requests(run: &Run, framework: Framework) -> [Claim; 2] {
    let backend = if run.ring { "with ring" } else { "by default" };
    let untouched = named(&run.request(framework, Act::Untouched).timings, HARDTACK)
        .expect("hardtack is measured");
    let read = run.request(framework, Act::Read);
    let best = best_peer(&read.timings, |timing| {
        read.encrypting.contains(&timing.name)
    })
    .expect("a peer encrypts");
    [
        Claim {
            what: format!(
                "untouched session in {framework:?} {backend}, times that it fits into 200 ns"
            ),
            measured: 200.0 / untouched.nanoseconds.max(1.0),
            at_least: 1.0,
        },
        Claim {
            what: format!(
                "read session in {framework:?} {backend}, against the best peer that encrypts"
            ),
            measured: best.ratio.expect("peers have a ratio"),
            at_least: 2.0,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_from_its_bound_on() {
        let claim = |measured| Claim {
            what: "x".to_owned(),
            measured,
            at_least: 2.0,
        };
        assert!(claim(2.0).holds());
        assert!(!claim(1.99).holds());
        assert_eq!(claim(1.0).to_string(), "FAILS  x: 1.00, at least 2");
    }

    #[test]
    fn the_best_peer_is_the_closest_one_and_not_hardtack() {
        let timing = |name: &str, ratio| Timing {
            name: name.to_owned(),
            nanoseconds: 1.0,
            ratio,
            frame: false,
        };
        let timings = [
            timing(HARDTACK, Some(1.0)),
            timing("far", Some(3.0)),
            timing("near", Some(2.0)),
            timing("frame", None),
        ];
        assert_eq!(best_peer(&timings, |_| true).unwrap().name, "near");
        assert_eq!(
            best_peer(&timings, |timing| timing.name == "far")
                .unwrap()
                .name,
            "far"
        );
        assert!(best_peer(&timings[..1], |_| true).is_none());
    }
}

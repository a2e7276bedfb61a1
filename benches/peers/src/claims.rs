//! What hardtack says of itself, as facts that a run confirms or does not.

use std::fmt;

use crate::app::{Act, HARDTACK};
use crate::codec::{Operation, PRIVATE_JAR, SEAL, Token};
use crate::harness::Timing;
use crate::payload::{NUMBERS, SIZES};
use crate::request::{Framework, HARDTACK_TYPED};
use crate::run::{Run, named, own as is_own};
use crate::servers::{Comparison, Contender, LEAST_BUSY, busy, comparisons};

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

pub fn all(portable: &Run, ring: &Run) -> Vec<Claim> {
    assert!(
        ring.ring && !portable.ring,
        "the first file is without ring, the second with it"
    );
    let mut claims = Vec::new();
    let mut claim = |what: String, measured, at_least| {
        claims.push(Claim {
            what,
            measured,
            at_least,
        });
    };
    for (size, opens) in SIZES.into_iter().zip([1.5, 1.5, 1.4]) {
        for (operation, at_least) in [(Operation::Open, opens), (Operation::Seal, 1.0)] {
            let best = best_peer(ring.codec(operation, size), |_| true).expect("there are peers");
            let what = format!(
                "{operation:?} {size} bytes, against the fastest peer, {}",
                best.name
            );
            claim(what, best.ratio.expect("peers have a ratio"), at_least);
        }
    }
    for (operation, at_least) in [(Operation::OpenNumbers, 3.3), (Operation::SealNumbers, 2.2)] {
        let jar = named(ring.codec(operation, NUMBERS), PRIVATE_JAR).expect("the jar is measured");
        let what = format!("{operation:?}, against PrivateJar and JSON");
        claim(what, jar.ratio.expect("peers have a ratio"), at_least);
    }
    claims.extend(tokens(&ring.tokens));
    claims.extend(
        Framework::ALL
            .into_iter()
            .flat_map(|framework| requests(ring, framework)),
    );
    claims
}

/// The one that comes closest to hardtack.
fn best_peer(timings: &[Timing], eligible: impl Fn(&Timing) -> bool) -> Option<&Timing> {
    timings
        .iter()
        .filter(|timing| !is_own(&timing.name) && timing.ratio.is_some() && eligible(timing))
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

/// What a session adds to a request, against the best peer that encrypts. Rocket's private cookies have no times and no
/// parts.
fn requests(run: &Run, framework: Framework) -> Vec<Claim> {
    let untouched = named(&run.request(framework, Act::Untouched).timings, HARDTACK)
        .expect("hardtack is measured");
    let mut claims = vec![Claim {
        what: format!("untouched session in {framework:?}, times that it fits into 200 ns"),
        measured: 200.0 / untouched.nanoseconds.max(1.0),
        at_least: 1.0,
    }];
    let (name, least_read, least_write) = match framework {
        Framework::Axum | Framework::Actix => (HARDTACK, 1.0, 1.0 / 1.15),
        Framework::Rocket => (HARDTACK_TYPED, 1.0 / 1.6, 0.0),
    };
    for (act, at_least) in [(Act::Read, least_read), (Act::Write, least_write)] {
        let group = run.request(framework, act);
        let own = named(&group.timings, name).expect("hardtack is measured");
        let peers = || {
            let encrypt = |timing: &&Timing| group.encrypting.contains(&timing.name);
            group
                .timings
                .iter()
                .filter(encrypt)
                .filter(|timing| !is_own(&timing.name))
        };
        let least = |figure: fn(&Timing) -> f64| peers().map(figure).fold(f64::INFINITY, f64::min);
        let what = |figure| {
            format!("{act:?} in {framework:?}, {name}, {figure} of the best that encrypts")
        };
        claims.push(Claim {
            what: what("time"),
            measured: least(|timing| timing.nanoseconds) / own.nanoseconds,
            at_least,
        });
        let count = |timing: &Timing| timing.instructions.unwrap_or(f64::NAN);
        claims.push(Claim {
            what: what("instructions"),
            measured: least(|timing| timing.instructions.unwrap_or(f64::NAN)) / count(own),
            at_least: if framework == Framework::Rocket {
                0.0
            } else {
                at_least
            },
        });
    }
    claims
}

/// Whole servers answer no fewer requests than with the best peer, unless the rounds disagree about that: in a quarter
/// of them they may answer more.
pub fn servers(contenders: &[Contender]) -> Vec<Claim> {
    let claim = |comparison: Comparison| {
        let Comparison {
            own,
            framework,
            act,
            peer,
            ratio: [_, _, high],
        } = comparison;
        Claim {
            what: format!(
                "{act:?} in {framework:?}, {own}, requests a second against {peer}, in the best quarter of the rounds"
            ),
            measured: high,
            at_least: 1.0,
        }
    };
    let is_used = |comparison: &Comparison| comparison.act != Act::Untouched;
    let mut claims = vec![Claim {
        what: "the share of its time that the processor worked for the server".to_owned(),
        measured: busy(contenders),
        at_least: LEAST_BUSY,
    }];
    claims.extend(
        comparisons(contenders)
            .into_iter()
            .filter(is_used)
            .map(claim),
    );
    claims
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
            instructions: None,
            less: None,
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

//! Times functions that do the same work, turn by turn.
//!
//! On a shared machine the clock of one minute is not that of the next, so a ratio of two functions measured one after the
//! other (as criterion and divan do) says little. Here every round times each function for a moment, in a new random order, and
//! a ratio is the median over the rounds of the ratios *within* a round: what slows a round down slows both sides.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// One function under test. `run(n)` does the work `n` times.
pub struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u32) + 'a>,
    against: Option<&'static str>,
    less: Option<&'static str>,
}

impl<'a> Contender<'a> {
    /// `work` once per iteration; its result is dropped inside the measurement, as an application would.
    pub fn new<R>(name: &'static str, mut work: impl FnMut() -> R + 'a) -> Self {
        Self::batched(name, move |n| {
            for _ in 0..n {
                black_box(work());
            }
        })
    }

    /// For work that has to loop by itself, inside a runtime for example.
    pub fn batched(name: &'static str, run: impl FnMut(u32) + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
            against: None,
            less: None,
        }
    }

    /// The contender that the ratio compares with.
    pub fn against(mut self, name: &'static str) -> Self {
        self.against = Some(name);
        self
    }

    /// A contender whose time of the same round is subtracted from this one's: the frame in which the work is done.
    pub fn less(mut self, name: &'static str) -> Self {
        self.less = Some(name);
        self
    }
}

/// What a run says about one contender.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timing {
    pub name: String,
    /// Median over the rounds.
    pub nanoseconds: f64,
    /// Median over the rounds of this contender's time divided by that of the one it is `against`.
    pub ratio: Option<f64>,
    /// Whether it is there only to be subtracted from others.
    pub frame: bool,
}

/// How long one contender runs in one round.
const TURN: Duration = Duration::from_micros(250);

/// Times all contenders in `rounds` rounds.
pub fn compare(contenders: &mut [Contender<'_>], rounds: usize) -> Vec<Timing> {
    let iterations: Vec<u32> = contenders.iter_mut().map(calibrate).collect();
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    for _ in 0..rounds {
        order.shuffle(&mut rand::rng());
        for &i in &order {
            let start = Instant::now();
            (contenders[i].run)(iterations[i]);
            samples[i].push(start.elapsed().as_nanos() as f64 / f64::from(iterations[i]));
        }
    }

    let index = |name| {
        contenders
            .iter()
            .position(|c| c.name == name)
            .expect("a contender has this name")
    };
    let net: Vec<Vec<f64>> = contenders
        .iter()
        .zip(&samples)
        .map(|(contender, own)| match contender.less {
            Some(name) => own
                .iter()
                .zip(&samples[index(name)])
                .map(|(a, b)| a - b)
                .collect(),
            None => own.clone(),
        })
        .collect();
    contenders
        .iter()
        .zip(&net)
        .map(|(contender, own)| Timing {
            name: contender.name.to_owned(),
            frame: contenders
                .iter()
                .any(|other| other.less == Some(contender.name)),
            nanoseconds: median(own.clone()),
            ratio: contender.against.map(|name| {
                median(
                    own.iter()
                        .zip(&net[index(name)])
                        .map(|(a, b)| a / b)
                        .collect(),
                )
            }),
        })
        .collect()
}

/// Iterations that fill a turn; running up to them warms the contender up. The best of some attempts counts: one that the
/// machine interrupted would end in turns of a few cold iterations.
fn calibrate(contender: &mut Contender<'_>) -> u32 {
    let mut n = 1;
    loop {
        let attempt = |_| {
            let start = Instant::now();
            (contender.run)(n);
            start.elapsed()
        };
        let elapsed = (0..5).map(attempt).min().expect("there are attempts");
        if elapsed >= TURN {
            return (f64::from(n) * TURN.as_secs_f64() / elapsed.as_secs_f64()).ceil() as u32;
        }
        n *= 2;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn every_contender_is_timed_in_the_order_given() {
        let mut contenders = [
            Contender::new("frame", || ()),
            Contender::new("reference", || ()).less("frame"),
            Contender::new("other", || ())
                .less("frame")
                .against("reference"),
        ];
        let timings = compare(&mut contenders, 3);
        let names: Vec<&str> = timings.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["frame", "reference", "other"]);
        assert!(timings[0].ratio.is_none() && timings[2].ratio.is_some());
    }
}

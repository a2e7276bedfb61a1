//! Times functions that do the same work, turn by turn.
//!
//! On a shared machine the clock of one minute is not that of the next, so a ratio of two functions measured one after the
//! other (as criterion and divan do) says little. Here every round times each function for a moment, in a new random order. The
//! minimum over many short rounds counts: a neighbour can only make a round longer, and a round this short is often left alone.
//!
//! Times are noisy all the same. The second figure is the instructions of the program itself, as valgrind counts them.

use std::hint::black_box;
use std::process::{self, Command};
use std::time::{Duration, Instant};
use std::{env, fs};

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
    /// Minimum over the rounds, less that of its frame.
    pub nanoseconds: f64,
    /// This time divided by that of the one it is `against`.
    pub ratio: Option<f64>,
    /// Instructions of the program, without those of the system, less those of its frame.
    pub instructions: Option<f64>,
    /// The name of its frame.
    pub less: Option<String>,
    /// Whether it is there only to be subtracted from others.
    pub frame: bool,
}

/// How contenders are compared.
#[derive(Clone, Copy)]
pub enum How {
    /// Timed, in so many rounds.
    Timed(usize),
    /// Run, for valgrind to count: see [`counted`].
    Counted,
}

/// How long one contender runs in one round.
const TURN: Duration = Duration::from_micros(50);

/// Compares all contenders.
pub fn compare(contenders: &mut [Contender<'_>], how: How) -> Vec<Timing> {
    let rounds = match how {
        How::Timed(rounds) => rounds,
        How::Counted => {
            for contender in &mut *contenders {
                (contender.run)(COUNTED);
                counted(contender);
            }
            return Vec::new();
        }
    };
    let iterations: Vec<u32> = contenders.iter_mut().map(calibrate).collect();
    let mut least = vec![f64::INFINITY; contenders.len()];
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    for _ in 0..rounds {
        order.shuffle(&mut rand::rng());
        for &i in &order {
            let start = Instant::now();
            (contenders[i].run)(iterations[i]);
            let time = start.elapsed().as_nanos() as f64 / f64::from(iterations[i]);
            least[i] = least[i].min(time);
        }
    }

    let index = |name| {
        contenders
            .iter()
            .position(|c| c.name == name)
            .expect("a contender has this name")
    };
    let net: Vec<f64> = contenders
        .iter()
        .zip(&least)
        .map(|(contender, own)| own - contender.less.map_or(0.0, |name| least[index(name)]))
        .collect();
    contenders
        .iter()
        .zip(&net)
        .map(|(contender, own)| Timing {
            name: contender.name.to_owned(),
            frame: contenders
                .iter()
                .any(|other| other.less == Some(contender.name)),
            nanoseconds: *own,
            ratio: contender.against.map(|name| own / net[index(name)]),
            instructions: None,
            less: contender.less.map(str::to_owned),
        })
        .collect()
}

/// How often the work is done that valgrind counts.
const COUNTED: u32 = 50;

/// What valgrind counts: it writes a file whenever this function ends. Not inlined, so that it has a name.
#[inline(never)]
fn counted(contender: &mut Contender<'_>) {
    (contender.run)(black_box(COUNTED));
}

/// Runs this program again, with these arguments, under valgrind. Returns the instructions of each call of [`counted`],
/// for one time of the work.
pub fn instructions(arguments: &[&str]) -> Vec<f64> {
    let files = env::temp_dir().join(format!("peers-{}", process::id()));
    fs::create_dir_all(&files).expect("a directory can be made");
    let out = files.join("out");
    let function = concat!(module_path!(), "::counted");
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--compress-strings=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(format!("--zero-before={function}"))
        .arg(format!("--dump-after={function}"))
        .arg(env::current_exe().expect("this program has a path"))
        .args(arguments)
        .status()
        .expect("valgrind runs");
    assert!(status.success(), "the program fails under valgrind");
    let counts = (1..)
        .map_while(|number| fs::read_to_string(format!("{}.{number}", out.display())).ok())
        .filter(|dump| dump.contains("Trigger: --dump-after"))
        .map(|dump| {
            let totals = dump.lines().find_map(|line| line.strip_prefix("totals: "));
            let totals: f64 = totals
                .expect("a dump has totals")
                .parse()
                .expect("a number");
            totals / f64::from(COUNTED)
        })
        .collect();
    fs::remove_dir_all(&files).expect("it was just made");
    counts
}

/// Gives each timing of a group its count, in the same order, and takes its frame off.
pub fn assign(timings: &mut [Timing], counts: &mut impl Iterator<Item = f64>) {
    let raw: Vec<(String, f64)> = timings
        .iter()
        .map(|timing| {
            (
                timing.name.clone(),
                counts.next().expect("every contender was counted"),
            )
        })
        .collect();
    for (timing, (_, own)) in timings.iter_mut().zip(&raw) {
        let frame = raw
            .iter()
            .find(|(name, _)| Some(name) == timing.less.as_ref());
        timing.instructions = Some(own - frame.map_or(0.0, |(_, count)| *count));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_off_every_count() {
        let timing = |name: &str, less: Option<&str>| Timing {
            name: name.to_owned(),
            nanoseconds: 1.0,
            ratio: None,
            instructions: None,
            less: less.map(str::to_owned),
            frame: less.is_none(),
        };
        let mut timings = [timing("frame", None), timing("own", Some("frame"))];
        assign(&mut timings, &mut [10.0, 35.0].into_iter());
        let counts = timings.map(|timing| timing.instructions.unwrap());
        assert_eq!(counts, [10.0, 25.0]);
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
        let timings = compare(&mut contenders, How::Timed(3));
        let names: Vec<&str> = timings.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["frame", "reference", "other"]);
        assert!(timings[0].ratio.is_none() && timings[2].ratio.is_some());
    }
}

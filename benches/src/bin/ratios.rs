//! Prints what hardtack costs as ratios of minima, both sides measured in turns, and fails if one is over its
//! limit. Not a test: times are too noisy for one.

use benches::{
    BUF_LEN, Borrowed, Counter, NOW, Owned, SIZES, codec, floor, forge,
    hostile::{HOSTILE, hostile},
    payload,
    session::{User, builder, cookie_header, exchange},
    strange,
};
use hardtack::{Codec, OpenError};
use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Long enough for the clock, short enough that most batches are not interrupted.
const BATCH: Duration = Duration::from_micros(50);
const ROUNDS: usize = 1501;

const KEY: &[u8; 32] = &[7; 32];

/// Nanoseconds a call.
fn time(calls: u32, work: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        work();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

/// A neighbour on the machine can only make a round longer.
fn minimum(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

#[derive(Default)]
struct Report {
    failed: bool,
}

impl Report {
    fn head(&self, title: &str) {
        println!("\n{title}\n");
        println!("| bytes | | ns | ns | ratio | limit |");
        println!("|--:|---|--:|--:|--:|--:|");
    }

    /// Measures both in turns: the first may take `limit` times what the second takes.
    fn ratio(
        &mut self,
        size: usize,
        name: &str,
        limit: f64,
        mut first: impl FnMut(),
        mut second: impl FnMut(),
    ) {
        let mut calls = 1;
        while time(calls, &mut second) * f64::from(calls) < BATCH.as_nanos() as f64 {
            calls *= 2;
        }
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Neither always comes after the other.
            if round % 2 == 0 {
                firsts.push(time(calls, &mut first));
                seconds.push(time(calls, &mut second));
            } else {
                seconds.push(time(calls, &mut second));
                firsts.push(time(calls, &mut first));
            }
        }
        let (first, second) = (minimum(&firsts), minimum(&seconds));
        let ratio = first / second;
        let verdict = if ratio > limit { " **over**" } else { "" };
        self.failed |= ratio > limit;
        println!(
            "| {size} | {name} | {first:.0} | {second:.0} | {ratio:.2} | {limit:.2}{verdict} |"
        );
    }
}

/// One thing to measure: the codec with whatever it reads and writes.
struct Work {
    codec: Codec,
    value: Owned,
    token: String,
    rng: Counter,
    buf: Vec<u8>,
}

impl Work {
    fn new(codec: Codec, token: String, size: usize) -> Work {
        Work {
            codec,
            value: payload(size),
            token,
            rng: Counter(1),
            buf: vec![0; BUF_LEN],
        }
    }

    /// Opens and seals with the only key of a ring.
    fn plain(size: usize) -> Work {
        let token = codec(1).seal_with(&payload(size), NOW, &mut Counter(0));
        Work::new(codec(1), token.expect("short"), size)
    }

    fn open_in(&mut self) {
        let opened: Result<_, OpenError> =
            self.codec
                .open_in::<Borrowed>(black_box(&self.token), NOW, &mut self.buf);
        black_box(opened).expect("a good token");
    }

    fn refuse(&mut self) {
        let opened: Result<_, OpenError> =
            self.codec
                .open_in::<Borrowed>(black_box(&self.token), NOW, &mut self.buf);
        black_box(opened).expect_err("a bad token");
    }

    fn seal_into(&mut self) {
        let value = black_box(&self.value);
        let sealed = self
            .codec
            .seal_into(value, NOW, &mut self.rng, &mut self.buf);
        black_box(sealed).expect("room enough");
    }
}

fn against_the_floor(report: &mut Report) {
    report.head("Against the same primitives by hand");
    for size in SIZES {
        let mut work = Work::plain(size);
        let (mut scratch, mut buf) = (vec![0; BUF_LEN], vec![0; BUF_LEN]);
        let (mut rng, value) = (Counter(1), payload(size));
        let token = floor::seal(KEY, &value, &mut rng).expect("short");
        report.ratio(
            size,
            "open_in",
            1.10,
            || work.open_in(),
            || {
                let opened = floor::open_in::<Borrowed>(KEY, black_box(&token), &mut buf);
                black_box(opened).expect("a good token");
            },
        );
        report.ratio(
            size,
            "seal_into",
            1.10,
            || work.seal_into(),
            || {
                let value = black_box(&value);
                let sealed = floor::seal_into(KEY, value, &mut rng, &mut scratch, &mut buf);
                black_box(sealed).expect("room enough");
            },
        );
    }
}

fn with_eight_keys(report: &mut Report) {
    report.head("A ring of 8 keys, of which the last one sealed, against a ring of 1");
    for size in SIZES {
        let (mut one, mut eight) = (Work::plain(size), Work::plain(size));
        eight.codec = codec(8);
        report.ratio(size, "open_in", 1.05, || eight.open_in(), || one.open_in());
        report.ratio(
            size,
            "seal_into",
            1.05,
            || eight.seal_into(),
            || one.seal_into(),
        );
    }
}

fn refused(report: &mut Report) {
    report.head("A token that is refused against a good one");
    for size in SIZES {
        let mut good = Work::plain(size);
        let tampered = |place| Work::new(codec(1), forge(&good.token, place), size);
        let (mut first, mut last) = (tampered(33), tampered(good.token.len() - 2));
        let mut foreign = Work::new(codec(1), strange(size), size);
        report.ratio(
            size,
            "forged payload",
            1.02,
            || first.refuse(),
            || good.open_in(),
        );
        report.ratio(
            size,
            "forged tag",
            1.02,
            || last.refuse(),
            || good.open_in(),
        );
        report.ratio(
            size,
            "unknown key",
            0.22,
            || foreign.refuse(),
            || good.open_in(),
        );
    }
}

fn of_twice_the_length(report: &mut Report) {
    report.head("A payload of twice the length: linear if at most 2");
    for size in [64, 256, 1500, 3000, 6000] {
        let (mut once, mut twice) = (Work::plain(size), Work::plain(2 * size));
        report.ratio(size, "open_in", 2.05, || twice.open_in(), || once.open_in());
        report.ratio(
            size,
            "seal_into",
            2.05,
            || twice.seal_into(),
            || once.seal_into(),
        );
    }
}

fn hostile_headers(report: &mut Report) {
    report
        .head("A request with a hostile Cookie header of 64 KiB, against one that reads a session");
    let sessions = builder()
        .clock(|| NOW)
        .build()
        .expect("the defaults are good");
    let user = User::of_len(100);
    let (_, reply) = exchange(&sessions, "", |session| session.insert("user", &user));
    let cookies = cookie_header(&reply);
    let token = cookies.split_once('=').expect("a cookie").1;
    let request = |cookies: &str, finds: bool| {
        let (found, _) = exchange(&sessions, black_box(cookies), |session| {
            session.get::<User>("user").is_ok_and(|user| user.is_some())
        });
        assert_eq!(found, finds);
    };
    for shape in HOSTILE {
        let header = hostile(shape, token);
        report.ratio(
            header.len(),
            shape,
            60.0,
            || request(&header, false),
            || request(&cookies, true),
        );
    }
}

fn main() -> ExitCode {
    let mut report = Report::default();
    against_the_floor(&mut report);
    with_eight_keys(&mut report);
    refused(&mut report);
    of_twice_the_length(&mut report);
    hostile_headers(&mut report);
    if report.failed {
        eprintln!("a ratio is over its limit: see above");
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

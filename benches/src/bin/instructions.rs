//! Counts instructions under valgrind and fails if hardtack takes more of them than it did: times are
//! too noisy for a gate, instructions are not.
//!
//! What is compared are ratios within one build: another compiler or processor moves both sides, where
//! a count alone would have to be renewed for each. The baselines are those of a stock release build
//! for x86-64 with AVX2. If a dependency has become faster, or hardtack has for good reason become
//! slower, write the ratios that this program prints into [`BASELINE`].

use benches::{
    BUF_LEN, Borrowed, Counter, NOW, Owned,
    bound::BoundSite,
    codec,
    exchange::{NO_HEADERS, ready},
    floor, forge,
    hostile::{HOSTILE, hostile},
    payload,
    session::{BROWSER, User, browser_reads, builder, cookie_header, exchange},
};
use hardtack::session::Exchange;
use std::{
    env,
    hint::black_box,
    process::{Command, ExitCode},
};

/// The payload's length in bytes.
const SIZE: usize = 100;

/// hardtack's instructions for one of other work's, without and with the feature `ring`: the codec
/// against the floor, and a whole exchange of the session layer, with the same value, against the codec.
const BASELINE: [(&str, &str, [f64; 2]); 10] = [
    ("open_in", "floor open_in", [1.03, 1.09]),
    ("seal_into", "floor seal_into", [1.05, 1.14]),
    ("open_at", "floor open_at", [1.04, 1.10]),
    ("seal_with", "floor seal_with", [1.02, 1.06]),
    ("session untouched", "open_at", [0.065, 0.146]),
    ("session read", "open_at", [1.84, 2.80]),
    ("session write", "open_at, seal_with", [1.68, 2.48]),
    // The lines that a session does not ask for cost next to nothing.
    ("browser read", "session read", [1.08, 1.12]),
    ("typed session read", "open_at", [1.68, 2.47]),
    ("typed session write", "open_at, seal_with", [1.62, 2.38]),
];
/// What a baseline may grow by before this fails. Another compiler, or another layout of the program,
/// moves a ratio by a few hundredths; a copy, an allocation or a second pass over the payload by more.
const TOLERANCE: f64 = 1.10;

/// Kinds of `open_in`, and the most that each may take for one of the plain kind.
const LIMITS: [(&str, f64); 3] = [
    ("open_in 8 keys", 1.05),
    ("open_in expired", 1.0),
    ("open_in forged", 1.0),
];

/// Work of sites that bind sessions to devices, and the most that each may take for other work, without and with the
/// feature `ring`. Everybody whose browser binds nothing pays for the first, which reads as the same site does
/// without the setting. Proofs without a session are not opened. A proof for a bad challenge is
/// refused before its signature is verified; one with a good challenge, which only somebody with a bound session
/// has, is not.
const DEVICE: [(&str, &str, [f64; 2]); 6] = [
    ("device unbound", "device plain", [1.03, 1.03]),
    ("device bound", "device plain", [1.7, 1.7]),
    ("device proofs", "device forged", [1.1, 1.1]),
    ("device no proof", "device forged", [10.0, 10.0]),
    ("device challenge", "device forged", [10.0, 10.0]),
    ("device signature", "device forged", [220.0, 120.0]),
];

/// Cookie headers of 64 KiB, which a stranger can send, and the most that a request with one may take for
/// one that reads a session of [`SIZE`] bytes.
const HOSTILE_LIMIT: f64 = 64.0;

/// Does one kind of work so many times.
fn run(work: &str, times: u32) {
    let (one, eight) = (codec(1), codec(8));
    let key = &[7; 32];
    let value = &payload(SIZE);
    let later = NOW.saturating_add(std::time::Duration::from_secs(2 * 24 * 60 * 60));
    let mut rng = Counter(1);
    let (mut buf, mut scratch) = (vec![0; BUF_LEN], vec![0; BUF_LEN]);
    let token = one.seal_with(value, NOW, &mut rng).expect("short");
    let forged = forge(&token, token.len() - 2);
    let by_hand = floor::seal(key, value, &mut rng).expect("short");
    let builder = || builder().clock(|| NOW);
    let sessions = builder().build().expect("the defaults are good");
    let typed = builder().data().build().expect("the defaults are good");
    let user = User::of_len(SIZE);
    let changed = &user.changed();
    let (_, reply) = exchange(&sessions, "", |session| session.insert("user", &user));
    let cookies = &cookie_header(&reply);
    let mut browser = Vec::from(BROWSER);
    browser.push(("cookie", cookies));
    let (_, reply) = exchange(&typed, "", |session| session.replace(user.clone()));
    let typed_cookies = &cookie_header(&reply);
    let hostile = match work.starts_with("hostile") {
        true => hostile(work, cookies.split_once('=').expect("a cookie").1),
        false => String::new(),
    };
    if work.starts_with("device") {
        return run_device(work, times, &user, &token);
    }
    for _ in 0..times {
        let value = black_box(value);
        let mut open_in = |codec: &hardtack::Codec, token: &str, now| {
            black_box(codec.open_in::<Borrowed>(black_box(token), now, &mut buf)).is_ok()
        };
        let done = match work {
            "open_in" => open_in(&one, &token, NOW),
            "open_in 8 keys" => open_in(&eight, &token, NOW),
            "open_in expired" => !open_in(&one, &token, later),
            "open_in forged" => !open_in(&one, &forged, NOW),
            "seal_into" => black_box(one.seal_into(value, NOW, &mut rng, &mut buf)).is_ok(),
            "open_at" => black_box(one.open_at::<Owned>(black_box(&token), NOW)).is_ok(),
            "seal_with" => black_box(one.seal_with(value, NOW, &mut rng)).is_ok(),
            "floor open_in" => {
                let opened = floor::open_in::<Borrowed>(key, black_box(&by_hand), &mut buf);
                black_box(opened).is_some()
            }
            "floor seal_into" => {
                let sealed = floor::seal_into(key, value, &mut rng, &mut scratch, &mut buf);
                black_box(sealed).is_some()
            }
            "floor open_at" => black_box(floor::open::<Owned>(key, black_box(&by_hand))).is_some(),
            "floor seal_with" => black_box(floor::seal(key, value, &mut rng)).is_some(),
            "open_at, seal_with" => {
                black_box(one.open_at::<Owned>(black_box(&token), NOW)).is_ok()
                    && black_box(one.seal_with(value, NOW, &mut rng)).is_ok()
            }
            "session untouched" => {
                let exchange = Exchange::begin(&sessions);
                let plan = ready(exchange.commit(exchange.close()));
                black_box(exchange.finish(plan, NO_HEADERS))
                    .into_iter()
                    .next()
                    .is_none()
            }
            "session read" => {
                let (read, reply) = exchange(&sessions, black_box(cookies), |session| {
                    black_box(session.get::<User>("user")).is_ok_and(|user| user.is_some())
                });
                read && reply.set_cookie.is_empty()
            }
            "browser read" => browser_reads(&sessions, black_box(&browser)),
            "session write" => {
                let (_, reply) = exchange(&sessions, black_box(cookies), |session| {
                    black_box(session.insert("user", changed))
                });
                black_box(reply.set_cookie).len() == 1
            }
            hostile_work if hostile_work.starts_with("hostile") => {
                let (read, reply) = exchange(&sessions, black_box(&hostile), |session| {
                    black_box(session.get::<User>("user")).is_ok_and(|user| user.is_none())
                });
                read && reply.set_cookie.is_empty()
            }
            "typed session read" => {
                let (read, reply) = exchange(&typed, black_box(typed_cookies), |session| {
                    session.with(|user: &User| !black_box(&user.name).is_empty())
                });
                read == Ok(true) && reply.set_cookie.is_empty()
            }
            "typed session write" => {
                let (_, reply) = exchange(&typed, black_box(typed_cookies), |session| {
                    black_box(session.replace(changed.clone())).is_ok()
                });
                black_box(reply.set_cookie).len() == 1
            }
            _ => panic!("unknown: {work}"),
        };
        assert!(done, "{work}");
    }
}

/// Does one kind of work of a site that binds sessions. Its challenges are random, so others do without it: what
/// prepares it does not always take the same.
fn run_device(work: &str, times: u32, user: &User, token: &str) {
    let bound = BoundSite::new(user);
    let forged_session = forge(&bound.unbound, bound.unbound.len() - 2);
    let bad_challenge = bound.proof(1, Some(token));
    let bad_signature = bound.proof(2, None);
    for _ in 0..times {
        let done = match work {
            "device plain" => bound.reads_plain(black_box(&bound.unbound)),
            "device unbound" => bound.reads(black_box(&bound.unbound)),
            "device bound" => bound.reads(black_box(&bound.bound)),
            "device proofs" => !bound.reads(black_box(&bound.proofs)),
            "device forged" => !bound.reads(black_box(&forged_session)),
            "device no proof" => bound.refresh(black_box("x.y.z")) == Some(403),
            "device challenge" => bound.refresh(black_box(&bad_challenge)) == Some(403),
            "device signature" => bound.refresh(black_box(&bad_signature)) == Some(403),
            _ => panic!("unknown: {work}"),
        };
        assert!(done, "{work}");
    }
}

/// What valgrind counts for this program doing the work so many times.
fn collected(work: &str, times: u32) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("the path of this program"))
        .args([work, &times.to_string()])
        .output()
        .expect("valgrind is not installed");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let count = log.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.unwrap_or_else(|| panic!("no count in\n{log}"));
    count.trim().parse().expect("a number")
}

/// The instructions of doing the work once: what so many times more add, without what comes before. Before it, a device
/// draws its keys at random, which does not always take the same. So its work is done many times. A signature takes as
/// long as a hundred other works, and is made fewer times.
fn instructions(work: &str) -> f64 {
    let more = match work {
        "device signature" => 100,
        _ if work.starts_with("device") => 2_000,
        _ => 100,
    };
    (collected(work, more + 10) - collected(work, 10)) as f64 / f64::from(more)
}

fn check(name: &str, first: f64, second: f64, limit: f64) -> bool {
    let ratio = first / second;
    let verdict = if ratio > limit { "over the limit" } else { "" };
    println!("{name:<20} {first:>6.0} : {second:>6.0} = {ratio:.3} <= {limit:.3} {verdict}");
    ratio <= limit
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [work, times] = arguments.as_slice() {
        run(work, times.parse().expect("a number of times"));
        return ExitCode::SUCCESS;
    }
    let mut good = true;
    for (name, against, baseline) in BASELINE {
        let limit = baseline[usize::from(cfg!(feature = "ring"))] * TOLERANCE;
        good &= check(name, instructions(name), instructions(against), limit);
    }
    let read = instructions("session read");
    for name in HOSTILE {
        good &= check(name, instructions(name), read, HOSTILE_LIMIT);
    }
    for (name, against, limits) in DEVICE {
        let limit = limits[usize::from(cfg!(feature = "ring"))];
        good &= check(name, instructions(name), instructions(against), limit);
    }
    let plain = instructions("open_in");
    for (name, limit) in LIMITS {
        good &= check(name, instructions(name), plain, limit);
    }
    if good {
        ExitCode::SUCCESS
    } else {
        eprintln!(
            "hardtack takes more instructions than it may: see above, and BASELINE in this program"
        );
        ExitCode::FAILURE
    }
}

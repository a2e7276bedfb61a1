//! The example site under load: `cargo run --release -p load`, Linux only.
//!
//! Each server runs in a separate process. In the first part there are 200 clients, each with its own session and
//! its own count of visits, and every answer must have the next number. A quarter of the sessions needs two cookies,
//! four of ten requests carry a cookie that is expired, forged, too long or garbage, and the keys rotate meanwhile.
//! In the second part, 20 of the clients take turns: in one second they behave, in the next they only attack. The
//! other 180 show how much they notice. The program ends with status 1 if an answer was wrong or missing, if memory
//! grew, or if these clients were slowed down.
//!
//! `--store redis` or `--store postgres` keeps the sessions in a server that this program starts, and stops it once for
//! a few seconds: then an answer may be a 503, and afterwards no visit that was answered may be missing.
//!
//! `--quick` runs 5 seconds a server instead of 60, `--seconds N` any other time; names of examples run those alone.

#[path = "../../kit/browser.rs"]
mod browser;
mod client;
#[path = "../../kit/clock.rs"]
mod clock;
mod keys;
mod mint;
mod server;
mod store;

use client::{Browser, Connection, Failure, Sessions};
use keys::Keys;
use mint::Minted;
use server::Server;
use std::{
    env,
    error::Error,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use store::Store;
use tokio::{task::JoinSet, time::sleep};

const CLIENTS: usize = 200;
/// Those that attack while the others behave.
const ATTACKERS: usize = 20;
/// Seconds of peace and of attack in turns, so that a busy machine slows both alike.
const TURNS: u32 = 10;
/// Long enough for a few requests of each client.
const SHORTEST_TURN: Duration = Duration::from_millis(300);
/// How much the memory of a server may grow while it is under load, in KiB.
const MAX_GROWTH: i64 = 8 * 1024;
/// The share of their requests that clients that behave must keep.
const MIN_SHARE: f64 = 0.6;
const MAX_FAILURES_SHOWN: usize = 5;

/// What the clients do now.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
enum Mode {
    WarmUp,
    Mixed,
    Peace,
    Attack,
    Over,
}

const MODES: [Mode; 5] = [
    Mode::WarmUp,
    Mode::Mixed,
    Mode::Peace,
    Mode::Attack,
    Mode::Over,
];

struct Shared {
    sessions: Sessions,
    minted: Minted,
    mode: AtomicU8,
    /// The place of the primary key.
    primary: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
}

impl Shared {
    fn mode(&self) -> Mode {
        MODES[usize::from(self.mode.load(Relaxed))]
    }

    fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Relaxed);
    }

    fn fail(&self, failure: Failure) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(failure);
    }
}

/// Holds the time of a request, its sender, and how long its answer took.
struct Sample {
    mode: Mode,
    attacker: bool,
    took: Duration,
}

/// One client, until it is over or an answer is wrong.
async fn client(
    number: usize,
    mut connection: Connection,
    shared: &Shared,
    samples: &mut Vec<Sample>,
) -> Result<(), Failure> {
    let attacker = number < ATTACKERS;
    let mut browser = Browser::default();
    if number.is_multiple_of(4) {
        browser.load(&mut connection, &shared.sessions).await?;
    }
    // The first one has a session to lose.
    browser.visit(&mut connection, &shared.sessions).await?;
    loop {
        let mode = shared.mode();
        let attacks = match mode {
            Mode::Over => return Ok(()),
            Mode::WarmUp | Mode::Mixed => fastrand::u8(..10) < 4,
            Mode::Peace => false,
            Mode::Attack => attacker,
        };
        let sent = Instant::now();
        match attacks {
            true => {
                let primary = shared.primary.load(Relaxed);
                browser
                    .attack(&mut connection, &shared.sessions, &shared.minted, primary)
                    .await?;
            }
            false => browser.visit(&mut connection, &shared.sessions).await?,
        }
        samples.push(Sample {
            mode,
            attacker,
            took: sent.elapsed(),
        });
    }
}

/// Lets the keys go through all their stages meanwhile.
async fn rotate(
    server: &Server,
    shared: &Shared,
    keys: &mut Keys,
    run: Duration,
) -> Result<(), Failure> {
    for _ in 0..keys::STEPS {
        keys.advance()?;
        // A connection that waits for the next stage would be closed.
        let mut operator = Connection::open(server.address).await?;
        operator.post("/operator/keys", "").await?;
        shared.primary.store(keys.primary(), Relaxed);
        sleep(run / keys::STEPS as u32).await;
    }
    Ok(())
}

struct Report {
    samples: Vec<Sample>,
    resident: [u64; 2],
    failures: Vec<Failure>,
}

impl Report {
    /// The latencies in this mode, in ascending order.
    fn took(&self, mode: Mode, all: bool) -> Vec<Duration> {
        let samples = self.samples.iter();
        let mut took: Vec<_> = samples
            .filter(|sample| sample.mode == mode && (all || !sample.attacker))
            .map(|sample| sample.took)
            .collect();
        took.sort_unstable();
        took
    }

    /// Prints one line, and says whether all is well.
    fn print(&self, example: &str) -> bool {
        let mixed = self.took(Mode::Mixed, true);
        let [peace, attack] = [Mode::Peace, Mode::Attack].map(|mode| self.took(mode, false));
        let percentile = |took: &[Duration], percent: usize| {
            let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
            took.get(place)
                .map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
        };
        let share = attack.len() as f64 / peace.len() as f64;
        let slower = percentile(&attack, 50) / percentile(&peace, 50);
        let growth = self.resident[1] as i64 - self.resident[0] as i64;
        println!(
            "| {example} | {} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {share:.2} | {slower:.2} |",
            mixed.len(),
            self.failures.len(),
            percentile(&mixed, 50),
            percentile(&mixed, 99),
            percentile(&mixed, 100),
            self.resident[0],
            self.resident[1],
        );
        for failure in self.failures.iter().take(MAX_FAILURES_SHOWN) {
            println!("{example}: {failure}");
        }
        if growth > MAX_GROWTH {
            println!("{example}: grew by {growth} KiB, at most {MAX_GROWTH} are allowed");
        }
        // Also if nothing was counted.
        let slowed = !(share >= MIN_SHARE && slower <= 1.0 / MIN_SHARE);
        if slowed && self.failures.is_empty() {
            println!("{example}: attackers slow the others by more than their share");
        }
        self.failures.is_empty() && growth <= MAX_GROWTH && !slowed && !mixed.is_empty()
    }
}

async fn run(example: &str, run: Duration, store: Option<Store>) -> Result<Report, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("keys");
    let mut keys = Keys::new(file.clone())?;
    let url = store.as_ref().map(|store| store.url.as_str());
    let server = Server::start(example, &file, url)?;
    let shared = Arc::new(Shared {
        sessions: Sessions {
            are_stored: store.is_some(),
            is_store_down: AtomicBool::new(false),
        },
        minted: Minted::new(&keys)?,
        mode: AtomicU8::new(Mode::WarmUp as u8),
        primary: AtomicUsize::new(keys.primary()),
        failures: Mutex::default(),
    });
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (address, shared) = (server.address, shared.clone());
        clients.spawn(async move {
            let mut samples = Vec::new();
            let ended = match Connection::open(address).await {
                Ok(connection) => client(number, connection, &shared, &mut samples).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = ended {
                shared.fail(format!("client {number}: {failure}").into());
            }
            samples
        });
    }
    sleep(run / 6).await;
    let before = server.resident()?;
    shared.set_mode(Mode::Mixed);
    if let Err(failure) = rotate(&server, &shared, &mut keys, run).await {
        shared.fail(format!("rotation: {failure}").into());
    }
    let _store = match store {
        Some(store) => Some(store.interrupt(&shared.sessions.is_store_down).await?),
        None => None,
    };
    let resident = [before, server.resident()?];
    for _ in 0..TURNS {
        for mode in [Mode::Peace, Mode::Attack] {
            shared.set_mode(mode);
            sleep((run / 60).max(SHORTEST_TURN)).await;
        }
    }
    shared.set_mode(Mode::Over);
    let samples = clients.join_all().await.into_iter().flatten().collect();
    let mut failures = shared
        .failures
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Ok(Report {
        samples,
        resident,
        failures: std::mem::take(&mut failures),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (mut seconds, mut store, mut examples) = (60, String::from("cookie"), Vec::new());
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => seconds = 5,
            "--store" => store = arguments.next().ok_or("--store needs a name")?,
            "--seconds" => seconds = arguments.next().ok_or("--seconds of what?")?.parse()?,
            _ => examples.push(argument),
        }
    }
    if examples.is_empty() {
        examples = ["axum", "actix", "rocket"].map(String::from).into();
    }
    server::build()?;
    println!(
        "{CLIENTS} clients, {seconds} seconds a server, sessions in: {store}; times in ms, memory in KiB\n"
    );
    println!(
        "| server | requests | failures | median | 99 % | slowest | memory | then | beside attackers: requests | median |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut well = true;
    for example in examples {
        let report = run(
            &example,
            Duration::from_secs(seconds),
            Store::start(&store)?,
        )
        .await?;
        well &= report.print(&example);
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

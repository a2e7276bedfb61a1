//! Whole servers: how many requests a second each application answers on the loopback interface, and how much of a
//! processor's time it takes for one.

mod load;
mod process;

pub use process::{SERVE, serve};

use std::time::Duration;

use rand::seq::SliceRandom;

use crate::app::{Act, HARDTACK, NAME, NOTHING};
use crate::processors::{keep_to, processors};
use crate::request::{Framework, HARDTACK_TYPED};
use crate::run::own;
use crate::table::{conditions, duration, header, row};
use load::{Expected, Load, first_cookie};
use process::Server;

/// How long a server is under load at a time, after it is warm. As long as this, a server that gets a bad moment of a busy
/// machine gets a few of them, and all get about as many.
const SLICE: Duration = Duration::from_millis(200);
const ROUNDS: usize = 32;
const QUICK_ROUNDS: usize = 3;

const COMMAND: &str =
    "cargo run --release --manifest-path benches/peers/Cargo.toml --features ring -- servers";

const MEASURED: [&str; 9] = [
    "hardtack",
    "ring",
    "axum",
    "tower-sessions",
    "axum-extra",
    "seshcookie",
    "actix-web",
    "actix-session",
    "rocket",
];

/// One application of one framework, and what each round saw of it.
pub struct Contender {
    pub framework: Framework,
    pub name: &'static str,
    encrypts: bool,
    /// In the order of [`Act::ALL`]; then one of each round.
    slices: [Vec<Slice>; Act::ALL.len()],
}

/// One server under load for a moment.
#[derive(Clone, Copy)]
struct Slice {
    /// Requests answered in a second.
    rate: f64,
    /// Nanoseconds of a processor for one request.
    processor: f64,
    /// The share of the time that the processor worked for the server.
    busy: f64,
}

/// Starts every server, and puts them under load in turn.
pub fn measure(quick: bool) -> Vec<Contender> {
    let [servers_on, .., load_on] = processors()[..] else {
        panic!("a server and its load need a processor each");
    };
    keep_to(&[load_on]);
    let mut contenders: Vec<Contender> = Framework::ALL.into_iter().flat_map(of).collect();
    let start =
        |contender: &Contender| Server::start(contender.framework, contender.name, servers_on);
    let servers: Vec<Server> = contenders.iter().map(start).collect();

    let of_contender = |nth| (0..Act::ALL.len()).map(move |act| (nth, act));
    let mut order: Vec<(usize, usize)> = (0..servers.len()).flat_map(of_contender).collect();
    let rounds = if quick { QUICK_ROUNDS } else { ROUNDS };
    for round in 1..=rounds {
        eprintln!("whole servers, round {round} of {rounds}");
        order.shuffle(&mut rand::rng());
        for &(nth, act) in &order {
            let slice = slice(&servers[nth], Act::ALL[act], contenders[nth].name);
            contenders[nth].slices[act].push(slice);
        }
    }
    contenders
}

fn of(framework: Framework) -> Vec<Contender> {
    let contender = |app: crate::app::App| Contender {
        framework,
        name: app.name,
        encrypts: app.encrypts,
        slices: [const { Vec::new() }; Act::ALL.len()],
    };
    framework.apps().into_iter().map(contender).collect()
}

fn slice(server: &Server, act: Act, name: &str) -> Slice {
    // A new session each time, so that none gets old enough to be renewed.
    let cookie = match name {
        NOTHING => format!("session={}", "A".repeat(150)),
        _ => first_cookie(server.address, Act::Write.path()),
    };
    let expected = expected(act, name);
    let mut load = Load::new(server.address, act.path(), &cookie, expected);
    let slice = load.run(SLICE, || server.processor_time());
    let answers = slice.answers as f64;
    Slice {
        rate: answers / slice.time.as_secs_f64(),
        processor: slice.metered.as_secs_f64() * 1e9 / answers,
        busy: slice.metered.as_secs_f64() / slice.time.as_secs_f64(),
    }
}

fn expected(act: Act, name: &str) -> Expected {
    Expected {
        body: if act == Act::Read { NAME } else { "" },
        sets_cookie: act == Act::Write && name != NOTHING,
    }
}

/// What one of hardtack's own does against the best peer that encrypts.
pub struct Comparison {
    pub own: &'static str,
    pub framework: Framework,
    pub act: Act,
    pub peer: &'static str,
    /// Requests a second of the own one, divided by those of the peer in the same round: the quartiles of all rounds.
    pub ratio: [f64; 3],
}

pub fn comparisons(contenders: &[Contender]) -> Vec<Comparison> {
    let owns = contenders
        .iter()
        .filter(|contender| [HARDTACK, HARDTACK_TYPED].contains(&contender.name));
    let compare = |ours: &Contender| {
        Act::ALL.map(|act| {
            let rates = |contender: &Contender| figures(contender, act, |slice| slice.rate);
            let peer = contenders
                .iter()
                .filter(|peer| peer.framework == ours.framework && peer.encrypts)
                .filter(|peer| !own(peer.name))
                .max_by(|a, b| median(&rates(a)).total_cmp(&median(&rates(b))));
            let peer = peer.expect("every framework has a peer that encrypts");
            let rounds = rates(ours).into_iter().zip(rates(peer));
            let ratios: Vec<f64> = rounds.map(|(ours, peer)| ours / peer).collect();
            Comparison {
                own: ours.name,
                framework: ours.framework,
                act,
                peer: peer.name,
                ratio: [0.25, 0.5, 0.75].map(|share| quantile(&ratios, share)),
            }
        })
    };
    owns.flat_map(compare).collect()
}

/// Returns the tables of `benches/README.md`.
pub fn table(contenders: &[Contender]) -> String {
    let mut out = conditions(&MEASURED, COMMAND);
    out += &format!(
        "\nRequests that a whole server answers in a second: the median of {} slices, and in brackets the least and the most:\n\n",
        contenders[0].slices[0].len()
    );
    rows(&mut out, contenders, |contender, act| {
        let rates = figures(contender, act, |slice| slice.rate / 1e3);
        let [least, middle, most] = [0.0, 0.5, 1.0].map(|share| quantile(&rates, share));
        format!("{middle:.1}k ({least:.1}k to {most:.1}k)")
    });
    out += "\nTime of the processor for one request, the system's share included, as the median of the slices. A session is compared with \
            the same application under a layer that does nothing:\n\n";
    rows(&mut out, contenders, |contender, act| {
        let processor = |contender| median(&figures(contender, act, |slice| slice.processor));
        let nothing = contenders
            .iter()
            .find(|other| other.framework == contender.framework && other.name == NOTHING);
        let frame = processor(nothing.expect("it is measured"));
        match contender.name {
            NOTHING => duration(frame),
            _ => {
                let more = processor(contender) - frame;
                let sign = if more < 0.0 { '-' } else { '+' };
                format!("{sign}{}", duration(more.abs()))
            }
        }
    });
    out += "\nRequests a second of hardtack, divided by those that the best peer that encrypts answers in the same round. The middle half of \
            the rounds is in brackets:\n\n";
    acts(&mut out);
    for own in comparisons(contenders).chunks(Act::ALL.len()) {
        let cells: Vec<String> = own
            .iter()
            .map(
                |Comparison {
                     peer,
                     ratio: [low, middle, high],
                     ..
                 }| { format!("{middle:.2} ({low:.2} to {high:.2}), {peer}") },
            )
            .collect();
        row(&mut out, &label(own[0].framework, own[0].own), &cells);
    }
    out += &format!(
        "\nThe servers' processor worked for the server in {:.0} % of the time or more, in three of four slices.\n",
        busy(contenders) * 100.0
    );
    out
}

fn rows(out: &mut String, contenders: &[Contender], cell: impl Fn(&Contender, Act) -> String) {
    acts(out);
    for contender in contenders {
        let cells = Act::ALL.map(|act| cell(contender, act));
        row(out, &label(contender.framework, contender.name), &cells);
    }
}

fn acts(out: &mut String) {
    let columns = ["untouched", "one value read", "one value written"];
    header(out, &columns.map(str::to_owned));
}

fn label(framework: Framework, name: &str) -> String {
    if own(name) {
        format!("{framework:?}: **{name}**")
    } else {
        format!("{framework:?}: {name}")
    }
}

/// Below this, the load or other programs were what limits, and the rates say nothing.
pub const LEAST_BUSY: f64 = 0.8;

/// Returns the share of the time that the processor worked for the server, which three of four slices reach.
pub fn busy(contenders: &[Contender]) -> f64 {
    let slices = contenders
        .iter()
        .flat_map(|contender| contender.slices.iter().flatten());
    let busy: Vec<f64> = slices.map(|slice| slice.busy).collect();
    quantile(&busy, 0.25)
}

fn figures(contender: &Contender, act: Act, figure: impl Fn(&Slice) -> f64) -> Vec<f64> {
    let nth = Act::ALL.into_iter().position(|known| known == act);
    let slices = &contender.slices[nth.expect("it is measured")];
    slices.iter().map(figure).collect()
}

fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// Returns the figure that this share of all figures is below.
fn quantile(figures: &[f64], share: f64) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[((figures.len() - 1) as f64 * share).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread;

    /// What is under load is what is claimed: `load` checks every answer.
    #[test]
    fn every_application_serves_what_its_load_expects() {
        for framework in Framework::ALL {
            for contender in of(framework) {
                let (tell, told) = channel();
                let name = contender.name;
                thread::spawn(move || {
                    let mut apps = framework.apps().into_iter();
                    let app = apps.find(|app| app.name == name);
                    (app.expect("it has this name").serve)(tell);
                });
                let address = told.recv().expect("the server starts");
                for act in Act::ALL {
                    let cookie = match name {
                        NOTHING => String::new(),
                        _ => first_cookie(address, Act::Write.path()),
                    };
                    let mut load = Load::new(address, act.path(), &cookie, expected(act, name));
                    assert!(load.run(Duration::ZERO, || Duration::ZERO).answers == 0);
                }
            }
        }
    }

    #[test]
    fn a_quantile_is_one_of_the_figures() {
        let figures = [3.0, 1.0, 2.0, 5.0, 4.0];
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&figures, share));
        assert_eq!(quantiles, [1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn the_best_peer_is_one_that_encrypts_and_rounds_are_compared_with_themselves() {
        let contender = |name, encrypts, rates: [f64; 3]| {
            let slice = |rate| Slice {
                rate,
                processor: 1.0,
                busy: 1.0,
            };
            let slices = || rates.map(slice).to_vec();
            Contender {
                framework: Framework::Axum,
                name,
                encrypts,
                slices: [slices(), slices(), slices()],
            }
        };
        let contenders = [
            contender("hardtack", true, [2.0, 4.0, 8.0]),
            contender("fast, in clear text", false, [9.0, 9.0, 9.0]),
            contender("slow", true, [1.0, 1.0, 1.0]),
            contender("near", true, [2.0, 2.0, 2.0]),
        ];
        let comparisons = comparisons(&contenders);
        assert_eq!(comparisons.len(), Act::ALL.len());
        assert_eq!(comparisons[0].peer, "near");
        assert_eq!(comparisons[0].ratio[1], 2.0);
    }
}

//! hardtack against its peers: the same work in one run, as ratios. `./run` measures with both backends and reports; what is
//! measured, and how, stands in README.md beside it.

mod app;
mod chart;
mod claims;
mod codec;
mod harness;
mod payload;
mod processors;
mod report;
mod request;
mod run;
mod servers;
mod table;

use std::process::ExitCode;
use std::{env, fs};

use claims::Claim;
use run::Run;

const USAGE: &str = "usage: peers measure FILE [--quick]
       peers report PORTABLE-FILE RING-FILE [V3-FILE] [--quick] [--check]
       peers servers [--quick] [--check]";

fn main() -> ExitCode {
    let (flags, arguments): (Vec<String>, Vec<String>) = env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    let (quick, check) = (
        flags.iter().any(|flag| flag == "--quick"),
        flags.iter().any(|flag| flag == "--check"),
    );
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // Of itself: see `harness::instructions`.
        ["count"] => {
            Run::count();
            ExitCode::SUCCESS
        }
        ["measure", file] => {
            let run = Run::measure(if quick { 300 } else { 5000 });
            fs::write(file, serde_json::to_string(&run).expect("a run is JSON"))
                .expect("the file can be written");
            ExitCode::SUCCESS
        }
        ["report", portable, ring, ref v3 @ ..] if v3.len() <= 1 => {
            let (portable, ring) = (Run::read(portable), Run::read(ring));
            let v3 = v3.first().map(|file| Run::read(file));
            let table = report::table(&portable, &ring, v3.as_ref());
            println!("{table}");
            let claims = claims::all(&portable, &ring);
            // A quick run is too rough to be published.
            if !quick {
                report::write(&table);
                chart::write(&portable, &ring);
            }
            judge(&claims, check)
        }
        // Of itself: see `servers::measure`.
        [servers::SERVE, framework, name, processor] => {
            servers::serve(framework, name, processor);
            ExitCode::SUCCESS
        }
        ["servers"] => {
            let contenders = servers::measure(quick);
            let table = servers::table(&contenders);
            println!("{table}");
            if !quick && servers::busy(&contenders) >= servers::LEAST_BUSY {
                report::write_servers(&table);
            }
            judge(&claims::servers(&contenders), check)
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Prints what held. With `check`, a claim that did not is a failure.
fn judge(claims: &[Claim], check: bool) -> ExitCode {
    for claim in claims {
        println!("{claim}");
    }
    if check && claims.iter().any(|claim| !claim.holds()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

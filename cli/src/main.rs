//! The command `hardtack`: makes and checks keys, and looks into tokens and session cookies.
//!
//! Keys and tokens come from the environment, a file or standard input, and never from an argument.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod args;
mod cookie;
mod inspect;
mod json;
mod keys;
mod open;
mod payload;
mod seal;
mod source;
mod text;
mod value;

use args::{Command, KeysCommand};
use clap::Parser as _;
use std::{
    io::{self, Write as _},
    process::ExitCode,
};
use text::printable;

/// Why the command ends with another exit status than 0.
enum Failure {
    /// What was read is not good. Status 1.
    Refused(String),
    /// The command line is wrong. Status 2, as for all errors that clap finds.
    Usage(String),
    /// Something cannot be read or written. Status 3.
    Io(String),
}

/// What goes to standard output, and what is wrong with it all the same.
struct Report {
    output: String,
    /// Sentences for standard error.
    notes: Vec<String>,
    /// The output is about something that is not good: status 1.
    refused: bool,
}

impl Report {
    fn good(output: String) -> Report {
        Report {
            output,
            notes: Vec::new(),
            refused: false,
        }
    }
}

fn main() -> ExitCode {
    let done = args::refuse_secrets(std::env::args_os().skip(1)).and_then(|()| {
        match args::Args::parse().command {
            Command::Key => keys::make(),
            Command::Keys {
                command: KeysCommand::Check(keys),
            } => keys::check(&keys),
            Command::Inspect(args) => inspect::inspect(&args),
            Command::Open(args) => open::open(&args),
            Command::Seal(args) => seal::seal(&args),
        }
    });
    let (status, sentence) = match done.and_then(print) {
        Ok(refused) => return ExitCode::from(u8::from(refused)),
        Err(Failure::Refused(sentence)) => (1, sentence),
        Err(Failure::Usage(sentence)) => (2, sentence),
        Err(Failure::Io(sentence)) => (3, sentence),
    };
    say(&sentence);
    ExitCode::from(status)
}

/// Returns whether the status is 1.
fn print(report: Report) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(printable(&report.output).as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(|error| Failure::Io(format!("cannot write the output: {error}")))?;
    for note in &report.notes {
        say(note);
    }
    Ok(report.refused)
}

/// Writes a sentence to standard error. If nobody listens, nobody misses it.
fn say(sentence: &str) {
    let _ = writeln!(io::stderr(), "hardtack: {}", printable(sentence));
}

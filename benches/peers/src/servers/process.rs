//! A server in a process of its own, on a processor of its own.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{self, Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;
use std::{env, thread};

use nix::time::ClockId;
use nix::unistd::Pid;

use crate::processors::keep_to;
use crate::request::Framework;

/// The command of this program that [`serve`] is.
pub const SERVE: &str = "serve";

pub struct Server {
    pub address: SocketAddr,
    clock: ClockId,
    /// The process ends when its standard input does.
    _process: Child,
}

impl Server {
    /// Starts the application of this name on a processor.
    pub fn start(framework: Framework, name: &str, processor: usize) -> Server {
        let mut process = Command::new(env::current_exe().expect("this program has a path"))
            .args([
                SERVE,
                &format!("{framework:?}"),
                name,
                &processor.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let mut line = String::new();
        let output = process.stdout.take().expect("it is a pipe");
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("the server tells its address");
        let id = process.id().try_into().expect("an id is small");
        Server {
            address: line.trim().parse().expect("an address"),
            clock: ClockId::pid_cpu_clock_id(Pid::from_raw(id)).expect("the server runs"),
            _process: process,
        }
    }

    /// Returns the time that processors have spent on this process, the system's share included.
    pub fn processor_time(&self) -> Duration {
        self.clock.now().expect("the server runs").into()
    }
}

/// Serves, until the standard input ends, what [`Server::start`] asks for.
pub fn serve(framework: &str, name: &str, processor: &str) {
    keep_to(&[processor.parse().expect("the number of a processor")]);
    let mut frameworks = Framework::ALL.into_iter();
    let framework = frameworks.find(|known| format!("{known:?}") == framework);
    let mut apps = framework.expect("it is a framework").apps().into_iter();
    let app = apps
        .find(|app| app.name == name)
        .expect("it is an application");
    let (tell, told) = channel();
    thread::spawn(move || {
        println!("{}", told.recv().expect("the server starts"));
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(0);
    });
    (app.serve)(tell);
}

//! Runs the commands of the operations page in a shell. They rotate a key across three running
//! instances, which are restarted one after the other while visitors use all of them. Nobody loses
//! a session.

use crate::{
    instance::{self, Instance, Process, Result},
    store::Store,
};
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

const PAGE: &str = include_str!("../../../src/guide/operations.md");

#[cfg(feature = "axum")]
#[test]
fn nobody_loses_a_session_on_axum() -> Result<()> {
    rotate("axum", &Store::Cookie)
}

#[cfg(feature = "actix")]
#[test]
fn nobody_loses_a_session_on_actix() -> Result<()> {
    rotate("actix", &Store::Cookie)
}

#[cfg(feature = "rocket")]
#[test]
fn nobody_loses_a_session_on_rocket() -> Result<()> {
    rotate("rocket", &Store::Cookie)
}

#[cfg(all(feature = "axum", feature = "stores"))]
#[test]
fn nobody_loses_a_session_in_sqlite_on_axum() -> Result<()> {
    rotate("axum", &Store::sqlite()?)
}

#[cfg(all(feature = "actix", feature = "stores"))]
#[test]
fn nobody_loses_a_session_in_sqlite_on_actix() -> Result<()> {
    rotate("actix", &Store::sqlite()?)
}

#[cfg(all(feature = "rocket", feature = "stores"))]
#[test]
fn nobody_loses_a_session_in_sqlite_on_rocket() -> Result<()> {
    rotate("rocket", &Store::sqlite()?)
}

fn rotate(example: &'static str, store: &Store) -> Result<()> {
    let Some(mut operator) = Operator::start()? else {
        return Ok(());
    };
    let [begin] = commands("# Keys")[..] else {
        return Err("one command makes the first key".into());
    };
    let rotation = commands("# Rotation in a fleet");
    let [stage, switch, retire, remove] = rotation[..] else {
        return Err(format!("four steps rotate a key, not {}", rotation.len()).into());
    };
    let [stolen] = commands("# A stolen key")[..] else {
        return Err("one command replaces a stolen key".into());
    };

    let mut fleet = Fleet::start(example, store, &operator.run(begin)?)?;
    let mut visitors = [Visitor::default(), Visitor::default(), Visitor::default()];
    // This visitor is away during the switch, and comes back with a cookie under the retired key.
    let mut away = Visitor::default();
    assert_eq!(fleet.losses(&mut visitors)?, 0);
    assert!(away.keeps_its_session(fleet.instances[0].address)?);

    for step in [stage, switch, retire] {
        let keys = operator.run(step)?;
        assert_eq!(fleet.restart(&keys, &mut visitors)?, 0, "{step}");
    }
    for instance in &fleet.instances {
        assert!(away.keeps_its_session(instance.address)?);
    }
    let keys = operator.run(remove)?;
    assert!(!keys.contains([',', '@']), "the old key is still there");
    assert_eq!(fleet.restart(&keys, &mut visitors)?, 0, "{remove}");
    for instance in &fleet.instances {
        assert!(away.keeps_its_session(instance.address)?);
    }

    // This step must log everybody out, which shows that the test can see a lost session.
    let keys = operator.run(stolen)?;
    assert!(fleet.restart(&keys, &mut visitors)? >= visitors.len());
    Ok(())
}

/// Shows why the page has a first step. Without it, sessions are lost.
#[cfg(feature = "axum")]
#[test]
fn a_switch_before_staging_loses_sessions() -> Result<()> {
    let Some(mut operator) = Operator::start()? else {
        return Ok(());
    };
    let mut fleet = Fleet::start(
        "axum",
        &Store::Cookie,
        &operator.run(commands("# Keys")[0])?,
    )?;
    let mut visitors = [Visitor::default(), Visitor::default()];
    assert_eq!(fleet.losses(&mut visitors)?, 0);

    let steps = commands("# Rotation in a fleet");
    operator.run(steps[0])?;
    let switched = operator.run(steps[1])?;
    assert!(fleet.restart(&switched, &mut visitors)? >= visitors.len());
    Ok(())
}

/// Returns the blocks of shell in one section of the page.
fn commands(heading: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once(&format!("\n{heading}\n")).unwrap();
    let (section, _) = section.split_once("\n# ").unwrap_or((section, ""));
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// Runs the shell in which the operator types the commands of the page.
struct Operator {
    shell: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Operator {
    /// Starts the shell. Without OpenSSL, returns `None` and prints that the test is skipped.
    fn start() -> Result<Option<Operator>> {
        if Command::new("openssl").arg("version").output().is_err() {
            // Tests capture `eprintln!`, and a skipped test should be visible.
            writeln!(
                io::stderr(),
                "SKIPPED: rotation in a fleet: `openssl` is not installed"
            )?;
            return Ok(None);
        }
        let mut shell = Command::new("sh");
        shell.args(["-eu"]).env_remove("SESSION_KEYS");
        let mut shell = Process(shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        let (input, output) = (shell.0.stdin.take(), shell.0.stdout.take());
        Ok(Some(Operator {
            shell,
            input: input.ok_or("no input")?,
            output: BufReader::new(output.ok_or("no output")?),
        }))
    }

    /// Runs commands of the page and returns the new value of `SESSION_KEYS`.
    fn run(&mut self, commands: &str) -> Result<String> {
        writeln!(self.input, "{commands}\nsh -c 'echo \"$SESSION_KEYS\"'")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            return Err(format!("{}: {commands}", self.shell.0.wait()?).into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Holds three instances of the example, on one store.
struct Fleet<'s> {
    example: &'static str,
    store: &'s Store,
    instances: [Instance; 3],
}

impl Fleet<'_> {
    fn start<'s>(example: &'static str, store: &'s Store, keys: &str) -> Result<Fleet<'s>> {
        let instance = || Instance::start(example, store, keys);
        Ok(Fleet {
            example,
            store,
            instances: [instance()?, instance()?, instance()?],
        })
    }

    /// Restarts the instances with these keys, one after the other. The visitors use all of them
    /// after each restart. Returns the number of sessions that they lost.
    fn restart(&mut self, keys: &str, visitors: &mut [Visitor]) -> Result<usize> {
        let mut lost = 0;
        for place in 0..self.instances.len() {
            self.instances[place] = Instance::start(self.example, self.store, keys)?;
            lost += self.losses(visitors)?;
        }
        Ok(lost)
    }

    /// Lets the visitors use all instances, and returns the number of sessions that they lost. Each
    /// visitor begins at another instance, so that each instance opens the cookies of all others.
    fn losses(&self, visitors: &mut [Visitor]) -> Result<usize> {
        let mut lost = 0;
        for (first, visitor) in visitors.iter_mut().enumerate() {
            let round = self.instances.iter().cycle().skip(first);
            for instance in round.take(2 * self.instances.len()) {
                lost += usize::from(!visitor.keeps_its_session(instance.address)?);
            }
        }
        Ok(lost)
    }
}

/// Keeps the cookie like a browser, and counts the visits of its session.
#[derive(Default)]
struct Visitor {
    cookie: Option<String>,
    visits: u32,
}

impl Visitor {
    /// Returns `true` if the instance continues the count of the last one.
    fn keeps_its_session(&mut self, address: SocketAddr) -> Result<bool> {
        let response = instance::get(address, "/visits", self.cookie.as_deref())?;
        // A session in a store is saved without a new cookie.
        self.cookie = response.cookie.or(self.cookie.take());
        let body = response.body.trim();
        let visits = body.strip_prefix("visit ").ok_or_else(|| body.to_owned())?;
        let before = std::mem::replace(&mut self.visits, visits.parse()?);
        Ok(self.visits == before + 1)
    }
}

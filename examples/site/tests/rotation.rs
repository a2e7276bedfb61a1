//! Runs the commands of the operations page in a shell. They rotate a key across three running
//! instances, which are restarted one after the other while visitors use all of them. Nobody loses
//! a session.
//!
//! The instances are the examples, which `cargo test` builds beside this test.

#![cfg(all(unix, any(feature = "axum", feature = "actix", feature = "rocket")))]

use std::{
    env,
    error::Error,
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PAGE: &str = include_str!("../../../src/guide/operations.md");

#[cfg(feature = "axum")]
#[test]
fn nobody_loses_a_session_on_axum() -> Result<()> {
    rotate("axum")
}

#[cfg(feature = "actix")]
#[test]
fn nobody_loses_a_session_on_actix() -> Result<()> {
    rotate("actix")
}

#[cfg(feature = "rocket")]
#[test]
fn nobody_loses_a_session_on_rocket() -> Result<()> {
    rotate("rocket")
}

fn rotate(example: &'static str) -> Result<()> {
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

    let mut fleet = Fleet::start(example, &operator.run(begin)?)?;
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
    let mut fleet = Fleet::start("axum", &operator.run(commands("# Keys")[0])?)?;
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

/// Holds three instances of the example.
struct Fleet {
    example: &'static str,
    instances: [Instance; 3],
}

impl Fleet {
    fn start(example: &'static str, keys: &str) -> Result<Fleet> {
        let instance = || Instance::start(example, keys);
        Ok(Fleet {
            example,
            instances: [instance()?, instance()?, instance()?],
        })
    }

    /// Restarts the instances with these keys, one after the other. The visitors use all of them
    /// after each restart. Returns the number of sessions that they lost.
    fn restart(&mut self, keys: &str, visitors: &mut [Visitor]) -> Result<usize> {
        let mut lost = 0;
        for place in 0..self.instances.len() {
            self.instances[place] = Instance::start(self.example, keys)?;
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

/// Holds one process of the example, on a port that the system chose.
struct Instance {
    _process: Process,
    address: SocketAddr,
}

impl Instance {
    /// Starts the process, and waits until it prints its address.
    fn start(example: &str, keys: &str) -> Result<Instance> {
        let here = env::current_exe()?;
        let built = here.parent().and_then(|deps| deps.parent());
        let program = built.ok_or("no directory")?.join("examples").join(example);
        if !fs::exists(&program)? {
            return Err(
                "the examples are not built: `cargo test --package site --all-features`".into(),
            );
        }
        let mut process = Process(
            Command::new(program)
                .env("HARDTACK_ADDR", "127.0.0.1:0")
                .env("HARDTACK_KEYS", keys)
                .stdout(Stdio::piped())
                .spawn()?,
        );
        let output = process.0.stdout.take().ok_or("no output")?;
        let mut output = BufReader::new(output).lines();
        while let Some(line) = output.next() {
            if let Some((_, port)) = line?.split_once("listening on http://localhost:") {
                let port = port.trim_end_matches('/').parse()?;
                // Rocket continues to print, and panics if nobody reads it.
                thread::spawn(move || output.map_while(io::Result::ok).for_each(drop));
                return Ok(Instance {
                    _process: process,
                    address: SocketAddr::from(([127, 0, 0, 1], port)),
                });
            }
        }
        Err("the example ended before it listened".into())
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
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(
            stream,
            "GET /visits HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n",
            address.port()
        )?;
        if let Some(cookie) = &self.cookie {
            write!(stream, "Cookie: {cookie}\r\n")?;
        }
        stream.write_all(b"\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;

        let (head, body) = response.split_once("\r\n\r\n").ok_or("no head")?;
        let set = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let ours =
                name.eq_ignore_ascii_case("set-cookie") && value.starts_with("__Host-session=");
            ours.then(|| value.split(';').next().unwrap_or(value))
        });
        self.cookie = Some(set.ok_or(response.clone())?.to_owned());
        let visits = body.trim().strip_prefix("visit ").ok_or(response.clone())?;
        let before = std::mem::replace(&mut self.visits, visits.parse()?);
        Ok(self.visits == before + 1)
    }
}

/// Kills the process when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

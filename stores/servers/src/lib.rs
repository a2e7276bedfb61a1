//! Real servers for the tests of the stores. Each runs on a free port of the loopback interface, with its
//! files in a temporary directory, and ends with its value.

mod clock;
mod dump;
mod faults;
mod proxy;
mod session_faults;
mod sessions;
mod visitor;

// The format once more, without the library.
#[path = "../../../tests/kit/browser.rs"]
mod browser;
#[path = "../../../tests/kit/exchange.rs"]
mod exchange;
#[path = "../../../tests/reference/store.rs"]
mod format;
#[path = "../../../tests/kit/keys.rs"]
mod keys;
#[path = "../../../tests/reference/mod.rs"]
mod reference;
#[path = "../../../tests/reference/session.rs"]
mod session;

pub use dump::{Dump, opens_no_record};
pub use faults::{
    AT, PATIENT, create, end, ends_at, names_nothing, new_key,
    rename_onto_another_record_changes_nothing, survives_faults, works_again,
};
pub use proxy::{Fault, Proxy};
pub use session_faults::{Broken, Engine, sessions_survive};
pub use sessions::{costs_what_it_uses, ends_whoever_gets_new_ids, serves_sessions};

use std::{
    env, fs,
    io::Read,
    net::{TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio, id},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// Returns a port that nobody listens on, and each only once: two tests that start servers at the same time must not
/// meet on one. It is below the ports that the system gives to connections, which come and go meanwhile.
pub fn free_port() -> u16 {
    const PORTS: std::ops::Range<u32> = 20_000..32_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Tests of other programs begin elsewhere.
    let first = std::process::id().wrapping_mul(97);
    loop {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + first.wrapping_add(taken) % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Returns the program, or `None` if it is not installed. Says so, and panics if
/// `HARDTACK_REQUIRE_SERVERS=1` asks for every server.
fn program(name: &str, elsewhere: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = env::split_paths(&path).collect();
    places.extend(["/usr/sbin", "/usr/local/bin"].map(PathBuf::from));
    places.extend(elsewhere.iter().map(PathBuf::from));
    let found = places.iter().map(|place| place.join(name));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        let required = env::var("HARDTACK_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
        assert!(!required, "{name} is not installed");
        // To the standard error itself, which no test harness captures.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("SKIPPED: {name} is not installed\n").as_bytes(),
        );
    }
    found
}

/// A server of one process.
pub struct Server {
    command: Command,
    child: Option<Child>,
    port: u16,
    stop_signal: &'static str,
    is_ready: Box<dyn Fn(u16) -> bool + Send + Sync>,
    directory: PathBuf,
}

impl Server {
    fn start(
        mut command: Command,
        port: u16,
        directory: PathBuf,
        stop_signal: &'static str,
        is_ready: impl Fn(u16) -> bool + Send + Sync + 'static,
    ) -> Server {
        let log = fs::File::create(directory.join("log")).unwrap();
        command
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut server = Server {
            command,
            child: None,
            port,
            stop_signal,
            is_ready: Box::new(is_ready),
            directory,
        };
        server.restart();
        server
    }

    /// Starts the server again on the same port, with what it kept on disk.
    pub fn restart(&mut self) {
        self.stop();
        self.child = Some(self.command.spawn().unwrap());
        let start = Instant::now();
        while !(self.is_ready)(self.port) {
            if start.elapsed() > START || self.child.as_mut().unwrap().try_wait().unwrap().is_some()
            {
                let log = fs::read_to_string(self.directory.join("log"));
                panic!("the server does not start: {}", log.unwrap_or_default());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let pid = child.id().to_string();
        let _ = Command::new("kill").args([self.stop_signal, &pid]).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if let Ok(Some(_)) = child.try_wait() {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Returns its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns what it has written to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Returns a new directory for a server's files.
fn directory() -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let n = MADE.fetch_add(1, Ordering::Relaxed);
    let directory = env::temp_dir().join(format!("hardtack-stores-{}-{n}", id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Lets the server run as its own user, if the test runs as root: PostgreSQL refuses root.
fn run_as(command: &mut Command, user: &str, directory: &Path) {
    let of = |what: &str, user: &str| -> Option<u32> {
        let output = Command::new("id").args([what, user]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let me = Command::new("id").arg("-u").output().unwrap().stdout;
    if me.trim_ascii() == b"0"
        && let (Some(uid), Some(gid)) = (of("-u", user), of("-g", user))
    {
        chown(directory, Some(uid), Some(gid)).unwrap();
        command.uid(uid).gid(gid).env("HOME", directory);
    }
}

fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Whether a server that speaks second answers this.
fn answers(port: u16, request: &[u8], answer: &[u8]) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut found = vec![0; answer.len()];
    std::io::Write::write_all(&mut stream, request).is_ok()
        && stream.read_exact(&mut found).is_ok()
        && found == answer
}

/// Starts Redis, with more arguments.
pub fn redis(arguments: &[&str]) -> Option<Server> {
    let mut command = Command::new(program("redis-server", &[])?);
    let (port, directory) = (free_port(), directory());
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--port", &port.to_string()])
        .args(arguments);
    let ready = |port| answers(port, b"PING\r\n", b"+PONG");
    Some(Server::start(command, port, directory, "-TERM", ready))
}

/// Starts a Redis Cluster of three masters.
pub fn redis_cluster() -> Option<Vec<Server>> {
    let client = program("redis-cli", &[])?;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let bus = free_port().to_string();
        let node = redis(&["--cluster-enabled", "yes", "--cluster-port", &bus])?;
        nodes.push(node);
    }
    let addresses = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    let created = Command::new(client)
        .args(["--cluster", "create"])
        .args(addresses)
        .args(["--cluster-replicas", "0", "--cluster-yes"])
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    let ok = |node: &Server| {
        answers(
            node.port(),
            b"CLUSTER INFO\r\n",
            b"$", // the length follows, then the state
        ) && cluster_state(node.port()).is_some_and(|state| state.contains("cluster_state:ok"))
    };
    let start = Instant::now();
    while !nodes.iter().all(ok) {
        assert!(start.elapsed() < START, "the cluster does not start");
        sleep(Duration::from_millis(50));
    }
    Some(nodes)
}

fn cluster_state(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    std::io::Write::write_all(&mut stream, b"CLUSTER INFO\r\n").ok()?;
    let mut bytes = [0; 200];
    let len = stream.read(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes[..len]).into_owned())
}

/// Starts PostgreSQL: user and database `postgres`, without a password.
pub fn postgres() -> Option<Server> {
    postgres_with(&[])
}

/// Starts the same with more arguments.
pub fn postgres_with(arguments: &[&str]) -> Option<Server> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let places: Vec<String> = versions
        .flatten()
        .map(|version| version.path().join("bin").display().to_string())
        .collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let (initdb, postgres) = (program("initdb", &places)?, program("postgres", &places)?);
    let is_ready = program("pg_isready", &places)?;
    let (port, directory) = (free_port(), directory());
    let data = directory.join("data");
    let mut init = Command::new(initdb);
    init.args(["--username=postgres", "--auth=trust", "--no-sync", "-D"])
        .arg(&data)
        .current_dir(&directory);
    run_as(&mut init, "postgres", &directory);
    let output = init.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut command = Command::new(postgres);
    command
        .args(["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "max_connections=200", "-p", &port.to_string(), "-k"])
        .arg(&directory)
        .arg("-D")
        .arg(&data)
        .args(arguments);
    run_as(&mut command, "postgres", &directory);
    let ready = move |port: u16| {
        let mut ready = Command::new(&is_ready);
        ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
        ready.status().is_ok_and(|status| status.success())
    };
    Some(Server::start(command, port, directory, "-INT", ready))
}

/// Starts MariaDB: user `root`, without a password.
pub fn mariadb() -> Option<Server> {
    let (install, mariadbd) = (
        program("mariadb-install-db", &[])?,
        program("mariadbd", &[])?,
    );
    let (port, directory) = (free_port(), directory());
    let data = directory.join("data");
    let mut init = Command::new(install);
    init.args([
        "--no-defaults",
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ])
    .arg(format!("--datadir={}", data.display()))
    // One that starts deletes the temporary tables of all others in the same directory.
    .env("TMPDIR", &directory)
    .current_dir(&directory);
    run_as(&mut init, "mysql", &directory);
    let output = init.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut command = Command::new(mariadbd);
    command
        .args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--skip-grant-tables",
        ])
        .args(["--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"])
        .env("TMPDIR", &directory)
        .arg(format!("--port={port}"))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", directory.join("socket").display()))
        .arg(format!("--pid-file={}", directory.join("pid").display()));
    run_as(&mut command, "mysql", &directory);
    Some(Server::start(command, port, directory, "-TERM", accepts))
}

/// Starts Memcached.
pub fn memcached() -> Option<Server> {
    memcached_with(&[])
}

/// Starts the same with more arguments.
pub fn memcached_with(arguments: &[&str]) -> Option<Server> {
    let mut command = Command::new(program("memcached", &[])?);
    let (port, directory) = (free_port(), directory());
    command
        .args(["-l", "127.0.0.1", "-U", "0", "-u", "nobody"])
        .args(["-p", &port.to_string()])
        .args(arguments);
    Some(Server::start(command, port, directory, "-TERM", accepts))
}

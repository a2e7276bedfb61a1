//! The processes that a test starts: they end with it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a test waits for what must happen: a busy machine may be slow, and only a failure takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Ends with its handle.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Starts a program and waits for a line of its output that `find` knows.
    pub(crate) fn start<R>(
        command: &mut Command,
        missing: &str,
        find: impl Fn(&str) -> Option<R>,
    ) -> (Process, R) {
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}: {missing}"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let process = Process(child);
        let found = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| find(&line));
        let found = found.unwrap_or_else(|| panic!("{command:?} ended before it was ready"));
        // What nobody reads would block it.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        (process, found)
    }
}

/// One of the examples, on a free port.
pub struct Server {
    _process: Process,
    /// `http://localhost:PORT`.
    pub origin: String,
}

impl Server {
    /// Builds and starts it.
    pub fn start(example: &str, keys: &str) -> Server {
        Server::run(&mut build(example, example), keys, "was it deleted?")
    }

    /// The same, with its sessions in memory on the server.
    pub fn start_in_memory(example: &str, keys: &str) -> Server {
        let mut command = build(example, example);
        command.args(["--store", "memory"]);
        Server::run(&mut command, keys, "was it deleted?")
    }

    /// The same, with sessions that are bound to the browser's device.
    pub fn start_device_bound(example: &str, keys: &str) -> Server {
        let mut command = build(example, example);
        command.arg("--device-bound");
        Server::run(&mut command, keys, "was it deleted?")
    }

    /// The same, with its sessions in the store at this address.
    pub fn start_on(example: &str, store: &str, keys: &str) -> Server {
        let mut command = build(example, &format!("{example},stores"));
        command.args(["--store", store]);
        Server::run(&mut command, keys, "was it deleted?")
    }

    /// The example on FastAPI.
    pub fn fastapi(keys: &str) -> Server {
        let mut command = Command::new(languages().join("venv/bin/python"));
        command.args(["-B", "serve.py"]).current_dir(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../examples/fastapi"
        ));
        Server::run(&mut command, keys, INSTALL)
    }

    /// The example on Hono.
    pub fn hono(keys: &str) -> Server {
        let mut command = Command::new("node");
        command
            .arg("serve.mjs")
            .current_dir(languages().join("hono"));
        Server::run(&mut command, keys, INSTALL)
    }

    /// Starts a server that says where it listens.
    fn run(command: &mut Command, keys: &str, missing: &str) -> Server {
        command
            .env("HARDTACK_ADDR", "127.0.0.1:0")
            .env("HARDTACK_KEYS", keys);
        let (process, origin) = Process::start(command, missing, |line| {
            let (_, origin) = line.split_once("listening on ")?;
            Some(origin.trim_end_matches('/').to_owned())
        });
        Server {
            _process: process,
            origin,
        }
    }
}

/// Builds an example, and returns the command that runs it.
fn build(example: &str, features: &str) -> Command {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--message-format", "json"])
        .args([
            "--package",
            "site",
            "--example",
            example,
            "--features",
            features,
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "the example {example} does not build"
    );
    let executable = built
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == example)
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .unwrap();
    Command::new(executable)
}

const INSTALL: &str = "`tests/interop/install target/languages` installs it";

/// Where the other languages are installed.
fn languages() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/languages"
    ))
}

/// nginx before several servers: one request here, the next one there.
pub struct Proxy {
    _process: Process,
    _directory: TempDir,
    /// `http://localhost:PORT`.
    pub origin: String,
    /// The port of https, if it has any.
    pub https: u16,
}

impl Proxy {
    /// Starts nginx from a directory that goes when it does.
    pub fn start(servers: &[&Server]) -> Proxy {
        Proxy::start_with(servers, &[])
    }

    /// The same, with servers for the pages under a path.
    pub fn start_with(servers: &[&Server], under: &[(&str, &Server)]) -> Proxy {
        let address = |server: &Server| server.origin.replace("http://localhost", "127.0.0.1");
        let upstream: String = servers
            .iter()
            .map(|server| format!("server {};", address(server)))
            .collect();
        let locations: String = under
            .iter()
            .map(|(path, server)| {
                format!(
                    "location {path} {{ proxy_pass http://{}; }}",
                    address(server)
                )
            })
            .collect();
        let config = include_str!("nginx.conf")
            .replace("SERVERS;", &upstream)
            .replace("LOCATIONS;", &locations);
        Proxy::start_from(&config.replace("LOG;", "off;").replace("TLS;", ""))
    }

    /// nginx with https before the server at `http://localhost:PORT`, under any name, and with a list of the requests.
    pub fn start_https(origin: &str) -> Proxy {
        let address = origin.replace("http://localhost", "127.0.0.1");
        let config = include_str!("nginx.conf")
            .replace("SERVERS;", &format!("server {address};"))
            .replace("LOCATIONS;", "")
            .replace("LOG;", "requests.log;")
            .replace(
                "TLS;",
                "listen 127.0.0.1:HTTPS ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;",
            );
        Proxy::start_from(&config)
    }

    /// The requests so far that begin like this, such as `POST /login`.
    pub fn requests(&self, begin: &str) -> usize {
        self.log().matches(&format!("\"{begin}")).count()
    }

    /// The requests so far, a line for each.
    pub fn log(&self) -> String {
        fs::read_to_string(self._directory.path().join("requests.log")).unwrap()
    }

    /// The SHA-256 of the certificate's key in base64, as Chromium wants it to trust the certificate.
    pub fn key_hash(&self) -> String {
        self.openssl("x509 -in cert.pem -pubkey -noout -out public.pem");
        self.openssl("pkey -pubin -in public.pem -outform der -out public.der");
        self.openssl("dgst -sha256 -binary -out hash public.der");
        let text = self.openssl("base64 -in hash");
        String::from_utf8(text).unwrap().trim().to_owned()
    }

    fn openssl(&self, arguments: &str) -> Vec<u8> {
        openssl(self._directory.path(), arguments, &[])
    }

    fn start_from(config: &str) -> Proxy {
        let started = Instant::now();
        loop {
            if let Some(proxy) = Proxy::try_start(config) {
                return proxy;
            }
            assert!(started.elapsed() < PATIENCE, "nginx does not answer");
        }
    }

    /// Starts nginx on a port that was free. Returns `None` if it ended: another process may have taken the port.
    fn try_start(config: &str) -> Option<Proxy> {
        let directory = tempfile::tempdir().unwrap();
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, https] = free
            .each_ref()
            .map(|free| free.local_addr().unwrap().port());
        drop(free);
        let config = config
            .replace("PORT", &port.to_string())
            .replace("HTTPS", &https.to_string());
        if config.contains("cert.pem") {
            let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout key.pem -out cert.pem";
            let names = "subjectAltName=DNS:shop.test,DNS:other.test";
            openssl(
                directory.path(),
                make,
                &["-subj", "/CN=shop.test", "-addext", names],
            );
        }
        let path = directory.path().join("nginx.conf");
        fs::write(&path, config).unwrap();
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(path)
            .args(["-e", "stderr"]);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("nginx: {error}: `apt-get install nginx-light` has it"));
        let mut process = Process(child);
        let started = Instant::now();
        // It says that it is ready in its log, which goes to standard error: ask it instead.
        while ureq::get(format!("http://127.0.0.1:{port}/goodbye"))
            .call()
            .is_err()
        {
            if process.0.try_wait().unwrap().is_some() || started.elapsed() > PATIENCE {
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Some(Proxy {
            _process: process,
            _directory: directory,
            origin: format!("http://localhost:{port}"),
            https,
        })
    }
}

/// Runs `openssl` in a directory. Returns what it prints.
fn openssl(directory: &Path, arguments: &str, more: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .args(more)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}: `apt-get install openssl` has it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {said}");
    output.stdout
}

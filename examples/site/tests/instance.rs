//! One process of an example, and requests to it.

use crate::store::Store;
use std::{
    env,
    error::Error,
    fs,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Returns a new key.
pub fn key() -> String {
    let part = |part| format!("{:016x}", RandomState::new().hash_one(part));
    (0..4).map(part).collect()
}

/// The name of the cookie.
const COOKIE: &str = "__Host-session=";

/// Holds one process of the example, on a port that the system chose.
pub struct Instance {
    _process: Process,
    pub address: SocketAddr,
}

impl Instance {
    /// Starts the process, and waits until it prints its address.
    pub fn start(example: &str, store: &Store, keys: &str) -> Result<Instance> {
        let mut process = Process(
            program(example)?
                .args(store.arguments())
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

/// Returns the command that runs an example.
pub fn program(example: &str) -> Result<Command> {
    let here = env::current_exe()?;
    let built = here.parent().and_then(|deps| deps.parent());
    let program = built.ok_or("no directory")?.join("examples").join(example);
    if !fs::exists(&program)? {
        return Err(
            "the examples are not built: `cargo test --package site --all-features`".into(),
        );
    }
    Ok(Command::new(program))
}

/// Kills the process when it is dropped.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub struct Response {
    pub status: u16,
    /// The status line and the headers, in lower case.
    pub head: String,
    pub body: String,
    /// The cookie of the session, if it was set.
    pub cookie: Option<String>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }
}

pub fn get(address: SocketAddr, path: &str, cookie: Option<&str>) -> Result<Response> {
    request(address, "GET", path, cookie, "Mozilla/5.0", "")
}

/// Sends a request whose connection ends with the response.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    cookie: Option<&str>,
    browser: &str,
    form: &str,
) -> Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n"));
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\nUser-Agent: {browser}\r\n{}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        address.port(),
        cookie.unwrap_or_default(),
        form.len(),
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;

    let (head, body) = response.split_once("\r\n\r\n").ok_or("no head")?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let set = lines
        .find(|(name, value)| name.eq_ignore_ascii_case("set-cookie") && value.starts_with(COOKIE));
    let status = head.split(' ').nth(1).ok_or("no status")?;
    Ok(Response {
        status: status.parse()?,
        head: head.to_lowercase(),
        body: body.to_owned(),
        cookie: set.map(|(_, line)| line.split(';').next().unwrap_or(line).to_owned()),
    })
}

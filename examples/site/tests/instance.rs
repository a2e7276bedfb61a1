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

/// The beginning of the session's cookie.
const COOKIE: &str = "__Host-session=";

/// Holds one process of the example, on a port that the system chose.
pub struct Instance {
    _process: Process,
    pub address: SocketAddr,
}

impl Instance {
    /// Starts the process, and waits until it prints its address.
    pub fn start(example: &str, store: &Store, keys: &str) -> Result<Instance> {
        Instance::start_with(example, &store.arguments(), keys)
    }

    /// The same, with these arguments.
    pub fn start_with(example: &str, arguments: &[String], keys: &str) -> Result<Instance> {
        let mut process = Process(
            program(example)?
                .args(arguments)
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
    /// The status line and the headers.
    head: String,
    pub body: String,
    /// The cookie of the session, if it was set.
    pub cookie: Option<String>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// The values of all headers of this name.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter_map(move |(field, value)| field.eq_ignore_ascii_case(name).then_some(value))
    }
}

pub fn get(address: SocketAddr, path: &str, cookie: Option<&str>) -> Result<Response> {
    let cookie = cookie.map(|cookie| ("Cookie", cookie));
    request(address, "GET", path, cookie.as_slice(), "")
}

/// Sends a request whose connection ends with the response.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    form: &str,
) -> Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let lines = headers.iter();
    let lines: String = lines
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n{lines}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        address.port(),
        form.len(),
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;

    let (head, body) = response.split_once("\r\n\r\n").ok_or("no head")?;
    let status = head.split(' ').nth(1).ok_or("no status")?;
    let mut response = Response {
        status: status.parse()?,
        head: head.to_owned(),
        body: body.to_owned(),
        cookie: None,
    };
    let set = response
        .headers("set-cookie")
        .find(|line| line.starts_with(COOKIE));
    response.cookie = set.map(|line| line.split(';').next().unwrap_or(line).to_owned());
    Ok(response)
}

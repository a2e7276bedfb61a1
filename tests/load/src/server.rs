//! One of the examples as a process on loopback, and the memory that it has.

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

/// Ends with its handle.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
}

/// Builds the examples as this program was built.
pub fn build() -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "site", "--examples", "--all-features"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    match command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?
        .success()
    {
        true => Ok(()),
        false => Err("the examples do not build".into()),
    }
}

impl Server {
    /// Without the address of a store, the sessions are in their cookies.
    pub fn start(
        example: &str,
        keys: &Path,
        store: Option<&str>,
    ) -> Result<Server, Box<dyn Error>> {
        let path = env::current_exe()?.with_file_name("examples").join(example);
        let mut process = Command::new(path)
            .args(store.iter().flat_map(|store| ["--store", store]))
            .env("HARDTACK_ADDR", "127.0.0.1:0")
            .env("HARDTACK_KEYS_FILE", keys)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let mut server = Server {
            process,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
        };
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("listening on http://localhost:")?;
            port.trim_end_matches('/').parse().ok()
        });
        server
            .address
            .set_port(port.ok_or("the server ended before it was ready")?);
        // What nobody reads would block it.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(server)
    }

    /// In KiB: what of its memory is in RAM.
    pub fn resident(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmRSS")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

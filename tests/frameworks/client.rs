//! A client that sends any bytes and sees every header line.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use ureq::{
    Agent,
    http::{HeaderValue, Request},
};

/// A response, read to its end.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The values of all lines with this name.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(line, _)| line == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// Whether a list-valued field has this member.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        self.values(name)
            .iter()
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(member))
    }

    pub fn set_cookie(&self) -> Vec<&str> {
        self.values("set-cookie")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends a GET request over a connection of its own; `None` if the connection is closed without an
/// answer.
pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &[u8])]) -> Option<Response> {
    send(address, "GET", path, headers, None)
}

/// Sends a request of any method, and with a body if there is one.
pub fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &[u8])],
    body: Option<&str>,
) -> Option<Response> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .build()
        .into();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    let response = match body {
        None => agent.run(request.body(()).unwrap()),
        Some(body) => agent.run(request.body(body).unwrap()),
    };
    let response = response.ok()?;
    let (parts, mut body) = response.into_parts();
    let headers = parts.headers.iter();
    Some(Response {
        status: parts.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: body.read_to_vec().unwrap(),
    })
}

/// What the server sends for these bytes until it closes the connection.
pub fn raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut connection = TcpStream::connect(address).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    connection.write_all(request).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    answer
}

//! The client of the sites that are served over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A connection that is kept alive.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(site: SocketAddr) -> Connection {
        let stream = TcpStream::connect(site).expect("the site listens");
        stream.set_nodelay(true).expect("it is a TCP connection");
        Connection(BufReader::new(stream))
    }

    /// Sends a request. Returns the cookies that are set, and the body, if it is answered with 200.
    pub fn get(&mut self, path: &str, cookie: &str) -> Option<(String, String)> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: site\r\nCookie: {cookie}\r\n\r\n");
        let stream = self.0.get_mut();
        stream.write_all(request.as_bytes()).expect("it reads");
        let (mut cookies, mut len) = (Vec::new(), 0);
        let mut line = String::new();
        self.0.read_line(&mut line).expect("it answers");
        let is_ok = line.get(9..12) == Some("200");
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("an answer has a head");
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            if name.eq_ignore_ascii_case("set-cookie") {
                cookies.extend(value.split(';').next().map(str::to_owned));
            } else if name.eq_ignore_ascii_case("content-length") {
                len = value.parse().expect("a number");
            }
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).expect("the body follows");
        let body = String::from_utf8(body).expect("the body is text");
        is_ok.then(|| (cookies.join("; "), body))
    }
}

//! The load: some connections to one server, and on each of them the next request as soon as the answer is there. One thread
//! drives them in turn. It never sleeps, because to wake it would cost the server time.

use std::hint::spin_loop;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;

const CONNECTIONS: usize = 32;

pub struct Load {
    connections: Vec<Connection>,
    request: Vec<u8>,
    expected: Expected,
}

/// What every answer has to be, or the server would look fast because it does less.
#[derive(Clone, Copy)]
pub struct Expected {
    pub body: &'static str,
    pub sets_cookie: bool,
}

impl Load {
    /// Sends GET requests for this path with this cookie, which may be empty.
    pub fn new(server: SocketAddr, path: &str, cookie: &str, expected: Expected) -> Load {
        let cookie = match cookie {
            "" => String::new(),
            cookie => format!("Cookie: {cookie}\r\n"),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n{cookie}\r\n");
        Load {
            connections: (0..CONNECTIONS).map(|_| Connection::to(server)).collect(),
            request: request.into_bytes(),
            expected,
        }
    }

    /// Makes requests for so long, once the server is warm. Returns the answers of that time, the time, and what `meter`
    /// has gained in it.
    pub fn run(&mut self, length: Duration, meter: impl Fn() -> Duration) -> Slice {
        for connection in &mut self.connections {
            connection.send(&self.request);
        }
        for _ in 0..10 {
            self.turn();
        }
        let (metered, start, mut answers) = (meter(), Instant::now(), 0);
        while start.elapsed() < length {
            self.turn();
            answers += self.connections.len();
        }
        let (time, metered) = (start.elapsed(), meter() - metered);
        for connection in &mut self.connections {
            connection.receive(self.expected);
        }
        Slice {
            answers,
            time,
            metered,
        }
    }

    fn turn(&mut self) {
        for connection in &mut self.connections {
            connection.receive(self.expected);
            connection.send(&self.request);
        }
    }
}

/// What the server did in a moment.
pub struct Slice {
    pub answers: usize,
    pub time: Duration,
    pub metered: Duration,
}

/// Sends one request without any cookie, and returns the cookie that the answer sets, as `name=value`.
pub fn first_cookie(server: SocketAddr, path: &str) -> String {
    let mut connection = Connection::to(server);
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes());
    let end = connection.wait();
    let answer = Answer::parse(&connection.received[..end]).expect("it is whole");
    let cookie = answer.set_cookie.unwrap_or_default();
    let pair = cookie.split(|byte| *byte == b';').next();
    String::from_utf8(pair.unwrap_or_default().to_vec()).expect("a cookie is ASCII")
}

struct Connection {
    stream: TcpStream,
    received: Box<[u8; 16 * 1024]>,
}

impl Connection {
    fn to(server: SocketAddr) -> Connection {
        let stream = TcpStream::connect(server).expect("the server listens");
        stream.set_nodelay(true).expect("it is a socket");
        stream.set_nonblocking(true).expect("it is a socket");
        Connection {
            stream,
            received: Box::new([0; 16 * 1024]),
        }
    }

    fn send(&mut self, request: &[u8]) {
        let sent = self.stream.write(request).expect("the server reads");
        assert_eq!(sent, request.len(), "an empty buffer takes a request whole");
    }

    fn receive(&mut self, expected: Expected) {
        let end = self.wait();
        let answer = Answer::parse(&self.received[..end]).expect("it is whole");
        answer.check(expected);
    }

    /// Waits for an answer. Returns its length in the buffer.
    fn wait(&mut self) -> usize {
        let mut end = 0;
        loop {
            match self.stream.read(&mut self.received[end..]) {
                Ok(0) => panic!("the server closes the connection, or its answer is too long"),
                Ok(more) => end += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    spin_loop();
                    continue;
                }
                Err(error) => panic!("the server does not answer: {error}"),
            }
            if Answer::parse(&self.received[..end]).is_some() {
                return end;
            }
        }
    }
}

#[derive(Debug, PartialEq)]
struct Answer<'a> {
    is_ok: bool,
    set_cookie: Option<&'a [u8]>,
    body: &'a [u8],
}

impl Answer<'_> {
    /// Returns `None` while there is more to come.
    fn parse(received: &[u8]) -> Option<Answer<'_>> {
        let (head, body) = split(received, b"\r\n\r\n")?;
        // All three servers write names in lower case.
        let value = |name: &[u8]| {
            let (_, rest) = split(head, name)?;
            Some(split(rest, b"\r\n").map_or(rest, |(value, _)| value))
        };
        let length = value(b"\r\ncontent-length: ").expect("an answer tells its length");
        let length: usize = str::from_utf8(length)
            .expect("a length is text")
            .parse()
            .expect("a length is a number");
        (body.len() == length).then(|| Answer {
            is_ok: head.starts_with(b"HTTP/1.1 200 "),
            set_cookie: value(b"\r\nset-cookie: "),
            body,
        })
    }

    fn check(&self, expected: Expected) {
        let Answer {
            is_ok,
            set_cookie,
            body,
        } = self;
        assert!(is_ok, "an answer is not 200");
        assert_eq!(
            set_cookie.is_some(),
            expected.sets_cookie,
            "an answer sets a cookie"
        );
        assert_eq!(*body, expected.body.as_bytes());
    }
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let start = memmem::find(bytes, at)?;
    Some((&bytes[..start], &bytes[start + at.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &[u8] = b"HTTP/1.1 200 OK\r\nset-cookie: a=b; Path=/\r\ncontent-length: 2\r\nvary: Cookie\r\n\r\nhi";

    #[test]
    fn an_answer_is_whole_with_the_last_byte_of_its_body() {
        for end in 0..WRITTEN.len() {
            assert_eq!(Answer::parse(&WRITTEN[..end]), None, "{end}");
        }
        let answer = Answer {
            is_ok: true,
            set_cookie: Some(b"a=b; Path=/"),
            body: b"hi",
        };
        assert_eq!(Answer::parse(WRITTEN), Some(answer));
    }

    #[test]
    fn a_server_that_does_less_is_found_out() {
        let check = |answer: &'static [u8], body, sets_cookie| {
            let check = move || {
                let answer = Answer::parse(answer).expect("it is whole");
                answer.check(Expected { body, sets_cookie });
            };
            std::panic::catch_unwind(check).is_ok()
        };
        assert!(check(WRITTEN, "hi", true));
        assert!(!check(WRITTEN, "hi", false));
        assert!(!check(WRITTEN, "ho", true));
        let unwritten = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        assert!(check(unwritten, "hi", false));
        assert!(!check(unwritten, "hi", true));
        let failed = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
        assert!(!check(failed, "", false));
    }
}

//! A browser that counts its own visits, and what it may send besides.

use crate::{
    browser::{Jar, is_removal},
    mint::{self, Minted, NAME},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, VARY},
};
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};
use tokio::net::TcpStream;

/// Longer than any token: refused before a character of it is decoded.
const TOO_LONG: usize = 40_000;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The sessions of a server, as its clients know them.
pub struct Sessions {
    pub are_stored: bool,
    /// The store is stopped, or was a moment ago.
    pub is_store_down: AtomicBool,
}

impl Sessions {
    fn may_be_missing(&self) -> bool {
        self.is_store_down.load(SeqCst)
    }
}

/// An answer is wrong, or there is none.
pub type Failure = Box<dyn Error + Send + Sync>;

pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// What of an answer can be right or wrong.
pub struct Answer {
    status: StatusCode,
    set_cookie: Vec<String>,
    cache_control: String,
    vary: String,
    body: Bytes,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let host = address.to_string();
        Ok(Connection { sender, host })
    }

    async fn get(&mut self, path: &str, cookie: &str) -> Result<Answer, Failure> {
        let mut request = Request::get(path).header(HOST, &self.host);
        if !cookie.is_empty() {
            request = request.header(COOKIE, cookie);
        }
        self.send(request.body(Full::default())?).await
    }

    /// What a form of the site sends.
    pub async fn post(&mut self, path: &str, form: &'static str) -> Result<Answer, Failure> {
        let request = Request::post(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Full::from(form))?;
        let answer = self.send(request).await?;
        match answer.status {
            StatusCode::SEE_OTHER => Ok(answer),
            status => Err(format!("{path}: {status}").into()),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let lines = |name| {
            let lines = head.headers.get_all(name).iter();
            lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        };
        Ok(Answer {
            status: head.status,
            set_cookie: lines(SET_COOKIE).collect(),
            cache_control: lines(CACHE_CONTROL).collect(),
            vary: lines(VARY).collect(),
            body: body.collect().await?.to_bytes(),
        })
    }
}

impl Answer {
    /// Returns the number of the visit that it tells.
    fn visit(&self) -> Option<u32> {
        let text = str::from_utf8(&self.body).ok()?;
        text.strip_prefix("visit ")?
            .strip_suffix('\n')?
            .parse()
            .ok()
    }
}

/// Keeps its cookies and knows what its session must say.
#[derive(Default)]
pub struct Browser {
    jar: Jar,
    visits: u32,
    /// Visits that were answered with a 503: nobody knows whether the store had them before it was gone.
    unsure: u32,
}

/// Whose session the answer must show.
enum Whose {
    /// Our own: the next visit.
    Ours,
    /// That of a cookie that we made.
    Minted,
    /// A new one: what was sent is refused.
    New,
}

impl Browser {
    /// Puts so much into the session that it needs two cookies, if it is in cookies.
    pub async fn load(
        &mut self,
        connection: &mut Connection,
        sessions: &Sessions,
    ) -> Result<(), Failure> {
        let answer = connection.post("/ballast", "kilobytes=4").await?;
        self.keep(&answer);
        match self.jar.0.len() {
            2 => Ok(()),
            1 if sessions.are_stored => Ok(()),
            other => Err(format!("{other} cookies").into()),
        }
    }

    /// One more visit, and nothing else.
    pub async fn visit(
        &mut self,
        connection: &mut Connection,
        sessions: &Sessions,
    ) -> Result<(), Failure> {
        self.send(connection, sessions, self.jar.header(), Whose::Ours)
            .await
    }

    /// A request with a cookie that is not as it should be.
    pub async fn attack(
        &mut self,
        connection: &mut Connection,
        sessions: &Sessions,
        minted: &Minted,
        primary: usize,
    ) -> Result<(), Failure> {
        let (ours, whole) = (self.jar.header(), self.jar.0.get(NAME));
        let refused = minted.refused(primary);
        let large = || format!("h{}", "A".repeat(TOO_LONG));
        let (header, whose) = match fastrand::u8(..10) {
            0 => (format!("{NAME}={refused}"), Whose::New),
            1 => (format!("{NAME}={refused}; {ours}"), Whose::Ours),
            2 => (format!("{ours}; {NAME}={}", garbage()), Whose::Ours),
            3 => (format!("grüße=ö; {NAME}={}", garbage()), Whose::New),
            4 => (format!("{NAME}={}; {ours}", large()), Whose::Ours),
            5 => (format!("{NAME}={}", large()), Whose::New),
            6 => (
                format!(
                    "{NAME}={}; {ours}",
                    whole.map_or_else(garbage, |own| flip(own))
                ),
                Whose::Ours,
            ),
            7 => (self.forged(), Whose::New),
            8 => (
                // Announces parts that never come.
                format!("{NAME}=9.{}", minted.good(primary)),
                Whose::New,
            ),
            // It is taken over by a store, and then its count goes on there.
            _ if sessions.are_stored => (format!("{NAME}={}", garbage()), Whose::New),
            _ => (format!("{NAME}={}", minted.good(primary)), Whose::Minted),
        };
        self.send(connection, sessions, header, whose).await
    }

    /// Asks for one visit more, and looks whether the answer counts right.
    async fn send(
        &mut self,
        connection: &mut Connection,
        sessions: &Sessions,
        header: String,
        whose: Whose,
    ) -> Result<(), Failure> {
        let was_missing = sessions.may_be_missing();
        let answer = connection.get("/visits", &header).await?;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE
            && (was_missing || sessions.may_be_missing())
        {
            self.unsure += u32::from(matches!(whose, Whose::Ours));
            return Ok(());
        }
        let (visit, cookies) = match whose {
            Whose::Ours => (self.visits + 1, self.jar.0.len().max(1)),
            Whose::Minted => (mint::COUNT + 1, 1),
            Whose::New => (1, 1),
        };
        let counted = match whose {
            Whose::Ours => visit..=visit + self.unsure,
            Whose::Minted | Whose::New => visit..=visit,
        };
        let said = answer.visit();
        let set = answer
            .set_cookie
            .iter()
            .filter(|line| !is_removal(line))
            .count();
        // A session in a store has one cookie, which it keeps.
        let keeps_cookie = sessions.are_stored && set == 0 && !matches!(whose, Whose::New);
        let right = answer.status == StatusCode::OK
            && said.is_some_and(|said| counted.contains(&said))
            && (set == cookies || keeps_cookie)
            && answer.cache_control == if keeps_cookie { "private" } else { "no-store" }
            && answer.vary == "Cookie";
        if !right {
            let Answer {
                status,
                body,
                cache_control,
                vary,
                ..
            } = &answer;
            let begin: String = header.chars().take(60).collect();
            return Err(format!(
                "wanted visit {visit} and {cookies} cookies for {begin:?}, got {status} {body:?} and {set}, {cache_control:?}, {vary:?}"
            )
            .into());
        }
        if let Whose::Ours = whose {
            self.visits = said.unwrap_or(visit);
            self.unsure = 0;
            self.keep(&answer);
        }
        Ok(())
    }

    /// Returns the cookies with one bit changed in one of them.
    fn forged(&self) -> String {
        let place = fastrand::usize(..self.jar.0.len().max(1));
        let pairs = self.jar.0.iter().enumerate().map(|(at, (name, value))| {
            let value = if at == place {
                flip(value)
            } else {
                value.clone()
            };
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, answer: &Answer) {
        for line in &answer.set_cookie {
            self.jar.store(line);
        }
    }
}

/// Changes one of the six bits that a character stands for.
fn flip(value: &str) -> String {
    let mut bytes = value.as_bytes().to_vec();
    let place = fastrand::usize(..bytes.len());
    let bits = ALPHABET.iter().position(|letter| *letter == bytes[place]);
    // A full stop between the parts stands for none.
    bytes[place] = bits.map_or(b'!', |bits| ALPHABET[bits ^ 1 << fastrand::u8(..6)]);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Like a token at first sight.
fn garbage() -> String {
    let length = fastrand::usize(1..6_000);
    let letter = |_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())]);
    std::iter::once('h')
        .chain((0..length).map(letter))
        .collect()
}

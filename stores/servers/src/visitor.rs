//! A browser and its requests, without a framework.

use hardtack::session::{Exchange, HeaderEdit, RequestHead, Session, SessionManager};
use std::collections::BTreeMap;

/// A request, between its extractor and its response.
pub(crate) struct Request {
    exchange: Exchange,
    pub(crate) session: Session,
}

/// What the browser gets.
pub(crate) struct Reply {
    /// The status, if it is not the handler's.
    pub(crate) status: Option<u16>,
    set_cookie: Vec<String>,
}

impl Reply {
    pub(crate) fn sets_cookies(&self) -> bool {
        !self.set_cookie.is_empty()
    }

    pub(crate) fn removes_a_cookie(&self) -> bool {
        self.set_cookie.iter().any(|line| is_removal(line))
    }
}

fn is_removal(line: &str) -> bool {
    line.contains("Max-Age=0")
}

impl Request {
    pub(crate) async fn new(sessions: &SessionManager, visitor: &Visitor) -> Request {
        let pairs = visitor.0.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookie = pairs.join("; ");
        let exchange = Exchange::begin(sessions);
        let session = exchange.session(RequestHead {
            method: "GET",
            path: "/",
            authority: None,
            header: |name| (name == "cookie").then_some(cookie.as_bytes()),
        });
        let session = session.await;
        Request { exchange, session }
    }

    pub(crate) async fn end(self) -> Reply {
        drop(self.session);
        let plan = self.exchange.commit(self.exchange.close()).await;
        let edits = self.exchange.finish(plan, |_| []);
        let status = edits.status();
        let line = |edit| match edit {
            HeaderEdit::Append("set-cookie", line) => Some(line.into_owned()),
            _ => None,
        };
        Reply {
            status,
            set_cookie: edits.into_iter().filter_map(line).collect(),
        }
    }
}

/// The cookies of a browser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visitor(BTreeMap<String, String>);

impl Visitor {
    /// Returns the value of its first cookie.
    pub fn token(&self) -> &str {
        self.0.values().next().expect("a cookie")
    }

    pub(crate) fn take(&mut self, reply: &Reply) {
        for line in &reply.set_cookie {
            let pair = line.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a pair");
            match is_removal(line) {
                true => self.0.remove(name),
                false => self.0.insert(name.into(), value.into()),
            };
        }
    }

    /// One request whose answer it takes.
    pub(crate) async fn visit<R>(
        &mut self,
        sessions: &SessionManager,
        handler: impl FnOnce(&Session) -> R,
    ) -> (R, Reply) {
        let request = Request::new(sessions, self).await;
        let result = handler(&request.session);
        let reply = request.end().await;
        self.take(&reply);
        (result, reply)
    }

    /// Somebody who has just logged in.
    pub(crate) async fn log_in(sessions: &SessionManager, user: &str) -> Visitor {
        let mut visitor = Visitor::default();
        let (_, reply) = visitor
            .visit(sessions, |session| {
                session.regenerate_for_login().unwrap();
                session.insert("user", user).unwrap();
            })
            .await;
        assert_eq!(reply.status, None);
        visitor
    }
}

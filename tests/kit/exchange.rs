//! One request and its response without a framework: what the tests, the fuzz targets and the benches
//! drive in place of an adapter.
#![allow(dead_code, reason = "each of them uses a part")]

use hardtack::session::{
    Commit, Exchange, HeaderEdit, HeaderEdits, Plan, RequestHead, SaveError, Session, SessionData,
    SessionManager, SessionMap,
};
use std::{
    borrow::Cow,
    fmt,
    future::poll_fn,
    ops::Deref,
    pin::pin,
    task::{Context, Poll, Waker},
};

pub const NO_HEADERS: [(&str, &str); 0] = [];

/// The session of a request, up to the response.
pub struct Request<T: SessionData = SessionMap> {
    exchange: Exchange<T>,
    session: Session<T>,
}

impl<T: SessionData> Request<T> {
    /// A request with these lines of its Cookie header.
    pub fn new<'h>(
        sessions: &SessionManager<T>,
        cookie: impl IntoIterator<Item = &'h [u8], IntoIter: Clone> + Clone,
    ) -> Request<T> {
        let exchange = Exchange::begin(sessions);
        let head = RequestHead {
            method: "GET",
            path: "/",
            authority: None,
            headers: cookie.into_iter().map(|line| ("cookie", line)),
        };
        let session = ready(exchange.session(head));
        Request { exchange, session }
    }

    /// The session, as a handler gets it.
    pub fn give(&self) -> Session<T> {
        let head = RequestHead {
            method: "GET",
            path: "/",
            authority: None,
            headers: NO_HEADERS,
        };
        // Only the first head counts.
        ready(self.exchange.session(head))
    }

    /// The same, if the session has to be waited for.
    pub async fn load(sessions: &SessionManager<T>, cookie: &str) -> Request<T> {
        let exchange = Exchange::begin(sessions);
        let session = exchange.session(RequestHead {
            method: "GET",
            path: "/",
            authority: None,
            headers: [("cookie", cookie)],
        });
        let session = session.await;
        Request { exchange, session }
    }

    /// A request of a browser that is on this page.
    pub async fn of(
        sessions: &SessionManager<T>,
        (host, path): (&str, &str),
        cookie: &str,
    ) -> Request<T> {
        let exchange = Exchange::begin(sessions);
        let session = exchange.session(RequestHead {
            method: "GET",
            path,
            authority: Some(host),
            headers: [("cookie", cookie)],
        });
        let session = session.await;
        Request { exchange, session }
    }

    /// The response to it, if the store has to be waited for.
    pub async fn commit(&self) -> Reply {
        let plan = self.exchange.commit(self.exchange.close()).await;
        self.exchange.finish(plan, NO_HEADERS).into()
    }

    /// The response to it, whose handler set no header.
    pub fn finish(&self) -> Reply {
        self.finish_with(&[], &[])
    }

    /// The response to it, whose handler set these headers.
    pub fn finish_with(&self, cache_control: &[&[u8]], vary: &[&[u8]]) -> Reply {
        self.edits(cache_control, vary).into()
    }

    /// The first half of the response to it: what is decided.
    pub fn close(&self) -> Plan {
        self.exchange.close()
    }

    /// The second half.
    pub fn begin_commit(&self, plan: Plan) -> Commit {
        self.exchange.commit(plan)
    }

    pub fn finish_closed(&self, plan: Plan) -> Reply {
        self.finish_closed_edits(plan).into()
    }

    pub fn finish_closed_edits(&self, plan: Plan) -> HeaderEdits {
        let plan = ready(self.exchange.commit(plan));
        self.exchange.finish(plan, NO_HEADERS)
    }

    /// What an adapter gets for a response that sets this cookie already.
    pub fn edits_beside(&self, line: &str) -> HeaderEdits {
        let plan = ready(self.exchange.commit(self.exchange.close()));
        self.exchange.finish(plan, [("set-cookie", line)])
    }

    /// What an adapter gets for the response.
    pub fn edits(&self, cache_control: &[&[u8]], vary: &[&[u8]]) -> HeaderEdits {
        let plan = ready(self.exchange.commit(self.exchange.close()));
        let cache_control = cache_control.iter().map(|line| ("cache-control", *line));
        let vary = vary.iter().map(|line| ("vary", *line));
        self.exchange.finish(plan, cache_control.chain(vary))
    }
}

impl From<HeaderEdits> for Reply {
    fn from(edits: HeaderEdits) -> Reply {
        let mut reply = Reply {
            failed: edits.failed(),
            ..Reply::default()
        };
        for edit in edits {
            match edit {
                HeaderEdit::Append("set-cookie", line) => reply.set_cookie.push(line.into_owned()),
                HeaderEdit::Set("vary", value) => reply.vary = Some(value.into_owned()),
                HeaderEdit::Set("cache-control", Cow::Borrowed(value)) => {
                    reply.cache_control = Some(value);
                }
                other => panic!("{other:?}"),
            }
        }
        reply
    }
}

impl<T: SessionData> Deref for Request<T> {
    type Target = Session<T>;

    fn deref(&self) -> &Session<T> {
        &self.session
    }
}

impl<T: SessionData> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}

/// What the response carries for the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub set_cookie: Vec<String>,
    pub vary: Option<String>,
    pub cache_control: Option<&'static str>,
    pub failed: Option<SaveError>,
}

/// The output of a future that waits for nothing.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a session in a cookie waits for nothing"),
    }
}

/// Lets the others go on, once.
pub async fn give_way() {
    let mut gave = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

//! Sessions on a real server: what many requests at once write is kept, and what has ended stays ended.

use hardtack::{
    Key, Keyring,
    session::{Exchange, HeaderEdit, RequestHead, Session, SessionManager},
    store::Store,
};
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many requests write to one session at the same time.
const WRITERS: usize = 64;

/// A request, between its extractor and its response.
struct Request {
    exchange: Exchange,
    session: Session,
}

impl Request {
    async fn new(sessions: &SessionManager, cookie: &str) -> Request {
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

    /// Ends the request. Returns the cookie that the browser has then, or `None` if the response is an error.
    async fn end(self, cookie: &str) -> Option<String> {
        drop(self.session);
        let plan = self.exchange.commit(self.exchange.close()).await;
        let edits = self.exchange.finish(plan, |_| []);
        if edits.status().is_some() {
            return None;
        }
        let set = edits.into_iter().find_map(|edit| match edit {
            HeaderEdit::Append("set-cookie", line) => line.split(';').next().map(String::from),
            _ => None,
        });
        Some(set.unwrap_or_else(|| cookie.to_owned()))
    }
}

async fn log_in(sessions: &SessionManager) -> String {
    let request = Request::new(sessions, "").await;
    let session = &request.session;
    session.regenerate_for_login().unwrap();
    session.insert("user", "ada").unwrap();
    request.end("").await.unwrap()
}

/// Several instances of a site on one server. `lists` says whether the store keeps lists of owners.
pub async fn serves_sessions<S: Store>(connect: impl AsyncFn() -> S, lists: bool) {
    let ring = Keyring::new(Key::generate().unwrap());
    let mut instances = Vec::new();
    for _ in 0..4 {
        let builder = SessionManager::builder(ring.clone()).store(connect().await);
        instances.push(builder.max_record_bytes(16 * 1024).build().unwrap());
    }
    for instance in &instances {
        instance.check().await.unwrap();
    }
    let cookie: Arc<str> = log_in(&instances[0]).await.into();

    // All that is acknowledged is kept.
    let mut writers = JoinSet::new();
    for nth in 0..WRITERS {
        let (sessions, cookie) = (instances[nth % 4].clone(), cookie.clone());
        writers.spawn(async move {
            let request = Request::new(&sessions, &cookie).await;
            request.session.insert(&nth.to_string(), nth).unwrap();
            request.end(&cookie).await.map(|_| nth)
        });
    }
    let written: Vec<usize> = writers.join_all().await.into_iter().flatten().collect();
    let request = Request::new(&instances[0], &cookie).await;
    for nth in &written {
        let kept: Option<usize> = request.session.get(&nth.to_string()).unwrap();
        assert_eq!(kept, Some(*nth), "of {} writes", written.len());
    }
    assert_eq!(written.len(), WRITERS, "the others are errors");

    // Neither a slow write nor a slow regenerate outlives a logout elsewhere.
    for regenerates in [false, true] {
        let cookie = log_in(&instances[0]).await;
        let slow = Request::new(&instances[1], &cookie).await;
        slow.session.insert("late", 7).unwrap();
        if regenerates {
            slow.session.regenerate().unwrap();
        }
        let logout = Request::new(&instances[2], &cookie).await;
        logout.session.destroy().unwrap();
        logout.end(&cookie).await.unwrap();
        let after = slow.end(&cookie).await.unwrap();
        for instance in &instances {
            let request = Request::new(instance, &after).await;
            assert!(request.session.is_new().unwrap());
        }
    }

    if lists {
        let request = Request::new(&instances[0], &log_in(&instances[0]).await).await;
        request.session.set_subject(Some("user-7")).unwrap();
        request.session.describe("phone").unwrap();
        let cookie = request.end("").await.unwrap();
        let listed = instances[1].list("user-7").await.unwrap();
        assert_eq!(listed[0].description, "phone");
        let request = Request::new(&instances[2], &cookie).await;
        request.session.regenerate().unwrap();
        let cookie = request.end(&cookie).await.unwrap();
        let listed = instances[3].list("user-7").await.unwrap();
        assert_eq!((listed.len(), listed[0].description.as_str()), (1, "phone"));
        assert_eq!(instances[3].end_all("user-7").await.unwrap(), 1);
        let request = Request::new(&instances[0], &cookie).await;
        assert!(request.session.is_new().unwrap());
    }
}

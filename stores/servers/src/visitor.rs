//! Somebody with a browser, without a framework.

use crate::{
    browser::Jar,
    exchange::{Reply, Request},
};
use hardtack::session::{Session, SessionManager};

/// A browser.
#[derive(Clone, Default)]
pub(crate) struct Visitor(pub(crate) Jar);

impl Visitor {
    /// Sends a request.
    pub(crate) async fn request(&self, sessions: &SessionManager) -> Request {
        Request::load(sessions, &self.0.header()).await
    }

    pub(crate) fn take(&mut self, reply: &Reply) {
        for line in &reply.set_cookie {
            self.0.store(line);
        }
    }

    /// One request whose answer it takes.
    pub(crate) async fn visit<R>(
        &mut self,
        sessions: &SessionManager,
        handler: impl FnOnce(&Session) -> R,
    ) -> (R, Reply) {
        let request = self.request(sessions).await;
        let result = handler(&request);
        let reply = request.commit().await;
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
        assert_eq!(reply.failed, None);
        visitor
    }
}

//! People who log in, read and write.

use hardtack::{
    Key, Keyring,
    session::{Exchange, HeaderEdit, RequestHead, Session, SessionError, SessionManager},
    store::Store,
};
use std::{error::Error, sync::Arc};
use tokio::task::JoinSet;

/// How many requests are under way at the same time.
const AT_ONCE: u32 = 32;

pub(crate) struct Visitors {
    sessions: SessionManager,
    value: usize,
    cookies: Arc<Vec<String>>,
}

impl Visitors {
    /// Logs in this many people.
    pub(crate) async fn log_in(
        store: impl Store,
        people: u32,
        value: usize,
    ) -> Result<Visitors, Box<dyn Error>> {
        let ring = Keyring::new(Key::generate()?);
        let sessions = SessionManager::builder(ring).store(store).build()?;
        sessions.check().await?;
        let mut visitors = Visitors {
            sessions,
            value,
            cookies: Arc::new(vec![String::new(); people as usize]),
        };
        let cookies = visitors
            .each(move |session, person| log_in(session, person, value))
            .await?;
        visitors.cookies = Arc::new(cookies);
        Ok(visitors)
    }

    /// Lets each of them read.
    pub(crate) async fn read(&self) -> Result<(), Box<dyn Error>> {
        let read = |session: &Session, _| {
            let value: Option<String> = session.get("value")?;
            value.map(drop).ok_or(SessionError::Store)
        };
        self.each(read).await?;
        Ok(())
    }

    /// Lets each of them write a value of the same length.
    pub(crate) async fn write(&self) -> Result<(), Box<dyn Error>> {
        let value = self.value;
        self.each(move |session, _| session.insert("value", "-".repeat(value)))
            .await?;
        Ok(())
    }

    /// Sends one request of each, and returns their cookies after that.
    async fn each(
        &self,
        handler: impl Fn(&Session, u32) -> Result<(), SessionError> + Send + Sync + Clone + 'static,
    ) -> Result<Vec<String>, Box<dyn Error>> {
        let people = u32::try_from(self.cookies.len())?;
        let mut workers = JoinSet::new();
        for worker in 0..AT_ONCE {
            let (sessions, cookies, handler) =
                (self.sessions.clone(), self.cookies.clone(), handler.clone());
            workers.spawn(async move {
                let mut after = Vec::new();
                for person in (worker..people).step_by(AT_ONCE as usize) {
                    let cookie = &cookies[person as usize];
                    let set =
                        request(&sessions, cookie, |session| handler(session, person)).await?;
                    after.push((person, set.unwrap_or_else(|| cookie.clone())));
                }
                Ok::<_, SessionError>(after)
            });
        }
        let mut after = Vec::new();
        while let Some(worker) = workers.join_next().await {
            after.extend(worker??);
        }
        after.sort_unstable();
        Ok(after.into_iter().map(|(_, cookie)| cookie).collect())
    }
}

fn log_in(session: &Session, person: u32, value: usize) -> Result<(), SessionError> {
    session.regenerate_for_login()?;
    session.set_subject(Some(&person.to_string()))?;
    session.describe("Firefox on Linux")?;
    session.insert("value", "#".repeat(value))
}

/// Does what a server does with a request. Returns the cookie that it sets.
async fn request(
    sessions: &SessionManager,
    cookie: &str,
    handler: impl FnOnce(&Session) -> Result<(), SessionError>,
) -> Result<Option<String>, SessionError> {
    let exchange = Exchange::begin(sessions);
    let session = exchange
        .session(RequestHead {
            method: "GET",
            path: "/",
            authority: None,
            headers: [("cookie", cookie)],
        })
        .await;
    handler(&session)?;
    drop(session);
    let plan = exchange.commit(exchange.close()).await;
    let edits = exchange.finish(plan, [("content-type", "text/html")]);
    if edits.status().is_some() {
        return Err(SessionError::Store);
    }
    Ok(edits.into_iter().find_map(|edit| match edit {
        HeaderEdit::Append("set-cookie", line) => line.split(';').next().map(String::from),
        _ => None,
    }))
}

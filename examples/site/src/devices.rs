//! Handles the page "Your devices", which exists only with a store.

use crate::{Answer, Asked, Site, accounts::Role, pages};
use hardtack::session::{FlashLevel, Session, SessionError};

impl Site {
    pub(crate) async fn devices(&self, session: &Session) -> Result<Answer, SessionError> {
        let Some(user) = session.get::<String>("user")? else {
            return log_in_first(session);
        };
        let devices = self.sessions.list(&user).await;
        let devices = devices.map_err(|_| SessionError::Store)?;
        pages::devices(self, session, &devices)
    }

    /// Ends one session. An id that is not in the person's own list may be anybody's, and stays.
    pub(crate) async fn end_device(
        &self,
        session: &Session,
        asked: &Asked<'_>,
    ) -> Result<Answer, SessionError> {
        let Some(user) = session.get::<String>("user")? else {
            return log_in_first(session);
        };
        let devices = self.sessions.list(&user).await;
        let devices = devices.map_err(|_| SessionError::Store)?;
        let id = asked.field("id");
        match devices.iter().find(|device| device.id.to_string() == id) {
            Some(device) => {
                let ended = self.sessions.end_session(device.id).await;
                ended.map_err(|_| SessionError::Store)?;
                session.flash(FlashLevel::Success, "That device is logged out.")?;
            }
            None => session.flash(FlashLevel::Warning, "That is not a session of yours.")?,
        }
        Ok(Answer::Redirect("/devices"))
    }

    pub(crate) async fn end_other_devices(
        &self,
        session: &Session,
    ) -> Result<Answer, SessionError> {
        let ended = session.end_others().await?;
        session.flash(
            FlashLevel::Success,
            format!("Logged out elsewhere: {ended}."),
        )?;
        Ok(Answer::Redirect("/devices"))
    }

    /// Ends all sessions of a person, for an administrator.
    pub(crate) async fn end_person(
        &self,
        session: &Session,
        asked: &Asked<'_>,
    ) -> Result<Answer, SessionError> {
        if session.get("role")? != Some(Role::Administrator) {
            return pages::forbidden(self, session, "Only an administrator may do this.");
        }
        let name = asked.field("name");
        let ended = self.sessions.end_all(&name).await;
        let ended = ended.map_err(|_| SessionError::Store)?;
        session.flash(
            FlashLevel::Success,
            format!("Sessions of {name} that ended: {ended}."),
        )?;
        Ok(Answer::Redirect("/devices"))
    }
}

fn log_in_first(session: &Session) -> Result<Answer, SessionError> {
    session.flash(FlashLevel::Warning, "Log in to see your devices.")?;
    Ok(Answer::Redirect("/login"))
}

/// Describes a browser by its User-Agent header, in words of ours: the header is whatever its sender writes.
pub(crate) fn description(user_agent: &str) -> String {
    // Most browsers name those whose pages they want, so the order counts.
    let browsers = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chromium"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(part, _)| user_agent.contains(part));
        found.map(|(_, name)| *name)
    };
    let browser = find(&browsers).unwrap_or("A browser");
    match find(&systems) {
        Some(system) => format!("{browser} on {system}"),
        None => browser.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::description;

    #[test]
    fn a_browser_is_described_in_words_of_ours() {
        for (user_agent, text) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 \
                 Safari/537.36 Edg/138.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile \
                 Safari/537.36",
                "Chromium on Android",
            ),
            ("<b>curl", "A browser"),
            ("", "A browser"),
        ] {
            assert_eq!(description(user_agent), text, "{user_agent}");
        }
    }
}

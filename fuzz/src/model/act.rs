//! What a handler does with its session, and what it sees of it.

use super::{Cookie, Current, Ended, Record, Step, Tab, Value, World, limits};
use hardtack::session::{FlashLevel, SessionError};
use std::time::Duration;

impl World {
    /// What a handler does, there and here.
    pub(super) fn act(&self, tab: &mut Tab, step: &Step) {
        let (session, now) = (&tab.session, self.now());
        let Some(current) = &mut tab.current else {
            return;
        };
        let name = |n: u8| format!("key {}", n % 5);
        let stored = |result: Result<(), SessionError>, record: &Record| match result {
            Ok(()) => assert!(record.size() < 5200),
            Err(SessionError::TooBig { .. }) => assert!(record.size() > 4500),
            Err(error) => panic!("{error}"),
        };
        let record = &mut current.record;
        match step {
            Step::Number(n, number) => {
                record.values.insert(name(*n), Value::Number(*number));
                stored(session.insert(&name(*n), number), record);
            }
            Step::Text(n, len) => {
                let len = usize::from(*len) % 6000;
                record.values.insert(name(*n), Value::Text(len));
                stored(session.insert(&name(*n), "x".repeat(len)), record);
            }
            Step::Remove(n) => {
                let removed = record.values.remove(&name(*n)).is_some();
                assert_eq!(session.remove(&name(*n)), Ok(removed));
            }
            Step::Take(n) => match (session.take::<u32>(&name(*n)), record.values.get(&name(*n))) {
                (Ok(None), None) => {}
                (Ok(Some(taken)), Some(Value::Number(number))) => {
                    assert_eq!(taken, *number);
                    record.values.remove(&name(*n));
                }
                (Err(SessionError::WrongType { .. }), Some(Value::Text(_))) => {
                    current.misread = true;
                }
                (taken, there) => panic!("{taken:?}, {there:?}"),
            },
            Step::Update(n) => {
                let next = match record.values.get(&name(*n)) {
                    None => Some(1),
                    Some(Value::Number(number)) => Some(number.wrapping_add(1)),
                    Some(Value::Text(_)) => None,
                };
                let updated = session.update(&name(*n), |number: &mut u32| {
                    *number = number.wrapping_add(1)
                });
                match next {
                    Some(next) => {
                        record.values.insert(name(*n), Value::Number(next));
                        stored(updated, record);
                    }
                    None => {
                        assert!(matches!(updated, Err(SessionError::WrongType { .. })));
                        current.misread = true;
                    }
                }
            }
            Step::Clear => {
                record.values.clear();
                stored(session.clear(), record);
            }
            Step::Flash(level, len) => {
                let level = [
                    FlashLevel::Info,
                    FlashLevel::Success,
                    FlashLevel::Warning,
                    FlashLevel::Error,
                ][usize::from(level % 4)];
                let text = "é".repeat((*len).into());
                let bytes: usize = record.flashes.iter().map(|(_, text)| text.len()).sum();
                let result = session.flash(level, text.clone());
                if record.flashes.len() == 16 || bytes + text.len() > 1024 {
                    assert_eq!(result, Err(SessionError::TooManyFlashes));
                } else {
                    record.flashes.push((level, text));
                    stored(result, record);
                }
            }
            Step::TakeFlashes => {
                let taken = session.take_flashes().unwrap();
                let taken: Vec<_> = taken
                    .into_iter()
                    .map(|flash| (flash.level, flash.text))
                    .collect();
                assert_eq!(taken, record.flashes);
                record.flashes.clear();
                current.received_flashes = 0;
            }
            Step::Regenerate | Step::Login => {
                let login = matches!(step, Step::Login);
                if login {
                    session.regenerate_for_login().unwrap();
                    record.created_at = now;
                    record.by_login = true;
                    record.remembered = current.remember.unwrap_or(false);
                    (record.idle, record.lifetime) = limits(record.remembered);
                    record
                        .flashes
                        .drain(..current.received_flashes.min(record.flashes.len()));
                    current.received_flashes = 0;
                    let login = session.login_id().unwrap();
                    assert_ne!(record.login.replace(login), Some(login));
                } else {
                    session.regenerate().unwrap();
                }
                let id = session.id().unwrap();
                assert_ne!(record.id.replace(id), Some(id));
            }
            Step::Destroy => {
                session.destroy().unwrap();
                self.destroyed(current, tab.received.as_ref());
            }
            Step::Remember(remembered) => {
                session.remember(*remembered).unwrap();
                current.remember = Some(*remembered);
                if record.remembered != *remembered {
                    record.remembered = *remembered;
                    (record.idle, record.lifetime) = limits(*remembered);
                    // A new session has nothing to end.
                    let is_over = now.saturating_sub(record.created_at) > record.lifetime;
                    if is_over && current.cookie.is_some() {
                        self.destroyed(current, tab.received.as_ref());
                    }
                }
            }
            Step::ExpireIn(seconds) => {
                let end = now + u32::from(*seconds);
                let (_, lifetime) = limits(record.remembered);
                let lifetime = lifetime.min(record.lifetime);
                record.lifetime = end.saturating_sub(record.created_at).min(lifetime);
                session
                    .expire_in(Duration::from_secs((*seconds).into()))
                    .unwrap();
            }
            _ => {}
        }
    }

    fn destroyed(&self, current: &mut Current, received: Option<&Cookie>) {
        if let Some((cookie, _)) = &current.cookie {
            assert!(self.is_denied(cookie.record.id));
            self.end(cookie.record.login, Ended::Destroyed);
        }
        // One that did not count ends too, if it was authentic when the request opened it.
        let others = received.filter(|_| current.cookie.is_none() && !current.destroyed);
        if let Some(cookie) = others.filter(|cookie| self.is_denied(cookie.record.id)) {
            self.end(cookie.record.login, Ended::Destroyed);
        }
        *current = Current {
            record: Record::new(self.now()),
            cookie: None,
            opened_at: self.now(),
            other: None,
            destroyed: true,
            misread: false,
            remember: None,
            received_flashes: 0,
        };
    }

    /// The session shows what the model has.
    pub(super) fn look(&self, tab: &Tab) {
        let Some(current) = &tab.current else { return };
        let Current { record, cookie, .. } = current;
        let session = &tab.session;
        assert_eq!(session.is_new(), Ok(cookie.is_none()));
        if let Some(id) = record.id {
            assert_eq!(session.id(), Ok(id));
        }
        assert_eq!(session.created_at().unwrap().to_unix(), record.created_at);
        assert_eq!(session.is_remembered(), Ok(record.remembered));
        let (idle, lifetime) = limits(record.remembered);
        let since = match cookie {
            Some((cookie, _)) if self.due(current).is_none() || self.has_lapsed(current) => {
                cookie.issued_at
            }
            _ => self.now(),
        };
        let end =
            (since + idle.min(record.idle)).min(record.created_at + lifetime.min(record.lifetime));
        assert_eq!(session.expires_at().unwrap().to_unix(), end);
        assert_eq!(
            session.keys().unwrap(),
            record.values.keys().cloned().collect::<Vec<_>>()
        );
        for (name, value) in &record.values {
            match value {
                Value::Number(number) => assert_eq!(session.get(name), Ok(Some(*number))),
                Value::Text(len) => assert_eq!(session.get(name), Ok(Some("x".repeat(*len)))),
            }
        }
    }
}

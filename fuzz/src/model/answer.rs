//! What is saved, and what the browser makes of the answer.

use super::{Cookie, Current, Due, Ended, Tab, World, limits};
use crate::cookies::COOKIE;
use hardtack::session::SaveError;
use std::collections::BTreeSet;

impl World {
    /// Whether there is something to save: a change, or a mere renewal.
    pub(super) fn due(&self, current: &Current) -> Option<Due> {
        let record = &current.record;
        let idle = limits(record.remembered).0.min(record.idle);
        match &current.cookie {
            None if record.flashes.is_empty() && record.values.is_empty() => None,
            None => Some(Due::Change),
            Some((cookie, _)) if *record != cookie.record => Some(Due::Change),
            Some((cookie, retired)) => {
                let old = current.opened_at.saturating_sub(cookie.issued_at) >= (idle / 10).max(1);
                (*retired || old && !current.misread).then_some(Due::Renewal)
            }
        }
    }

    /// Whether the session begins a login that its cookie does not have.
    fn is_login(current: &Current) -> bool {
        let sealed = current.cookie.as_ref().map(|(cookie, _)| &cookie.record);
        let record = &current.record;
        record.by_login && record.login != sealed.and_then(|sealed| sealed.login)
    }

    /// Whether the cookie of the session is over, which only a login survives.
    pub(super) fn has_lapsed(&self, current: &Current) -> bool {
        let Some((cookie, _)) = &current.cookie else {
            return false;
        };
        let (idle, lifetime) = limits(cookie.record.remembered);
        let (idle, lifetime) = (
            idle.min(cookie.record.idle),
            lifetime.min(cookie.record.lifetime),
        );
        let now = self.now();
        let over = now.saturating_sub(cookie.issued_at) > idle
            || now.saturating_sub(cookie.record.created_at) > lifetime;
        over && !World::is_login(current)
    }

    /// Whether the rules save the session.
    fn is_saved(&self, current: &Current, began_at: u32) -> bool {
        let (record, now) = (&current.record, self.now());
        let lifetime = limits(record.remembered).1.min(record.lifetime);
        let in_time = match self.due(current) {
            None => false,
            Some(Due::Change) => true,
            Some(Due::Renewal) => true,
        };
        let sealed = current.cookie.as_ref().map(|(cookie, _)| cookie);
        let opened = sealed.and_then(|cookie| cookie.record.id);
        let before = sealed.and_then(|cookie| cookie.record.login);
        let is_login = World::is_login(current);
        if let Some(cookie) = sealed {
            let idle = limits(cookie.record.remembered).0.min(cookie.record.idle);
            let age = now.saturating_sub(cookie.issued_at);
            let patience = if age >= idle / 2 { 30 } else { 1 };
            let is_renewal = matches!(self.due(current), Some(Due::Renewal));
            if is_renewal && now.saturating_sub(began_at) > patience {
                return false;
            }
            // Another tab has got another id for it.
            if is_renewal && self.was_renamed(opened) {
                return false;
            }
            match self.end_of(before) {
                Some(Ended::Destroyed) => return false,
                Some(Ended::Replaced) if !is_login => return false,
                _ => {}
            }
            if self.has_lapsed(current) {
                return false;
            }
        } else if !is_login && self.end_of(current.other).is_some() {
            // It would take the place of the login of another tab.
            return false;
        }
        in_time
            && record.created_at <= now + 60
            && self.end_of(record.login) != Some(Ended::Destroyed)
            && now.saturating_sub(record.created_at) <= lifetime
            && ![record.id, opened].iter().any(|id| self.is_denied(*id))
    }

    /// The answer, and what the browser makes of it.
    pub(super) fn answer(&mut self, tab: &mut Tab) {
        let now = self.now();
        let reply = tab.session.finish();
        let Some(mut current) = tab.current.take() else {
            assert!(reply.set_cookie.is_empty() && reply.vary.is_none() && reply.failed.is_none());
            return;
        };
        assert_eq!(reply.vary.as_deref(), Some("Cookie"));
        let before = self.jar.clone();
        let mut max_age = None;
        let mut named = BTreeSet::new();
        for line in &reply.set_cookie {
            assert!(line.len() <= 4096);
            let (pair, attributes) = line.split_once("; ").unwrap();
            let (name, _) = pair.split_once('=').unwrap();
            assert!(named.insert(name.to_owned()), "each cookie once");
            let age = attributes
                .split("; ")
                .find_map(|attribute| attribute.strip_prefix("Max-Age="));
            self.jar.store(line);
            if age != Some("0") {
                max_age = age.map(|age| age.parse::<u32>().unwrap());
            }
        }
        let lifetime = limits(current.record.remembered)
            .1
            .min(current.record.lifetime);
        let idle = limits(current.record.remembered).0.min(current.record.idle);
        let size = current.record.size();
        match reply.failed {
            Some(SaveError::TooBig { .. }) => {
                assert!(self.is_saved(&current, tab.began_at) && size > 4500);
            }
            // The session that came was destroyed meanwhile, and they log in over it.
            Some(SaveError::Contended) => {
                let sealed = current.cookie.as_ref().map(|(cookie, _)| &cookie.record);
                let before = sealed.and_then(|sealed| sealed.login);
                assert!(World::is_login(&current));
                assert!(self.end_of(before) == Some(Ended::Destroyed));
                assert_eq!(reply.set_cookie, [""; 0]);
                return;
            }
            Some(error) => panic!("{error}"),
            None if self.is_saved(&current, tab.began_at) => {
                assert!(size < 5200);
                // Parts that are of no use any more are removed.
                assert!(named.is_superset(&tab.names));
                let bytes: usize = self
                    .jar
                    .0
                    .iter()
                    .map(|(name, value)| name.len() + value.len() + 1)
                    .sum();
                // Parts that another tab left may be there too.
                assert!(bytes <= 7000 + 4096);
                current.record.id = Some(tab.session.id().unwrap());
                let login = tab.session.login_id().unwrap();
                current.record.login = Some(login);
                if let Some((cookie, _)) = &current.cookie {
                    if cookie.record.login != Some(login) {
                        self.end(cookie.record.login, Ended::Replaced);
                    } else if let Some(id) = cookie.record.id
                        && current.record.id != Some(id)
                    {
                        self.rename(id);
                    }
                }
                if current.record.by_login && current.cookie.is_none() {
                    self.end(current.other, Ended::Replaced);
                }
                let end = (now + idle).min(current.record.created_at + lifetime);
                let remembered = current.record.remembered;
                // A session that ends now has an age of zero, which removes it.
                assert_eq!(max_age.is_some(), remembered && end > now);
                assert!(max_age.is_none_or(|age| age == end - now));
                self.cookie = Some(Cookie {
                    record: current.record,
                    issued_at: now,
                    key: self.ring[0].0,
                });
                if remembered && end == now {
                    self.cookie = None;
                }
                return;
            }
            None => {}
        }
        if current.destroyed {
            // What another tab was given meanwhile is not this request's to remove.
            assert_eq!(named, tab.names);
            if tab.names.contains(COOKIE) {
                assert!(!self.jar.0.contains_key(COOKIE));
                self.cookie = None;
            }
        } else {
            assert_eq!(self.jar, before);
        }
    }
}

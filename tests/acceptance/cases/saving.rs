//! When a session is saved, and when it is not.

use crate::{server::Framework, site::Site};
use hardtack::session::SaveReason;

pub fn changed(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let visit = browser.visit(|session| session.insert("a", &1));
    assert_eq!(visit.saved(), Some(SaveReason::Created));
    let [line] = visit.set_cookie()[..] else {
        panic!("{:?}", visit.set_cookie());
    };
    assert!(line.starts_with("__Host-session=h"), "{line}");
    let visit = browser.visit(|session| session.insert("a", &2));
    assert_eq!(visit.saved(), Some(SaveReason::Changed));
    assert_eq!(visit.set_cookie().len(), 1);
    let visit = browser.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.value(), Some(2));
}

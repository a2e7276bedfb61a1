//! Cookies that a site had before its settings changed: nobody is logged out by the change, and nothing old
//! logs in again.

use crate::kit::{
    browser::Shelf,
    clock::{Clock, DAY, HOUR, MINUTE, T0, at},
    exchange::{NO_HEADERS, Reply, Request, ready},
    keys::{key, ring},
    site::{NAME, Site, finish},
};
use hardtack::{
    Keyring,
    session::{
        Denylist, Event, Exchange, FormerCookie, LoginId, OldData, Refusal, RequestHead, Session,
        SessionData, SessionError, SessionManager, SessionManagerBuilder, SessionMap, SkipReason,
    },
};
use serde::{Deserialize, Serialize};

const UNTIL: u32 = T0 + 14 * DAY;

/// A former cookie of these tests.
fn former(name: &str) -> FormerCookie {
    FormerCookie::new(name).until(at(UNTIL))
}

type Act = fn(&Session) -> Result<(), SessionError>;
type Configure = fn(SessionManagerBuilder) -> SessionManagerBuilder;

/// A change of settings: before it, and after it with the former cookie.
struct Change {
    name: &'static str,
    before: Configure,
    after: Configure,
    former: fn() -> FormerCookie,
    /// The cookie that is to come, for the first step of the roll-out.
    latter: fn() -> FormerCookie,
}

/// One change of each kind.
const CHANGES: &[Change] = &[
    Change {
        name: "another name",
        before: |builder| builder.cookie_name("sid"),
        after: |builder| builder,
        former: || former("sid"),
        latter: || former(NAME),
    },
    Change {
        name: "a domain",
        before: |builder| builder.cookie_name("sid"),
        after: |builder| builder.cookie_name("sid").domain("shop.example"),
        former: || former("sid"),
        latter: || former("sid").domain("shop.example"),
    },
    Change {
        name: "no domain any more",
        before: |builder| builder.cookie_name("sid").domain("shop.example"),
        after: |builder| builder.cookie_name("sid"),
        former: || former("sid").domain(".Shop.example"),
        latter: || former("sid"),
    },
    Change {
        name: "another path",
        before: |builder| builder.cookie_name("sid").path("/shop"),
        after: |builder| builder.cookie_name("sid"),
        former: || former("sid").path("/shop"),
        latter: || former("sid"),
    },
    Change {
        name: "partitioned",
        before: |builder| builder,
        after: |builder| builder.partitioned(true),
        former: || former(NAME),
        latter: || former(NAME).partitioned(),
    },
    Change {
        name: "not partitioned any more",
        before: |builder| builder.partitioned(true),
        after: |builder| builder,
        former: || former(NAME).partitioned(),
        latter: || former(NAME),
    },
    Change {
        name: "another realm",
        before: |builder| builder.realm("one"),
        after: |builder| builder.realm("two"),
        former: || former(NAME).realm("one"),
        latter: || former(NAME).realm("two"),
    },
    Change {
        name: "all at once",
        before: |builder| {
            let builder = builder.cookie_name("sid").domain("shop.example");
            builder.path("/shop").realm("one")
        },
        after: |builder| builder.partitioned(true),
        former: || {
            let former = former("sid").domain("shop.example");
            former.path("/shop").realm("one")
        },
        latter: || former(NAME).partitioned().realm(""),
    },
];

/// A browser that asks for `/shop/cart`, and tells cookies apart as browsers do.
#[derive(Clone, Debug, Default)]
struct Browser(Shelf);

impl Browser {
    fn header(&self) -> String {
        self.0.header("/shop/cart")
    }

    fn visit<T: SessionData, R>(
        &mut self,
        site: &Site<T>,
        handler: impl FnOnce(&Session<T>) -> R,
    ) -> (R, Reply) {
        let request = site.request(&self.header());
        let result = handler(&request);
        let reply = finish(&request);
        assert_eq!(reply.failed, None);
        self.take(&reply);
        (result, reply)
    }

    fn take(&mut self, reply: &Reply) {
        for line in &reply.set_cookie {
            self.0.store(line);
        }
    }

    fn user(&self, site: &Site) -> Option<u8> {
        site.request(&self.header()).get("user").unwrap()
    }
}

fn log_in(site: &Site, user: u8) -> Browser {
    let mut browser = Browser::default();
    browser.visit(site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", user).unwrap();
    });
    site.events();
    browser
}

fn facts(session: &Session) -> (String, LoginId, u32) {
    let created_at = session.created_at().unwrap().to_unix();
    (
        session.id().unwrap().to_string(),
        session.login_id().unwrap(),
        created_at,
    )
}

fn destroyed(events: &[Event]) -> Vec<LoginId> {
    let login = |event: &Event| match event {
        Event::Destroyed { login_id, .. } => Some(*login_id),
        _ => None,
    };
    events.iter().filter_map(login).collect()
}

fn refusals(events: &[Event]) -> Vec<Refusal> {
    let reason = |event: &Event| match event {
        Event::Refused { reason, .. } => Some(*reason),
        _ => None,
    };
    events.iter().filter_map(reason).collect()
}

/// The lines that remove a cookie of this name.
fn removals(reply: &Reply, name: &str) -> Vec<String> {
    let start = format!("{name}=; ");
    let lines = reply.set_cookie.iter();
    lines
        .filter(|line| line.starts_with(&start))
        .cloned()
        .collect()
}

/// The site that moves from `sid` to the default cookie.
fn renamed(clock: &Clock) -> (Site, Site) {
    let denylist = Denylist::new();
    let before = Site::with(clock, |builder| {
        builder.cookie_name("sid").denylist(denylist.clone())
    });
    let after = Site::with(clock, |builder| {
        builder.former_cookie(former("sid")).denylist(denylist)
    });
    (before, after)
}

#[test]
fn no_change_logs_anybody_out_and_nothing_old_logs_in_again() {
    for Change {
        name,
        before,
        after,
        former,
        ..
    } in CHANGES
    {
        let (clock, denylist) = (Clock::new(), Denylist::new());
        let old = Site::with(&clock, |builder| before(builder).denylist(denylist.clone()));
        let new = Site::with(&clock, |builder| {
            after(builder).former_cookie(former()).denylist(denylist)
        });
        let mut browser = log_in(&old, 7);
        let copy = browser.clone();
        let was = facts(&old.request(&browser.header()));
        clock.pass(10);

        // A read that renews nothing sets nothing.
        let (user, reply) = browser.visit(&new, |session| session.get::<u8>("user").unwrap());
        assert_eq!(user, Some(7), "{name}");
        assert_eq!(reply.set_cookie, [""; 0], "{name}");
        let events = new.events();
        assert!(
            matches!(events[..], [Event::Opened { .. }]),
            "{name}: {events:?}"
        );

        // The next save moves it.
        browser.visit(&new, |session| session.insert("cart", 1).unwrap());
        assert_eq!(browser.0.0.len(), 1, "{name}: {browser:?}");
        assert_eq!(facts(&new.request(&browser.header())), was, "{name}");
        assert_eq!(browser.user(&new), Some(7), "{name}");
        assert_eq!(
            new.request(&browser.header()).get("cart"),
            Ok(Some(1)),
            "{name}"
        );

        // A logout ends all that there is.
        let (_, reply) = browser.visit(&new, |session| session.destroy().unwrap());
        assert_eq!(browser.0.0.len(), 0, "{name}: {reply:?}");
        assert_eq!(destroyed(&new.events()), [was.1], "{name}");
        clock.pass(2 * MINUTE);
        assert_eq!(copy.user(&new), None, "{name}");
        assert_eq!(copy.user(&old), None, "{name}");
    }
}

/// Without `former_cookie`, each of the changes logs out or leaves a cookie behind.
#[test]
fn each_of_the_changes_needs_its_former_cookie() {
    for Change {
        name,
        before,
        after,
        ..
    } in CHANGES
    {
        let clock = Clock::new();
        let (old, new) = (Site::with(&clock, before), Site::with(&clock, after));
        let mut browser = log_in(&old, 7);
        browser.visit(&new, |session| session.insert("cart", 1).unwrap());
        assert!(
            browser.user(&new).is_none() || browser.0.0.len() == 2,
            "{name}: {browser:?}"
        );
    }
}

#[test]
fn a_renewal_moves_the_session_and_an_event_tells_it() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let mut browser = log_in(&before, 7);
    let (id, login_id, _) = facts(&before.request(&browser.header()));
    clock.pass(3 * MINUTE);
    let (_, reply) = browser.visit(&after, |session| session.get::<u8>("user").unwrap());
    let [removal, line] = &reply.set_cookie[..] else {
        panic!("{reply:?}")
    };
    assert!(
        removal.starts_with("sid=; ") && removal.contains("; Max-Age=0"),
        "{removal}"
    );
    assert!(line.starts_with("__Host-session=h"), "{line}");
    let events = after.events();
    let [Event::Opened { .. }, Event::Saved { .. }, moved] = &events[..] else {
        panic!("{events:?}")
    };
    let from = String::from("sid");
    let expected = Event::Moved {
        id: id.parse().unwrap(),
        login_id,
        from,
    };
    assert_eq!(*moved, expected);
    // Nothing is left to move.
    clock.pass(3 * MINUTE);
    let (_, reply) = browser.visit(&after, |session| session.get::<u8>("user").unwrap());
    assert_eq!(reply.set_cookie.len(), 1);
    assert!(
        !after
            .events()
            .iter()
            .any(|event| matches!(event, Event::Moved { .. }))
    );
}

/// A browser without partitions, or one that keeps a single cookie for a host and its domain, takes the
/// former cookie for the present one.
#[test]
fn former_cookies_are_removed_before_the_present_one_is_set() {
    for Change {
        name,
        before,
        after,
        former,
        ..
    } in CHANGES
    {
        let clock = Clock::new();
        let old = Site::with(&clock, before);
        let new = Site::with(&clock, |builder| after(builder).former_cookie(former()));
        let mut browser = log_in(&old, 7);
        let (_, reply) = browser.visit(&new, |session| session.insert("cart", 1).unwrap());
        let last = reply.set_cookie.last().unwrap();
        assert!(!last.contains("; Max-Age=0"), "{name}: {reply:?}");
        assert!(reply.set_cookie.len() >= 2, "{name}: {reply:?}");
    }
}

/// A page was loading while another tab logged out. If a sibling domain planted the former cookie, it must not throw out
/// what the visitor logs in to next. What the page writes is kept: the cookie may be the visitor's own.
#[test]
fn a_former_cookie_is_not_moved_by_a_page_that_was_loading_at_a_logout() {
    for (pause, writes, moves) in [(60, false, false), (60, true, true), (61, false, true)] {
        let clock = Clock::new();
        let (before, after) = renamed(&clock);
        let planted = log_in(&before, 2).header();
        clock.pass(10 * MINUTE);
        let mut browser = log_in(&after, 1);
        let page = format!("{}; {planted}", browser.header());
        browser.visit(&after, |session| session.destroy().unwrap());
        clock.pass(pause);
        let request = after.request(&page);
        assert_eq!(request.get("user"), Ok(Some(2)));
        if writes {
            request.insert("cart", 7).unwrap();
        }
        assert_eq!(!finish(&request).set_cookie.is_empty(), moves, "{pause}");
    }
}

#[test]
fn a_former_cookie_does_not_count_beside_a_present_one() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let present = log_in(&after, 1);
    clock.pass(1);
    let old = log_in(&before, 2);
    let header = format!("{}; {}", old.header(), present.header());
    let logins = [&present, &old].map(|browser| {
        let site = if browser.header().starts_with("sid") {
            &before
        } else {
            &after
        };
        facts(&site.request(&browser.header())).1
    });
    after.events();
    let request = after.request(&header);
    assert_eq!(request.get("user"), Ok(Some(1)));
    // Nothing is told of the other one, until a logout ends both.
    let events = after.events();
    assert!(matches!(events[..], [Event::Opened { .. }]), "{events:?}");
    request.destroy().unwrap();
    assert_eq!(destroyed(&after.events()), logins);
    assert_eq!(removals(&finish(&request), "sid").len(), 1);
    clock.pass(2 * MINUTE);
    assert_eq!(old.user(&after), None);
}

/// A copy of it may have been kept warm.
#[test]
fn what_does_not_open_is_told_of_the_name_that_counts() {
    let clock = Clock::new();
    let (_, site) = renamed(&clock);
    let browser = log_in(&site, 1);
    let told = |junk: &str| {
        site.events();
        let request = site.request(&format!("{}; {junk}=x", browser.header()));
        assert!(!request.is_new().unwrap());
        refusals(&site.events())
    };
    assert_eq!(told(NAME), [Refusal::Invalid]);
    assert_eq!(told("sid"), []);
}

#[test]
fn a_former_cookie_does_not_open_under_the_name_of_another() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder.cookie_name("sid"));
    let after = Site::with(&clock, |builder| {
        builder
            .former_cookie(former("sid"))
            .former_cookie(former("old"))
    });
    let header = log_in(&before, 1).header();
    assert!(!after.request(&header).is_new().unwrap());
    let renamed = header.replacen("sid=", "old=", 1);
    assert!(renamed.starts_with("old="));
    assert!(after.request(&renamed).is_new().unwrap());
}

#[test]
fn a_logout_ends_a_former_cookie_that_does_not_open() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let mut idle = log_in(&before, 2);
    let copy = idle.clone();
    clock.pass(20 * MINUTE);
    idle.visit(&before, |session| session.touch().unwrap());
    clock.pass(20 * MINUTE);
    let present = log_in(&after, 1);
    let request = after.request(&format!("{}; {}", copy.header(), present.header()));
    request.destroy().unwrap();
    assert_eq!(destroyed(&after.events()).len(), 2);
    clock.pass(2 * MINUTE);
    assert_eq!(idle.user(&after), None);
}

#[test]
fn a_former_cookie_counts_beside_a_present_one_that_does_not_open() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let old = log_in(&before, 2);
    let request = after.request(&format!("{NAME}=hopeless; {}", old.header()));
    assert_eq!(request.get("user"), Ok(Some(2)));
    assert_eq!(request.refused(), Ok(None));
}

#[test]
fn of_several_former_cookies_the_newest_counts_and_all_are_removed() {
    let clock = Clock::new();
    let [first, second] = ["one", "two"].map(|name| {
        Site::with(&clock, |builder| {
            builder.cookie_name(name).domain("shop.example")
        })
    });
    let after = Site::with(&clock, |builder| {
        let former = |name| former(name).domain("shop.example");
        builder
            .former_cookie(former("one"))
            .former_cookie(former("two"))
    });
    let mut browser = log_in(&first, 1);
    clock.pass(1);
    for (place, value) in log_in(&second, 2).0.0 {
        browser.0.0.insert(place, value);
    }
    assert_eq!(browser.0.0.len(), 2);
    browser.visit(&after, |session| {
        assert_eq!(session.get("user"), Ok(Some(2)));
        session.insert("cart", 1).unwrap();
    });
    assert_eq!(browser.0.0.len(), 1);
    assert_eq!(browser.user(&after), Some(2));
}

#[test]
fn rivals_under_a_former_name_make_none_count() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let victim = log_in(&before, 1);
    clock.pass(1);
    let planted = log_in(&before, 66);
    let header = format!("{}; {}", victim.header(), planted.header());
    let request = after.request(&header);
    assert_eq!(request.get::<u8>("user"), Ok(None));
    assert_eq!(request.refused(), Ok(Some(Refusal::Rival)));
    assert_eq!(request.insert("cart", 1), Err(SessionError::Rivals));
    let events = after.events();
    assert!(matches!(events[0], Event::Rivals { .. }), "{events:?}");
    assert_eq!(refusals(&events), [Refusal::Rival, Refusal::Rival]);
    // A login starts anew, and takes both away.
    let mut browser = victim.clone();
    let request = after.request(&header);
    request.regenerate_for_login().unwrap();
    browser.take(&finish(&request));
    assert_eq!(browser.0.0.len(), 1);
    // A logout ends both.
    after.events();
    let request = after.request(&header);
    request.destroy().unwrap();
    assert_eq!(destroyed(&after.events()).len(), 2);
}

/// What was planted goes, and the victim's own stays.
#[test]
fn rivals_under_a_former_name_heal() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let mut browser = log_in(&before, 1);
    let planted = log_in(&before, 66);
    let (_, value) = planted.0.0.into_iter().next().unwrap();
    let place = ["domain=shop.example", "path=/"].map(String::from);
    browser.0.0.insert(("sid".into(), place.into()), value);
    let header = browser.header();
    let exchange = Exchange::begin(&after.sessions);
    let session = ready(exchange.session(RequestHead {
        method: "GET",
        path: "/shop/cart",
        authority: Some("www.shop.example"),
        headers: [("cookie", &header)],
    }));
    assert_eq!(session.get::<u8>("user"), Ok(None));
    let plan = ready(exchange.commit(exchange.close()));
    browser.take(&exchange.finish(plan, NO_HEADERS).into());
    assert_eq!(browser.user(&after), Some(1));
}

#[test]
fn a_login_removes_former_cookies_that_it_did_not_see() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder.cookie_name("sid").path("/shop"));
    let after = Site::with(&clock, |builder| {
        builder.former_cookie(former("sid").path("/shop"))
    });
    let mut browser = log_in(&after, 1);
    let hidden = log_in(&before, 2);
    browser.0.0.extend(hidden.0.0);
    // The login page is not in the shop.
    let request = after.request(&browser.0.header("/login"));
    request.regenerate_for_login().unwrap();
    request.insert("user", 3).unwrap();
    browser.take(&finish(&request));
    assert_eq!(browser.user(&after), Some(3));
    assert_eq!(browser.0.0.len(), 1);
    // Nor is the logout page.
    browser.0.0.extend(log_in(&before, 2).0.0);
    let request = after.request(&browser.0.header("/logout"));
    request.destroy().unwrap();
    browser.take(&finish(&request));
    assert_eq!(browser.0.0.len(), 0);
    // A mere write leaves it, and it does not count.
    let mut browser = log_in(&after, 1);
    browser.0.0.extend(log_in(&before, 2).0.0);
    let (_, reply) = browser.visit(&after, |session| session.insert("cart", 1).unwrap());
    assert_eq!(removals(&reply, "sid").len(), 0);
}

/// The name may be another application's.
#[test]
fn a_request_without_an_authentic_cookie_removes_no_former_one() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let stranger = Site::under(ring(9), &clock, |builder| builder.cookie_name("sid"));
    let foreign = log_in(&stranger, 1).header();
    for cookie in ["", "sid=", "sid=PHP", "sid=9.x; sid.1=y", foreign.as_str()] {
        let log_in: Act = |session| session.regenerate_for_login();
        let write: Act = |session| session.insert("cart", 1);
        for act in [log_in, write, Session::destroy] {
            let request = after.request(cookie);
            act(&request).unwrap();
            assert_eq!(removals(&finish(&request), "sid"), [""; 0], "{cookie}");
        }
    }
    // An authentic one need not open.
    after.events();
    let idle = log_in(&before, 1);
    clock.pass(HOUR);
    let request = after.request(&idle.header());
    request.destroy().unwrap();
    assert_eq!(refusals(&after.events()), [Refusal::IdleTimeout]);
    assert_eq!(removals(&finish(&request), "sid").len(), 1);
}

#[test]
fn chunks_of_a_former_cookie_are_removed_if_they_came() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let mut browser = log_in(&before, 1);
    browser.visit(&before, |session| {
        session.insert("notes", "x".repeat(4000)).unwrap()
    });
    assert_eq!(browser.0.0.len(), 2);
    let (_, reply) = browser.visit(&after, |session| session.insert("cart", 1).unwrap());
    assert_eq!(
        (
            removals(&reply, "sid").len(),
            removals(&reply, "sid.1").len()
        ),
        (1, 1)
    );
    let names: Vec<&str> = browser.0.0.keys().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [NAME, "__Host-session.1"]);
    assert_eq!(browser.user(&after), Some(1));
}

#[test]
fn after_its_end_a_former_cookie_is_neither_read_nor_removed() {
    let clock = Clock::at(UNTIL - 60);
    let (before, after) = renamed(&clock);
    let browser = log_in(&before, 1);
    clock.set(UNTIL);
    assert_eq!(browser.user(&after), Some(1));
    after.events();
    clock.set(UNTIL + 1);
    let request = after.request(&browser.header());
    assert_eq!(request.get::<u8>("user"), Ok(None));
    assert_eq!(request.refused(), Ok(None));
    request.destroy().unwrap();
    assert_eq!(finish(&request).set_cookie, [""; 0]);
    assert_eq!(after.events(), []);
    let request = after.request(&browser.header());
    request.regenerate_for_login().unwrap();
    assert_eq!(removals(&finish(&request), "sid"), [""; 0]);
}

/// Rotation and revocation reach former cookies.
#[test]
fn former_cookies_follow_the_keys() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let browser = log_in(&before, 1);
    let rotated = Keyring::new(key(2)).accept(key(1)).unwrap();
    after.sessions.set_keyring(rotated);
    assert_eq!(browser.user(&after), Some(1));
    after.sessions.reject_issued_before(at(T0 + 1));
    after.events();
    assert_eq!(browser.user(&after), None);
    assert_eq!(refusals(&after.events()), [Refusal::Revoked]);
    after.sessions.reject_issued_before(at(T0));
    // Sealed before the floor, and created after it by a clock that was half a minute ahead.
    clock.set(T0 + 30);
    let mut ahead = log_in(&before, 1);
    clock.set(T0);
    ahead.visit(&before, |session| session.insert("cart", 1).unwrap());
    assert_eq!(ahead.user(&after), Some(1));
    after.sessions.reject_issued_before(at(T0 + 10));
    assert_eq!(ahead.user(&after), None);
    after.sessions.reject_issued_before(at(T0));
    after.sessions.set_keyring(ring(2));
    after.events();
    assert_eq!(browser.user(&after), None);
    assert_eq!(refusals(&after.events()), [Refusal::UnknownKey]);
}

#[test]
fn a_late_answer_does_not_bring_back_a_session_by_its_former_cookie() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let mut browser = log_in(&before, 1);
    let late = after.request(&browser.header());
    late.insert("cart", 1).unwrap();
    browser.visit(&after, |session| session.destroy().unwrap());
    after.events();
    assert_eq!(finish(&late).set_cookie, [""; 0]);
    let events = after.events();
    let ended = |event: &Event| {
        matches!(
            event,
            Event::NotSaved {
                reason: SkipReason::LoginEnded,
                ..
            }
        )
    };
    assert!(events.iter().any(ended), "{events:?}");
}

/// The names of a request share the limit on candidates.
#[test]
fn sixteen_candidates_of_all_names_are_tried() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let header = log_in(&before, 1).header();
    for (others, found) in [(15, Some(1)), (16, None)] {
        let bogus: Vec<String> = (0..others).map(|n| format!("{NAME}=h{n}")).collect();
        // The former cookie comes first, and is tried last.
        let request = after.request(&format!("{header}; {}", bogus.join("; ")));
        assert_eq!(request.get::<u8>("user"), Ok(found), "{others}");
    }
}

/// The three steps of the page on changing settings: while they go on, requests come to instances of two
/// steps, in any order.
#[test]
fn each_step_of_a_roll_out_leaves_everybody_logged_in() {
    for Change {
        name,
        before,
        after,
        former,
        latter,
    } in CHANGES
    {
        let clock = Clock::new();
        let steps = [
            Site::with(&clock, before),
            Site::with(&clock, |builder| before(builder).former_cookie(latter())),
            Site::with(&clock, |builder| after(builder).former_cookie(former())),
            Site::with(&clock, after),
        ];
        let mut browser = log_in(&steps[0], 7);
        for pair in steps.windows(2) {
            for (n, site) in [1, 0, 0, 1, 0, 1, 1].into_iter().enumerate() {
                clock.pass(5 * MINUTE);
                browser.visit(&pair[site], |session| {
                    assert_eq!(session.get("user"), Ok(Some(7)), "{name}, {n}");
                    session.insert("visit", n).unwrap();
                });
                assert_eq!(browser.0.0.len(), 1, "{name}: {browser:?}");
            }
        }
    }
}

/// What the page says of planting: until the end, a session from before the change can be planted under the
/// former name at somebody who has none, and not at somebody who has one.
#[test]
fn a_session_can_be_planted_under_a_former_name_until_its_end() {
    let clock = Clock::new();
    let (before, after) = renamed(&clock);
    let mut planted = log_in(&before, 66);
    let (_, _) = planted.visit(&before, |session| session.remember(true).unwrap());
    let victim = log_in(&after, 1);
    let both = format!("{}; {}", planted.header(), victim.header());
    assert_eq!(planted.user(&after), Some(66));
    assert_eq!(after.request(&both).get("user"), Ok(Some(1)));
    clock.set(UNTIL + 1);
    assert_eq!(planted.user(&after), None);
}

/// A request that another origin sends, and that the site allows.
#[test]
fn an_allowed_request_with_a_former_cookie_may_write() {
    let clock = Clock::new();
    let with = |name| Site::with(&clock, |builder| builder.cookie_name(name));
    let [before, plantable] = ["__Host-sid", "sid"].map(with);
    let after = Site::with(&clock, |builder| {
        builder
            .former_cookie(former("__Host-sid"))
            .former_cookie(former("sid"))
            .allow_cross_origin(|_| true)
    });
    let header = log_in(&before, 1).header();
    // A sibling domain can plant a session of the attacker's, which would take the place of one that the browser
    // withholds.
    let planted = log_in(&plantable, 1).header();
    for (time, cookie, written) in [
        (T0, header.as_str(), Ok(())),
        (T0, planted.as_str(), Err(SessionError::CrossOrigin)),
        (T0, "__Host-sid=x", Err(SessionError::CrossOrigin)),
        (T0, "__Host-session.1=x", Err(SessionError::CrossOrigin)),
        (T0, "", Err(SessionError::CrossOrigin)),
        (UNTIL + 1, header.as_str(), Err(SessionError::CrossOrigin)),
    ] {
        clock.set(time);
        let exchange = Exchange::begin(&after.sessions);
        let session = ready(exchange.session(RequestHead {
            method: "POST",
            path: "/",
            authority: Some("shop.example"),
            headers: [("cookie", cookie), ("origin", "https://pay.example")],
        }));
        assert_eq!(session.insert("cart", 1), written);
    }
}

/// It reads, and a renewal would move the session of the attacker into the place of the one that is withheld.
#[test]
fn an_allowed_request_moves_no_former_cookie_that_can_be_planted() {
    let clock = Clock::new();
    for name in ["__Host-sid", "sid"] {
        clock.set(T0);
        let before = Site::with(&clock, |builder| builder.cookie_name(name));
        let header = log_in(&before, 1).header();
        let after = Site::with(&clock, |builder| {
            let builder = builder.former_cookie(former(name));
            builder.allow_cross_origin(|_| true)
        });
        clock.pass(10 * MINUTE);
        let exchange = Exchange::begin(&after.sessions);
        let session = ready(exchange.session(RequestHead {
            method: "POST",
            path: "/",
            authority: Some("shop.example"),
            headers: [("cookie", &header[..]), ("origin", "https://pay.example")],
        }));
        assert!(!session.is_new().unwrap());
        let plan = ready(exchange.commit(exchange.close()));
        let reply = Reply::from(exchange.finish(plan, NO_HEADERS));
        assert_eq!(reply.set_cookie.is_empty(), name == "sid", "{name}");
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    user: u8,
}

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 1;
}

/// The same under another name.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Member {
    user: u8,
}

impl SessionData for Member {
    const NAME: &'static str = "member";
    const VERSION: u8 = 1;
}

/// Another name and another layout: its versions go on from those of `Account` and from the dictionary.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Customer {
    name: String,
    user: u8,
}

impl SessionData for Customer {
    const NAME: &'static str = "customer";
    const VERSION: u8 = 2;

    fn migrate(old: OldData<'_>) -> Option<Customer> {
        let user = match old.version() {
            0 => old.read::<SessionMap>()?.get("user").ok()??,
            1 => old.read::<Account>()?.user,
            _ => return None,
        };
        Some(Customer {
            name: "migrated".into(),
            user,
        })
    }
}

#[test]
fn another_type_reads_the_data_of_the_former_one() {
    let clock = Clock::new();
    let accounts = Site::with(&clock, |builder| builder.data::<Account>());
    let header = {
        let mut browser = Browser::default();
        browser.visit(&accounts, |session| {
            session.modify(|account| account.user = 7).unwrap()
        });
        browser.header()
    };
    let former = || former(NAME).type_name("account");
    let members = Site::with(&clock, |builder| {
        builder.data::<Member>().former_cookie(former())
    });
    assert_eq!(members.request(&header).with(|member| member.user), Ok(7));
    let migrated = Customer {
        name: "migrated".into(),
        user: 7,
    };
    let customers = Site::with(&clock, |builder| {
        builder.former_cookie(former()).data::<Customer>()
    });
    customers
        .request(&header)
        .with(|customer| assert_eq!(*customer, migrated))
        .unwrap();
    // A type that does not know the version takes nothing.
    let newer = Site::with(&clock, |builder| {
        builder
            .data::<Account>()
            .former_cookie(self::former(NAME).type_name("customer"))
    });
    let mut browser = Browser::default();
    browser.visit(&customers, |session| {
        session.modify(|customer| customer.user = 7).unwrap()
    });
    assert_eq!(
        newer
            .request(&browser.header())
            .with(|account| account.user),
        Ok(0)
    );
    assert_eq!(refusals(&newer.events()), [Refusal::NewerSchema]);
}

#[test]
fn a_typed_session_reads_the_dictionary_that_it_was() {
    let clock = Clock::new();
    let dictionary = Site::with(&clock, |builder| builder.cookie_name("sid"));
    let mut browser = log_in(&dictionary, 7);
    let customers = Site::with(&clock, |builder| {
        builder
            .data::<Customer>()
            .former_cookie(former("sid").type_name(""))
    });
    let (user, reply) = browser.visit(&customers, |session| {
        session
            .modify(|customer| customer.name = "Ada".into())
            .unwrap();
        session.with(|customer| customer.user).unwrap()
    });
    assert_eq!((user, reply.set_cookie.len()), (7, 2));
    let name = customers
        .request(&browser.header())
        .with(|customer| customer.name.clone());
    assert_eq!(name.unwrap(), "Ada");
}

fn refused<T: SessionData>(
    configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder<T>,
) -> String {
    let built = configure(SessionManager::builder(ring(1))).build();
    built.unwrap_err().to_string()
}

#[test]
fn settings_that_cannot_work_are_refused() {
    /// Of the version of a dictionary.
    #[derive(Default, Serialize, Deserialize)]
    struct Zero;
    impl SessionData for Zero {
        const NAME: &'static str = "zero";
        const VERSION: u8 = 0;
    }
    let one = |former: FormerCookie| refused(|builder| builder.former_cookie(former));
    assert_eq!(
        one(FormerCookie::new("sid")),
        "the former cookie `sid` has no end: set `until`, to the end of the change plus the longest idle timeout"
    );
    assert_eq!(
        one(former(NAME)),
        "the former cookie `__Host-session` is the present one: say what was different"
    );
    assert_eq!(
        one(former(NAME).realm("").type_name("").path("/")),
        "the former cookie `__Host-session` is the present one: say what was different"
    );
    for (name, why) in [
        ("a b", "the cookie name `a b` is not a token"),
        ("", "the cookie name `` is not a token"),
        (
            "sid.1",
            "the cookie name `sid.1` ends like the name of a chunk",
        ),
    ] {
        let start = format!("the former cookie `{name}` is not possible: {why}");
        assert!(
            one(former(name)).starts_with(&start),
            "{}",
            one(former(name))
        );
    }
    for (former, why) in [
        (former("__Host-a").domain("example.org"), "allows no domain"),
        (former("__Host-a").path("/shop"), "allows no path"),
        (former("sid").path("shop"), "the path \"shop\" is not valid"),
        (
            former("sid").domain("a b"),
            "the domain \"a b\" is not a domain name",
        ),
        (
            former("sid").realm("a\0b"),
            "has a zero byte in its realm or type name",
        ),
        (
            former("sid").type_name("a\0b"),
            "has a zero byte in its realm or type name",
        ),
        (
            former("sid").type_name("account"),
            "had a type, and a dictionary cannot read it",
        ),
    ] {
        let said = one(former);
        assert!(said.contains(why), "{said}");
    }
    let twice = |one: FormerCookie, other: FormerCookie| {
        refused(|builder| builder.former_cookie(one).former_cookie(other))
    };
    let said = "the former cookie `sid` is given twice";
    assert_eq!(twice(former("sid"), former("sid").until(at(T0))), said);
    let domain = |domain| former("sid").domain(domain);
    assert_eq!(twice(domain("example.org"), domain(".EXAMPLE.org")), said);
    let zero = refused(|builder| {
        builder
            .data::<Zero>()
            .former_cookie(former(NAME).type_name(""))
    });
    assert!(
        zero.contains("had a dictionary, which has version 0"),
        "{zero}"
    );
    // What differs in one point is another cookie.
    let all = [
        former("sid"),
        former("sid").domain("example.org"),
        former("sid").path("/shop"),
        former("sid").partitioned(),
        former("sid").realm("one"),
        former("other"),
        former(NAME).partitioned(),
        former(NAME).realm("one"),
    ];
    let builder = SessionManager::builder(ring(1));
    let builder = all
        .into_iter()
        .fold(builder, SessionManagerBuilder::former_cookie);
    assert!(builder.build().is_ok());
}

/// A browser takes the removal of a prefixed or partitioned cookie only with what it requires.
#[test]
fn a_removal_has_what_its_prefix_requires() {
    let clock = Clock::new();
    for (name, partitioned, required) in [
        ("__Host-old", false, "; Secure; Path=/; "),
        ("__Secure-old", false, "; Secure"),
        ("__Http-old", false, "; HttpOnly"),
        ("__Host-Http-old", false, "; HttpOnly"),
        ("old", true, "; Secure"),
        ("old", true, "; Partitioned"),
    ] {
        let former = if partitioned {
            former(name).partitioned()
        } else {
            former(name)
        };
        let site = Site::with(&clock, |builder| {
            let builder = builder.cookie_name("new").secure(false).http_only(false);
            builder.former_cookie(former)
        });
        let mut browser = log_in(&site, 1);
        let (_, reply) = browser.visit(&site, |session| session.destroy().unwrap());
        let [removal] = &removals(&reply, name)[..] else {
            panic!("{reply:?}")
        };
        assert!(format!("{removal}; ").contains(required), "{removal}");
    }
}

/// In production the session moves from `session`; on a developer's machine this is its present name.
#[test]
fn the_present_cookie_of_a_developers_machine_may_be_a_former_one() {
    let builder = SessionManager::builder(ring(1)).former_cookie(former("session"));
    let sessions = builder.insecure_for_development().build().unwrap();
    let request = Request::new(&sessions, []);
    request.insert("user", 7).unwrap();
    let reply = request.finish();
    assert!(matches!(&reply.set_cookie[..], [line] if line.starts_with("session=h")));
}

/// Remembered by mistake, and forgotten: the browser has no cookie left that says otherwise.
#[test]
fn a_save_leaves_no_twin_that_outlives_it() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let after = Site::with(&clock, |builder| {
        builder.partitioned(true).former_cookie(former(NAME))
    });
    let mut browser = log_in(&before, 1);
    browser.visit(&before, |session| session.remember(true).unwrap());
    browser.visit(&after, |session| session.remember(false).unwrap());
    assert_eq!(browser.0.0.len(), 1);
    assert!(!after.request(&browser.header()).is_remembered().unwrap());
}

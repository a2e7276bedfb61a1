//! Sessions that are bound to the browser's device: the rules, without a framework and with a clock that stands.

#[cfg(feature = "store")]
use crate::kit::store::{Fault, Scripted};
use crate::kit::{
    clock::{Clock, MINUTE, seconds},
    device::Device,
    exchange::{NO_HEADERS, ready},
    keys,
};
use hardtack::session::{
    Denylist, DeviceBound, DeviceRefusal, Event, Exchange, FormerCookie, HeaderEdit, Plan, Refusal,
    RequestHead, SameSite, SaveReason, Session, SessionError, SessionManager,
    SessionManagerBuilder,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};

const ENDPOINT: &str = "/.hardtack/device/session";
const SESSION: &str = "__Host-session";
const PROOF: &str = "__Host-session-bound";

struct Site {
    sessions: SessionManager,
    clock: Clock,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Site {
    fn new() -> Site {
        Site::with(DeviceBound::default())
    }

    fn with(bound: DeviceBound) -> Site {
        Site::built(|builder| builder.device_bound(bound))
    }

    fn built(build: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder) -> Site {
        Site::at(Clock::new(), build)
    }

    fn at(
        clock: Clock,
        build: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Site {
        let events = Arc::new(Mutex::new(vec![]));
        let builder = SessionManager::builder(keys::ring(1));
        let builder = builder
            .clock({
                let clock = clock.clone();
                move || clock.now()
            })
            .on_event({
                let events = Arc::clone(&events);
                move |event| events.lock().unwrap().push(event.clone())
            });
        Site {
            sessions: build(builder).build().unwrap(),
            clock,
            events,
        }
    }

    fn events(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    fn refusals(&self) -> Vec<DeviceRefusal> {
        let refusal = |event| match event {
            Event::DeviceRefused { reason, .. } => Some(reason),
            _ => None,
        };
        self.events().into_iter().filter_map(refusal).collect()
    }
}

/// What came back: of several headers of one name the last, and all cookies in the jar.
#[derive(Debug)]
struct Reply {
    /// 0 is the handler's.
    status: u16,
    body: String,
    headers: BTreeMap<&'static str, String>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The challenge of an offer, or of a refresh.
    fn challenge(&self) -> String {
        let offer = self.header("secure-session-registration");
        let text = match offer.split_once("challenge=") {
            Some((_, challenge)) => challenge,
            None => self.header("secure-session-challenge"),
        };
        text.split('"').nth(1).expect("a challenge").to_owned()
    }
}

/// The cookies of a browser, or of a thief.
#[derive(Clone, Default, Debug, PartialEq)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    fn header(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    fn take(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains("Max-Age=0") {
            self.0.remove(name);
        } else {
            self.0.insert(name.into(), value.into());
        }
    }

    fn without(&self, name: &str) -> Jar {
        let mut jar = self.clone();
        jar.0.remove(name).expect("a cookie to lose");
        jar
    }

    fn send(
        &mut self,
        site: &Site,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        handler: impl FnOnce(&Session),
    ) -> Reply {
        let exchange = Exchange::begin(&site.sessions);
        let cookies = self.header();
        let head = RequestHead {
            method,
            path,
            authority: None,
            headers: headers
                .iter()
                .copied()
                .chain([("cookie", cookies.as_str())]),
        };
        let edits = match exchange.endpoint(&head) {
            Some(answer) => ready(answer),
            None => {
                handler(&ready(exchange.session(head)));
                let plan: Plan = ready(exchange.commit(exchange.close()));
                exchange.finish(plan, NO_HEADERS)
            }
        };
        let mut reply = Reply {
            status: edits.status().unwrap_or_default(),
            body: edits.body(),
            headers: BTreeMap::new(),
        };
        for edit in edits {
            let (HeaderEdit::Append(name, value) | HeaderEdit::Set(name, value)) = edit;
            if name == "set-cookie" {
                self.take(&value);
            }
            reply.headers.insert(name, value.into());
        }
        reply
    }

    fn get(&mut self, site: &Site, handler: impl FnOnce(&Session)) -> Reply {
        self.send(site, ("GET", "/"), &[], handler)
    }

    fn log_in(&mut self, site: &Site) -> Reply {
        self.send(site, ("POST", "/login"), &[], |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", 7).unwrap();
        })
    }

    fn user(&mut self, site: &Site) -> Option<u32> {
        let mut user = None;
        self.get(site, |session| user = session.get("user").unwrap());
        user
    }

    fn endpoint(&mut self, site: &Site, headers: &[(&str, &str)]) -> Reply {
        self.send(site, ("POST", ENDPOINT), headers, |_| {
            panic!("no handler runs")
        })
    }

    fn register(&mut self, site: &Site, device: &Device, challenge: &str) -> Reply {
        let proof = device.register(challenge);
        self.endpoint(site, &[("secure-session-response", &proof)])
    }

    /// Logs in and binds. Returns the name of the key.
    fn bind(&mut self, site: &Site, device: &Device) -> String {
        let challenge = self.log_in(site).challenge();
        let reply = self.register(site, device, &challenge);
        assert_eq!(reply.status, 200, "{reply:?}");
        let instructions: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        instructions["session_identifier"].as_str().unwrap().into()
    }

    fn refresh(&mut self, site: &Site, device: &Device, id: &str) -> Reply {
        let asked = self.endpoint(site, &[("sec-secure-session-id", id)]);
        if asked.status != 403 {
            return asked;
        }
        let proof = device.prove(&asked.challenge());
        let headers = [
            ("sec-secure-session-id", id),
            ("secure-session-response", &proof),
        ];
        self.endpoint(site, &headers)
    }
}

#[test]
fn a_login_is_bound_and_proven_again() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let offer = jar.log_in(&site);
    let header = offer.header("secure-session-registration");
    let expected = format!("(ES256);path=\"{ENDPOINT}\";challenge=\"");
    assert!(header.starts_with(&expected), "{header}");

    let reply = jar.register(&site, &device, &offer.challenge());
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    let instructions: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let id = instructions["session_identifier"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        instructions,
        serde_json::json!({
            "session_identifier": id,
            "refresh_url": ENDPOINT,
            "scope": { "include_site": false, "scope_specification": [] },
            "credentials": [{
                "type": "cookie",
                "name": PROOF,
                "attributes": "HttpOnly; SameSite=Lax; Secure; Path=/",
            }],
        })
    );
    assert!(reply.header("set-cookie").starts_with(PROOF));
    let names: Vec<&String> = jar.0.keys().collect();
    assert_eq!(names, [SESSION, PROOF]);
    let events = site.events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::DeviceBound { .. })),
        "{events:?}"
    );

    let mut bound = false;
    jar.get(&site, |session| bound = session.is_device_bound().unwrap());
    assert!(bound && jar.user(&site) == Some(7));

    // The browser fetches a proof before it needs one.
    site.clock.pass(9 * MINUTE);
    let before = jar.0[PROOF].clone();
    let reply = jar.refresh(&site, &device, &id);
    assert_eq!((reply.status, reply.body), (200, instructions.to_string()));
    assert_ne!(jar.0[PROOF], before);
    let proven = |event: &Event| matches!(event, Event::DeviceProven { .. });
    assert_eq!(
        site.events().iter().filter(|event| proven(event)).count(),
        1
    );
    site.clock.pass(10 * MINUTE);
    assert_eq!(jar.user(&site), Some(7));
}

#[test]
fn the_session_cookie_alone_is_worth_nothing_and_both_are_worth_minutes() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    let thief = jar.clone();

    // Nor can it be bound again, or proven with a key of the thief's.
    let own = Device::new(2);
    let mut half = thief.without(PROOF);
    assert_eq!(half.user(&site), None);
    let mut half = thief.without(PROOF);
    let offered = half.get(&site, |session| {
        assert_eq!(session.offer_device_binding(), Ok(false));
    });
    assert_eq!(offered.header("secure-session-registration"), "");
    let mut half = thief.without(PROOF);
    site.events();
    let reply = half.refresh(&site, &own, &id);
    assert_eq!(reply.status, 403);
    assert_eq!(site.refusals(), [DeviceRefusal::ForeignKey]);
    assert_eq!(half, thief.without(PROOF));

    let (mut early, mut late) = (thief.clone(), thief.clone());
    // To the second: the lifetime of a proof, and the clock skew.
    site.clock.pass(11 * MINUTE);
    assert_eq!(early.user(&site), Some(7));
    site.clock.pass(1);
    assert_eq!(late.user(&site), None);

    // The browser goes on.
    assert_eq!(jar.refresh(&site, &device, &id).status, 200);
    assert_eq!(jar.user(&site), Some(7));
}

/// An instance whose clock was slow sealed the proof: its time is before the floor, and that of the login is not.
#[test]
fn the_floor_refuses_a_proof_as_it_refuses_a_session() {
    for runs in [false, true] {
        let (clock, device, mut jar) = (Clock::new(), Device::new(1), Jar::default());
        let at = |builder: SessionManagerBuilder| builder.device_bound(DeviceBound::default());
        let before = Site::at(clock.clone(), at);
        let floor = clock.now();
        let challenge = jar.log_in(&before).challenge();
        clock.set(floor.to_unix() - 1);
        assert_eq!(jar.register(&before, &device, &challenge).status, 200);
        clock.set(floor.to_unix());
        jar.get(&before, |session| session.insert("cart", 1).unwrap());
        let site = Site::at(clock, |builder| match runs {
            true => at(builder),
            false => at(builder).reject_issued_before(floor),
        });
        if runs {
            assert_eq!(jar.user(&site), Some(7));
            site.sessions.reject_issued_before(floor);
        }
        jar.get(&site, |session| {
            assert_eq!(session.refused(), Ok(Some(Refusal::NoDeviceProof)));
        });
    }
}

const FROM_A_LINK: [(&str, &str); 3] = [
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

/// Which cookie counts: the rows with a bound record and without its proof.
#[test]
fn what_a_handler_gets_of_a_bound_session_without_its_proof() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    jar.bind(&site, &device);
    let jar = jar.without(PROOF);
    let waits = Err(SessionError::NoDeviceProof);
    let script = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
    ];
    let skipped = [("secure-session-skipped", "quota_exceeded")];
    let prefetch = [&FROM_A_LINK[..], &[("sec-purpose", "prefetch")]].concat();
    for (headers, write, status) in [
        (&FROM_A_LINK[..], waits.clone(), 200),
        (&prefetch, waits.clone(), 503),
        (&script, waits.clone(), 0),
        (&skipped, waits, 0),
        (&[], Ok(()), 0),
    ] {
        let mut browser = jar.clone();
        site.events();
        let reply = browser.send(&site, ("GET", "/"), headers, |session| {
            assert!(session.is_new().unwrap() && session.is_empty().unwrap());
            assert_eq!(session.refused(), Ok(Some(Refusal::NoDeviceProof)));
            assert_eq!(session.take_flashes(), Ok(vec![]));
        });
        assert_eq!(reply.status, status, "{headers:?}");
        assert_eq!(
            reply.header("refresh"),
            if status == 200 { "0" } else { "" }
        );
        assert_eq!((reply.body.as_str(), &browser), ("", &jar));
        let told = |event: &Event| {
            let no_proof = matches!(
                event,
                Event::Refused {
                    reason: Refusal::NoDeviceProof,
                    ..
                }
            );
            no_proof
                && matches!(
                    event,
                    Event::Refused {
                        login_id: Some(_),
                        key: Some(_),
                        ..
                    }
                )
        };
        assert_eq!(site.events().iter().filter(|event| told(event)).count(), 1);

        let mut browser = jar.clone();
        let reply = browser.send(&site, ("GET", "/"), headers, |session| {
            assert_eq!(session.insert("cart", 1), write, "{headers:?}");
        });
        assert_eq!(browser == jar, write.is_err(), "{reply:?}");

        // Both always work. What ends here is remembered by this site.
        let site = Site::at(site.clock.clone(), |builder| {
            builder.device_bound(DeviceBound::default())
        });
        let mut browser = jar.clone();
        let reply = browser.send(&site, ("GET", "/"), headers, |session| {
            session.destroy().unwrap()
        });
        assert_eq!((reply.status, browser), (0, Jar::default()));
        let mut browser = jar.clone();
        let reply = browser.send(&site, ("GET", "/"), headers, |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", 8).unwrap();
        });
        assert_eq!((reply.status, browser.user(&site)), (0, Some(8)));
    }
}

#[test]
fn a_registration_is_refused_with_its_reason() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let challenge = jar.log_in(&site).challenge();
    let good = device.register(&challenge);
    let named = |proof: &str| Vec::from([("secure-session-response", proof.to_owned())]);
    let mut other = Jar::default();
    let foreign = device.register(&other.log_in(&site).challenge());
    let (head, _) = good.rsplit_once('.').unwrap();
    let (_, signature) = foreign.rsplit_once('.').unwrap();
    let script = [named(&good), vec![("sec-fetch-mode", "cors".into())]].concat();
    for (headers, reason) in [
        (script, DeviceRefusal::Script),
        (vec![], DeviceRefusal::NoProof),
        (named("x.y.z"), DeviceRefusal::NoProof),
        (named(&device.prove(&challenge)), DeviceRefusal::NoProof),
        (named(&device.register("x")), DeviceRefusal::Challenge),
        (named(&foreign), DeviceRefusal::Challenge),
        (
            named(&format!("{head}.{signature}")),
            DeviceRefusal::ForeignKey,
        ),
    ] {
        site.events();
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut browser = jar.clone();
        let reply = browser.endpoint(&site, &headers);
        assert_eq!((reply.status, reply.body.as_str()), (400, ""), "{reason}");
        assert_eq!(site.refusals(), [reason]);
        assert_eq!(browser, jar);
    }
    // Without a session there is nothing to bind.
    let reply = Jar::default().register(&site, &device, &challenge);
    assert_eq!(
        (reply.status, site.refusals()),
        (400, vec![DeviceRefusal::NoSession])
    );

    site.clock.pass(300);
    let mut browser = jar.clone();
    let headers = [
        ("secure-session-response", &*good),
        ("sec-fetch-mode", "no-cors"),
    ];
    assert_eq!(browser.endpoint(&site, &headers).status, 200);
    assert_eq!(
        browser.register(&site, &Device::new(2), &challenge).status,
        400
    );
    assert_eq!(site.refusals(), [DeviceRefusal::Bound]);
    site.clock.pass(1);
    assert_eq!(jar.register(&site, &device, &challenge).status, 400);
    assert_eq!(site.refusals(), [DeviceRefusal::Challenge]);
}

#[test]
fn a_refresh_answers_by_the_table() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    let over = r#"{"continue":false}"#;

    // Another key by name, as one of a login before.
    let reply = jar.endpoint(&site, &[("sec-secure-session-id", "x")]);
    assert_eq!((reply.status, reply.body.as_str()), (200, over));
    // Nobody is logged in, or somebody whose session is not bound.
    let mut stranger = Jar::default();
    let reply = stranger.refresh(&site, &device, &id);
    assert_eq!((reply.status, reply.body.as_str()), (200, over));
    stranger.log_in(&site);
    let reply = stranger.refresh(&site, &device, &id);
    assert_eq!((reply.status, reply.body.as_str()), (200, over));

    // Quoted, as the specification says.
    let asked = jar.endpoint(&site, &[("sec-secure-session-id", &format!("\"{id}\""))]);
    assert_eq!(asked.status, 403);
    let header = asked.header("secure-session-challenge");
    assert!(header.ends_with(&format!("\";id=\"{id}\"")), "{header}");
    let challenge = asked.challenge();

    site.events();
    let mut answer = |site: &Site, proof: &str, mode: &str| {
        let headers = [
            ("sec-secure-session-id", id.as_str()),
            ("secure-session-response", proof),
            ("sec-fetch-mode", mode),
        ];
        let reply = jar.endpoint(site, &headers);
        let next = reply.header("secure-session-challenge").to_owned();
        assert_eq!(next.is_empty(), reply.status != 403);
        (reply.status, site.refusals())
    };
    let good = device.prove(&challenge);
    assert_eq!(
        answer(&site, &good, "cors"),
        (400, vec![DeviceRefusal::Script])
    );
    assert_eq!(
        answer(&site, "x", "no-cors"),
        (403, vec![DeviceRefusal::NoProof])
    );
    let foreign = Device::new(2).prove(&challenge);
    assert_eq!(
        answer(&site, &foreign, "no-cors"),
        (403, vec![DeviceRefusal::ForeignKey])
    );
    site.clock.pass(60);
    assert_eq!(answer(&site, &good, "no-cors"), (200, vec![]));
    site.clock.pass(1);
    assert_eq!(
        answer(&site, &good, "no-cors"),
        (403, vec![DeviceRefusal::Challenge])
    );

    // Logged out.
    jar.get(&site, |session| session.destroy().unwrap());
    assert_eq!(jar, Jar::default());
    let reply = jar.refresh(&site, &device, &id);
    assert_eq!((reply.status, reply.body.as_str()), (200, over));
}

/// What another instance, or a later request, may read ends nothing in the browser.
#[test]
fn a_session_that_may_come_back_is_not_ended_at_the_endpoint() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    let behind = SessionManager::builder(keys::ring(2));
    let behind = Site {
        sessions: behind.device_bound(DeviceBound::default()).build().unwrap(),
        ..Site::new()
    };
    let before = jar.clone();
    assert_eq!(jar.refresh(&behind, &device, &id).status, 503);

    // A proof under a key that only another instance has.
    let ring = keys::ring(2).accept(keys::key(1)).unwrap();
    site.sessions.set_keyring(ring.clone());
    assert_eq!(jar.refresh(&site, &device, &id).status, 200);
    site.sessions.set_keyring(keys::ring(1));
    let mut write = Ok(());
    jar.get(&site, |session| write = session.insert("cart", 1));
    assert_eq!(write, Err(SessionError::NoDeviceProof));
    assert_eq!(jar.0[SESSION], before.0[SESSION]);
    site.sessions.set_keyring(ring);
    assert_eq!(jar.user(&site), Some(7));
}

#[test]
fn a_second_login_leaves_the_key_behind_and_is_offered_a_new_one() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let first = jar.bind(&site, &device);
    jar.get(&site, |session| session.regenerate().unwrap());
    let mut bound = false;
    jar.get(&site, |session| bound = session.is_device_bound().unwrap());
    assert!(bound, "another id, the same login");

    let offer = jar.log_in(&site);
    assert!(!jar.0.contains_key(PROOF));
    jar.get(&site, |session| bound = session.is_device_bound().unwrap());
    assert!(!bound && jar.user(&site) == Some(7));
    assert_eq!(
        jar.refresh(&site, &device, &first).body,
        r#"{"continue":false}"#
    );
    let challenge = offer.challenge();
    assert_eq!(jar.register(&site, &Device::new(2), &challenge).status, 200);
    assert_eq!(jar.user(&site), Some(7));
}

/// A page that began before the registration, and whose answer came last.
#[test]
fn a_record_that_lost_its_key_takes_it_back() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let challenge = jar.log_in(&site).challenge();
    let mut slow = jar.clone();
    assert_eq!(jar.register(&site, &device, &challenge).status, 200);
    slow.get(&site, |session| session.insert("cart", 1).unwrap());
    jar.0.insert(SESSION.into(), slow.0[SESSION].clone());

    site.events();
    let mut bound = false;
    jar.get(&site, |session| {
        bound = session.is_device_bound().unwrap();
        assert_eq!(session.get("cart"), Ok(Some(1)));
        session.insert("cart", 2).unwrap();
        session.discard_changes().unwrap();
        assert_eq!(session.is_device_bound(), Ok(true));
    });
    assert!(bound);
    let adopted = |event: &Event| {
        matches!(
            event,
            Event::Saved {
                reason: SaveReason::Adopted,
                ..
            }
        )
    };
    assert_eq!(
        site.events().iter().filter(|event| adopted(event)).count(),
        1
    );
    assert_eq!(jar.without(PROOF).user(&site), None);
    assert_eq!(jar.user(&site), Some(7));

    // Nobody else's proof does that.
    let mut other = Jar::default();
    other.log_in(&site);
    other.0.insert(PROOF.into(), jar.0[PROOF].clone());
    other.get(&site, |session| bound = session.is_device_bound().unwrap());
    assert!(!bound);
}

/// A browser that is bound, a copy of before, and the challenge of both.
fn bound_and_copied(denylist: &Denylist) -> (Site, Jar, Jar, String) {
    let site = Site::built(|builder| {
        let builder = builder.device_bound(DeviceBound::default());
        builder.denylist(denylist.clone())
    });
    let mut jar = Jar::default();
    let challenge = jar.log_in(&site).challenge();
    let copy = jar.clone();
    assert_eq!(jar.register(&site, &Device::new(1), &challenge).status, 200);
    (site, jar, copy, challenge)
}

#[test]
fn with_a_denylist_copies_of_before_the_registration_die() {
    let denylist = Denylist::new();
    let (site, mut jar, mut copy, challenge) = bound_and_copied(&denylist);
    site.clock.pass(2 * MINUTE);
    assert_eq!(copy.user(&site), Some(7), "a request that was under way");
    site.clock.pass(1);
    copy.get(&site, |session| {
        assert_eq!(session.refused(), Ok(Some(Refusal::BoundSince)));
    });
    // Nor is it bound to a key of the thief's.
    assert_eq!(
        copy.register(&site, &Device::new(2), &challenge).status,
        400
    );
    assert_eq!(jar.user(&site), Some(7));

    let site = Site::at(site.clock.clone(), |builder| {
        let bound = DeviceBound::default().required(false);
        builder.device_bound(bound).denylist(denylist)
    });
    assert_eq!(copy.user(&site), Some(7));
}

/// An instance that was restarted, or that reads the list of the others.
#[test]
fn with_a_denylist_that_is_read_again_copies_of_before_the_registration_stay_dead() {
    let denylist = Denylist::new();
    let (site, mut jar, mut copy, _) = bound_and_copied(&denylist);
    site.clock.pass(2 * MINUTE + 1);
    assert_eq!(copy.user(&site), None);
    let restarted = Denylist::new();
    for entry in denylist.entries() {
        let line = entry.to_string();
        restarted
            .insert(line.parse().unwrap(), site.clock.now())
            .unwrap();
    }
    let site = Site::at(site.clock.clone(), |builder| {
        builder
            .device_bound(DeviceBound::default())
            .denylist(restarted)
    });
    assert_eq!(copy.user(&site), None);
    assert_eq!(jar.user(&site), Some(7));
}

/// Within the minute in which such a copy still counts, its thief asks for an offer and registers a key of their own.
#[test]
fn with_a_denylist_no_copy_of_before_is_bound_to_another_key() {
    let site = Site::built(|builder| {
        builder
            .device_bound(DeviceBound::default())
            .denylist(Denylist::new())
    });
    let (device, mut jar) = (Device::new(1), Jar::default());
    let challenge = jar.log_in(&site).challenge();
    let mut copy = jar.clone();
    let offer = copy.get(&site, |session| {
        assert_eq!(session.offer_device_binding(), Ok(true));
    });
    assert_eq!(jar.register(&site, &device, &challenge).status, 200);
    site.events();
    let own = Device::new(2);
    assert_eq!(copy.register(&site, &own, &offer.challenge()).status, 400);
    assert_eq!(site.refusals(), [DeviceRefusal::Bound]);
    assert_eq!(jar.user(&site), Some(7));
}

#[test]
fn the_way_back_logs_nobody_out() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    let no_offer = Site::at(site.clock.clone(), |builder| {
        builder.device_bound(DeviceBound::default().offer(false))
    });
    assert_eq!(
        Jar::default()
            .log_in(&no_offer)
            .header("secure-session-registration"),
        ""
    );
    assert_eq!(jar.refresh(&no_offer, &device, &id).status, 200);
    assert_eq!(jar.without(PROOF).user(&no_offer), None);

    let not_required = Site::at(site.clock.clone(), |builder| {
        builder.device_bound(DeviceBound::default().offer(false).required(false))
    });
    assert_eq!(jar.without(PROOF).user(&not_required), Some(7));

    // A site without the setting leaves the cookie to one that has it.
    let without = Site::at(site.clock.clone(), |builder| builder);
    let before = jar.clone();
    jar.get(&without, |session| {
        assert_eq!(session.refused(), Ok(Some(Refusal::UnknownLayout)));
    });
    assert_eq!(jar, before);
}

#[test]
fn who_had_logged_in_before_is_offered_the_binding() {
    let clock = Clock::new();
    let without = Site::at(clock.clone(), |builder| builder);
    let (device, mut jar) = (Device::new(1), Jar::default());
    jar.log_in(&without);
    let site = Site::at(clock, |builder| {
        builder.device_bound(DeviceBound::default())
    });
    let offer = |session: &Session| assert_eq!(session.offer_device_binding(), Ok(true));
    let reply = jar.get(&site, offer);
    assert_eq!(jar.register(&site, &device, &reply.challenge()).status, 200);
    jar.get(&site, |session| {
        assert_eq!(session.offer_device_binding(), Ok(false))
    });
    Jar::default().get(&site, |session| {
        assert_eq!(session.offer_device_binding(), Ok(false))
    });
}

/// Whatever a stranger or a thief sends to the endpoint, nothing is bound, ended or set.
#[test]
fn the_worst_that_is_sent_to_the_endpoint_changes_nothing() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let challenge = jar.log_in(&site).challenge();
    let unbound = jar.clone();
    let registration = device.register(&challenge);
    let id = jar.bind(&site, &device);
    let asked = jar.endpoint(&site, &[("sec-secure-session-id", &id)]);
    let refresh = device.prove(&asked.challenge());
    let mut worst: Vec<String> = [
        "",
        "\"",
        "\"\"",
        ".",
        "..",
        "...",
        "é.é.é",
        "\0",
        "[]",
        "e30.e30.e30",
    ]
    .map(String::from)
    .into();
    worst.push("a".repeat(64 * 1024));
    worst.push(format!("{registration}{}", "A".repeat(64 * 1024)));
    // Of a login that another one has replaced, and cut at every place.
    worst.push(registration.clone());
    for proof in [&registration, &refresh] {
        worst.extend((0..proof.len()).map(|at| proof[..at].to_owned()));
    }
    for (from, ids) in [(&jar, [None, Some(&*id)]), (&unbound, [None, Some("x")])] {
        for id in ids {
            for proof in &worst {
                let named = id.map(|id| ("sec-secure-session-id", id)).into_iter();
                let headers: Vec<_> = named
                    .chain([("secure-session-response", &**proof)])
                    .collect();
                let mut browser = from.clone();
                let reply = browser.endpoint(&site, &headers);
                let expected = match id {
                    None => 400,
                    Some("x") => 200,
                    Some(_) => 403,
                };
                assert_eq!(reply.status, expected, "{id:?} {proof:?}");
                assert_eq!(browser, *from, "{id:?} {proof:?}");
            }
        }
    }
    // Names of a key, of any kind.
    for id in ["", "\"", "é", &"A".repeat(64 * 1024), &id[1..]] {
        let reply = jar.endpoint(&site, &[("sec-secure-session-id", id)]);
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (200, r#"{"continue":false}"#)
        );
    }
    assert_eq!(jar.user(&site), Some(7));
}

#[cfg(feature = "store")]
#[test]
fn a_bound_session_in_a_store_is_proven_too() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let site = Site::at(clock, |builder| {
        builder
            .device_bound(DeviceBound::default())
            .store(store.clone())
    });
    let (device, mut jar) = (Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    assert_eq!(jar.user(&site), Some(7));
    assert_eq!(jar.without(PROOF).user(&site), None);
    site.clock.pass(9 * MINUTE);
    assert_eq!(jar.refresh(&site, &device, &id).status, 200);
    site.clock.pass(10 * MINUTE);
    assert_eq!(jar.user(&site), Some(7));

    // The browser tries again later: what the store did not take is not bound.
    let mut jar = Jar::default();
    let challenge = jar.log_in(&site).challenge();
    store.fail(&[None, Some(Fault::Refused)]);
    let before = jar.clone();
    assert_eq!(jar.register(&site, &device, &challenge).status, 503);
    assert_eq!(jar, before);
}

/// Some instances of the fleet bind already. One that does not yet, and that is slower, must not write over the key.
#[cfg(feature = "store")]
#[test]
fn an_instance_that_binds_nothing_writes_over_no_bound_session() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let binding = Site::at(clock.clone(), |builder| {
        builder
            .device_bound(DeviceBound::default())
            .store(store.clone())
    });
    let plain = Site::at(clock, |builder| builder.store(store.clone()));
    let (device, mut jar) = (Device::new(1), Jar::default());
    let challenge = jar.log_in(&binding).challenge();
    let mut slow = jar.clone();
    let reply = slow.get(&plain, |session| {
        session.insert("page", 2).unwrap();
        assert_eq!(jar.register(&binding, &device, &challenge).status, 200);
    });
    assert_eq!((reply.status, reply.header("set-cookie")), (503, ""));
    assert_eq!(jar.user(&binding), Some(7));
    assert_eq!(jar.without(PROOF).user(&binding), None);
}

/// What the guide says of an instance without the setting.
#[test]
fn an_instance_that_binds_nothing_reads_no_bound_session_and_a_write_begins_another() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    jar.bind(&site, &device);
    let plain = Site::at(site.clock.clone(), |builder| builder);
    let before = jar.clone();
    jar.get(&plain, |session| assert!(session.is_new().unwrap()));
    assert_eq!(jar, before);
    assert_eq!(jar.user(&site), Some(7));
    jar.get(&plain, |session| session.insert("page", 2).unwrap());
    assert_eq!(jar.user(&site), None);
}

/// What the guide says of an offer in a request that checks no credential.
#[test]
fn an_offer_without_a_credential_binds_a_copy_to_the_key_of_a_thief() {
    let (site, mut jar) = (Site::new(), Jar::default());
    jar.log_in(&site);
    let mut thief = jar.clone();
    let offer = thief.get(&site, |session| {
        assert_eq!(session.offer_device_binding(), Ok(true));
    });
    let own = Device::new(9);
    assert_eq!(thief.register(&site, &own, &offer.challenge()).status, 200);
    let mut bound = false;
    thief.get(&site, |session| bound = session.is_device_bound().unwrap());
    assert!(bound);

    // A login offers it, and without a page that does, there is no challenge to sign.
    let mut other = jar.clone();
    let page = other.get(&site, |_| {});
    assert_eq!(page.header("secure-session-registration"), "");
}

/// A browser that tells no mode is not refused, although a script may have sent what it sends.
#[test]
fn a_registration_without_a_mode_is_taken() {
    let (site, mut jar) = (Site::new(), Jar::default());
    let challenge = jar.log_in(&site).challenge();
    let proof = Device::new(9).register(&challenge);
    let headers = [
        ("secure-session-response", proof.as_str()),
        ("origin", "https://shop.example"),
        ("referer", "https://shop.example/profile"),
    ];
    assert_eq!(jar.endpoint(&site, &headers).status, 200);
}

/// The answer to a registration is lost on its way: the price of a list that ends copies of before.
#[test]
fn with_a_denylist_a_lost_answer_to_a_registration_costs_a_login() {
    for (listed, user) in [(false, Some(7)), (true, None)] {
        let site = Site::built(|builder| {
            let builder = builder.device_bound(DeviceBound::default());
            match listed {
                true => builder.denylist(Denylist::new()),
                false => builder,
            }
        });
        let (device, mut jar) = (Device::new(1), Jar::default());
        let challenge = jar.log_in(&site).challenge();
        let reply = jar.clone().register(&site, &device, &challenge);
        assert_eq!(reply.status, 200);
        site.clock.pass(2 * MINUTE);
        assert_eq!(jar.user(&site), Some(7));
        site.clock.pass(1);
        assert_eq!(jar.user(&site), user);
    }
}

/// A proxy or a nested router takes `/app` away. The setting names what browsers see, and what the layer sees.
#[test]
fn an_excluded_path_that_is_named_twice_is_excluded_behind_a_proxy_too() {
    let bound = DeviceBound::default()
        .path("/app/.hardtack/device/session")
        .exclude("/app/assets/")
        .exclude("/assets/");
    let site = Site::with(bound);
    let (device, mut jar) = (Device::new(1), Jar::default());
    jar.bind(&site, &device);
    let mut late = jar.without(PROOF);
    for path in ["/app/assets/a", "/assets/a"] {
        late.send(&site, ("GET", path), &[], |session| {
            let written = session.insert("seen", 1);
            assert_eq!(written, Err(SessionError::NoDeviceProof), "{path}");
        });
    }
}

#[test]
fn validate_sees_whether_a_session_is_bound() {
    let seen = Arc::new(Mutex::new(None));
    let last = Arc::clone(&seen);
    let site = Site::at(Clock::new(), |builder| {
        builder
            .device_bound(DeviceBound::default())
            .validate(move |view| {
                *last.lock().unwrap() = Some(view.is_device_bound());
                true
            })
    });
    let mut jar = Jar::default();
    jar.log_in(&site);
    for bound in [false, true] {
        jar.user(&site);
        assert_eq!(*seen.lock().unwrap(), Some(bound));
        jar.bind(&site, &Device::new(1));
    }
}

/// A cookie that no later request can read either: the browser is to forget its key.
#[test]
fn a_session_that_is_over_needs_no_proof_any_more() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    site.clock.pass(31 * MINUTE);
    let reply = jar.refresh(&site, &device, &id);
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, r#"{"continue":false}"#)
    );
}

/// The clock is the application's code, and never called with the keys locked.
#[test]
fn the_clock_may_set_keys_at_a_login_and_at_the_endpoint() {
    static SITE: OnceLock<SessionManager> = OnceLock::new();
    let mut site = Site::new();
    let clock = site.clock.clone();
    let sessions = SessionManager::builder(keys::ring(1))
        .clock(move || {
            if let Some(sessions) = SITE.get() {
                sessions.set_keyring(keys::ring(1));
            }
            clock.now()
        })
        .device_bound(DeviceBound::default())
        .build()
        .unwrap();
    site.sessions = SITE.get_or_init(|| sessions).clone();
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let (device, mut jar) = (Device::new(1), Jar::default());
        let id = jar.bind(&site, &device);
        done.send(jar.refresh(&site, &device, &id).status).unwrap();
    });
    // A call that waits for itself never ends.
    assert_eq!(finished.recv_timeout(Duration::from_secs(60)), Ok(200));
}

/// Rocket has to know its routes before the first request.
#[test]
fn an_adapter_is_told_whether_there_is_an_endpoint() {
    assert!(Exchange::has_endpoint(&Site::new().sessions));
    let unbound = Site::built(|builder| builder);
    assert!(!Exchange::has_endpoint(&unbound.sessions));
}

/// Its answer is the whole response: a renewal beside it would come from no handler.
#[test]
fn an_adapter_that_goes_on_after_an_answer_of_the_endpoint_adds_nothing() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    site.clock.pass(9 * MINUTE);
    let (exchange, cookies) = (Exchange::begin(&site.sessions), jar.header());
    let answer = exchange.endpoint(&RequestHead {
        method: "POST",
        path: ENDPOINT,
        authority: None,
        headers: [("cookie", &*cookies), ("sec-secure-session-id", &*id)],
    });
    assert_eq!(ready(answer.unwrap()).status(), Some(403));
    let plan = ready(exchange.commit(exchange.close()));
    assert_eq!(exchange.finish(plan, NO_HEADERS).into_iter().count(), 0);
    // Before its answer it would have.
    assert!(
        !jar.get(&site, |session| drop(session.id()))
            .header("set-cookie")
            .is_empty()
    );
}

/// The browser goes on with the proof that it has, and finds the endpoint where it was.
#[test]
fn a_bound_session_survives_a_rename() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    let id = jar.bind(&site, &device);
    let until = hardtack::Timestamp::from_unix(u32::MAX);
    let renamed = Site::at(site.clock.clone(), |builder| {
        let former = FormerCookie::new(SESSION).until(until);
        builder
            .cookie_name("__Host-id")
            .former_cookie(former)
            .device_bound(DeviceBound::default())
    });
    assert_eq!(jar.user(&renamed), Some(7));
    jar.get(&renamed, |session| session.insert("cart", 1).unwrap());
    assert!(jar.0.contains_key("__Host-id") && !jar.0.contains_key(SESSION));
    assert_eq!(
        jar.user(&renamed),
        Some(7),
        "with the proof under the former name"
    );
    let reply = jar.refresh(&renamed, &device, &id);
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains(r#""__Host-id-bound""#) && jar.0.contains_key("__Host-id-bound"));
    assert_eq!(jar.without(PROOF).user(&renamed), Some(7));
}

/// The settings before and after the instances of a fleet take the new name, realm or type for the present one.
fn rolling(clock: &Clock) -> [Site; 2] {
    let until = hardtack::Timestamp::from_unix(u32::MAX);
    [("sid", "__Host-session"), ("__Host-session", "sid")].map(|(present, former)| {
        Site::at(clock.clone(), |builder| {
            let former = FormerCookie::new(former).until(until);
            builder
                .cookie_name(present)
                .former_cookie(former)
                .device_bound(DeviceBound::default())
        })
    })
}

/// The instance that answers the login is not the one that the key is registered at.
#[test]
fn a_login_is_bound_by_another_instance_during_a_rename() {
    let [prepared, swapped] = rolling(&Clock::new());
    for [at_login, at_registration] in [[&prepared, &swapped], [&swapped, &prepared]] {
        let (device, mut jar) = (Device::new(1), Jar::default());
        let reply = jar.log_in(at_login);
        let offer = reply.header("secure-session-registration");
        let path = offer.split('"').nth(1).unwrap().to_owned();
        let proof = device.register(&reply.challenge());
        let headers = [("secure-session-response", proof.as_str())];
        let reply = jar.send(at_registration, ("POST", &path), &headers, |_| panic!());
        assert_eq!(reply.status, 200, "{:?}", at_registration.refusals());
    }
}

/// The instance that sends the challenge is not the one that its answer comes to.
#[test]
fn a_key_is_proven_at_another_instance_during_a_rename() {
    let [prepared, swapped] = rolling(&Clock::new());
    let (device, mut jar) = (Device::new(1), Jar::default());
    let path = "/.hardtack/device/sid";
    let proof = device.register(&jar.log_in(&prepared).challenge());
    let headers = [("secure-session-response", proof.as_str())];
    let reply = jar.send(&prepared, ("POST", path), &headers, |_| panic!());
    let instructions: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let id = instructions["session_identifier"].as_str().unwrap();
    let named = [("sec-secure-session-id", id)];
    for [asked, proven] in [[&prepared, &swapped], [&swapped, &prepared]] {
        let reply = jar.send(asked, ("POST", path), &named, |_| panic!());
        assert_eq!(reply.status, 403);
        let proof = device.prove(&reply.challenge());
        let headers = [named[0], ("secure-session-response", proof.as_str())];
        let reply = jar.send(proven, ("POST", path), &headers, |_| panic!());
        assert_eq!(reply.status, 200, "{:?}", proven.refusals());
    }
}

#[test]
fn a_proof_is_one_cookie_of_the_right_kind() {
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    jar.bind(&site, &device);
    let proof = jar.0[PROOF].clone();
    let (first, rest) = proof.split_at(40);
    let mut cut = jar.without(PROOF);
    cut.0.insert(PROOF.into(), format!("2.{first}"));
    cut.0
        .insert(format!("{PROOF}.1"), format!("{}.{rest}", &proof[24..32]));
    assert_eq!(cut.user(&site), None);
    // Neither a session nor a proof stands in for the other.
    let mut swapped = jar.clone();
    swapped.0.insert(PROOF.into(), jar.0[SESSION].clone());
    assert_eq!(swapped.user(&site), None);
    let mut swapped = jar.clone();
    swapped.0.insert(SESSION.into(), proof);
    assert_eq!(swapped.user(&site), None);
}

/// The browser compares what it is told with the cookie that it has, and would else fetch one for every request.
#[test]
fn the_browser_is_told_the_attributes_of_the_cookie_that_it_gets() {
    for bits in 0..4 {
        for same_site in [SameSite::Strict, SameSite::Lax, SameSite::None] {
            let site = Site::built(|builder| {
                builder
                    .cookie_name("sid")
                    .http_only(bits & 1 == 0)
                    .path(if bits & 2 == 0 { "/" } else { "/.hardtack" })
                    .same_site(same_site)
                    .device_bound(DeviceBound::default().path(ENDPOINT))
            });
            let (device, mut jar) = (Device::new(1), Jar::default());
            let challenge = jar.log_in(&site).challenge();
            let reply = jar.register(&site, &device, &challenge);
            let instructions: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            let told = instructions["credentials"][0]["attributes"].as_str();
            let line = reply.header("set-cookie").split("; ").skip(1);
            let set = line.filter(|attribute| *attribute != "Max-Age=600");
            assert_eq!(told, Some(&*set.collect::<Vec<_>>().join("; ")));
        }
    }
}

/// The browser would make a key, sign with it, and be refused.
#[test]
fn a_login_that_saves_nothing_is_offered_nothing() {
    let (site, mut jar) = (Site::new(), Jar::default());
    let reply = jar.get(&site, |session| session.regenerate_for_login().unwrap());
    assert_eq!(reply.headers.get("set-cookie"), None);
    assert_eq!(reply.header("secure-session-registration"), "");

    let refuses = Site::built(|builder| {
        builder
            .device_bound(DeviceBound::default())
            .validate(|view| !view.data().contains_key("user"))
    });
    let reply = Jar::default().log_in(&refuses);
    assert_eq!(reply.headers.get("set-cookie"), None);
    assert_eq!(reply.header("secure-session-registration"), "");

    let reply = jar.get(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("page", "#".repeat(10_000)).unwrap_err();
    });
    assert_eq!(reply.status, 500);
    assert_eq!(reply.header("secure-session-registration"), "");
}

/// Which of several cookies counts is decided before the proof is asked for.
#[test]
fn without_its_proof_a_session_gives_way_to_no_other_cookie() {
    for (name, refused) in [
        (SESSION, Refusal::NoDeviceProof),
        ("__Secure-id", Refusal::Rival),
    ] {
        let site = Site::built(|builder| {
            let device = DeviceBound::default().path(ENDPOINT);
            builder.cookie_name(name).device_bound(device)
        });
        let (device, mut older, mut jar) = (Device::new(1), Jar::default(), Jar::default());
        older.log_in(&site);
        site.clock.pass(1);
        jar.bind(&site, &device);
        let mut both = jar.without(&format!("{name}-bound"));
        let pairs = format!("{}; {name}={}", older.0[name], both.0[name]);
        both.0.insert(name.into(), pairs);
        both.get(&site, |session| {
            assert_eq!(session.refused(), Ok(Some(refused)));
            assert_eq!(session.get::<u32>("user"), Ok(None));
        });
        assert_eq!((older.user(&site), jar.user(&site)), (Some(7), Some(7)));
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let build = |build: fn(SessionManagerBuilder) -> SessionManagerBuilder| {
        let builder = SessionManager::builder(keys::ring(1));
        build(builder)
            .build()
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let bound = DeviceBound::default;
    for (setting, expected) in [
        (
            build(|b| {
                b.cookie_name("sid")
                    .domain("shop.example")
                    .device_bound(DeviceBound::default())
            }),
            "`device_bound` allows no `domain`: a session is bound for one host",
        ),
        (
            build(|b| b.partitioned(true).device_bound(DeviceBound::default())),
            "`device_bound` allows no `partitioned`",
        ),
        (
            build(|b| {
                b.cookie_name("sid")
                    .secure(false)
                    .device_bound(DeviceBound::default())
            }),
            "`device_bound` needs `secure`: browsers bind over https only",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().proof_lifetime(seconds(299)))),
            "the `proof_lifetime` is 299 s, it must be 5 to 60 minutes",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().proof_lifetime(seconds(3601)))),
            "the `proof_lifetime` is 3601 s, it must be 5 to 60 minutes",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().path("device"))),
            "the path \"device\" of device binding is not one of a URL: begin with `/`, and percent-encode what is special",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().exclude("/a\"b"))),
            "the path \"/a\\\"b\" of device binding is not one of a URL: begin with `/`, and percent-encode what is special",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().exclude("/a?b"))),
            "the path \"/a?b\" of device binding is not one of a URL: begin with `/`, and percent-encode what is special",
        ),
        (
            build(|b| {
                b.cookie_name("sid")
                    .path("/app")
                    .device_bound(DeviceBound::default())
            }),
            "the session cookie does not go to the path \"/.hardtack/device/sid\" of device binding: choose one below the cookie's",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().also_from("http://www.shop.example"))),
            "\"http://www.shop.example\" in `also_from` is not an origin such as `https://www.example.org`",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().also_from("https://"))),
            "\"https://\" in `also_from` is not an origin such as `https://www.example.org`",
        ),
        (
            build(|b| b.device_bound(DeviceBound::default().also_from("https://shop.example/"))),
            "\"https://shop.example/\" in `also_from` is not an origin such as `https://www.example.org`",
        ),
    ] {
        assert_eq!(setting, Err(expected.into()));
    }
    for lifetime in [300, 3600] {
        let builder = SessionManager::builder(keys::ring(1));
        builder
            .device_bound(bound().proof_lifetime(seconds(lifetime)))
            .build()
            .unwrap();
    }
    // No browser binds over http, and a developer is told so by the absence of an offer.
    let site = Site::built(|b| {
        b.insecure_for_development()
            .device_bound(DeviceBound::default())
    });
    assert_eq!(
        Jar::default()
            .log_in(&site)
            .header("secure-session-registration"),
        ""
    );
    // With a path of one's own, below that of the cookie.
    let app = Site::built(|b| {
        let device = DeviceBound::default()
            .path("/app/device")
            .also_from("https://www.shop.example");
        b.cookie_name("sid")
            .path("/app")
            .device_bound(device.exclude("/app/assets/"))
    });
    let (device, mut jar) = (Device::new(1), Jar::default());
    let offer = jar.log_in(&app);
    let proof = device.register(&offer.challenge());
    let headers = [("secure-session-response", proof.as_str())];
    let reply = jar.send(&app, ("POST", "/app/device"), &headers, |_| panic!());
    for part in [
        r#""refresh_url":"/app/device""#,
        r#""allowed_refresh_initiators":["www.shop.example"]"#,
        r#""scope_specification":[{"path":"/app/assets/","type":"exclude"}]"#,
        "Path=/app",
    ] {
        assert!(reply.body.contains(part), "{part} {}", reply.body);
    }
}

/// A prefix in the path would change the path of a site that takes a stricter one.
#[test]
fn a_browser_finds_the_endpoint_under_the_cookies_name_without_its_prefix() {
    for (name, path) in [
        ("sid", "/.hardtack/device/sid"),
        ("__Host-sid", "/.hardtack/device/sid"),
        ("__host-sid", "/.hardtack/device/sid"),
        ("__Host-Http-sid", "/.hardtack/device/sid"),
        ("__Http-sid", "/.hardtack/device/sid"),
        ("__Secure-sid", "/.hardtack/device/sid"),
        ("__Else-sid", "/.hardtack/device/__Else-sid"),
        ("a%b", "/.hardtack/device/a%25b"),
    ] {
        let site = Site::built(|b| b.cookie_name(name).device_bound(DeviceBound::default()));
        let offer = Jar::default().log_in(&site);
        let offer = offer.header("secure-session-registration");
        assert!(
            offer.contains(&format!("path=\"{path}\"")),
            "{name} {offer}"
        );
    }
}

#[test]
fn a_path_of_device_binding_has_at_most_1024_bytes() {
    for (len, fits) in [(1024, true), (1025, false)] {
        let bound = DeviceBound::default().exclude(&format!("/{}", "a".repeat(len - 1)));
        let builder = SessionManager::builder(keys::ring(1)).device_bound(bound);
        assert_eq!(builder.build().is_ok(), fits, "{len}");
    }
}

#[test]
fn the_proof_counts_to_the_bytes_of_the_cookies() {
    let max = |build: fn(SessionManagerBuilder) -> SessionManagerBuilder| {
        let site = Site::built(build);
        let mut max = 0;
        Jar::default().get(&site, |session| {
            match session.insert("notes", "#".repeat(8_000)) {
                Err(SessionError::TooBig { max: limit, .. }) => max = limit,
                other => panic!("{other:?}"),
            }
        });
        max
    };
    let unbound = max(|builder| builder);
    let bound = max(|builder| builder.device_bound(DeviceBound::default()));
    let (site, device, mut jar) = (Site::new(), Device::new(1), Jar::default());
    jar.bind(&site, &device);
    assert_eq!(unbound - bound, PROOF.len() + 1 + jar.0[PROOF].len());
}

//! Two tabs of one browser, and a thief with copies of its cookies, in any order: a session that is bound stays bound
//! until a login, to a key that has signed; and a copy without a proof that counts reads nothing.

use crate::{
    dbsc::{hardtack, site},
    kit::{
        bound::ENDPOINT,
        clock::{Clock, MINUTE},
        dbsc::{Answer, Outgoing, Url},
        device::Device,
        keys,
    },
};
use hardtack::session::{LoginId, SessionCodec, SessionManager, SessionRecord};
use proptest::{collection::vec, prelude::*, sample::select};
use std::collections::{BTreeMap, BTreeSet};

const SESSION: &str = "__Host-session";
const PROOF: &str = "__Host-session-bound";
const PAGES: [&str; 4] = ["/", "/write", "/login", "/logout"];
/// How long a proof counts, with the clock skew.
const PROOF_AGE: u32 = 11 * MINUTE;
const IDLE: u32 = 30 * MINUTE;

type DeviceKey = [u8; 33];
type Jar = BTreeMap<String, String>;
type Header = (&'static str, &'static str);

#[derive(Clone, Debug)]
enum Step {
    /// A tab asks for a page. What it answers comes later, maybe after what the other tab is answered.
    Begin(usize, &'static str),
    Answer(usize),
    /// A tab follows the latest offer with a key of its own.
    Register(usize),
    Refresh,
    /// A page that began before the registration overwrites the session that it bound.
    Overwrite(usize),
    Pass(u32),
    Steal,
    /// The thief asks for a page or the endpoint, with the latest copy, these fields, and a proof of their own
    /// login in place of the one that they copied.
    Thief(&'static str, Vec<Header>, bool),
}

const THIEFS_FIELDS: [Header; 15] = [
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-site", "same-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-dest", "document"),
    ("sec-purpose", "prefetch"),
    ("secure-session-skipped", "unreachable"),
    ("secure-session-response", "x.y.z"),
    // In these, what the thief knows is put in.
    ("secure-session-response", "signed"),
    ("secure-session-response", "registered"),
    ("secure-session-response", "replayed"),
    ("sec-secure-session-id", "victim"),
    ("sec-secure-session-id", "x"),
];

fn step() -> impl Strategy<Value = Step> {
    let page = || select(&PAGES[..]);
    let thiefs = select(vec!["/", "/write", "/login", "/logout", ENDPOINT]);
    prop_oneof![
        4 => (0..2_usize, page()).prop_map(|(tab, page)| Step::Begin(tab, page)),
        4 => (0..2_usize).prop_map(Step::Answer),
        3 => (0..2_usize).prop_map(Step::Register),
        2 => Just(Step::Refresh),
        1 => (0..2_usize).prop_map(Step::Overwrite),
        2 => select(vec![1, 60, 300, PROOF_AGE, PROOF_AGE + 1, IDLE]).prop_map(Step::Pass),
        2 => Just(Step::Steal),
        2 => (select(vec!["signed", "registered", "replayed"]), any::<bool>()).prop_map(refreshes),
        3 => (thiefs, vec(select(&THIEFS_FIELDS[..]), 0..5), any::<bool>())
            .prop_map(|(path, fields, own)| Step::Thief(path, fields, own)),
    ]
}

/// The thief asks for a proof as a browser does, with a signature of another device, or an old one.
fn refreshes((signature, own): (&'static str, bool)) -> Step {
    let fields = vec![
        ("sec-fetch-mode", "no-cors"),
        ("sec-secure-session-id", "victim"),
        ("secure-session-response", signature),
    ];
    Step::Thief(ENDPOINT, fields, own)
}

struct World {
    clock: Clock,
    sessions: SessionManager,
    codec: SessionCodec,
    jar: Jar,
    /// What the tabs were answered, and have not seen yet.
    pending: [Vec<Answer>; 2],
    /// The latest offer: its challenge, login and time.
    offer: Option<(String, LoginId, u32)>,
    /// The keys that have signed a challenge of a login.
    signed: BTreeMap<LoginId, BTreeSet<DeviceKey>>,
    /// What the endpoint calls the keys.
    ids: BTreeMap<DeviceKey, String>,
    /// The proofs that were given out: login, key and time.
    proofs: BTreeMap<String, (LoginId, DeviceKey, u32)>,
    ended: BTreeSet<LoginId>,
    stolen: Jar,
    /// The proof of the thief's own login.
    thiefs: String,
    /// The latest signature of the victim's device, and its time.
    signature: Option<(String, u32)>,
}

fn key(tab: usize) -> Device {
    Device::new(1 + u8::try_from(tab).unwrap())
}

fn store(jar: &mut Jar, answer: &Answer) {
    for line in answer.values("set-cookie") {
        let (pair, attributes) = line.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        match attributes.contains("Max-Age=0") {
            true => jar.remove(name),
            false => jar.insert(name.into(), value.into()),
        };
    }
}

impl World {
    fn new() -> World {
        let clock = Clock::new();
        let sessions = site(&clock);
        let mut world = World {
            codec: SessionCodec::new(&keys::ring(1), SESSION, "", "").unwrap(),
            clock,
            sessions,
            jar: Jar::new(),
            pending: [vec![], vec![]],
            offer: None,
            signed: BTreeMap::new(),
            ids: BTreeMap::new(),
            proofs: BTreeMap::new(),
            ended: BTreeSet::new(),
            stolen: Jar::new(),
            thiefs: String::new(),
            signature: None,
        };
        // The thief has an account, too, and a device.
        world.begin(0, "/login");
        world.answer(0);
        world.register(1);
        world.thiefs = world.jar[PROOF].clone();
        world.jar.clear();
        world.offer = None;
        world
    }

    fn send(&self, path: &str, jar: &Jar, fields: &[(&'static str, String)]) -> Answer {
        let pairs = jar.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let mut headers = fields.to_vec();
        headers.push(("cookie", cookies));
        let request = Outgoing {
            method: if path == ENDPOINT { "POST" } else { "GET" },
            url: Url::parse(&format!("https://shop.example{path}")),
            headers,
        };
        hardtack(&self.sessions, &request)
    }

    /// The record in these cookies, and when it was sealed.
    fn record(&self, jar: &Jar) -> Option<(SessionRecord, u32)> {
        let opened = self
            .codec
            .open(jar.get(SESSION)?, self.clock.now())
            .unwrap();
        Some((opened.value, opened.issued_at.to_unix()))
    }

    /// The key of a proof that counts for a login.
    fn proven(&self, jar: &Jar, login: LoginId) -> Option<DeviceKey> {
        let (of, key, at) = self.proofs.get(jar.get(PROOF)?)?;
        (*of == login && self.clock.unix() - at <= PROOF_AGE).then_some(*key)
    }

    /// Whether the session may be over for another reason.
    fn may_be_over(&self, record: &SessionRecord, issued_at: u32) -> bool {
        self.ended.contains(&record.login_id) || self.clock.unix() - issued_at > IDLE
    }

    /// A page for these cookies: what it shows, and what it saves.
    fn page(&mut self, path: &'static str, jar: &Jar, fields: &[(&'static str, String)]) -> Answer {
        let answer = self.send(path, jar, fields);
        let before = self.record(jar);
        let key = before.as_ref().and_then(|(record, _)| record.device_key);
        let proven = before
            .as_ref()
            .and_then(|(record, _)| self.proven(jar, record.login_id));
        let is_proven = proven.is_some() && key.is_none_or(|key| proven == Some(key));
        let text = answer.body.as_slice();
        match text {
            b"bound" => assert!(is_proven),
            b"unbound" => assert!(before.is_some() && key.is_none() && !is_proven),
            _ => assert!(before.as_ref().is_none_or(|(record, at)| {
                key.is_some() && !is_proven || self.may_be_over(record, *at)
            })),
        }
        let mut after = Jar::new();
        store(&mut after, &answer);
        assert!(!after.contains_key(PROOF), "a proof from no endpoint");
        if let Some((saved, _)) = self.record(&after) {
            let same = before
                .as_ref()
                .filter(|(record, _)| record.login_id == saved.login_id);
            match same {
                // Only a login and `destroy` unbind, and both leave the login behind.
                Some(_) => assert_eq!(saved.device_key, key.or(proven)),
                None => assert_eq!(saved.device_key, None),
            }
            if let Some(key) = saved.device_key {
                assert!(
                    self.signed[&saved.login_id].contains(&key),
                    "it never signed"
                );
            }
            let offer = answer.values("secure-session-registration").next();
            if let Some((_, rest)) = offer.and_then(|offer| offer.split_once("challenge=\"")) {
                let challenge = rest.split('"').next().unwrap().to_owned();
                self.offer = Some((challenge, saved.login_id, self.clock.unix()));
            }
        }
        if let (Some((record, _)), "/login" | "/logout") = (&before, path) {
            self.ended.insert(record.login_id);
        }
        answer
    }

    fn begin(&mut self, tab: usize, page: &'static str) {
        let answer = self.page(page, &self.jar.clone(), &[]);
        self.pending[tab].push(answer);
    }

    fn answer(&mut self, tab: usize) {
        for answer in self.pending[tab].drain(..) {
            store(&mut self.jar, &answer);
        }
    }

    fn register(&mut self, tab: usize) {
        let Some((challenge, login, at)) = self.offer.clone() else {
            return;
        };
        let device = key(tab);
        let proof = device.register(&challenge);
        let answer = self.send(ENDPOINT, &self.jar, &[("secure-session-response", proof)]);
        let before = self.record(&self.jar);
        let is_good = before.as_ref().is_some_and(|(record, _)| {
            record.login_id == login
                && record.device_key.is_none()
                && self.proven(&self.jar, login).is_none()
                && self.clock.unix() - at <= 300
        });
        let may_be_over = before.is_some_and(|(record, at)| self.may_be_over(&record, at));
        match answer.status {
            200 => assert!(is_good),
            400 => assert!(!is_good || may_be_over),
            status => panic!("{status}"),
        }
        store(&mut self.jar, &answer);
        if answer.status == 200 {
            let (record, _) = self.record(&self.jar).unwrap();
            assert_eq!(
                (record.login_id, record.device_key),
                (login, Some(device.key()))
            );
            let instructions: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            let id = instructions["session_identifier"].as_str().unwrap();
            self.ids.insert(device.key(), id.into());
            self.signed.entry(login).or_default().insert(device.key());
            self.proofs.insert(
                self.jar[PROOF].clone(),
                (login, device.key(), self.clock.unix()),
            );
        }
    }

    fn refresh(&mut self) {
        let Some((record, at)) = self.record(&self.jar) else {
            return;
        };
        let Some(own) = record
            .device_key
            .or(self.proven(&self.jar, record.login_id))
        else {
            return;
        };
        let device = (0..2).map(key).find(|device| device.key() == own).unwrap();
        let id = ("sec-secure-session-id", self.ids[&own].clone());
        let asked = self.send(ENDPOINT, &self.jar, std::slice::from_ref(&id));
        if asked.status != 403 {
            assert!(self.may_be_over(&record, at), "{asked:?}");
            return;
        }
        let challenge = asked.values("secure-session-challenge").next().unwrap();
        let proof = device.prove(challenge.split('"').nth(1).unwrap());
        self.signature = Some((proof.clone(), self.clock.unix()));
        let answer = self.send(
            ENDPOINT,
            &self.jar,
            &[id, ("secure-session-response", proof)],
        );
        assert_eq!(answer.status, 200);
        store(&mut self.jar, &answer);
        self.proofs.insert(
            self.jar[PROOF].clone(),
            (record.login_id, own, self.clock.unix()),
        );
    }

    fn thief(&mut self, path: &'static str, fields: &[Header], brings_own: bool) {
        let Some((victim, _)) = self.record(&self.stolen) else {
            return;
        };
        // An unbound copy works as an unbound session does. A proof that counts works for minutes.
        let Some(own) = victim.device_key else {
            return;
        };
        let mut jar = self.stolen.clone();
        if self.proven(&jar, victim.login_id).is_some() {
            jar.remove(PROOF);
        }
        if brings_own {
            jar.insert(PROOF.into(), self.thiefs.clone());
        }
        let id = self.ids[&own].clone();
        let asked = self.send(ENDPOINT, &jar, &[("sec-secure-session-id", id.clone())]);
        let challenge = asked
            .values("secure-session-challenge")
            .next()
            .unwrap_or_default();
        let challenge = challenge.split('"').nth(1).unwrap_or_default();
        let device = Device::new(9);
        // Until its challenge is too old, it counts once more.
        let is_old = |(_, at): &&(String, u32)| self.clock.unix() - at >= 5 * MINUTE;
        let replayed = self.signature.as_ref().filter(is_old);
        let replayed = replayed.map_or("x.y.z", |(proof, _)| proof);
        let fields = fields.iter().map(|(name, value)| {
            let value = match *value {
                "signed" => device.prove(challenge),
                "registered" => device.register(challenge),
                "replayed" => replayed.into(),
                "victim" => id.clone(),
                other => other.into(),
            };
            (*name, value)
        });
        let fields: Vec<_> = fields.collect();
        if path == ENDPOINT {
            let answer = self.send(ENDPOINT, &jar, &fields);
            assert_eq!(answer.values("set-cookie").count(), 0, "{answer:?}");
            assert!(matches!(
                answer.body.as_slice(),
                b"" | br#"{"continue":false}"#
            ));
            return;
        }
        let answer = self.page(path, &jar, &fields);
        let text = answer.body.as_slice();
        assert!(text.is_empty() || text == b"nobody", "{answer:?}");
        let mut after = Jar::new();
        store(&mut after, &answer);
        let saved = self.record(&after);
        assert!(saved.is_none_or(|(saved, _)| saved.login_id != victim.login_id));
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Begin(tab, page) => self.begin(tab, page),
            Step::Answer(tab) => self.answer(tab),
            Step::Register(tab) => self.register(tab),
            Step::Refresh => self.refresh(),
            Step::Overwrite(tab) => {
                self.begin(tab, "/write");
                self.register(tab);
                self.answer(tab);
            }
            Step::Pass(seconds) => self.clock.pass(seconds),
            Step::Steal => self.stolen = self.jar.clone(),
            Step::Thief(path, fields, own) => self.thief(path, &fields, own),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 96,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_bound_session_stays_bound_and_no_copy_reads_it(steps in vec(step(), 1..40)) {
        let mut world = World::new();
        // Most sequences begin with a login.
        world.begin(0, "/login");
        world.answer(0);
        for step in steps {
            world.run(step);
        }
    }
}

//! The rules with time and randomness as parameters; what needs neither is in `tests/session`.

use super::*;
use crate::{
    Codec, Key, Keyring, Timestamp,
    session::{
        Flash, FlashLevel, RequestHead, SaveError, SessionId, SessionManagerBuilder, SessionMap,
        SkipReason,
        manager::SMALLEST_RECORD,
        record::{Ids, LoginId, MAX_FLASHES, RecordHead},
        request::facts::RequestFacts,
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
};
use core::{cell::Cell, convert::Infallible, fmt, time::Duration};
use rand_core::{TryCryptoRng, TryRng};

const T0: u32 = 1_700_000_000;
const NAME: &str = "__Host-session";

/// Counts. For tests only.
struct Counting(u8);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

/// Gives what is asked for so many times, then fails.
struct Failing(usize);

#[derive(Debug)]
struct Empty;

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("empty")
    }
}

impl core::error::Error for Empty {}

impl TryRng for Failing {
    type Error = Empty;

    fn try_next_u32(&mut self) -> Result<u32, Empty> {
        Err(Empty)
    }

    fn try_next_u64(&mut self) -> Result<u64, Empty> {
        Err(Empty)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Empty> {
        self.0 = self.0.checked_sub(1).ok_or(Empty)?;
        bytes.fill(0x5a);
        Ok(())
    }
}

impl TryCryptoRng for Failing {}

std::thread_local!(static NOW: Cell<u32> = const { Cell::new(T0) });

fn site(configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder) -> SessionManager {
    let key = Key::from_bytes(core::array::from_fn(|i| (i * i * 31) as u8 ^ 0xb7)).unwrap();
    let clock = || Timestamp::from_unix(NOW.get());
    let listens = |_: &Event| {};
    configure(
        SessionManager::builder(Keyring::new(key))
            .clock(clock)
            .on_event(listens),
    )
    .build()
    .unwrap()
}

/// One request at a time of its own: `f` gets what a handler's calls get.
fn at<R>(sessions: &SessionManager, now: u32, f: impl FnOnce(&SessionManager) -> R) -> R {
    NOW.set(now);
    f(sessions)
}

fn request(cookie: &str) -> State<SessionMap> {
    let mut state = State::new(Duration::from_secs(NOW.get().into()));
    receive(&mut state, &[cookie.as_bytes()]);
    state
}

fn receive(state: &mut State<SessionMap>, lines: &[&[u8]]) {
    let head = RequestHead {
        method: "GET",
        path: "/",
        authority: None,
        headers: lines.iter().map(|line| ("cookie", *line)),
    };
    let sessions = site(|builder| builder);
    let facts = || RequestFacts::read(&head, &sessions);
    state.facts.get_or_insert_with(facts);
}

fn insert(state: &mut State<SessionMap>, cx: &SessionManager, key: &str) {
    let session = state.write(cx, Write::Change).unwrap();
    session.data_mut().insert(key, 7).unwrap();
}

/// What a response carries for a session that was used.
type Outcome = Result<Vec<String>, (Vec<String>, SaveError)>;

/// As a handler's calls, with their time and their randomness.
impl State<SessionMap> {
    fn data(&mut self, cx: &SessionManager) -> &SessionMap {
        self.read(cx).unwrap().data()
    }

    fn is_new(&mut self, cx: &SessionManager) -> bool {
        self.read(cx).unwrap().is_new()
    }

    fn flash(&mut self, cx: &SessionManager, flash: Flash) -> Result<(), SessionError> {
        self.write(cx, Write::Change).unwrap().flash(flash)
    }

    fn finish<R: TryCryptoRng>(&mut self, cx: &SessionManager, rng: &mut R) -> Outcome {
        let answer = self.close(cx, rng, false).expect("was used");
        match answer.failed {
            None => Ok(answer.set_cookie),
            Some(error) => Err((answer.set_cookie, error)),
        }
    }
}

/// The Cookie header after a first write at `T0`.
fn saved(sessions: &SessionManager) -> String {
    at(sessions, T0, |cx| {
        let mut state = request("");
        insert(&mut state, cx, "user");
        let set_cookie = state.finish(cx, &mut Counting(0)).unwrap();
        let [line] = set_cookie.as_slice() else {
            panic!("{set_cookie:?}");
        };
        line.split(';').next().unwrap().into()
    })
}

#[test]
#[cfg(not(feature = "tracing"))]
fn no_event_is_made_if_nobody_listens() {
    let cookie = saved(&site(|builder| builder));
    let key = Key::from_bytes(core::array::from_fn(|i| (i * i * 31) as u8 ^ 0xb7)).unwrap();
    let unheard = SessionManager::builder(Keyring::new(key));
    let unheard = unheard
        .clock(|| Timestamp::from_unix(NOW.get()))
        .build()
        .unwrap();
    at(&unheard, T0, |cx| {
        let mut state = request(&cookie);
        insert(&mut state, cx, "cart");
        state.finish(cx, &mut Counting(0)).unwrap();
        assert_eq!(state.events, []);
    });
}

#[test]
fn the_record_is_that_of_the_format() {
    let sessions = site(|builder| builder);
    let cookie = saved(&sessions);
    let token = cookie.strip_prefix("__Host-session=").unwrap();
    let mut buf = vec![0; token.len()];
    let opened = at(&sessions, T0, |cx| {
        cx.keys()
            .codec
            .open_payload(None, token.as_bytes(), cx.wall(), &mut buf)
            .unwrap()
    });
    // layout, schema, ids, flags, created-at, 1800, 43200, 90 days, no flashes, {"user": 7}
    let hex = "01 00 0102030405060708090a0b0c0d0e0f10 1112131415161718 00 80e2cfaa06 880e c0d102 \
        80ceda03 00 01 0475736572 0107";
    let digits: String = opened
        .value
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(digits, hex.replace(' ', ""));
    assert_eq!(opened.issued_at.to_unix(), T0);
    let header = Codec::inspect(token).unwrap();
    assert_eq!((header.version, header.issued_at.to_unix()), (0x84, T0));
}

#[test]
fn a_generator_that_fails_makes_no_cookie() {
    let sessions = site(|builder| builder);
    // For the id and for the token of a new session, and for the token of a changed one.
    let cookie = saved(&sessions);
    for (header, given) in [("", 0), ("", 1), (cookie.as_str(), 0)] {
        at(&sessions, T0, |cx| {
            let mut state = request(header);
            insert(&mut state, cx, "cart");
            let error = SaveError::Randomness;
            let outcome = state.finish(cx, &mut Failing(given));
            assert_eq!(outcome, Err((vec![], error)), "{given}");
            assert!(
                matches!(state.events[..], [.., Event::Failed { error: told, .. }] if told == error)
            );
        });
    }
    at(&sessions, T0, |cx| {
        assert!(request(&cookie).data(cx).contains_key("user"));
    });
}

#[test]
fn a_generator_that_fails_at_a_renewal_fails_no_request() {
    let sessions = site(|builder| builder);
    let cookie = saved(&sessions);
    at(&sessions, T0 + 600, |cx| {
        let mut state = request(&cookie);
        state.data(cx);
        assert_eq!(state.finish(cx, &mut Failing(0)), Ok(vec![]));
        let reason = SkipReason::RenewalFailed(SaveError::Randomness);
        assert!(
            matches!(state.events[..], [_, Event::NotSaved { reason: told, .. }] if told == reason)
        );
    });
}

#[test]
fn a_generator_that_fails_changes_no_id() {
    let sessions = site(|builder| builder);
    let cookie = saved(&sessions);
    for login in [false, true] {
        at(&sessions, T0 + 60, |cx| {
            let mut state = request(&cookie);
            let session = state.write(cx, Write::Change).unwrap();
            let before = session.ids(&mut Failing(0)).unwrap();
            let failed = match login {
                false => session.regenerate(&mut Failing(0)),
                true => {
                    let rules = &cx.settings().rules;
                    session.regenerate_for_login(rules, cx.wall(), &mut Failing(0))
                }
            };
            assert_eq!(failed, Err(SaveError::Randomness));
            assert_eq!(session.ids(&mut Failing(0)), Ok(before));
            assert_eq!(session.created_at().to_unix(), T0);
            assert_eq!(state.finish(cx, &mut Counting(9)), Ok(vec![]));
        });
    }
    at(&sessions, T0, |cx| {
        let mut state = request("");
        let id = state.read(cx).unwrap().ids(&mut Failing(0));
        assert_eq!(id, Err(SaveError::Randomness));
        // Nothing was written, so nobody misses an id.
        assert_eq!(state.finish(cx, &mut Failing(0)), Ok(vec![]));
    });
}

#[test]
fn the_time_of_each_call_counts() {
    let sessions = site(|builder| builder);
    let cookie = saved(&sessions);
    let mut state = request(&cookie);
    at(&sessions, T0 + 1800, |cx| assert!(!state.is_new(cx)));
    // Opened in time, it is there for as long as the request takes, and is not saved any more.
    at(&sessions, T0 + 2000, |cx| {
        assert!(state.data(cx).contains_key("user"));
        insert(&mut state, cx, "cart");
        let end = state.read(cx).unwrap().expires_at(
            &cx.settings().rules,
            cx.wall(),
            true,
            BrowserHolds::Session,
        );
        assert_eq!(end.to_unix(), T0 + 1800);
        state.finish(cx, &mut Counting(0)).unwrap();
        assert!(matches!(
            state.events[..],
            [
                Event::Opened { .. },
                Event::NotSaved {
                    reason: SkipReason::Ended,
                    ..
                }
            ]
        ));
    });
    at(&sessions, T0 + 1801, |cx| {
        let mut state = request(&cookie);
        assert!(state.is_new(cx));
        assert!(matches!(
            state.events[..],
            [Event::Refused {
                reason: Refusal::IdleTimeout,
                id: Some(_),
                ..
            }]
        ));
    });
}

#[test]
fn flash_messages_have_a_limit_in_number_and_in_bytes() {
    let sessions = site(|builder| builder);
    let flash = |len: usize| Flash {
        level: FlashLevel::Info,
        text: "é".repeat(len / 2),
    };
    at(&sessions, T0, |cx| {
        let mut state = request("");
        for _ in 0..MAX_FLASHES {
            state.flash(cx, flash(2)).unwrap();
        }
        assert_eq!(state.flash(cx, flash(0)), Err(SessionError::TooManyFlashes));
        assert_eq!(state.take_flashes(cx).unwrap().len(), 16);

        state.flash(cx, flash(1022)).unwrap();
        assert_eq!(state.flash(cx, flash(4)), Err(SessionError::TooManyFlashes));
        state.flash(cx, flash(2)).unwrap();
        assert_eq!(state.flash(cx, flash(2)), Err(SessionError::TooManyFlashes));
        assert_eq!(state.take_flashes(cx).unwrap().len(), 2);
        assert_eq!(
            SessionError::TooManyFlashes.to_string(),
            "more than 16 flash messages or 1024 bytes of them: take some first"
        );
    });
}

#[test]
fn headers_are_received_once() {
    let sessions = site(|builder| builder);
    let cookie = saved(&sessions);
    at(&sessions, T0, |cx| {
        let mut state = request("a=b");
        receive(&mut state, &[cookie.as_bytes()]);
        assert!(state.is_new(cx));
        let mut state = State::<SessionMap>::new(Duration::ZERO);
        receive(
            &mut state,
            &[b"a=b".as_slice(), b"", cookie.as_bytes(), b"c=d"],
        );
        let joined = format!("a=b; ; {cookie}; c=d");
        assert_eq!(state.facts.as_ref().unwrap().cookies(), joined.as_bytes());
        assert!(!state.is_new(cx));
    });
}

#[test]
fn refusals_are_told_apart() {
    let floor =
        |builder: SessionManagerBuilder| builder.reject_issued_before(Timestamp::from_unix(T0 + 1));
    let sessions = site(|builder| builder);
    let cookie = saved(&sessions);
    let token = cookie.strip_prefix("__Host-session=").unwrap();
    let other = format!("hAAA{}", &token[4..]);
    let version = format!("iA{}", &token[2..]);
    for (sessions, header, now, reason) in [
        (
            &sessions,
            format!("{NAME}=2.{token}"),
            T0,
            Refusal::Incomplete,
        ),
        (
            &sessions,
            format!("{NAME}={}", "h".repeat(40_000)),
            T0,
            Refusal::TooLong,
        ),
        (&sessions, format!("{NAME}=h"), T0, Refusal::Invalid),
        (
            &sessions,
            format!("{NAME}={version}"),
            T0,
            Refusal::UnknownVersion,
        ),
        (
            &sessions,
            format!("{NAME}={other}"),
            T0,
            Refusal::UnknownKey,
        ),
        (&sessions, cookie.clone(), T0 - 61, Refusal::NotYetValid),
        (&site(floor), cookie.clone(), T0, Refusal::Revoked),
        (&sessions, cookie.clone(), T0 + 1801, Refusal::IdleTimeout),
        (
            &sessions,
            cookie.clone(),
            T0 + 43_201,
            Refusal::AbsoluteTimeout,
        ),
        (
            &site(|builder| builder.validate(|_| false)),
            cookie.clone(),
            T0,
            Refusal::NotValidated,
        ),
        (&sessions, sealed(&sessions, b""), T0, Refusal::Unreadable),
        (
            &sessions,
            sealed(&sessions, b"\x01"),
            T0,
            Refusal::Unreadable,
        ),
        (
            &sessions,
            sealed(&sessions, b"\x02"),
            T0,
            Refusal::UnknownLayout,
        ),
        (
            &sessions,
            record(&sessions, 1, &[0]),
            T0,
            Refusal::NewerSchema,
        ),
        (
            &sessions,
            record(&sessions, 0, &[1]),
            T0,
            Refusal::Unreadable,
        ),
        (
            &sessions,
            record(&sessions, 0, &[0, 0]),
            T0,
            Refusal::Unreadable,
        ),
    ] {
        at(sessions, now, |cx| {
            let mut state = request(&header);
            assert!(state.is_new(cx), "{reason}");
            let [Event::Refused { reason: told, .. }] = state.events[..] else {
                panic!("{reason}: {:?}", state.events);
            };
            assert_eq!(told, reason);
            assert_eq!(state.refused, Some(reason));
            assert_eq!(state.finish(cx, &mut Failing(0)), Ok(vec![]));
        });
    }
}

#[test]
fn the_smallest_record_is_as_long_as_the_settings_say() {
    let second = Duration::from_secs(1);
    let sessions = site(|builder| builder.idle_timeout(second).absolute_timeout(second));
    at(&sessions, T0, |cx| {
        let session = LiveSession::new(&cx.settings().rules, cx.wall());
        assert_eq!(session.record_len(), Ok(SMALLEST_RECORD));
    });
}

/// A cookie with this payload.
fn sealed(sessions: &SessionManager, payload: &[u8]) -> String {
    at(sessions, T0, |cx| {
        let mut text = vec![0; cx.keys().codec.token_len(payload.len())];
        let write = |buf: &mut [u8]| {
            buf[..payload.len()].copy_from_slice(payload);
            Ok(payload.len())
        };
        cx.keys()
            .codec
            .seal_payload(None, cx.wall(), &mut Counting(0), &mut text, write)
            .unwrap();
        format!("{NAME}={}", str::from_utf8(&text).unwrap())
    })
}

/// A cookie with a record of this schema and data.
fn record(sessions: &SessionManager, schema: u8, data: &[u8]) -> String {
    let head = RecordHead {
        schema,
        created_at: Timestamp::from_unix(T0),
        idle_limit: 1800,
        lifetime: 43_200,
        remembered: false,
        by_login: false,
        longest: 43_200,
        device_key: None,
        subject: None,
        flashes: vec![],
    };
    let ids = Ids {
        session: SessionId::from_bytes([1; 16]),
        login: LoginId::from_bytes([2; 8]),
    };
    let record = head.encode(ids, &()).unwrap();
    sealed(sessions, &[&record, data].concat())
}

use super::{DeviceProof, Proofs, Unproven, Verdict};
use crate::{
    Timestamp,
    session::{
        cookie::{CookieAttributes, CookieLimits, SessionCookie},
        device::{DeviceBound, DeviceSettings},
        head::RequestHeaders,
        record::LoginId,
    },
};
use alloc::{vec, vec::Vec};

const ALICE: LoginId = LoginId::from_bytes([1; 8]);
const BOB: LoginId = LoginId::from_bytes([2; 8]);
const KEY: [u8; 33] = [2; 33];
const OTHER: [u8; 33] = [3; 33];

fn proofs(of: &[(LoginId, [u8; 33], u32)]) -> Proofs {
    let proof = |(login, key, at): &(LoginId, [u8; 33], u32)| DeviceProof {
        login: *login,
        key: *key,
        issued_at: Timestamp::from_unix(*at),
    };
    Proofs {
        fresh: of.iter().map(proof).collect(),
        is_unknown: false,
    }
}

#[test]
fn a_proof_counts_for_its_own_login_and_key() {
    for (of, key, verdict) in [
        (&[][..], None, Verdict::Unbound),
        (&[(BOB, KEY, 9)], None, Verdict::Unbound),
        (&[(ALICE, KEY, 9)], None, Verdict::Adopts(KEY)),
        // Two registrations of one login: the later one is what the browser goes on with.
        (
            &[(ALICE, OTHER, 8), (ALICE, KEY, 9)],
            None,
            Verdict::Adopts(KEY),
        ),
        (
            &[(ALICE, KEY, 9), (ALICE, OTHER, 8)],
            None,
            Verdict::Adopts(KEY),
        ),
        (
            &[(ALICE, KEY, 9), (ALICE, OTHER, 9)],
            None,
            Verdict::Adopts(KEY),
        ),
        (&[], Some(KEY), Verdict::Unproven),
        (&[(BOB, KEY, 9)], Some(KEY), Verdict::Unproven),
        (&[(ALICE, OTHER, 9)], Some(KEY), Verdict::Unproven),
        (&[(ALICE, KEY, 9)], Some(KEY), Verdict::Proven),
        (
            &[(ALICE, OTHER, 9), (ALICE, KEY, 1)],
            Some(KEY),
            Verdict::Proven,
        ),
    ] {
        assert_eq!(
            proofs(of).judge(ALICE, key.as_ref()),
            verdict,
            "{of:?} {key:?}"
        );
    }
}

fn settings(bound: DeviceBound) -> DeviceSettings {
    let limits = CookieLimits {
        max_chunks: 2,
        max_cookie_bytes: 7_000,
    };
    let cookie = SessionCookie::new(CookieAttributes::default(), limits).unwrap();
    DeviceSettings::new(bound, &cookie, core::iter::empty(), false).unwrap()
}

fn of(bound: DeviceBound, method: &str, path: &str, headers: &[(&str, &str)]) -> Unproven {
    let headers = RequestHeaders::read(headers.iter().copied());
    Unproven::of(&settings(bound), method, path, &headers)
}

const LINK: [(&str, &str); 3] = [
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

/// Every header of the table, changed one at a time from a link on another site.
#[test]
fn what_becomes_of_a_bound_session_without_its_proof() {
    use Unproven::{Over, Prefetch, Reload, Wait};
    let with = |name: &'static str, value: &'static str| {
        let others = LINK
            .iter()
            .copied()
            .filter(move |(other, _)| *other != name);
        others.chain([(name, value)]).collect::<Vec<_>>()
    };
    for (method, path, headers, expected) in [
        ("GET", "/", LINK.to_vec(), Reload),
        ("GET", "/", with("sec-fetch-site", "same-site"), Reload),
        (
            "GET",
            "/",
            with("sec-purpose", "prefetch;prerender"),
            Prefetch,
        ),
        ("GET", "/assets/a.css", LINK.to_vec(), Wait),
        (
            "GET",
            "/",
            with("secure-session-skipped", "quota_exceeded"),
            Wait,
        ),
        ("GET", "/", with("sec-fetch-dest", "iframe"), Wait),
        ("GET", "/", with("sec-fetch-mode", "no-cors"), Wait),
        // A post would come back without its body.
        ("POST", "/", LINK.to_vec(), Wait),
        ("HEAD", "/", LINK.to_vec(), Wait),
        ("GET", "/", with("sec-fetch-site", "same-origin"), Over),
        ("GET", "/", with("sec-fetch-site", "none"), Over),
        ("POST", "/", with("sec-fetch-site", "same-origin"), Over),
        (
            "GET",
            "/",
            vec![
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-mode", "cors"),
            ],
            Wait,
        ),
        (
            "GET",
            "/",
            vec![("secure-session-skipped", "unreachable")],
            Wait,
        ),
        ("GET", "/assets/a.css", vec![], Wait),
        ("GET", "/assets", vec![], Over),
        ("GET", "/", vec![], Over),
        ("POST", "/", vec![], Over),
    ] {
        let bound = DeviceBound::default().exclude("/assets/");
        assert_eq!(
            of(bound, method, path, &headers),
            expected,
            "{method} {path} {headers:?}"
        );
        let bound = DeviceBound::default().required(false);
        assert_eq!(of(bound, method, path, &headers), Unproven::Counts);
    }
}

#[test]
fn a_proof_that_another_instance_may_know_overwrites_nothing() {
    let unknown = Proofs {
        is_unknown: true,
        ..Proofs::default()
    };
    assert_eq!(Unproven::Over.with(&unknown), Unproven::Wait);
    assert_eq!(Unproven::Reload.with(&unknown), Unproven::Reload);
    assert_eq!(Unproven::Over.with(&Proofs::default()), Unproven::Over);
}

#[test]
fn an_excluded_path_ends_at_a_segment() {
    let settings = settings(DeviceBound::default().exclude("/assets").exclude("/img/"));
    for (path, excluded) in [
        ("/assets", true),
        ("/assets/a.css", true),
        ("/assetsx", false),
        ("/img/a.png", true),
        ("/img", false),
        ("/", false),
    ] {
        assert_eq!(settings.excludes(path), excluded, "{path}");
    }
}

/// A router or a proxy takes the beginning of a path away.
#[test]
fn the_endpoint_is_known_by_its_last_three_segments() {
    let nested = settings(DeviceBound::default().path("/app/.hardtack/device/session"));
    let default = settings(DeviceBound::default());
    for (path, of_nested, of_default) in [
        ("/app/.hardtack/device/session", true, false),
        ("/.hardtack/device/session", true, true),
        ("/device/session", false, false),
        ("/session", false, false),
        ("", false, false),
        ("/.hardtack/device/session/", false, false),
    ] {
        assert_eq!(nested.is_endpoint(path), of_nested, "{path}");
        assert_eq!(default.is_endpoint(path), of_default, "{path}");
    }
}

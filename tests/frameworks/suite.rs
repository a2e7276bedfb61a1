//! One suite for the three frameworks, and for bare hyper with an adapter of its own: every case is written once, against HTTP over a socket, and
//! runs on each of them under the same name.
//!
//! `cargo test -p frameworks --all-features` runs all of it, `--features axum` one framework, and
//! `cargo test -p frameworks --all-features actix::` too.

#![cfg(any(
    feature = "axum",
    feature = "actix",
    feature = "hyper",
    feature = "rocket"
))]
mod app;
// A case that is not in the list is dead.
#[deny(dead_code)]
mod cases;
mod client;
#[cfg(feature = "device")]
mod device;
mod handmade;
mod idioms;
mod kit;
#[macro_use]
mod list;
mod log;
mod server;
mod site;

/// Makes a test of every case for every framework, and for sessions in a store another one of each that is not
/// about cookies.
macro_rules! suite {
    (
        any_place { $($group:ident { $($case:ident)+ })+ }
        cookie { $($of_cookies:ident { $($cookie_case:ident)+ })+ }
    ) => {
        const CASES: &[&str] = &[$($(stringify!($case)),+),+, $($(stringify!($cookie_case)),+),+];
        #[cfg(feature = "store")]
        const STORED_CASES: &[&str] = &[$($(stringify!($case)),+),+];
        #[cfg(feature = "axum")]
        tests!(axum: $($($group::$case)+)+; $($($of_cookies::$cookie_case)+)+);
        #[cfg(feature = "actix")]
        tests!(actix: $($($group::$case)+)+; $($($of_cookies::$cookie_case)+)+);
        #[cfg(feature = "hyper")]
        tests!(hyper: $($($group::$case)+)+; $($($of_cookies::$cookie_case)+)+);
        #[cfg(feature = "rocket")]
        tests!(rocket: $($($group::$case)+)+; $($($of_cookies::$cookie_case)+)+);
    };
}

macro_rules! tests {
    (
        $framework:ident:
        $($group:ident::$case:ident)+;
        $($of_cookies:ident::$cookie_case:ident)+
    ) => {
        mod $framework {
            $(
                #[test]
                fn $case() {
                    crate::cases::$group::$case(&crate::server::$framework::FRAMEWORK);
                }
            )+
            $(
                #[test]
                fn $cookie_case() {
                    crate::cases::$of_cookies::$cookie_case(&crate::server::$framework::FRAMEWORK);
                }
            )+

            /// Browsers that cannot bind a session notice nothing.
            #[cfg(feature = "device")]
            mod bound {
                $(
                    #[test]
                    fn $case() {
                        crate::device::unnoticed(stringify!($case), || {
                            crate::cases::$group::$case(&crate::server::$framework::FRAMEWORK);
                        });
                    }
                )+

                #[test]
                fn a_browser_binds_its_session() {
                    crate::device::a_browser_binds_its_session(&crate::server::$framework::FRAMEWORK);
                }

                #[test]
                fn a_link_from_elsewhere_loads_itself_again() {
                    crate::device::a_link_from_elsewhere_loads_itself_again(&crate::server::$framework::FRAMEWORK);
                }

                #[test]
                fn which_cookie_counts_is_what_the_table_says() {
                    crate::device::which_cookie_counts_is_what_the_table_says(&crate::server::$framework::FRAMEWORK);
                }

                #[test]
                fn the_endpoint_answers_what_the_table_says() {
                    crate::device::the_endpoint_answers_what_the_table_says(&crate::server::$framework::FRAMEWORK);
                }
            }

            #[cfg(feature = "store")]
            mod stored {
                use hardtack::store::MemoryStore;

                $(
                    #[test]
                    fn $case() {
                        crate::site::stored(MemoryStore::new(1 << 26), || {
                            crate::cases::$group::$case(&crate::server::$framework::FRAMEWORK);
                        });
                    }
                )+
            }
        }
    };
}

all_cases!(suite);

/// What this program runs is what the list says, for every framework: none is left out and none
/// ignored.
#[test]
fn every_framework_runs_every_case() {
    use std::{collections::BTreeSet, env, process::Command};

    let list = |arguments: &[&str]| {
        let output = Command::new(env::current_exe().unwrap())
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let tests = list(&["--list"]);
    let cases: BTreeSet<&str> = CASES.iter().copied().collect();
    assert_eq!(cases.len(), CASES.len(), "a name stands twice");
    assert!(cases.len() >= 40);
    for (framework, enabled) in [
        ("axum", cfg!(feature = "axum")),
        ("actix", cfg!(feature = "actix")),
        ("hyper", cfg!(feature = "hyper")),
        ("rocket", cfg!(feature = "rocket")),
    ] {
        let runs = |place: &str| -> BTreeSet<&str> {
            let cases = tests.lines().filter_map(|line| {
                line.strip_suffix(": test")?
                    .strip_prefix(framework)?
                    .strip_prefix(place)
            });
            cases.filter(|case| !case.contains("::")).collect()
        };
        let expected = if enabled { &cases } else { &BTreeSet::new() };
        assert_eq!(&runs("::"), expected, "{framework}");
        #[cfg(feature = "store")]
        {
            let cases: BTreeSet<&str> = STORED_CASES.iter().copied().collect();
            let expected = if enabled { cases } else { BTreeSet::new() };
            assert_eq!(runs("::stored::"), expected, "{framework}");
        }
    }
    let ignored = list(&["--list", "--ignored"]);
    assert!(!ignored.contains(": test"), "{ignored}");
}

/// The frameworks share the cookie, so a user who is logged in on one is logged in on the next.
#[cfg(all(feature = "axum", feature = "actix", feature = "rocket"))]
#[test]
fn one_session_on_all_three() {
    use server::{actix, axum, rocket};

    let mut jar = kit::browser::Jar::default();
    for round in 0..2u32 {
        for (place, framework) in [axum::FRAMEWORK, actix::FRAMEWORK, rocket::FRAMEWORK]
            .iter()
            .enumerate()
        {
            let site = site::Site::new(framework);
            let mut browser = site.browser_with(&jar);
            let visit = browser.visit(|session| {
                session.update("visits", |visits: &mut u32| {
                    *visits += 1;
                    *visits
                })
            });
            jar = browser.jar;
            assert_eq!(visit.value(), round * 3 + place as u32 + 1);
        }
    }
}

use super::{Loss, Own, Version};
use crate::{
    Timestamp,
    session::{
        data::{SessionData, SessionMap},
        record::{Flash, FlashLevel, MAX_FLASH_BYTES, RecordHead},
        store::Conflicts,
    },
};
use alloc::{string::ToString, vec::Vec};
use serde::{Deserialize, Serialize};

/// Merges on a site that says nothing of conflicts.
fn merge<T: SessionData>(
    base: &Version<T>,
    mine: Version<T>,
    theirs: Version<T>,
    own: Own,
) -> (Version<T>, Vec<Loss>) {
    super::merge(base, mine, theirs, own, &Conflicts::default())
}

const OWN: Own = Own {
    replaced: false,
    took_flashes: false,
    is_login: false,
};

fn head() -> RecordHead {
    RecordHead {
        schema: 0,
        remembered: false,
        by_login: false,
        created_at: Timestamp::from_unix(1_700_000_000),
        idle_limit: 1800,
        lifetime: 43_200,
        longest: 43_200,
        device_key: None,
        subject: None,
        flashes: Vec::new(),
    }
}

fn map(entries: &[(&str, u32)]) -> SessionMap {
    let mut map = SessionMap::default();
    for (key, value) in entries {
        map.insert(key, *value).unwrap();
    }
    map
}

fn version(entries: &[(&str, u32)]) -> Version<SessionMap> {
    Version {
        head: head(),
        data: map(entries),
    }
}

/// Merges three dictionaries.
#[track_caller]
fn data(
    base: &[(&str, u32)],
    mine: &[(&str, u32)],
    theirs: &[(&str, u32)],
    merged: &[(&str, u32)],
    lost: &[&str],
) {
    let (found, gone) = merge(&version(base), version(mine), version(theirs), OWN);
    assert!(found.data == map(merged), "{:?}", found.data);
    let expected: Vec<Loss> = lost.iter().map(|key| Loss::Key((*key).into())).collect();
    assert_eq!(gone, expected);
}

#[test]
fn a_key_that_one_side_changed_is_that_sides() {
    data(&[], &[("a", 1)], &[("b", 2)], &[("a", 1), ("b", 2)], &[]);
    data(
        &[("a", 1)],
        &[("a", 2)],
        &[("a", 1), ("b", 1)],
        &[("a", 2), ("b", 1)],
        &[],
    );
    data(&[("a", 1)], &[("a", 1)], &[("a", 2)], &[("a", 2)], &[]);
    data(
        &[("a", 1), ("b", 1)],
        &[("b", 1)],
        &[("a", 1), ("b", 2)],
        &[("b", 2)],
        &[],
    );
    data(
        &[("a", 1), ("b", 1)],
        &[("a", 2), ("b", 1)],
        &[("a", 1)],
        &[("a", 2)],
        &[],
    );
}

#[test]
fn a_key_that_both_changed_alike_is_theirs_too() {
    data(
        &[("a", 1)],
        &[("a", 2), ("b", 1)],
        &[("a", 2)],
        &[("a", 2), ("b", 1)],
        &[],
    );
    data(
        &[("a", 1)],
        &[("b", 1)],
        &[("c", 1)],
        &[("b", 1), ("c", 1)],
        &[],
    );
}

#[test]
fn a_removal_wins_over_a_write_and_says_so() {
    data(&[("user", 7)], &[], &[("user", 8)], &[], &["user"]);
    data(&[("user", 7)], &[("user", 8)], &[], &[], &["user"]);
    data(&[("user", 7)], &[], &[], &[], &[]);
}

#[test]
fn the_later_save_wins_under_one_key_and_says_so() {
    data(&[("a", 1)], &[("a", 2)], &[("a", 3)], &[("a", 2)], &["a"]);
    data(
        &[],
        &[("a", 2), ("b", 1)],
        &[("a", 3)],
        &[("a", 2), ("b", 1)],
        &["a"],
    );
}

#[test]
fn a_key_for_which_the_site_decides_is_not_lost() {
    let mut conflicts = Conflicts::default();
    conflicts.set("a", |base: Option<u32>, mine: u32, theirs: u32| {
        mine + theirs - base.unwrap_or(0)
    });
    let (base, mine) = ([("a", 1), ("b", 1)], [("a", 2), ("b", 2)]);
    let [base, mine, theirs] = [base, mine, [("a", 3), ("b", 3)]].map(|all| version(&all));
    let (found, lost) = super::merge(&base, mine, theirs, OWN, &conflicts);
    assert!(found.data == map(&[("a", 4), ("b", 2)]), "{:?}", found.data);
    assert_eq!(lost, [Loss::Key("b".into())]);
    conflicts.set("a", |_: Option<u32>, _: u32, _: u32| 0);
    let [base, mine, theirs] = [&[][..], &[("a", 2)], &[("a", 3)]].map(version);
    let (found, lost) = super::merge(&base, mine, theirs, OWN, &conflicts);
    assert!(
        found.data == map(&[("a", 0)]) && lost.is_empty(),
        "the last setting counts"
    );
}

#[test]
fn a_replacement_wins_whole_and_says_so() {
    let own = Own {
        replaced: true,
        ..OWN
    };
    let base = [("a", 1), ("b", 1), ("c", 1)];
    let theirs = [("b", 2), ("c", 1), ("d", 1)];
    let (found, lost) = merge(&version(&base), version(&[("d", 1)]), version(&theirs), own);
    assert!(found.data == map(&[("d", 1)]), "{:?}", found.data);
    // Both removed `a` and added `d`, and nobody else changed `c`.
    assert_eq!(lost, [Loss::Key("b".into())]);

    let whole = |theirs| {
        let [base, mine, theirs] = [1, 3, theirs].map(|n| Version {
            head: head(),
            data: Counter(n),
        });
        merge(&base, mine, theirs, own)
    };
    for (theirs, lost) in [(1, &[][..]), (3, &[]), (5, &[Loss::Data])] {
        let (found, told) = whole(theirs);
        assert_eq!((found.data, &told[..]), (Counter(3), lost), "{theirs}");
    }
}

fn flashes(texts: &[&str]) -> Version<SessionMap> {
    let flash = |text: &&str| Flash {
        level: FlashLevel::Info,
        text: text.to_string(),
    };
    let flashes = texts.iter().map(flash).collect();
    Version {
        head: RecordHead { flashes, ..head() },
        data: SessionMap::default(),
    }
}

fn texts(version: &Version<SessionMap>) -> Vec<&str> {
    let flashes = version.head.flashes.iter();
    flashes.map(|flash| flash.text.as_str()).collect()
}

#[test]
fn flashes_are_theirs_less_those_shown_and_with_those_added() {
    let (added, lost) = merge(
        &flashes(&["a"]),
        flashes(&["a", "b"]),
        flashes(&["a", "c"]),
        OWN,
    );
    assert_eq!((texts(&added), lost), (["a", "c", "b"].into(), [].into()));
    let own = Own {
        took_flashes: true,
        ..OWN
    };
    let (shown, _) = merge(&flashes(&["a"]), flashes(&["b"]), flashes(&["a", "c"]), own);
    assert_eq!(texts(&shown), ["c", "b"]);
    // Another page has shown them as well.
    let (both, _) = merge(&flashes(&["a", "a"]), flashes(&[]), flashes(&["d"]), own);
    assert_eq!(texts(&both), ["d"]);
}

#[test]
fn the_oldest_flashes_go_over_the_limit() {
    let theirs: Vec<&str> = ["x"; 16].into();
    let (merged, lost) = merge(&flashes(&[]), flashes(&["mine"]), flashes(&theirs), OWN);
    assert_eq!(
        (merged.head.flashes.len(), lost),
        (16, [Loss::Flashes].into())
    );
    assert_eq!(texts(&merged).last(), Some(&"mine"));
    let long = "#".repeat(1000);
    let (merged, _) = merge(
        &flashes(&[]),
        flashes(&["mine", "both"]),
        flashes(&[&long]),
        OWN,
    );
    assert_eq!(texts(&merged).len(), 3);
    let (merged, lost) = merge(&flashes(&[]), flashes(&[&long]), flashes(&[&long]), OWN);
    assert_eq!((texts(&merged).len(), lost), (1, [Loss::Flashes].into()));
    let half = "#".repeat(MAX_FLASH_BYTES / 2);
    let (merged, lost) = merge(&flashes(&[]), flashes(&[&half]), flashes(&[&half]), OWN);
    assert_eq!((texts(&merged).len(), lost), (2, [].into()));
}

/// Merges three heads, each changed from the same one.
fn heads(mine: impl FnOnce(&mut RecordHead), theirs: impl FnOnce(&mut RecordHead)) -> RecordHead {
    let (mut my_version, mut their_version) = (version(&[]), version(&[]));
    mine(&mut my_version.head);
    theirs(&mut their_version.head);
    merge(&version(&[]), my_version, their_version, OWN).0.head
}

#[test]
fn the_earlier_limit_counts_if_both_changed_it() {
    assert_eq!(heads(|head| head.lifetime = 60, |_| {}).lifetime, 60);
    assert_eq!(heads(|_| {}, |head| head.lifetime = 60).lifetime, 60);
    assert_eq!(
        heads(|head| head.lifetime = 50, |head| head.lifetime = 60).lifetime,
        50
    );
    assert_eq!(
        heads(|head| head.lifetime = 60, |head| head.lifetime = 50).lifetime,
        50
    );
}

#[test]
fn remembered_is_what_either_made_it() {
    let remember = |head: &mut RecordHead| {
        head.remembered = true;
        head.idle_limit = 999_999;
    };
    for merged in [
        heads(remember, |_| {}),
        heads(|_| {}, remember),
        heads(remember, remember),
    ] {
        assert!(merged.remembered && merged.idle_limit == 999_999);
    }
}

#[test]
fn a_device_stays_bound() {
    let bound = Some([2; 33]);
    assert!(heads(|_| {}, |head| head.device_key = bound).device_key == bound);
    assert!(heads(|head| head.device_key = bound, |_| {}).device_key == bound);
}

#[test]
fn a_login_keeps_its_own_times_and_messages() {
    let own = Own {
        is_login: true,
        ..OWN
    };
    let mut theirs = flashes(&["for another"]);
    theirs.head.lifetime = 60;
    theirs.data = map(&[("cart", 1)]);
    let (merged, _) = merge(&version(&[]), version(&[("user", 7)]), theirs, own);
    assert!(merged.head.flashes.is_empty() && merged.head.lifetime == 43_200);
    assert!(merged.data == map(&[("cart", 1), ("user", 7)]));
}

#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
struct Counter(u32);

impl SessionData for Counter {
    const NAME: &'static str = "counter";
    const VERSION: u8 = 1;

    fn merge(base: &Counter, mine: Counter, theirs: Counter) -> Counter {
        Counter(theirs.0 + mine.0 - base.0)
    }
}

#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
struct Theme(u32);

impl SessionData for Theme {
    const NAME: &'static str = "theme";
    const VERSION: u8 = 1;
}

fn typed<T: SessionData>([base, mine, theirs]: [T; 3]) -> (T, Vec<Loss>) {
    let version = |data| Version { head: head(), data };
    let (merged, lost) = merge(&version(base), version(mine), version(theirs), OWN);
    (merged.data, lost)
}

#[test]
fn typed_data_merges_as_it_says() {
    assert_eq!(typed([1, 3, 5].map(Counter)), (Counter(7), [].into()));
    assert_eq!(typed([1, 2, 2].map(Counter)), (Counter(3), [].into()));
}

#[test]
fn typed_data_without_a_merge_is_the_later_save_and_says_so() {
    assert_eq!(typed([1, 3, 5].map(Theme)), (Theme(3), [Loss::Data].into()));
    assert_eq!(typed([1, 1, 5].map(Theme)), (Theme(5), [].into()));
    assert_eq!(typed([1, 3, 1].map(Theme)), (Theme(3), [].into()));
    assert_eq!(typed([1, 3, 3].map(Theme)), (Theme(3), [].into()));
}

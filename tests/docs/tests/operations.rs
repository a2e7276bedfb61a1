//! The commands of the operations page. The rotation in a fleet is run by `examples/site/tests/rotation.rs`.

use hardtack::{KeyState, Keyring};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

const PAGE: &str = include_str!("../../../src/guide/operations.md");

/// Takes the step of the page's script. Returns `false` if the script failed.
fn takes(step: &str, file: &Path) -> bool {
    let (_, section) = PAGE.split_once("\n# Scheduled rotation\n").unwrap();
    let (_, script) = section.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let mut shell = Command::new("sh");
    let shell = shell
        .args(["-c", script, "rotate-keys"])
        .arg(file)
        .arg(step);
    shell.status().unwrap().success()
}

/// What each key of the file may do, the first key first. A retirement has no time here.
fn states(file: &Path) -> Vec<&'static str> {
    let ring = Keyring::from_file(file).unwrap();
    let states = ring.key_states().map(|(_, state)| match state {
        KeyState::Primary => "primary",
        KeyState::Accepted => "accepted",
        KeyState::Retired(_) => "retired",
        other => panic!("{other:?}"),
    });
    states.collect()
}

#[test]
fn the_script_rotates_keys_for_years() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session-keys");
    let first = Command::new("openssl")
        .args(["rand", "-base64", "32"])
        .output();
    let first = String::from_utf8(first.expect("openssl").stdout).unwrap();
    fs::write(&file, &first).unwrap();
    let id = |place: usize| {
        Keyring::from_file(&file)
            .unwrap()
            .key_states()
            .nth(place)
            .unwrap()
            .0
    };

    let mut retired = vec![];
    for month in 0..24 {
        let old = id(0);
        assert!(takes("stage", &file));
        assert_eq!(
            (id(0), &states(&file)[..2]),
            (old, &["primary", "accepted"][..])
        );
        let new = id(1);
        assert!(takes("switch", &file));
        assert_eq!((id(0), id(1)), (new, old));
        assert!(takes("retire", &file));
        assert_eq!((id(1), states(&file)[1]), (old, "retired"));
        // Thirty days pass: each retirement is that much longer ago.
        let text = fs::read_to_string(&file).unwrap();
        let older = text
            .trim()
            .split(',')
            .map(|entry| match entry.split_once('@') {
                Some((key, at)) => format!("{key}@{}", at.parse::<u64>().unwrap() - 30 * 86_400),
                None => entry.to_owned(),
            });
        fs::write(&file, older.collect::<Vec<_>>().join(",")).unwrap();
        retired.push(old);
        assert!(takes("remove", &file));
        // By now, the third of them was retired 90 days ago.
        let kept = states(&file).len() - 1;
        assert_eq!(
            kept,
            (month + 1).min(2),
            "month {month}: {:?}",
            states(&file)
        );
        assert_eq!(id(kept), retired[retired.len() - kept]);
    }
    assert!(!fs::read_to_string(&file).unwrap().contains(first.trim()));
}

#[test]
fn a_step_out_of_order_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session-keys");
    let keys: Vec<String> = (0..2)
        .map(|_| {
            let made = Command::new("openssl")
                .args(["rand", "-base64", "32"])
                .output();
            String::from_utf8(made.expect("openssl").stdout)
                .unwrap()
                .trim()
                .to_owned()
        })
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let one = format!("{},{}@{now}", keys[0], keys[1]);
    for (text, wrong) in [
        (&one, &["switch", "retire", "", "reset"][..]),
        (&keys.join(","), &["stage", "remove", "Switch"]),
    ] {
        for step in wrong {
            fs::write(&file, text).unwrap();
            assert!(!takes(step, &file), "{step:?}");
            assert_eq!(&fs::read_to_string(&file).unwrap(), text, "{step:?}");
            assert_eq!(
                fs::read_dir(directory.path()).unwrap().count(),
                1,
                "{step:?}"
            );
        }
    }
    let missing = directory.path().join("missing");
    assert!(!takes("stage", &missing) && !missing.exists());
}

/// A label that the code above never writes would never raise an alert.
#[test]
fn the_alerts_name_labels_that_the_code_writes() {
    let (code, alerts) = PAGE.split_once("\n- alert: ").unwrap();
    let table: String = PAGE
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let mut named = 0;
    for (label, is_event) in [("event=", true), ("reason=", false)] {
        for rest in alerts.split(label).skip(1) {
            let names = rest.split('"').nth(1).unwrap();
            for name in names.split('|') {
                assert!(table.contains(&format!("`{name}`")), "{label}{name}");
                assert_eq!(
                    code.contains(&format!("=> (\"{name}\", ")),
                    is_event,
                    "{label}{name}"
                );
                named += 1;
            }
        }
    }
    assert!(named >= 8, "{named}");
}

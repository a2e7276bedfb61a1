//! Which text is a key, which bytes are, and what a ring in an environment variable says.

use crate::kit::{
    clock::at,
    key_text::HASHES,
    keys::{key, master},
};
use hardtack::{Key, KeyError, KeyState, Keyring};

/// 32 bytes that nobody uses as a key, and below them each text of this key. The last byte and a few others
/// make both of the characters that the base64 alphabets do not share.
const BYTES: [u8; 32] = [
    0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 38, 32,
    79, 50, 28, 84, 19, 71, 69, 39, 99, 37, 0xf0,
];
const STANDARD: &str = "++++////Aw4PXEEjWU8gJi4aKyYgTzIcVBNHRSdjJfA";
const URL_SAFE: &str = "----____Aw4PXEEjWU8gJi4aKyYgTzIcVBNHRSdjJfA";
const HEX: &str = "fbefbeffffff030e0f5c4123594f20262e1a2b26204f321c54134745276325f0";
/// Another key, for lists.
#[cfg(feature = "std")]
const OTHER_HEX: &str = "0d0c1a2b3f4e5d6c7b8a99a8b7c6d5e4f3021122334455667788aabbccddee01";

#[test]
fn base64_and_hex_of_the_same_bytes_are_the_same_key() {
    let expected = Key::from_bytes(BYTES).unwrap();
    let upper = HEX.to_uppercase();
    let mixed = format!("{}{}", &HEX[..32], &upper[32..]);
    let padded = [format!("{STANDARD}="), format!("{URL_SAFE}=")];
    for text in [
        STANDARD, URL_SAFE, HEX, &upper, &mixed, &padded[0], &padded[1],
    ] {
        assert_eq!(text.parse::<Key>().as_ref(), Ok(&expected), "{text}");
    }
    assert_ne!(key(1), expected);
}

#[test]
fn other_text_is_no_key() {
    for found in (0..80).filter(|len| ![43, 44, 64].contains(len)) {
        let text = "A".repeat(found);
        assert_eq!(text.parse::<Key>(), Err(KeyError::Length { found }));
    }
    let not_canonical = STANDARD.replace("JfA", "JfB");
    let both = STANDARD.replacen('+', "-", 1);
    let unpadded = format!("{STANDARD}A");
    let bad = [
        &not_canonical,
        &both,
        &unpadded,
        &format!("{}==", &STANDARD[..42]),
        &STANDARD.replacen('A', "*", 1),
        &STANDARD.replacen("Aw", "é", 1),
        &HEX.replacen('f', "g", 1),
        &HEX.replacen("ff", "é", 1),
        &"=".repeat(64),
        &"\0".repeat(43),
    ];
    for text in bad {
        let found = text.len();
        assert_eq!(
            text.parse::<Key>(),
            Err(KeyError::Encoding { found }),
            "{text}"
        );
    }
}

/// What a file, a shell or other software leaves around a key is named, and the key is not.
#[test]
fn what_stands_around_a_key_is_named() {
    let padded = format!("{STANDARD}=");
    for key in [STANDARD, &padded, URL_SAFE, HEX] {
        for (before, after, found) in [
            ("\"", "\"", '"'),
            ("'", "'", '\''),
            ("", "\"", '"'),
            ("\"", "", '"'),
            ("", "\n", '\n'),
            ("", "\r\n", '\r'),
            (" ", "", ' '),
            ("\u{feff}", "", '\u{feff}'),
            ("\u{feff}", "\n", '\u{feff}'),
            ("\u{201c}", "\u{201d}", '\u{201c}'),
            ("\u{e9}", "", '\u{e9}'),
            ("", ";", ';'),
            ("\0", "", '\0'),
            ("\"base64:", "\"", '"'),
        ] {
            let text = format!("{before}{key}{after}");
            assert_eq!(
                text.parse::<Key>(),
                Err(KeyError::Character { found }),
                "{text:?}"
            );
        }
        for found in ["base64:", "hex:", "0x"] {
            let text = format!("{found}{key}");
            assert_eq!(
                text.parse::<Key>(),
                Err(KeyError::Prefix { found }),
                "{text}"
            );
        }
    }
    // Nothing here is a key once it is removed.
    for text in ["\"hunter2\"", "base64:hunter2", "\n", "\"\"", "\u{feff}"] {
        let found = text.len();
        assert_eq!(
            text.parse::<Key>(),
            Err(KeyError::Length { found }),
            "{text}"
        );
    }
    let other = format!("Base64:{STANDARD}");
    assert_eq!(other.parse::<Key>(), Err(KeyError::Length { found: 50 }));
}

/// The format page calls this key published; a copy of it in a configuration protects nothing.
#[test]
fn the_key_of_the_documents_is_refused_in_every_text() {
    let bytes = hex::decode("3cab12f960cfb61d8473da4128977ee54c3ba209f05fc6ad14836ad1b8278e75");
    let bytes = <[u8; 32]>::try_from(bytes.unwrap()).unwrap();
    assert_eq!(Key::from_bytes(bytes), Err(KeyError::Published));
    for place in [0, 15, 31] {
        let mut bytes = bytes;
        bytes[place] ^= 1;
        assert!(Key::from_bytes(bytes).is_ok());
    }
    let hex = "3cab12f960cfb61d8473da4128977ee54c3ba209f05fc6ad14836ad1b8278e75";
    let base64 = "PKsS+WDPth2Ec9pBKJd+5Uw7ognwX8atFINq0bgnjnU";
    let url_safe = "PKsS-WDPth2Ec9pBKJd-5Uw7ognwX8atFINq0bgnjnU=";
    for text in [hex, &hex.to_uppercase(), base64, url_safe] {
        assert_eq!(text.parse::<Key>(), Err(KeyError::Published), "{text}");
    }
}

#[test]
fn bytes_that_a_person_thought_of_are_no_key() {
    let passphrases = [
        *b"the quick brown fox jumps over 1",
        *b"correct horse battery staple 123",
        *b"                               ~",
        *b"0123456789abcdef0123456789abcdef",
    ];
    for bytes in passphrases {
        assert_eq!(Key::from_bytes(bytes), Err(KeyError::Passphrase));
    }
    for outside in [0x00, 0x1f, 0x7f, 0x80, 0xff] {
        for place in [0, 13, 31] {
            let mut bytes = passphrases[0];
            bytes[place] = outside;
            assert!(Key::from_bytes(bytes).is_ok(), "{outside:#x} at {place}");
        }
    }
    for step in 0..=255_u8 {
        for first in [0, 1, 0x80, 0xff] {
            let bytes: [u8; 32] =
                core::array::from_fn(|place| step.wrapping_mul(place as u8).wrapping_add(first));
            // A run can be printable too.
            let error = Key::from_bytes(bytes).unwrap_err();
            assert!(matches!(error, KeyError::Pattern | KeyError::Passphrase));
            for place in [0, 1, 30, 31] {
                let mut bytes = bytes;
                bytes[place] ^= 0x80;
                // A step of 16 and its multiples repeats.
                assert_eq!(
                    Key::from_bytes(bytes).is_ok(),
                    step % 16 != 0,
                    "{step} from {first}, {place}"
                );
            }
        }
    }
    // A text of such bytes is refused too.
    assert_eq!("00".repeat(32).parse::<Key>(), Err(KeyError::Pattern));
}

#[test]
fn bytes_that_repeat_are_no_key() {
    let pattern = Err(KeyError::Pattern);
    for text in [
        "deadbeef".repeat(8),
        "00".repeat(31) + "01",
        "01".to_owned() + &"00".repeat(31),
        HEX[..32].repeat(2),
        "00".repeat(16) + &HEX[..32],
        HEX[..32].to_owned() + &"00".repeat(16),
        HEX[..16].to_owned() + &"00".repeat(16) + &HEX[16..32],
        "E".repeat(43),
        "E".repeat(43) + "=",
        "w".repeat(43),
    ] {
        assert_eq!(text.parse::<Key>(), pattern, "{text}");
    }
    // 43 equal letters are a key text only if the last one ends in two zero bits.
    let digits = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9');
    for digit in digits.chain(*b"+/-_").map(char::from) {
        let text = String::from(digit).repeat(43);
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
    // Of each period up to 16, with all bytes of the period distinct.
    for period in 1..=16 {
        let mut bytes = core::array::from_fn(|place| BYTES[6 + place % period]);
        assert!(Key::from_bytes(bytes).is_err(), "{period}");
        // One byte that breaks the pattern does not make it random.
        bytes[20] ^= 0x55;
        assert!(Key::from_bytes(bytes).is_err(), "{period}");
    }
}

#[test]
fn a_key_has_at_least_20_distinct_bytes() {
    for distinct in 1..=32_u8 {
        // Squares have no constant step, and the order of the bytes does not matter.
        let squares = |place: u8| {
            place
                .wrapping_mul(place)
                .wrapping_mul(2)
                .wrapping_add(place)
        };
        let mut bytes =
            core::array::from_fn(|place| squares((place as u8 + 31).min(30 + distinct)));
        for _ in 0..32 {
            bytes.rotate_left(5);
            bytes.swap(3, 17);
            let expected = distinct >= 20;
            assert_eq!(Key::from_bytes(bytes).is_ok(), expected, "{distinct}");
        }
    }
}

#[test]
fn the_hash_of_a_common_password_is_no_key() {
    for hex in HASHES.as_flattened() {
        assert_eq!(hex.parse::<Key>(), Err(KeyError::PasswordHash), "{hex}");
        let mut bytes = <[u8; 32]>::try_from(hex::decode(hex).unwrap()).unwrap();
        assert_eq!(Key::from_bytes(bytes), Err(KeyError::PasswordHash));
        bytes[31] ^= 1;
        assert!(Key::from_bytes(bytes).is_ok());
    }
}

/// Every test, target and example of the fuzzer takes its keys from this formula.
#[test]
fn the_keys_of_the_tests_are_keys() {
    for n in 0..=255 {
        assert!(Key::from_bytes(master(n)).is_ok(), "{n}");
    }
}

/// The chances that the documentation of `from_bytes` names.
#[test]
fn random_bytes_are_hardly_ever_refused() {
    let printable = (f64::from(b'~' - b' ' + 1) / 256.0).log2() * 32.0;
    let runs = f64::from(256 * 256).log2() - 256.0;
    let known = f64::from(3 + 24).log2() - 256.0;
    let others = printable.exp2() + runs.exp2() + known.exp2();
    assert!(others.log2() < -45.0, "{others}");

    // The chance of each number of distinct bytes, one byte more each round.
    let mut chances = vec![1.0];
    for _ in 0..32 {
        let mut next = vec![0.0; chances.len() + 1];
        for (distinct, chance) in (0..).zip(chances) {
            let seen = f64::from(distinct) / 256.0;
            next[distinct as usize] += chance * seen;
            next[distinct as usize + 1] += chance * (1.0 - seen);
        }
        chances = next;
    }
    let few: f64 = chances[..20].iter().sum();
    assert!(few.log2() < -32.0, "{few}");
    assert!((6.9e9..7.0e9).contains(&few.recip()), "{few}");
}

#[test]
fn a_ring_takes_eight_keys_of_different_ids() {
    let mut ring = Keyring::new(key(1));
    for number in 2..=8 {
        ring = ring.accept(key(number)).unwrap();
    }
    let ids: Vec<_> = ring.key_states().collect();
    let expected: Vec<_> = (1..=8)
        .map(|number| match number {
            1 => (key(1).id(), KeyState::Primary),
            _ => (key(number).id(), KeyState::Accepted),
        })
        .collect();
    assert_eq!(ids, expected);
    for number in 1..=8 {
        let twice = ring.clone().accept_retired(key(number), at(5));
        let error = KeyError::DuplicateId(key(number).id());
        assert_eq!(twice.unwrap_err(), error);
    }
    assert_eq!(ring.clone().accept(key(9)).unwrap_err(), KeyError::TooMany);
    let retired = ring.accept_retired(key(9), at(5));
    assert_eq!(retired.unwrap_err(), KeyError::TooMany);
}

/// The variable is set for a child, which is this test once more: setting one's own is `unsafe`,
/// since other threads may be reading.
#[cfg(all(feature = "std", unix))]
#[test]
fn the_environment_gives_a_ring_or_says_which_entry_is_wrong() {
    use std::{
        env,
        ffi::OsStr,
        os::unix::ffi::OsStrExt as _,
        process::{Command, Stdio},
    };
    const NAME: &str = "HARDTACK_TEST_KEYS";
    const CHILD: &str = "HARDTACK_TEST_IS_CHILD";
    const TEST: &str = "keys::the_environment_gives_a_ring_or_says_which_entry_is_wrong";

    if env::var_os(CHILD).is_some() {
        match Keyring::from_env(NAME) {
            Ok(ring) => println!("<{ring}>"),
            Err(error) => println!("<{error}>"),
        }
        return;
    }
    let answer = |value: Option<&[u8]>| {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "--nocapture", TEST]).env(CHILD, "1");
        child.env_remove(NAME).stderr(Stdio::inherit());
        if let Some(value) = value {
            child.env(NAME, OsStr::from_bytes(value));
        }
        let output = child.output().unwrap();
        assert!(output.status.success());
        let output = String::from_utf8(output.stdout).unwrap();
        let (_, answer) = output.split_once('<').unwrap();
        answer.split_once('>').unwrap().0.to_owned()
    };
    let wrong = |value: &[u8], entry: usize, error: KeyError| {
        let expected = format!("environment variable {NAME}: key {entry}: {error}");
        let answer = answer(Some(value));
        assert_eq!(answer, expected, "{value:?}");
        // Which variable and which key, it says above; here, what was found and what helps.
        assert!(answer.contains("found ") || answer.contains(" have the id "));
        let commands = [
            "`openssl rand -base64 32`",
            "`date +%s`",
            "remove the oldest",
            ": remove it",
        ];
        assert!(commands.iter().any(|command| answer.contains(command)));
    };

    let (one, two) = (STANDARD.to_owned(), OTHER_HEX.to_owned());
    let (id_one, id_two) = (
        one.parse::<Key>().unwrap().id(),
        two.parse::<Key>().unwrap().id(),
    );
    let ring = |list: String| answer(Some(list.as_bytes()));
    assert_eq!(ring(one.clone()), format!("{id_one} primary"));
    let both = format!("{id_one} primary, {id_two} accepted");
    assert_eq!(ring(format!("{one},{two}")), both);
    assert_eq!(ring(format!(" {one}=\t, {two}\n")), both);
    for (list, time) in [
        (format!("{one},{two}@0"), 0),
        (format!("{one},{two}@1763600000"), 1_763_600_000),
        (format!("{one}, {two} @ 04294967295 "), u32::MAX),
    ] {
        assert_eq!(
            ring(list),
            format!("{id_one} primary, {id_two} retired at {time}")
        );
    }

    let unset = format!("environment variable {NAME}: {}", KeyError::Unset);
    assert_eq!(answer(None), unset);
    wrong(b"\xff\xfe", 1, KeyError::NotUnicode);
    wrong(&[one.as_bytes(), b"\xff"].concat(), 1, KeyError::NotUnicode);
    wrong(
        &[one.as_bytes(), b", ,\xc3(,\xff"].concat(),
        3,
        KeyError::NotUnicode,
    );

    for nothing in ["", " ", "\t\n"] {
        wrong(nothing.as_bytes(), 1, KeyError::Empty);
    }
    wrong(format!(",{one}").as_bytes(), 1, KeyError::Empty);
    wrong(format!("{one},").as_bytes(), 2, KeyError::Empty);
    wrong(format!("{one}, ,{two}").as_bytes(), 2, KeyError::Empty);
    wrong(b"hunter2", 1, KeyError::Length { found: 7 });
    wrong("\u{e9}".as_bytes(), 1, KeyError::Length { found: 2 });
    wrong(
        format!("{one},hunter2").as_bytes(),
        2,
        KeyError::Length { found: 7 },
    );
    wrong(
        format!("{one};{two}").as_bytes(),
        1,
        KeyError::Length { found: 108 },
    );
    wrong(
        format!("{one},@5").as_bytes(),
        2,
        KeyError::Length { found: 0 },
    );
    wrong(format!("{one}@5").as_bytes(), 1, KeyError::RetiredPrimary);
    wrong(
        format!("{one}@,{two}").as_bytes(),
        1,
        KeyError::RetiredPrimary,
    );
    for time in [
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "4294967296",
        "5@6",
        "noon",
        "\u{0665}",
    ] {
        let list = format!("{one},{two}@{time}");
        wrong(list.as_bytes(), 2, KeyError::RetirementTime);
    }
    wrong(
        format!("{one}*").as_bytes(),
        1,
        KeyError::Character { found: '*' },
    );
    wrong(
        format!("{one}A").as_bytes(),
        1,
        KeyError::Encoding { found: 44 },
    );
    wrong(
        format!("\"{one},{two}\"").as_bytes(),
        1,
        KeyError::Character { found: '"' },
    );
    wrong(
        format!("\u{feff}{one}\n").as_bytes(),
        1,
        KeyError::Character { found: '\u{feff}' },
    );
    wrong(
        format!("{one},base64:{one}").as_bytes(),
        2,
        KeyError::Prefix { found: "base64:" },
    );
    wrong(
        "g".repeat(64).as_bytes(),
        1,
        KeyError::Encoding { found: 64 },
    );
    wrong("00".repeat(32).as_bytes(), 1, KeyError::Pattern);
    wrong("61".repeat(32).as_bytes(), 1, KeyError::Passphrase);
    wrong(HASHES[7][0].as_bytes(), 1, KeyError::PasswordHash);
    let published = b"3cab12f960cfb61d8473da4128977ee54c3ba209f05fc6ad14836ad1b8278e75";
    wrong(published, 1, KeyError::Published);
    wrong(
        format!("{one},{two},{HEX}").as_bytes(),
        3,
        KeyError::DuplicateId(id_one),
    );
    let nine: Vec<_> = (1..=9)
        .map(|n| format!("{n:02x}{}", &OTHER_HEX[2..]))
        .collect();
    wrong(nine.join(",").as_bytes(), 9, KeyError::TooMany);
    assert_eq!(ring(nine[..8].join(",")).split(", ").count(), 8);

    for name in ["", "A=B", "A\0B"] {
        let error = KeyError::Variable {
            name: name.into(),
            error: KeyError::Unset.into(),
        };
        assert_eq!(Keyring::from_env(name).unwrap_err(), error);
    }
}

/// A file in a directory of its own, which is removed with it.
#[cfg(feature = "std")]
struct SecretFile(std::path::PathBuf);

#[cfg(feature = "std")]
impl SecretFile {
    fn new(test: &str) -> SecretFile {
        let name = format!("hardtack-{test}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        SecretFile(directory.join("keys"))
    }

    fn read(&self, content: impl AsRef<[u8]>) -> Result<String, KeyError> {
        std::fs::write(&self.0, content).unwrap();
        Keyring::from_file(&self.0).map(|ring| ring.to_string())
    }

    fn wrong(&self, content: impl AsRef<[u8]>, error: KeyError) {
        let expected = format!("file {}: {error}", self.0.display());
        let found = self.read(content).unwrap_err();
        assert_eq!(found.to_string(), expected);
        let path = self.0.clone();
        let error = error.into();
        assert_eq!(found, KeyError::File { path, error });
    }
}

#[cfg(feature = "std")]
impl Drop for SecretFile {
    fn drop(&mut self) {
        std::fs::remove_dir_all(self.0.parent().unwrap()).unwrap();
    }
}

#[cfg(feature = "std")]
#[test]
fn a_file_gives_a_ring_or_says_what_is_wrong() {
    use std::io::ErrorKind;

    let file = SecretFile::new("from-file");
    let unreadable = |path: &std::path::Path, kind| KeyError::File {
        path: path.to_owned(),
        error: KeyError::Unreadable(kind).into(),
    };
    let missing = Keyring::from_file(&file.0).unwrap_err();
    assert_eq!(missing, unreadable(&file.0, ErrorKind::NotFound));
    let directory = file.0.parent().unwrap();
    let error = Keyring::from_file(directory).unwrap_err();
    if cfg!(unix) {
        assert_eq!(error, unreadable(directory, ErrorKind::IsADirectory));
    }

    let entry = |entry, error: KeyError| KeyError::Entry {
        entry,
        error: error.into(),
    };
    let ids = [HEX, OTHER_HEX].map(|key| key.parse::<Key>().unwrap().id());
    let [one, two] = ids;
    for end in ["", "\n", "\r\n"] {
        let ring = file.read(format!("{STANDARD}={end}"));
        assert_eq!(ring, Ok(format!("{one} primary")));
        let ring = file.read(format!("{HEX}, {OTHER_HEX}@1763600000{end}"));
        let expected = format!("{one} primary, {two} retired at 1763600000");
        assert_eq!(ring, Ok(expected));
    }
    let padded = format!("{HEX}{},{OTHER_HEX}", " ".repeat(4096));
    file.wrong(padded, KeyError::Unreadable(ErrorKind::FileTooLarge));

    file.wrong("", entry(1, KeyError::Empty));
    file.wrong("\n", entry(1, KeyError::Empty));
    file.wrong("hunter2\n", entry(1, KeyError::Length { found: 7 }));
    let bom = KeyError::Character { found: '\u{feff}' };
    file.wrong(format!("\u{feff}{HEX}\r\n"), entry(1, bom));
    // A key on each line is not the list: between keys stands a comma.
    file.wrong(
        format!("{HEX}\n{OTHER_HEX}\n"),
        entry(1, KeyError::Length { found: 129 }),
    );
    file.wrong(b"\xff\xfe3\0c\0", entry(1, KeyError::NotUnicode));
    file.wrong(
        [HEX.as_bytes(), b",\xff\n"].concat(),
        entry(2, KeyError::NotUnicode),
    );
    file.wrong(format!("{HEX},{HEX}"), entry(2, KeyError::DuplicateId(one)));
}

#[cfg(all(feature = "std", unix))]
#[test]
fn a_file_without_permission_is_named() {
    use std::{io::ErrorKind, os::unix::fs::PermissionsExt as _};

    let file = SecretFile::new("permission");
    std::fs::write(&file.0, HEX).unwrap();
    std::fs::set_permissions(&file.0, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read it all the same.
    if std::fs::read(&file.0).is_err() {
        let error = Keyring::from_file(&file.0).unwrap_err();
        let expected = KeyError::File {
            path: file.0.clone(),
            error: KeyError::Unreadable(ErrorKind::PermissionDenied).into(),
        };
        assert_eq!(error, expected);
    }
}

//! The branches that may depend on a secret. What is accepted or refused is seen by everybody, so each of these is
//! taken once, on one bit about all bytes of a secret.

use crate::reports::{Frame, Report};

/// A place in the source, which another version of the compiler finds on another line, inlined or not.
struct Decision {
    package: &'static str,
    function: &'static str,
    /// The beginnings of the lines that the branch may be attributed to.
    lines: &'static [&'static str],
    /// The checks that may take it: those whose names begin like this.
    checks: &'static str,
}

const DECISIONS: &[Decision] = &[
    // Whether all characters are hex digits.
    Decision {
        package: "base16ct",
        function: "decode_inner",
        lines: &["match err {"],
        checks: "key text is read: ",
    },
    // Whether all characters are of the alphabet.
    Decision {
        package: "base64ct",
        function: "decode",
        lines: &[
            "if err == 0 {",
            "validate_last_block::<T>(src.as_ref(), dst)?;",
        ],
        checks: "key text is read: ",
    },
    // Whether the bits behind the last byte are zeros.
    Decision {
        package: "base64ct",
        function: "validate_last_block",
        lines: &["if block", ".fold(0, |acc, (a, b)| acc | (a ^ b))", "== 0"],
        checks: "key text is read: ",
    },
    // Whether the text is of one alphabet, and whether it was decoded.
    Decision {
        package: "hardtack",
        function: "decode_base64",
        lines: &[
            "let decoded = Base64Unpadded::decode(*standard, out).is_ok();",
            "decoded & !bool::from(url_safe_seen & standard_seen)",
        ],
        checks: "key text is read: ",
    },
    // Whether it was decoded.
    Decision {
        package: "hardtack",
        function: "decode",
        lines: &["if !decoded {"],
        checks: "key text is read: ",
    },
    // Whether a text that is not a key begins and ends as one.
    Decision {
        package: "hardtack",
        function: "around_a_key",
        lines: &["if bool::from(is_key_character(*first) & is_key_character(*last)) {"],
        checks: "key text is read: ",
    },
    // Whether the key is a published one, a passphrase, a pattern or the hash of a password.
    Decision {
        package: "hardtack",
        function: "refuse_weak",
        lines: &[
            "if bool::from(is_published(master)) {",
            "if bool::from(is_printable(master)) {",
            "if bool::from(is_progression(master) | distinct_bytes(master).ct_lt(&MIN_DISTINCT)) {",
            "if bool::from(is_hashed_word(master)) {",
        ],
        checks: "key text is read: ",
    },
    // Passes that answer on.
    Decision {
        package: "hardtack",
        function: "checked",
        lines: &["weak::refuse_weak(master)?;"],
        checks: "key text is read: ",
    },
    // Whether the tag is the right one, in each backend.
    Decision {
        package: "chacha20poly1305",
        function: "decrypt_inout_detached",
        lines: &["if self.mac.verify(tag).is_ok() {"],
        checks: "a tag is verified, ",
    },
    Decision {
        package: "ring",
        function: "open_within",
        lines: &["if bb::verify_slices_are_equal("],
        checks: "a tag is verified, ",
    },
    // What the library does with that answer.
    Decision {
        package: "hardtack",
        function: "open",
        lines: &["match aead::open(key, nonce, associated_data, self.ciphertext, self.tag) {"],
        checks: "a tag is verified, ",
    },
];

/// Says whether a check may take the branch in a report.
pub fn allowed(check: &str, report: &Report) -> bool {
    // An address is never allowed, nor a branch that a loop takes again.
    if report.kind != "UninitCondition" || report.count != 1 {
        return false;
    }
    // `is_ok`, or the conversion of a mask to a `bool`, is compiled into the place that decides.
    let Some(frame) = report.frames.iter().find(|frame| !is_conversion(frame)) else {
        return false;
    };
    DECISIONS.iter().any(|decision| {
        check.starts_with(decision.checks)
            && frame.package() == decision.package
            && frame.function == decision.function
            && decision
                .lines
                .iter()
                .any(|line| frame.source.starts_with(line))
    })
}

fn is_conversion(frame: &Frame) -> bool {
    match frame.package() {
        "std" => true,
        "subtle" => frame.function == "from" && frame.source == "source.0 != 0",
        _ => false,
    }
}

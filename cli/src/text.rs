//! What people read: times, and text that a terminal may show.

use hardtack::Timestamp;
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

/// Replaces what a terminal would obey or hide (control characters, marks that change the direction of writing) by
/// `\u` and its number, which in JSON means the same character. Backslashes stay: JSON has its own.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | ' ' | '\\' | '"' | '\'') || c.escape_debug().eq([c]) {
            shown.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string does not fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
    }
    shown
}

/// The time as in `2026-11-27T08:15:00Z`.
pub fn date(time: Timestamp) -> String {
    humantime::format_rfc3339_seconds(SystemTime::from(time)).to_string()
}

/// Reads what [`date`] printed.
pub fn parse_date(text: &str) -> Option<Timestamp> {
    humantime::parse_rfc3339(text).ok().map(Timestamp::from)
}

/// The time, and how far it is from now.
pub fn date_and_distance(time: Timestamp, now: Timestamp) -> String {
    let date = date(time);
    let duration = |from: Timestamp, to: Timestamp| {
        humantime::format_duration(to.saturating_duration_since(from)).to_string()
    };
    if time > now {
        format!("{date} (in {})", duration(now, time))
    } else {
        format!("{date} ({} ago)", duration(time, now))
    }
}

pub fn seconds(duration: Duration) -> u32 {
    duration.as_secs().try_into().unwrap_or(u32::MAX)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    // `from_str_radix` takes a sign.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_all_else_stays() {
        let evil = "a\x1b[31m\r\u{7f}\u{9b}2J\u{202e}\u{200b}\u{feff}\u{e000}\u{e0041}";
        assert_eq!(
            printable(evil),
            r"a\u001b[31m\u000d\u007f\u009b2J\u202e\u200b\ufeff\ue000\udb40\udc41"
        );
        let good = "Ada's \"Zoë\" \\n 東京 שלום 🍪\n";
        assert_eq!(printable(good), good);
        let json = serde_json::to_string(evil).unwrap_or_default();
        let back: String = serde_json::from_str(&printable(&json)).unwrap_or_default();
        assert_eq!(back, evil);
    }

    #[test]
    fn hex_comes_back_and_nothing_else_is_hex() {
        assert_eq!(unhex(&hex(&[0, 0x7f, 0xff])), Some(vec![0, 0x7f, 0xff]));
        for wrong in ["0", "0g", "+1", "é"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}

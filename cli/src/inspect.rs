//! `hardtack inspect`.

use crate::{Failure, Report, args::InspectArgs, cookie, source, text::date_and_distance};
use hardtack::Timestamp;
use std::fmt::Write as _;

/// The bytes of a header and of a tag.
const OVERHEAD: usize = 24 + 16;

pub fn inspect(args: &InspectArgs) -> Result<Report, Failure> {
    args.surplus.refuse()?;
    let input = source::input(
        &args.input,
        "Paste the cookie or the token, then press Enter and Ctrl-D.",
    )?;
    let found = cookie::find(&input, args.cookie.as_deref())?;
    let now = Timestamp::now();
    let mut report = Report::good(String::new());
    for token in found.tokens {
        let Some(token) = token else {
            report.notes.push(missing_chunk(&found.name));
            report.refused = true;
            continue;
        };
        let Some(header) = cookie::header(&token) else {
            report
                .notes
                .push(format!("{}: this is not a token of hardtack", found.name));
            report.refused = true;
            continue;
        };
        if !report.output.is_empty() {
            report.output.push('\n');
        }
        let version = match header.version {
            0x84 => "plain",
            0x85 => "padded",
            _ => "of a later hardtack",
        };
        let bytes = token.len() / 4 * 3 + token.len() % 4 * 3 / 4;
        // Writing into a string does not fail.
        let _ = write!(
            report.output,
            "version    {:#04x} ({version})\nkey id     {}\nissued at  {}\nlength     {} characters, {bytes} bytes, {} of them encrypted\n",
            header.version,
            header.key,
            date_and_distance(header.issued_at, now),
            token.len(),
            bytes.saturating_sub(OVERHEAD),
        );
        if bytes < OVERHEAD {
            report.notes.push("the token is cut off".into());
            report.refused = true;
        }
    }
    report
        .notes
        .push("anybody can write these numbers: only `open` checks them".into());
    Ok(report)
}

pub fn missing_chunk(name: &str) -> String {
    format!(
        "a chunk is missing: the value of {name} begins with the number of its cookies. Copy {name}.1 and so on too, \
         each as name=value on a line"
    )
}

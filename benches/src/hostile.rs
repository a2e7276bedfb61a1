//! Cookie headers of 64 KiB, which a stranger can send.

/// Their names.
pub const HOSTILE: [&str; 11] = [
    "hostile separators",
    "hostile spaces",
    "hostile others",
    "hostile names",
    "hostile candidates",
    "hostile forgeries",
    "hostile giant",
    "hostile parts",
    "hostile interleaved",
    "hostile own parts",
    "hostile repetitions",
];

/// Returns the one of this name. `token` is one of somebody's session.
#[must_use]
pub fn hostile(shape: &str, token: &str) -> String {
    const LEN: usize = 64 * 1024;
    const NAME: &str = "__Host-session";
    let forged = |number: usize, len: usize| {
        let random = format!("{number:08}");
        let mut forged = format!("{}{random}{}", &token[..24], &token[32..]);
        forged.extend(core::iter::repeat_n('A', len.saturating_sub(forged.len())));
        forged
    };
    let mut pairs: Box<dyn FnMut(usize) -> String> = match shape {
        "hostile separators" => Box::new(|_| String::new()),
        "hostile spaces" => Box::new(|_| " ".repeat(1_000)),
        "hostile others" => Box::new(|_| "a=".into()),
        "hostile names" => Box::new(|_| NAME.into()),
        "hostile candidates" => Box::new(|number| format!("{NAME}={number}")),
        "hostile forgeries" => Box::new(|number| format!("{NAME}={}", forged(number, 4_000))),
        "hostile giant" => Box::new(|number| format!("{NAME}={}", forged(number, 36_000))),
        "hostile parts" => Box::new(|number| match number {
            0 => format!("{NAME}=9.{}", forged(0, 100)),
            _ => format!("{NAME}.{}={number}.", number % 9 + 1),
        }),
        "hostile interleaved" => Box::new(|number| match number % 5 {
            0 => format!("{NAME}=5.{}", forged(number / 45, 100)),
            k => format!("{NAME}.{k}={:08}.{number}", number / 45),
        }),
        "hostile own parts" => Box::new(|number| match number {
            0..16 => format!("{NAME}=9.{}", forged(number, 40)),
            _ => format!("{NAME}.{}={:08}.", number % 7 + 1, number % 16),
        }),
        "hostile repetitions" => Box::new(|number| match number % 2 {
            0 => format!("{NAME}=2.{}", forged(0, 40)),
            _ => format!("{NAME}.1=00000000.{number}"),
        }),
        _ => panic!("unknown: {shape}"),
    };
    let mut header = String::new();
    for number in 0.. {
        header += &pairs(number);
        if header.len() >= LEN {
            break;
        }
        header.push(';');
    }
    header.truncate(LEN);
    header
}

//! Prints the public items in the JSON that rustdoc wrote, one a line: `hardtack-public-api FILE`.

use std::{env, error::Error};

use public_api::Builder;

/// What the compiler adds, another nightly in another way. `Send` and `Sync` stay: handlers need them.
const LEFT_OUT: [&str; 6] = [
    "core::marker::Freeze",
    "core::marker::StructuralPartialEq",
    "core::marker::Unpin",
    "core::marker::UnsafeUnpin",
    "core::panic::unwind_safe::RefUnwindSafe",
    "core::panic::unwind_safe::UnwindSafe",
];

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args_os()
        .nth(1)
        .ok_or("usage: hardtack-public-api FILE")?;
    // What every type of every crate has says nothing about this one.
    let api = Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .build()?;
    for item in api.items().map(|item| item.to_string()) {
        if !LEFT_OUT.iter().any(|name| item.contains(name)) {
            println!("{item}");
        }
    }
    Ok(())
}

//! What the targets take from the kit of the tests.

#[path = "../../tests/kit/browser.rs"]
pub mod browser;
#[path = "../../tests/kit/clock.rs"]
pub mod clock;
#[path = "../../tests/kit/exchange.rs"]
pub mod exchange;
#[path = "../../tests/kit/key_text.rs"]
pub mod key_text;
#[path = "../../tests/kit/keys.rs"]
pub mod keys;
#[path = "../../tests/kit/library.rs"]
pub mod library;
#[path = "../../tests/kit/raw.rs"]
pub mod raw;
#[path = "../../tests/reference/mod.rs"]
pub mod reference;
#[path = "../../tests/reference/session.rs"]
pub mod reference_session;
#[path = "../../tests/reference/store.rs"]
pub mod reference_store;
#[path = "../../tests/kit/rng.rs"]
pub mod rng;
#[path = "../../tests/kit/vector.rs"]
pub mod vector;

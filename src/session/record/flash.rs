use alloc::string::String;
use core::fmt;

/// The most flash messages that wait in a session.
pub(crate) const MAX_FLASHES: usize = 16;
/// The most bytes of text that they have together.
pub(crate) const MAX_FLASH_BYTES: usize = 1024;

/// How a [`Flash`] is meant. Prints as `info`, `success`, `warning` or `error`, to be used as a class name.
///
/// These four and no more: they are part of the format, so that a `match` can name them all.
///
/// ```
/// use hardtack::session::FlashLevel;
///
/// assert_eq!(FlashLevel::Warning.to_string(), "warning");
/// assert!(FlashLevel::Error > FlashLevel::Success);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FlashLevel {
    /// For information.
    Info = 0,
    /// It worked.
    Success = 1,
    /// It worked, but.
    Warning = 2,
    /// It did not work.
    Error = 3,
}

impl FlashLevel {
    pub(super) fn from_u8(level: u8) -> Option<FlashLevel> {
        [
            FlashLevel::Info,
            FlashLevel::Success,
            FlashLevel::Warning,
            FlashLevel::Error,
        ]
        .into_iter()
        .find(|known| *known as u8 == level)
    }
}

impl fmt::Display for FlashLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FlashLevel::Info => "info",
            FlashLevel::Success => "success",
            FlashLevel::Warning => "warning",
            FlashLevel::Error => "error",
        })
    }
}

/// A message for the next page that asks for it.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{Session, SessionError, SessionManager, testing}};
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// # let session = testing::new_session(&sessions);
/// use hardtack::session::FlashLevel;
///
/// session.flash(FlashLevel::Error, "Wrong password")?;
/// let flashes = session.take_flashes()?;
/// assert_eq!((flashes[0].level, flashes[0].text.as_str()), (FlashLevel::Error, "Wrong password"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Flash {
    /// How it is meant.
    pub level: FlashLevel,
    /// The text, as given: to be escaped where it is shown.
    pub text: String,
}

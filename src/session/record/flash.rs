use alloc::string::String;
use core::fmt;

/// The maximum number of flash messages in a session.
pub(crate) const MAX_FLASHES: usize = 16;
/// The maximum length of their texts in total, in bytes.
pub(crate) const MAX_FLASH_BYTES: usize = 1024;

/// Says how a [`Flash`] is meant. It is printed as `info`, `success`, `warning` or `error`, for
/// example as the name of a CSS class.
///
/// The four levels are part of the format. There will be no others, so a `match` can name them all.
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
    /// Information.
    Info = 0,
    /// The action succeeded.
    Success = 1,
    /// The action succeeded, with a problem.
    Warning = 2,
    /// The action failed.
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

/// Holds a message for the next page that calls
/// [`take_flashes`](crate::session::Session::take_flashes).
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
    /// How the message is meant.
    pub level: FlashLevel,
    /// The text as it was passed to `flash`. Escape it where you show it.
    pub text: String,
}

impl Flash {
    /// Makes a message, for a [`SessionRecord`](crate::session::SessionRecord). A handler calls
    /// [`flash`](crate::session::Session::flash).
    pub fn new(level: FlashLevel, text: &str) -> Flash {
        Flash {
            level,
            text: text.into(),
        }
    }
}

//! The list `KEY,KEY,KEY@time` of a keyring, entry by entry, and the environment variable or file it is in.

use super::{error::KeyError, key::Key, state::KeyState};
use crate::timestamp::Timestamp;

#[cfg(feature = "std")]
use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::Path,
};
#[cfg(feature = "std")]
use zeroize::Zeroizing;

/// The most bytes of a file: several times a list of eight keys. A path that names a log or a device by
/// mistake must not fill the memory.
#[cfg(feature = "std")]
const MAX_FILE_LEN: usize = 4096;

/// Reads the first entry: the primary key.
pub(super) fn first(entry: &str) -> Result<Key, KeyError> {
    match entry.trim() {
        "" => Err(KeyError::Empty),
        entry if entry.contains('@') => Err(KeyError::RetiredPrimary),
        key => key.parse(),
    }
}

/// Reads another entry: a key that only opens, with the time of its retirement if there is one.
pub(super) fn other(entry: &str) -> Result<(Key, KeyState), KeyError> {
    match entry.trim() {
        "" => Err(KeyError::Empty),
        entry => match entry.split_once('@') {
            None => Ok((entry.parse()?, KeyState::Accepted)),
            Some((key, at)) => {
                let key = key.trim_end().parse()?;
                Ok((key, KeyState::Retired(time(at.trim_start())?)))
            }
        },
    }
}

/// Reads digits only, while `u32::from_str` would take a sign.
fn time(text: &str) -> Result<Timestamp, KeyError> {
    match text.parse() {
        Ok(seconds) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Timestamp::from_unix(seconds))
        }
        _ => Err(KeyError::RetirementTime),
    }
}

/// Passes the list in an environment variable to `read`, and overwrites it afterwards.
#[cfg(feature = "std")]
pub(super) fn from_env<T>(
    name: &str,
    read: impl FnOnce(&str) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let list = std::env::var_os(name).ok_or(KeyError::Unset)?;
    let list = Zeroizing::new(list.into_encoded_bytes());
    read(utf8(&list)?)
}

/// Passes the list in a file to `read`, and overwrites it afterwards.
#[cfg(feature = "std")]
pub(super) fn from_file<T>(
    path: &Path,
    read: impl FnOnce(&str) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    // A buffer that grows leaves copies behind. One that is filled up in place leaves no copy.
    let mut list = Zeroizing::new([0; MAX_FILE_LEN + 1]);
    let file = File::open(path).and_then(|file| fill(file, &mut *list));
    let len = file.map_err(|error| KeyError::Unreadable(error.kind()))?;
    // What was cut off could be a key, which the keyring would lack.
    let list = list.get(..len).filter(|list| list.len() <= MAX_FILE_LEN);
    read(utf8(
        list.ok_or(KeyError::Unreadable(ErrorKind::FileTooLarge))?,
    )?)
}

/// Reads a file until it ends or the buffer is full. A pipe may return one part after the other.
#[cfg(feature = "std")]
fn fill(mut file: impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut len = 0_usize;
    while let Some(rest) = buf.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => len = len.saturating_add(read),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// Returns the list as text, or names the entry that is not UTF-8.
#[cfg(feature = "std")]
fn utf8(list: &[u8]) -> Result<&str, KeyError> {
    core::str::from_utf8(list).map_err(|error| {
        let commas = list.iter().take(error.valid_up_to());
        let commas = commas.filter(|byte| **byte == b',').count();
        KeyError::Entry {
            entry: commas.saturating_add(1),
            error: KeyError::NotUnicode.into(),
        }
    })
}

#[cfg(test)]
#[cfg(feature = "std")]
mod tests {
    use super::fill;
    use std::io::{self, ErrorKind, Read};

    /// Returns one byte at a time, and an error before each.
    struct Pipe(ErrorKind, &'static [u8], bool);

    impl Read for Pipe {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.2 = !self.2;
            match self.2 {
                true => Err(self.0.into()),
                false => self.1.read(&mut buf[..1]),
            }
        }
    }

    #[test]
    fn a_signal_does_not_cut_a_list_off() {
        let mut buf = [0; 8];
        let pipe = Pipe(ErrorKind::Interrupted, b"a list", false);
        assert_eq!(fill(pipe, &mut buf).unwrap(), 6);
        assert_eq!(&buf, b"a list\0\0");
        let broken = fill(Pipe(ErrorKind::BrokenPipe, b"a list", false), &mut buf);
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

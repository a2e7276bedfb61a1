//! What becomes of a session that two requests have changed at once.

use super::Conflicts;
use crate::{
    secret::Scratch,
    session::{
        data::{self, SessionData, SessionMap, versions},
        record::{Flash, MAX_FLASH_BYTES, MAX_FLASHES, RecordHead},
    },
};
use alloc::{string::String, vec::Vec};

/// One version of a session.
pub(crate) struct Version<T> {
    pub(crate) head: RecordHead,
    pub(crate) data: T,
}

/// What this request did, beside what its version says.
#[derive(Clone, Copy)]
pub(crate) struct Own {
    /// It replaced the data as a whole.
    pub(crate) replaced: bool,
    /// It showed the flash messages of the base.
    pub(crate) took_flashes: bool,
    /// It logged somebody in: times and messages of before are another person's.
    pub(crate) is_login: bool,
}

/// What a merge could not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Both changed this key, and what one of them made of it is gone.
    Key(String),
    /// Both changed typed data whose `merge` kept one of them.
    Data,
    /// The oldest messages, over the limit.
    Flashes,
}

/// Merges what this request has made of `base` with what others have made of it meanwhile.
pub(crate) fn merge<T: SessionData>(
    base: &Version<T>,
    mine: Version<T>,
    theirs: Version<T>,
    own: Own,
    conflicts: &Conflicts,
) -> (Version<T>, Vec<Loss>) {
    let mut lost = Vec::new();
    let head = merge_heads(&base.head, mine.head, &theirs.head, own, &mut lost);
    let data = if own.replaced {
        lost.extend(lost_to_a_whole(&base.data, &mine.data, &theirs.data));
        mine.data
    } else {
        merge_data(&base.data, mine.data, theirs.data, conflicts, &mut lost)
    };
    (Version { head, data }, lost)
}

fn merge_heads(
    base: &RecordHead,
    mut mine: RecordHead,
    theirs: &RecordHead,
    own: Own,
    lost: &mut Vec<Loss>,
) -> RecordHead {
    if own.is_login {
        return mine;
    }
    // A device that was bound meanwhile stays bound: only a login takes it away.
    mine.device_key = theirs.device_key.or(mine.device_key);
    if mine.remembered == base.remembered {
        mine.remembered = theirs.remembered;
    }
    let limit = |base, mine: u32, theirs: u32| match (mine == base, theirs == base) {
        (true, _) => theirs,
        (false, true) => mine,
        (false, false) => mine.min(theirs),
    };
    mine.idle_limit = limit(base.idle_limit, mine.idle_limit, theirs.idle_limit);
    mine.lifetime = limit(base.lifetime, mine.lifetime, theirs.lifetime);
    mine.flashes = merge_flashes(&base.flashes, &mine.flashes, &theirs.flashes, own, lost);
    mine
}

/// Returns theirs, without those that this request has shown, and with those that it has added.
fn merge_flashes(
    base: &[Flash],
    mine: &[Flash],
    theirs: &[Flash],
    own: Own,
    lost: &mut Vec<Loss>,
) -> Vec<Flash> {
    let mut merged = theirs.to_vec();
    let added = if own.took_flashes {
        for shown in base {
            if let Some(at) = merged.iter().position(|flash| flash == shown) {
                merged.remove(at);
            }
        }
        mine
    } else {
        mine.get(base.len()..).unwrap_or_default()
    };
    merged.extend_from_slice(added);
    let too_many = |flashes: &[Flash]| {
        let bytes: usize = flashes.iter().map(|flash| flash.text.len()).sum();
        flashes.len() > MAX_FLASHES || bytes > MAX_FLASH_BYTES
    };
    if too_many(&merged) {
        lost.push(Loss::Flashes);
    }
    while too_many(&merged) {
        merged.remove(0);
    }
    merged
}

fn merge_data<T: SessionData>(
    base: &T,
    mine: T,
    theirs: T,
    conflicts: &Conflicts,
    lost: &mut Vec<Loss>,
) -> T {
    let [before, my_bytes, their_bytes] = [base, &mine, &theirs].map(data::encode);
    // Only one side changed it.
    if my_bytes == before {
        return theirs;
    }
    if their_bytes == before {
        return mine;
    }
    let merged = T::merge(base, mine, theirs);
    let merged_bytes = data::encode(&merged);
    if T::NAME.is_empty() {
        let maps = [before, my_bytes, their_bytes].map(as_map);
        let [before, mine, theirs] = &maps;
        let mut map = as_map(merged_bytes);
        for (key, [was, mine_is, theirs_is]) in versions([before, mine, theirs]) {
            if mine_is == was || theirs_is == was {
                continue;
            }
            // Of a removal and a value nobody is asked: see `on_conflict`.
            let decided = mine_is.is_some()
                && theirs_is.is_some()
                && conflicts.decide(key, [before, mine, theirs], &mut map);
            if !decided && mine_is != theirs_is {
                lost.push(Loss::Key(key.into()));
            }
        }
        let decided = data::encode(&map);
        let decided = decided.and_then(|bytes| postcard::from_bytes(&bytes.0).ok());
        return decided.unwrap_or(merged);
    }
    if merged_bytes == my_bytes && my_bytes != their_bytes {
        lost.push(Loss::Data);
    }
    merged
}

/// Returns what others have changed, and this request has replaced without having seen it.
fn lost_to_a_whole<T: SessionData>(base: &T, mine: &T, theirs: &T) -> Vec<Loss> {
    let [before, mine, theirs] = [base, mine, theirs].map(data::encode);
    if theirs == before || theirs == mine {
        return Vec::new();
    }
    if !T::NAME.is_empty() {
        return Vec::from([Loss::Data]);
    }
    let [before, mine, theirs] = &[before, mine, theirs].map(as_map);
    let versions = versions([before, mine, theirs]).into_iter();
    let lost = versions.filter(|(_, [was, mine, theirs])| theirs != was && theirs != mine);
    lost.map(|(key, _)| Loss::Key(key.into())).collect()
}

/// Reads the encoded data of a dictionary.
fn as_map(bytes: Option<Scratch>) -> SessionMap {
    let read = |bytes: Scratch| postcard::from_bytes(&bytes.0).ok();
    bytes.and_then(read).unwrap_or_default()
}

#[cfg(test)]
mod tests;

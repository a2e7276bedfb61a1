//! ISO/IEC 7816-4: `0x80`, then the fewest zeros that fill the block. Always at least one byte, so
//! that padding comes off without doubt.

const MARK: u8 = 0x80;

/// The length of a payload with its padding; `block` 0 or 1 is none. Saturates.
pub(crate) const fn padded_len(payload: usize, block: usize) -> usize {
    if block <= 1 {
        return payload;
    }
    match payload.saturating_add(1).checked_next_multiple_of(block) {
        Some(len) => len,
        None => usize::MAX,
    }
}

/// Pads the first `payload` bytes of `buf` and returns their new length; `None` if they do not fit.
pub(crate) fn pad(buf: &mut [u8], payload: usize, block: usize) -> Option<usize> {
    let padded = padded_len(payload, block);
    if let Some((mark, zeros)) = buf.get_mut(payload..padded)?.split_first_mut() {
        *mark = MARK;
        zeros.fill(0);
    }
    Some(padded)
}

/// The payload of a padded plaintext; `None` if there is no mark.
pub(crate) fn unpad(plaintext: &[u8]) -> Option<&[u8]> {
    let mark = plaintext.iter().rposition(|byte| *byte != 0)?;
    let (payload, padding) = plaintext.split_at_checked(mark)?;
    (padding.first() == Some(&MARK)).then_some(payload)
}

//! ISO/IEC 7816-4 padding: `0x80`, then the fewest zeros that fill the block. There is always at least
//! one byte of padding, so that it can be removed without doubt.

const MARK: u8 = 0x80;

/// Returns the length of a payload with its padding, saturating. A `block` of 0 or 1 adds nothing.
pub(crate) const fn padded_len(payload_len: usize, block: usize) -> usize {
    if block <= 1 {
        return payload_len;
    }
    match payload_len
        .saturating_add(1)
        .checked_next_multiple_of(block)
    {
        Some(len) => len,
        None => usize::MAX,
    }
}

/// Pads the first `payload_len` bytes of `buf` and returns their new length, or `None` if the padding
/// does not fit.
pub(crate) fn pad(buf: &mut [u8], payload_len: usize, block: usize) -> Option<usize> {
    let padded_len = padded_len(payload_len, block);
    if let Some((mark, zeros)) = buf.get_mut(payload_len..padded_len)?.split_first_mut() {
        *mark = MARK;
        zeros.fill(0);
    }
    Some(padded_len)
}

/// Returns the payload of a padded plaintext, or `None` if there is no mark.
pub(crate) fn unpad(plaintext: &[u8]) -> Option<&[u8]> {
    let mark = plaintext.iter().rposition(|byte| *byte != 0)?;
    let (payload, padding) = plaintext.split_at_checked(mark)?;
    (padding.first() == Some(&MARK)).then_some(payload)
}

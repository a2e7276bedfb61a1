/// The first byte of associated data. It sets a bound token apart from a plain one, also if it is
/// bound to no bytes.
const BOUND: u8 = 0x01;
/// The most bytes that are joined with their prefix on the stack.
const MAX_ON_STACK: usize = 1024;

/// Calls `f` with the associated data for the cipher: nothing for a plain token, or `0x01` and the
/// bytes. Returns `None` if the bytes are too long for the stack and there is no allocator.
#[inline]
pub(super) fn prefixed<R>(associated_data: Option<&[u8]>, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
    // `f` is called in one place, so that it is inlined. A plain token does not touch the buffers.
    let mut stack;
    #[cfg(feature = "alloc")]
    let heap;
    let data: &[u8] = match associated_data {
        None => &[],
        Some(bytes) if bytes.len() <= MAX_ON_STACK => {
            stack = [BOUND; 1 + MAX_ON_STACK];
            stack.get_mut(1..=bytes.len())?.copy_from_slice(bytes);
            stack.get(..=bytes.len())?
        }
        #[cfg(feature = "alloc")]
        Some(bytes) => {
            heap = [&[BOUND], bytes].concat();
            &heap
        }
        #[cfg(not(feature = "alloc"))]
        Some(_) => return None,
    };
    Some(f(data))
}

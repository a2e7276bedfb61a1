//! The requests to memcheck that are used here (`valgrind/valgrind.h` and `memcheck.h`), without their C headers: what
//! binds them needs libclang to build.

use core::hint::black_box;

const RUNNING_ON_VALGRIND: usize = 0x1001;
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

/// Instructions that do nothing, but for valgrind, which takes them for a call. 0 without it.
#[cfg(target_arch = "x86_64")]
fn request(code: usize, start: *const u8, len: usize) -> usize {
    let arguments = [code, start.addr(), len, 0, 0, 0];
    let mut result = 0_usize;
    // SAFETY: rotates rdi by 128 bits in all and exchanges rbx with itself; valgrind reads `arguments` and writes
    // `result` only. Which bytes it takes for initialised is nothing that a program can see.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") result,
            options(nostack),
        );
    }
    result
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_: usize, _: *const u8, _: usize) -> usize {
    0
}

pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, core::ptr::null(), 0) > 0
}

/// These bytes are a secret.
pub fn hide(bytes: &[u8]) {
    request(MAKE_MEM_UNDEFINED, bytes.as_ptr(), bytes.len());
}

/// Returns the value, which is public from here on.
pub fn show<T: Copy>(value: T) -> T {
    let start = core::ptr::from_ref(black_box(&value)).cast();
    request(MAKE_MEM_DEFINED, start, size_of::<T>());
    // Read again from the memory that is initialised now, not from a register.
    *black_box(&value)
}

/// The memory of a value without padding where it matters.
pub fn bytes_of<T>(value: &T) -> &[u8] {
    // SAFETY: as long as the value is borrowed, its memory is there to be read. Memcheck would report padding.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

//! How often sealing and opening ask the allocator. A program of its own, for it brings one that counts.
#![cfg(feature = "std")]
#![expect(unsafe_code, reason = "the tests bring an allocator")]

#[path = "../kit/clock.rs"]
mod clock;
#[path = "../kit/keys.rs"]
mod keys;
#[path = "../kit/rng.rs"]
mod rng;

use clock::at;
use core::{alloc::Layout, cell::Cell, hint::black_box};
use hardtack::Codec;
use keys::ring;
use rng::Constant;
use std::alloc::{GlobalAlloc, System};

thread_local! {
    /// In this thread: tests run side by side.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: hands every request on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<R>(f: impl FnOnce() -> R) -> (usize, R) {
    let before = COUNT.get();
    let result = black_box(f());
    (COUNT.get() - before, result)
}

const TEXTS: [&str; 3] = ["", "hello", "a text of some length, as a session has one"];

/// Plain, padded, and padded beyond one block of base64.
fn codecs() -> [Codec; 3] {
    let codec = Codec::new(&ring(1), "allocations/1");
    [codec.clone(), codec.clone().pad_to(64), codec.pad_to(3000)]
}

#[test]
fn the_allocator_counts() {
    let (count, text) = allocations(|| "hello".to_owned());
    assert_eq!((count, text.as_str()), (1, "hello"));
    assert_eq!(allocations(|| vec![0_u8; 100]).0, 1);
    assert_eq!(allocations(|| vec![vec![1], vec![2]]).0, 3);
}

#[test]
fn seal_into_and_open_in_never_allocate() {
    let (mut buf, mut scratch) = ([0; 5000], [0; 5000]);
    for codec in codecs() {
        for text in TEXTS {
            let (count, token) =
                allocations(|| codec.seal_into(text, at(5), &mut Constant(1), &mut buf));
            assert_eq!(count, 0);
            let token = token.unwrap();
            let (count, opened) = allocations(|| codec.open_in::<&str>(token, at(5), &mut scratch));
            assert_eq!((count, opened.unwrap().value), (0, text));

            let bound = codec.bound_to(text.as_bytes());
            let (count, token) =
                allocations(|| bound.seal_into(text, at(5), &mut Constant(1), &mut buf));
            assert_eq!(count, 0);
            let token = token.unwrap();
            let (count, opened) = allocations(|| bound.open_in::<&str>(token, at(5), &mut scratch));
            assert_eq!((count, opened.unwrap().value), (0, text));
        }
    }
}

#[test]
fn refusals_never_allocate() {
    let [codec, ..] = codecs();
    let token = codec.seal("hello").unwrap();
    let (count, refused) = allocations(|| {
        [
            codec.open_in::<&str>(&token, at(5), &mut [0; 3]).is_err(),
            codec.open_in::<&str>(&token, at(5), &mut [0; 99]).is_err(),
            codec.open_in::<&str>("é", at(5), &mut [0; 99]).is_err(),
            codec.clone().max_token_len(5).open::<u8>(&token).is_err(),
            codec
                .seal_into("hello", at(5), &mut Constant(1), &mut [0; 9])
                .is_err(),
            Codec::inspect(&token).is_none(),
        ]
    });
    assert_eq!(count, 0);
    assert_eq!(refused, [true, true, true, true, true, false]);
}

#[test]
fn seal_and_open_allocate_once() {
    for codec in codecs() {
        for text in TEXTS {
            let (count, token) = allocations(|| codec.seal_with(text, at(5), &mut Constant(1)));
            assert_eq!((count, token.is_ok()), (1, true));
            let (count, token) = allocations(|| codec.seal(text));
            assert_eq!(count, 1);

            // A number owns nothing, and a string is one allocation of its own, unless it is empty.
            let token = token.unwrap();
            let (count, opened) = allocations(|| codec.open::<String>(&token));
            assert_eq!(opened.unwrap().value, text);
            assert_eq!(count, 1 + usize::from(!text.is_empty()));

            let number = codec.seal_with(&7_u64, at(5), &mut Constant(1)).unwrap();
            let (count, opened) = allocations(|| codec.open_at::<u64>(&number, at(5)));
            assert_eq!((count, opened.unwrap().value), (1, 7));

            let bound = codec.bound_to(b"here");
            let (count, token) = allocations(|| bound.seal(text));
            assert_eq!(count, 1);
            assert_eq!(bound.open::<String>(&token.unwrap()).unwrap().value, text);
        }
    }
}

/// A codec holds its keys in itself.
#[test]
fn a_codec_takes_no_memory() {
    let ring = ring(1);
    assert_eq!(allocations(|| Codec::new(&ring, "allocations/1")).0, 0);
}

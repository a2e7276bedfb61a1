//! The codec against the floor: `cargo bench --bench codec`, and one group with `-- open_in`.

use benches::{
    BUF_LEN, Borrowed, Counter, NOW, Owned, SIZES, codec, floor, forge, payload, strange,
};
use core::time::Duration;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use getrandom::SysRng;
use std::hint::black_box;

const KEY: &[u8; 32] = &[7; 32];

fn by_size(
    criterion: &mut Criterion,
    name: &str,
    measure: impl Fn(&mut BenchmarkGroup<WallTime>, usize, &Owned),
) {
    let mut group = criterion.benchmark_group(name);
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        measure(&mut group, size, &payload(size));
    }
    group.finish();
}

fn open_in(criterion: &mut Criterion) {
    by_size(criterion, "open_in", |group, size, value| {
        let mut buf = vec![0; BUF_LEN];
        let (one, eight) = (codec(1), codec(8));
        let token = one.seal_with(value, NOW, &mut Counter(0)).expect("short");
        let (forged, foreign) = (forge(&token, token.len() - 2), strange(size));
        let two_days_later = NOW.saturating_add(Duration::from_secs(2 * 24 * 60 * 60));
        for (name, codec, token, now, opens) in [
            ("1 key", &one, &token, NOW, true),
            ("8 keys", &eight, &token, NOW, true),
            ("forged", &one, &forged, NOW, false),
            ("expired", &one, &token, two_days_later, false),
            ("unknown key", &one, &foreign, NOW, false),
        ] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                let mut open = || {
                    let opened = codec.open_in::<Borrowed>(black_box(token), now, &mut buf);
                    black_box(opened).is_ok()
                };
                assert_eq!(open(), opens);
                bencher.iter(open);
            });
        }
        let token = floor::seal(KEY, value, &mut Counter(0)).expect("short");
        group.bench_function(BenchmarkId::new("floor", size), |bencher| {
            bencher.iter(|| {
                let opened = floor::open_in::<Borrowed>(KEY, black_box(&token), &mut buf);
                black_box(opened).is_some()
            });
        });
    });
}

fn seal_into(criterion: &mut Criterion) {
    by_size(criterion, "seal_into", |group, size, value| {
        let (mut buf, mut scratch) = (vec![0; BUF_LEN], vec![0; BUF_LEN]);
        let mut rng = Counter(0);
        for (name, codec) in [("1 key", codec(1)), ("8 keys", codec(8))] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    let sealed = codec.seal_into(black_box(value), NOW, &mut rng, &mut buf);
                    black_box(sealed).is_ok()
                });
            });
        }
        group.bench_function(BenchmarkId::new("floor", size), |bencher| {
            bencher.iter(|| {
                let value = black_box(value);
                let sealed = floor::seal_into(KEY, value, &mut rng, &mut scratch, &mut buf);
                black_box(sealed).is_some()
            });
        });
    });
}

/// With memory of its own and the system's clock.
fn open(criterion: &mut Criterion) {
    by_size(criterion, "open", |group, size, value| {
        let codec = codec(1);
        let token = codec.seal(value).expect("short");
        group.bench_function(BenchmarkId::new("1 key", size), |bencher| {
            bencher.iter(|| codec.open::<Owned>(black_box(&token)));
        });
        let token = floor::seal(KEY, value, &mut SysRng).expect("short");
        group.bench_function(BenchmarkId::new("floor", size), |bencher| {
            bencher.iter(|| floor::open::<Owned>(KEY, black_box(&token)));
        });
    });
}

/// With memory of its own and the system's clock and randomness.
fn seal(criterion: &mut Criterion) {
    by_size(criterion, "seal", |group, size, value| {
        let codec = codec(1);
        group.bench_function(BenchmarkId::new("1 key", size), |bencher| {
            bencher.iter(|| codec.seal(black_box(value)));
        });
        group.bench_function(BenchmarkId::new("floor", size), |bencher| {
            bencher.iter(|| floor::seal(KEY, black_box(value), &mut SysRng));
        });
    });
}

criterion_group! {
    name = codec_benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = open_in, seal_into, open, seal
}
criterion_main!(codec_benches);

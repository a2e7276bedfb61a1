//! Floats of 16 bits (IEEE 754, binary16), which stable Rust does not have.

/// The difference of the two biases, where the exponent of a half stands.
const BIAS: u32 = (127 - 15) << 10;
/// The bits of the infinite half.
const INFINITY: u32 = 0x7c00;
/// 2^-14 is the smallest normal half, 2^-24 the last bit of the subnormal ones.
const NORMAL: f32 = 1.0 / 16_384.0;
const UNITS: f32 = 16_777_216.0;

/// Returns the value of the half with these bits.
pub(super) fn from_bits(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff);
    let value = match magnitude {
        0..0x400 => magnitude as f32 / UNITS,
        INFINITY.. => f32::from_bits(magnitude << 13 | 0x7f80_0000),
        _ => f32::from_bits(magnitude.saturating_add(BIAS) << 13),
    };
    value.copysign(if bits >> 15 == 0 { 1.0 } else { -1.0 })
}

/// Returns the bits of the half that is equal to this value, if there is one.
pub(super) fn to_bits(value: f32) -> Option<u16> {
    let magnitude = if value.abs() < NORMAL {
        (value.abs() * UNITS) as u32
    } else {
        ((value.to_bits() << 1 >> 14).saturating_sub(BIAS)).min(INFINITY)
    };
    let half = u16::try_from(magnitude | value.to_bits() >> 16 & 0x8000).ok()?;
    // What was cut off or clamped above makes a difference here.
    (from_bits(half).to_bits() == value.to_bits()).then_some(half)
}

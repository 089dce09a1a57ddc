//! Bytes that mean nothing, for tests of what reads them.

/// Twenty thousand short runs of bytes, each with a number; the same ones every time.
pub(crate) fn noise() -> impl Iterator<Item = (Vec<u8>, u64)> {
    let mut random = 1u64;
    (0..20_000).map(move |_| {
        let mut next = || {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            random
        };
        let length = next() >> 58;
        let bytes = (0..length).map(|_| (next() >> 56) as u8).collect();
        (bytes, next())
    })
}

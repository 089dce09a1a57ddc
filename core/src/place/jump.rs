//! Jump consistent hash.

use super::PlaceError;

/// The bucket of a hashed key among `buckets`, by jump consistent hash (Lamping and Veach, 2014, arXiv 1406.2294).
///
/// It needs no memory, spreads evenly, and with one more bucket moves only what the new bucket gets. Buckets can be added
/// and taken away at the end only: it numbers shards, not nodes that come and go.
///
/// The two operations on floats are one division and one product, which IEEE 754 rounds alike everywhere.
///
/// # Errors
/// [`PlaceError::NoBuckets`] if there are none.
///
/// ```
/// assert_eq!(syncline::place::jump(256, 1_024)?, 520);
/// # Ok::<(), syncline::place::PlaceError>(())
/// ```
pub fn jump(hash: u64, buckets: u32) -> Result<u32, PlaceError> {
    if buckets == 0 {
        return Err(PlaceError::NoBuckets);
    }
    // Whole numbers with a sign, because those turn into floats and back in one instruction.
    let (mut key, mut bucket, mut next) = (hash, 0, 0i64);
    while next < i64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let stretch = (1u64 << 31) as f64 / ((key >> 33) as i64 + 1) as f64;
        // At most 2^32 times 2^31: far from the limits of both types.
        next = ((bucket + 1) as f64 * stretch) as i64;
    }
    Ok(bucket as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::mix;

    /// Those of the test of `github.com/dgryski/go-jump`, made by the C++ code of the paper.
    #[test]
    fn published_vectors() {
        let vectors = [(1, 1, 0), (42, 57, 43), (0xdead_10cc, 1, 0), (0xdead_10cc, 666, 361), (256, 1_024, 520)];
        for (key, buckets, bucket) in vectors {
            assert_eq!(jump(key, buckets), Ok(bucket), "{key} in {buckets}");
        }
    }

    #[test]
    fn no_buckets_are_a_typed_error_and_one_takes_all() {
        assert_eq!(jump(7, 0), Err(PlaceError::NoBuckets));
        assert!((0..1_000).all(|key| jump(mix(key), 1) == Ok(0)));
        assert!((0..1_000).all(|key| jump(mix(key), u32::MAX).is_ok()));
    }

    #[test]
    fn one_more_bucket_moves_its_share_and_only_to_itself() {
        const KEYS: u64 = 100_000;
        for buckets in [1, 2, 10, 99] {
            let mut moved = 0;
            for key in (0..KEYS).map(mix) {
                let (before, after) = (jump(key, buckets), jump(key, buckets + 1));
                assert!(before == after || after == Ok(buckets));
                moved += u64::from(before != after);
            }
            let ideal = KEYS as f64 / f64::from(buckets + 1);
            assert!((moved as f64 / ideal - 1.0).abs() < 0.05, "{buckets}: {moved}, ideal {ideal}");
        }
    }

    #[test]
    fn buckets_are_even() {
        let mut counts = [0f64; 100];
        (0..800_000).map(mix).for_each(|key| counts[jump(key, 100).expect("there are buckets") as usize] += 1.0);
        assert!(counts.iter().all(|count| (count / 8_000.0 - 1.0).abs() < 0.05), "{counts:?}");
    }
}

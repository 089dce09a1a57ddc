//! The hash of keys and of names of nodes.

const PRIMES: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

/// The seed for names of nodes, so that a key which reads like a node's name has nothing to do with it.
const NODE_SEED: u64 = 1;

/// Hashes a key: XXH64 with seed 0, the same on every machine and in every language.
///
/// ```
/// assert_eq!(syncline::place::hash("abc"), 0x44bc_2cf5_ad77_0999);
/// ```
pub fn hash(key: impl AsRef<[u8]>) -> u64 {
    xxh64(key.as_ref(), 0)
}

/// Hashes the name of a node.
pub(super) fn hash_node(name: &str) -> u64 {
    xxh64(name.as_bytes(), NODE_SEED)
}

/// XXH64 (Collet, 2014; `doc/xxhash_spec.md` of the xxHash project).
///
/// Its younger sibling XXH3 is faster on long inputs, but keys are short, and XXH3 takes four times as much WASM and needs
/// 128-bit products, which WASM lacks.
fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut state = match blocks {
        [] => seed.wrapping_add(PRIMES[4]),
        _ => long(blocks, seed),
    };
    state = state.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        state ^= round(0, u64::from_le_bytes(*word));
        state = state.rotate_left(27).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        state ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(PRIMES[0]);
        state = state.rotate_left(23).wrapping_mul(PRIMES[1]).wrapping_add(PRIMES[2]);
    }
    for byte in rest {
        state ^= u64::from(*byte).wrapping_mul(PRIMES[4]);
        state = state.rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    state = (state ^ state >> 33).wrapping_mul(PRIMES[1]);
    state = (state ^ state >> 29).wrapping_mul(PRIMES[2]);
    state ^ state >> 32
}

fn long(blocks: &[[u8; 32]], seed: u64) -> u64 {
    let first = seed.wrapping_add(PRIMES[0]);
    let mut lanes = [first.wrapping_add(PRIMES[1]), seed.wrapping_add(PRIMES[1]), seed, seed.wrapping_sub(PRIMES[0])];
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let turns = [1, 7, 12, 18];
    let turned = lanes.iter().zip(turns).map(|(lane, turn)| lane.rotate_left(turn));
    let sum = turned.fold(0, u64::wrapping_add);
    let merge = |state: u64, lane: &u64| (state ^ round(0, *lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
    lanes.iter().fold(sum, merge)
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        assert_eq!(hash(""), 0xef46_db37_51d8_e999);
        assert_eq!(hash("a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(hash("abc"), 0x44bc_2cf5_ad77_0999);
        let long = "Call me Ishmael. Some years ago--never mind how long precisely-";
        assert_eq!(hash(long), 0x02a2_e854_70d6_fd96);
    }

    /// The sum over all lengths up to 200, each with a seed of its own, is that of the crate `xxhash-rust` 0.8.19.
    #[test]
    fn every_length_is_as_in_another_implementation() {
        let data = |length: usize| (0..length).map(|at| ((at * 7 + length) % 256) as u8).collect::<Vec<u8>>();
        let sum = (0..=200).fold(0u64, |sum, length| sum.rotate_left(1) ^ xxh64(&data(length), length as u64));
        assert_eq!(sum, 0x989c_eed8_61c8_93d3);
    }
}

//! Damages captured frames and blobs, as a broken or hostile peer would.

use crate::rng::Rng;

/// Returns a damaged copy of one of `captured`, or plain noise: never longer than the longest captured plus 64 bytes.
///
/// Damage: flipped bits, replaced bytes, cut ends, a splice of two, a repeated part, and numbers blown up (a length
/// or count that promises far more than follows).
pub fn damaged(captured: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    if captured.is_empty() || rng.chance(5) {
        let length = rng.below(64);
        return rng.bytes(length);
    }
    let mut bytes = rng.pick(captured).clone();
    for _ in 0..=rng.below(3) {
        damage(&mut bytes, captured, rng);
    }
    bytes
}

/// Puts the right checksum behind a damaged blob, so that the damage is met by what comes after the checksum.
pub fn reseal(blob: &mut [u8]) {
    if let Some((body, checksum)) = blob.split_last_chunk_mut::<4>() {
        *checksum = crc32fast::hash(body).to_le_bytes();
    }
}

/// Cuts captured frames to a sample of at most `count`, spread over all of it.
pub fn sample(captured: &[Vec<u8>], count: usize) -> Vec<Vec<u8>> {
    captured.iter().step_by(captured.len() / count.max(1) + 1).cloned().collect()
}

fn damage(bytes: &mut Vec<u8>, captured: &[Vec<u8>], rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.push(rng.bits() as u8);
        return;
    }
    let at = rng.below(bytes.len());
    match rng.below(8) {
        0 | 1 => bytes[at] ^= 1 << rng.below(8),
        2 => bytes[at] = *rng.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x1b, 0x5b, 0x9b, 0xbb]),
        3 => bytes.truncate(at),
        4 => {
            let other: &Vec<u8> = rng.pick(captured);
            splice(bytes, at, other, rng);
        }
        5 => {
            let end = (at + rng.below(16)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        6 => {
            // The largest varint, and the largest 64-bit head of CBOR.
            let heads: [&[u8]; 3] =
                [&[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff; 9], &[0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]];
            let inflated = heads[rng.below(heads.len())];
            let end = (at + rng.below(3)).min(bytes.len());
            bytes.splice(at..end, inflated.iter().copied());
        }
        _ => {
            let length = 1 + rng.below(4);
            let noise = rng.bytes(length);
            bytes.splice(at..at, noise);
        }
    }
}

/// Keeps the head of one and takes the tail of the other.
fn splice(bytes: &mut Vec<u8>, at: usize, other: &[u8], rng: &mut Rng) {
    bytes.truncate(at);
    let from = rng.below(other.len().max(1));
    bytes.extend_from_slice(other.get(from..).unwrap_or_default());
}

//! The checksum of blobs: CRC-32 with the polynomial of ISO-HDLC.

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0xedb8_8320;
/// From this length in bytes on, making tables takes less time than they save.
const LONG: usize = 1024;
/// For each value of four bits, their remainder.
const HALVES: [u32; 16] = halves();

/// Computes the checksum.
///
/// Long inputs go eight bytes at a time (Kounavis and Berry: "A systematic approach to building high performance
/// software-based CRC generators", 2005). The tables are made each time: kept as data they would be a tenth of the WASM.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let (words, rest) = if bytes.len() < LONG { (&[][..], bytes) } else { bytes.as_chunks::<8>() };
    let crc = if words.is_empty() { !0 } else { words_into(!0, words) };
    !rest.iter().fold(crc, |crc, &byte| half(half(crc ^ u32::from(byte))))
}

fn words_into(crc: u32, words: &[[u8; 8]]) -> u32 {
    let tables = tables();
    words.iter().fold(crc, |crc, word| {
        let word = u64::from_le_bytes(*word) ^ u64::from(crc);
        (0..8).fold(0, |sum, at| sum ^ tables[7 - at][(word >> (8 * at)) as usize & 0xff])
    })
}

/// For each byte value, the remainder of that byte with 0 to 7 zero bytes behind it.
fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    for byte in 0..=255 {
        let mut crc = byte;
        for table in &mut tables {
            crc = crc >> 8 ^ shift(crc & 0xff);
            table[byte as usize] = crc;
        }
    }
    tables
}

/// Moves the remainder on by four bits.
fn half(crc: u32) -> u32 {
    crc >> 4 ^ HALVES[(crc & 0xf) as usize]
}

const fn halves() -> [u32; 16] {
    let mut table = [0; 16];
    let mut value = 0;
    while value < 16 {
        let (mut crc, mut bits) = (value as u32, 0);
        while bits < 4 {
            crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            bits += 1;
        }
        table[value] = crc;
        value += 1;
    }
    table
}

/// Moves the remainder on by eight bits.
fn shift(crc: u32) -> u32 {
    (0..8).fold(crc, |crc, _| crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn long_inputs_have_the_same_checksum_as_bit_by_bit() {
        let bytes: Vec<u8> = (0..3_000u32).map(|index| (index * 7 / 8) as u8).collect();
        for length in [1, 60, LONG - 1, LONG, LONG + 5, 3_000] {
            let slow = !bytes[..length].iter().fold(!0, |crc, &byte| shift(crc ^ u32::from(byte)));
            assert_eq!(crc32(&bytes[..length]), slow, "{length} bytes");
        }
    }
}

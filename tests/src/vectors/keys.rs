//! Keys in bulk, by a generator simple enough to be the same in every language.

use serde_json::Value as Json;

/// Marsaglia's 32-bit xorshift (2003).
struct XorShift(u32);

impl XorShift {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

/// Makes the keys that `{"kind", "seed", "count"}` describes.
///
/// Kinds: `uuid`, `hex` (16 digits), `base64url` (22 characters), `tail` (`user:0`, `user:1`, …).
pub fn make(keys: &Json) -> Result<Vec<String>, String> {
    let kind = keys["kind"].as_str().ok_or("keys need a kind")?;
    let count = keys["count"].as_u64().ok_or("keys need a count")?;
    let mut random = XorShift(keys["seed"].as_u64().unwrap_or(1) as u32);
    (0..count).map(|index| one(kind, index, &mut random)).collect()
}

fn one(kind: &str, index: u64, random: &mut XorShift) -> Result<String, String> {
    Ok(match kind {
        "tail" => format!("user:{index}"),
        "hex" => format!("{:08x}{:08x}", random.next(), random.next()),
        "uuid" => {
            let digits: String = (0..4).map(|_| format!("{:08x}", random.next())).collect();
            [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
        }
        "base64url" => {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            (0..22).map(|_| alphabet[(random.next() >> 26) as usize] as char).collect()
        }
        other => return Err(format!("no such kind of keys: {other}")),
    })
}

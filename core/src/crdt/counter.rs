//! Counters: every transaction that counts adds one dot, and the value is the sum of the live dots.
//!
//! A dot is counted once however often it arrives, and a delete takes away just the increments that it saw: those that
//! happened concurrently stay (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018, section 7).

use super::Value;

/// The payload of a dot that adds `amount`.
pub(crate) fn add_payload(amount: i64) -> Vec<u8> {
    Value::Int(amount).to_cbor()
}

/// The sum of the payloads, held at the ends of the range of 64 bits. A damaged payload counts as nothing.
pub(crate) fn sum<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> i64 {
    let total: i128 = payloads.map(|payload| i128::from(amount(payload))).sum();
    total.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn amount(payload: &[u8]) -> i64 {
    match Value::from_cbor(payload) {
        Ok(Value::Int(amount)) => amount,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_held_at_the_ends_and_do_not_depend_on_order() {
        let payloads = [add_payload(i64::MAX), add_payload(5), add_payload(-10)];
        assert_eq!(sum(payloads.iter().map(Vec::as_slice)), i64::MAX - 5);
        assert_eq!(sum(payloads.iter().rev().map(Vec::as_slice)), i64::MAX - 5);
        assert_eq!(sum(payloads[..2].iter().map(Vec::as_slice)), i64::MAX);
    }
}

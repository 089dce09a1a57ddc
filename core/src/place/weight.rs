//! What a draw costs a node of some weight.

/// The cost of a draw by the logarithm method: `-ln(u) / weight` with `u` in (0, 1) from the leading 52 bits. The node with
/// the least cost wins, and wins as often as its weight is a part of all weights (Efraimidis and Spirakis, 2006).
///
/// It is the same on every machine, because nothing but sums, differences, products and quotients is taken, each of which
/// IEEE 754 rounds in one way only, and Rust neither fuses nor reorders them (RFC 3514). The logarithm of the platform's
/// mathematics library would not be: those differ in the last bit.
pub(super) fn cost(draw: u64, weight: u32) -> f64 {
    -ln(unit(draw)) / f64::from(weight)
}

/// Whether a draw certainly costs more than `best`, found without a logarithm: `-ln(u) >= 1 - u`. The margin is far above
/// the errors of both sides.
pub(super) fn costs_more(draw: u64, weight: u32, best: f64) -> bool {
    (1.0 - unit(draw)) * (1.0 - 1e-9) > best * f64::from(weight)
}

fn unit(draw: u64) -> f64 {
    ((draw >> 12) as i64 as f64 + 0.5) / (1u64 << 52) as f64
}

/// One by the odd numbers, from 13 down.
const SERIES: [f64; 7] = [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0];

/// The natural logarithm of a normal number from 2^-53 up to 1, to about 14 digits.
fn ln(number: f64) -> f64 {
    const LN_2: f64 = std::f64::consts::LN_2;
    let bits = number.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1_023;
    let mut mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1_023 << 52);
    // From 1..2 to 0.7..1.4. Numbers just below 1 stay as they are, which keeps all their digits.
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln(m) = 2 artanh(s), s = (m - 1) / (m + 1), |s| <= 0.172: a power series in s squared.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let sum = SERIES.iter().fold(1.0 / 15.0, |sum, part| sum * square + part);
    f64::from(exponent) * LN_2 + 2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::mix;

    #[test]
    fn the_logarithm_is_that_of_the_library_to_twelve_digits() {
        let edges = [0, 1, 1 << 12, u64::MAX >> 1, u64::MAX];
        for draw in (0..100_000).map(mix).chain(edges) {
            let unit = unit(draw);
            assert!((ln(unit) / unit.ln() - 1.0).abs() < 1e-12, "{unit}: {} {}", ln(unit), unit.ln());
            assert!(unit > 0.0 && unit < 1.0 && ln(unit) < 0.0);
        }
    }

    /// Not one bit may differ, on any platform: the sum over 100,000 draws is that of `tests/conformance/placement.py`.
    #[test]
    fn the_bits_are_those_of_another_implementation() {
        let sum =
            (0..100_000).fold(0u64, |sum, draw| sum.rotate_left(1) ^ cost(mix(draw), draw as u32 % 500 + 1).to_bits());
        assert_eq!(sum, 0xc2d5_05f4_35d0_94ba);
    }

    #[test]
    fn a_larger_draw_never_costs_more() {
        for draw in (0..100_000).map(mix) {
            assert!(cost(draw, 100) >= cost(draw.saturating_add(1 << 14), 100));
            assert!(cost(draw, 100) > cost(draw, 101));
        }
    }

    #[test]
    fn what_certainly_costs_more_does() {
        let mut found = 0;
        for (draw, other) in (0..100_000).map(|at| (mix(at), mix(!at))) {
            // Also draws that are equal or neighbours, where the margin decides.
            for rival in [other, draw, draw.saturating_add(1 << 12), draw.saturating_sub(1 << 12)] {
                let best = cost(rival, 130);
                let more = costs_more(draw, 100, best);
                assert!(!more || cost(draw, 100) > best);
                found += u32::from(more);
            }
        }
        assert!(found > 30_000, "it finds {found}");
    }
}

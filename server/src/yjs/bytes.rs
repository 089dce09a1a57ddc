//! Reading and writing the bytes of lib0, in which Yjs writes everything.
//!
//! Nothing here allocates by what a stranger claims: parts are borrowed from the frame that they came in.

/// Largest number that lib0 writes: JavaScript's largest safe integer.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Deepest nesting of a value; far below any stack's limit.
const DEPTH: usize = 100;

/// Says what is wrong with bytes from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// They end in the middle of something.
    #[error("the frame ends too early")]
    Short,
    /// A part of it is not what it should be.
    #[error("the frame has {0} that Yjs does not write")]
    Part(&'static str),
}

/// Reads from the front of a slice.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.rest.split_first().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(first)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number in groups of seven bits, the lowest first.
    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let (mut number, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte()?;
            if shift > 49 && byte > 0x0f {
                return Err(Malformed::Part("a number"));
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return if number > NUMBER_MAX { Err(Malformed::Part("a number")) } else { Ok(number) };
            }
            shift += 7;
        }
    }

    /// A number that fits what clocks and lengths may be.
    pub(crate) fn clock(&mut self) -> Result<u32, Malformed> {
        let number = self.number()?;
        u32::try_from(number).ok().filter(|&clock| clock <= super::CLOCK_MAX).ok_or(Malformed::Part("a clock"))
    }

    /// How many parts follow, each of at least `bytes` bytes.
    pub(crate) fn count(&mut self, bytes: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count.saturating_mul(bytes) > self.rest.len() { Err(Malformed::Short) } else { Ok(count) }
    }

    /// Bytes behind their length.
    pub(crate) fn block(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count(1)?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.block()?).map_err(|_| Malformed::Part("a text"))
    }

    /// Passes over a text that every client parses as JSON.
    pub(crate) fn json(&mut self) -> Result<(), Malformed> {
        let text = self.text()?;
        // JavaScript writes a value that is not there as this word.
        if text == "undefined" { Ok(()) } else { check_json(text) }
    }

    /// Passes over a value of any type.
    pub(crate) fn any(&mut self) -> Result<(), Malformed> {
        self.any_within(DEPTH)
    }

    fn any_within(&mut self, depth: usize) -> Result<(), Malformed> {
        let inner = depth.checked_sub(1).ok_or(Malformed::Part("a value too deep"))?;
        match self.byte()? {
            120 | 121 | 126 | 127 => Ok(()),
            122 | 123 => self.take(8).map(drop),
            124 => self.take(4).map(drop),
            125 => self.integer(),
            119 => self.text().map(drop),
            118 => (0..self.count(2)?).try_for_each(|_| self.text().and_then(|_| self.any_within(inner))),
            117 => (0..self.count(1)?).try_for_each(|_| self.any_within(inner)),
            116 => self.block().map(drop),
            _ => Err(Malformed::Part("a value")),
        }
    }

    /// Passes over a number with a sign: ten groups are more than any has.
    fn integer(&mut self) -> Result<(), Malformed> {
        for _ in 0..10 {
            if self.byte()? < 0x80 {
                return Ok(());
            }
        }
        Err(Malformed::Part("a number"))
    }
}

/// Whether a text is JSON; nothing is built from it.
pub(crate) fn check_json(text: &str) -> Result<(), Malformed> {
    let parsed: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
    parsed.map(drop).map_err(|_| Malformed::Part("JSON"))
}

/// Appends a number.
pub(crate) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends bytes behind their length.
pub(crate) fn push_block(out: &mut Vec<u8>, bytes: &[u8]) {
    push_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_written_and_too_large_ones_refused() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), NUMBER_MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            assert_eq!(Reader::new(&bytes).number(), Ok(number));
        }
        let mut bytes = Vec::new();
        push_number(&mut bytes, NUMBER_MAX + 1);
        assert!(Reader::new(&bytes).number().is_err());
        assert!(Reader::new(&[0xff; 32]).number().is_err() && Reader::new(&[0x80]).number().is_err());
    }

    #[test]
    fn a_claimed_length_or_depth_costs_nothing() {
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0x7f, 1]).block(), Err(Malformed::Short));
        assert!(Reader::new(&[117, 0xff, 0xff, 0x7f, 1]).any().is_err());
        let deep: Vec<u8> = [117, 1].repeat(100_000);
        assert!(Reader::new(&deep).any().is_err());
        assert!(check_json(&"[".repeat(100_000)).is_err());
    }
}

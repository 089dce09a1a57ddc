//! Marks: who sent a message and the how manieth it is, written so that it can be found in the frames of every dialect.
//!
//! A reader looks for them in the bytes of a frame and decodes nothing, which keeps the tool cheap beside what it measures.

/// Stands in front of a mark and behind it; the rest of a message has none.
const FENCE: u8 = b'~';

/// Bytes of a mark: two numbers of eight hexadecimal digits between fences.
pub(super) const BYTES: usize = 18;

/// Names a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Number of the connection that sent it.
    pub(super) writer: u32,
    /// Its number among the messages of this connection.
    pub(super) number: u32,
}

impl Mark {
    /// A text of `size` bytes that begins with the mark.
    pub(super) fn text(self, size: usize) -> String {
        let mut text = format!("~{:08x}{:08x}~", self.writer, self.number);
        text.extend(std::iter::repeat_n('x', size.saturating_sub(BYTES)));
        text
    }

    /// Appends all marks in a frame whose messages have `size` bytes.
    pub(super) fn find(frame: &[u8], size: usize, found: &mut Vec<Mark>) {
        let mut rest = frame;
        while let Some(at) = rest.iter().position(|byte| *byte == FENCE) {
            let (mark, pass) = match Mark::read(&rest[at..]) {
                Some(mark) => (Some(mark), size.max(BYTES)),
                None => (None, 1),
            };
            found.extend(mark);
            rest = rest.get(at + pass..).unwrap_or_default();
        }
    }

    fn read(bytes: &[u8]) -> Option<Mark> {
        let inner = bytes.get(..BYTES)?.strip_prefix(&[FENCE])?.strip_suffix(&[FENCE])?;
        let digits =
            std::str::from_utf8(inner).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let number = |text: &str| u32::from_str_radix(text, 16).ok();
        Some(Mark { writer: number(&digits[..8])?, number: number(&digits[8..])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_marks_of_a_frame_are_found_whatever_stands_between_them() {
        let marks = [Mark { writer: 1, number: 0 }, Mark { writer: u32::MAX, number: 77 }];
        let mut frame = b"\x01~~ab~".to_vec();
        for mark in marks {
            frame.extend_from_slice(mark.text(64).as_bytes());
            frame.extend_from_slice(b"\x00~");
        }
        let mut found = Vec::new();
        Mark::find(&frame, 64, &mut found);
        assert_eq!(found, marks);
        Mark::find(&frame[..20], 64, &mut found);
        assert_eq!(found.len(), 2, "a mark that is cut off is none");
        assert_eq!(marks[0].text(64).len(), 64);
    }
}

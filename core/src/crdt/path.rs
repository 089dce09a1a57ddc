//! Paths: where in the tree.

use crate::bounds;
use std::fmt;

/// Stands before each segment. NUL is free for it because NULs inside a segment are escaped.
pub(super) const SEPARATOR: &str = "\0\x10";
const ESCAPED_NUL: &str = "\0\x7f";

/// The address of a place in a document: a list of text segments, of any characters, also empty ones.
///
/// Kept encoded: each segment follows `"\0\x10"`, and a NUL inside a segment is written `"\0\x7f"`. Thus the order of
/// encoded paths keeps every subtree together, and bindings can pass a path as one string.
///
/// ```
/// use syncline::crdt::Path;
/// let path = Path::root().child("users").child("ada");
/// assert_eq!(path, Path::from_segments(["users", "ada"]));
/// assert_eq!(path.as_str(), "\0\u{10}users\0\u{10}ada");
/// assert_eq!(path.segments(), ["users", "ada"]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

/// A text is not an encoded path, or the path is too long or too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePathError {
    /// The encoding is broken.
    #[error("not an encoded path: each segment begins with NUL and 0x10, and a NUL inside is written NUL and 0x7f")]
    Encoding,
    /// Longer than [`bounds::PATH_BYTES`].
    #[error("the path has {0} bytes, at most {max} are allowed: use shorter keys", max = bounds::PATH_BYTES)]
    TooLong(usize),
    /// Deeper than [`bounds::DEPTH`].
    #[error("the path has {0} segments, at most {max} are allowed", max = bounds::DEPTH)]
    TooDeep(usize),
}

impl Path {
    /// The top of the tree.
    pub fn root() -> Self {
        Path::default()
    }

    /// The place one segment further down.
    pub fn child(&self, segment: &str) -> Self {
        let mut encoded = String::with_capacity(self.0.len() + segment.len() + 2);
        encoded.push_str(&self.0);
        encoded.push_str(SEPARATOR);
        if segment.as_bytes().contains(&0) {
            for letter in segment.chars() {
                if letter == '\0' { encoded.push_str(ESCAPED_NUL) } else { encoded.push(letter) }
            }
        } else {
            encoded.push_str(segment);
        }
        Path(encoded)
    }

    /// Makes a path from its segments, top first.
    pub fn from_segments<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        segments.into_iter().fold(Path::root(), |path, segment| path.child(segment.as_ref()))
    }

    /// Takes a path in its encoded form.
    ///
    /// # Errors
    /// [`ParsePathError`] if the encoding is broken or a limit is exceeded.
    pub fn parse(encoded: &str) -> Result<Self, ParsePathError> {
        let length = path_len(encoded.as_bytes()).ok_or(ParsePathError::Encoding)?;
        if length != encoded.len() {
            return Err(ParsePathError::Encoding);
        }
        let path = Path(encoded.to_owned());
        path.check()?;
        Ok(path)
    }

    /// Checks the limits on length and depth; documents do so at every write.
    ///
    /// # Errors
    /// [`ParsePathError::TooLong`], [`ParsePathError::TooDeep`].
    pub fn check(&self) -> Result<(), ParsePathError> {
        Self::check_encoded(self.0.as_bytes())
    }

    pub(crate) fn check_encoded(encoded: &[u8]) -> Result<(), ParsePathError> {
        if encoded.len() > bounds::PATH_BYTES {
            return Err(ParsePathError::TooLong(encoded.len()));
        }
        // Each segment takes two bytes at least.
        if encoded.len() <= 2 * bounds::DEPTH {
            return Ok(());
        }
        let depth = separators(encoded);
        if depth > bounds::DEPTH { Err(ParsePathError::TooDeep(depth)) } else { Ok(()) }
    }

    /// The encoded form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, top first.
    pub fn segments(&self) -> Vec<String> {
        let (mut segments, mut rest) = (Vec::new(), self.0.as_bytes());
        while let [0, 0x10, behind @ ..] = rest {
            let (segment, others) = behind.split_at(segment_len(behind));
            segments.push(unescape(segment));
            rest = others;
        }
        segments
    }

    /// Number of segments.
    pub fn depth(&self) -> usize {
        separators(self.0.as_bytes())
    }

    /// The last segment; `None` for the root.
    pub fn last(&self) -> Option<String> {
        last_separator(self.0.as_bytes()).map(|at| unescape(&self.0.as_bytes()[at + 2..]))
    }

    /// The place one segment further up; `None` for the root.
    pub fn parent(&self) -> Option<Path> {
        last_separator(self.0.as_bytes()).map(|at| Path::from_encoded(&self.0.as_bytes()[..at]))
    }

    /// Tells whether this place is `ancestor` or below it.
    pub fn is_within(&self, ancestor: &Path) -> bool {
        self.0.strip_prefix(&ancestor.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATOR))
    }

    /// The ancestor (or this place) that has one segment more than the first `prefix` bytes.
    pub(crate) fn ancestor_below(&self, prefix: usize) -> Path {
        let bytes = self.0.as_bytes();
        Path::from_encoded(&bytes[..prefix + 2 + segment_len(&bytes[prefix + 2..])])
    }

    /// Takes bytes that were checked before.
    pub(crate) fn from_encoded(encoded: &[u8]) -> Self {
        Path(text(encoded).to_owned())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.segments()).finish()
    }
}

/// Length of the encoded segment that `rest` begins with.
fn segment_len(rest: &[u8]) -> usize {
    rest.windows(2).position(|pair| pair == SEPARATOR.as_bytes()).unwrap_or(rest.len())
}

/// Number of segments of an encoded path.
pub(super) fn separators(path: &[u8]) -> usize {
    path.windows(2).filter(|pair| *pair == SEPARATOR.as_bytes()).count()
}

/// Where the last segment of an encoded path begins, separator included.
pub(crate) fn last_separator(path: &[u8]) -> Option<usize> {
    path.windows(2).rposition(|pair| pair == SEPARATOR.as_bytes())
}

fn unescape(segment: &[u8]) -> String {
    if !segment.contains(&0) {
        return text(segment).to_owned();
    }
    let (mut out, mut letters) = (String::with_capacity(segment.len()), text(segment).chars());
    while let Some(letter) = letters.next() {
        out.push(letter);
        if letter == '\0' {
            // The escape is the NUL and one more byte.
            letters.next();
        }
    }
    out
}

/// A part of a path, cut where a segment begins or ends.
fn text(part: &[u8]) -> &str {
    std::str::from_utf8(part).unwrap_or_default()
}

/// Length of the encoded path that `bytes` begin with: up to the first NUL that begins neither a segment nor an escape.
/// `None` if something stands before the first segment.
pub(super) fn path_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != 0 {
            at += match bytes[at..].iter().position(|&byte| byte == 0) {
                Some(step) => step,
                None => bytes.len() - at,
            };
            continue;
        }
        match bytes.get(at + 1) {
            Some(0x10) | Some(0x7f) => at += 2,
            _ => break,
        }
    }
    let sound = at == 0 || bytes.starts_with(SEPARATOR.as_bytes());
    sound.then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_segment() {
        for segments in [vec![], vec![""], vec!["", ""], vec!["a\0b", "\0"], vec!["\u{10}", "\u{7f}", "é😀"]] {
            let path = Path::from_segments(&segments);
            assert_eq!(path.segments(), segments);
            assert_eq!(Path::parse(path.as_str()), Ok(path));
        }
    }

    #[test]
    fn broken_encodings_are_refused() {
        for text in ["a", "\0", "\0\x01", "\0\x10a\0", "\0\x7f"] {
            assert_eq!(Path::parse(text), Err(ParsePathError::Encoding), "{text:?}");
        }
        assert!(matches!(Path::parse(&"\0\x10a".repeat(65)), Err(ParsePathError::TooDeep(65))));
        let long = Path::root().child(&"x".repeat(5_000));
        assert!(matches!(Path::parse(long.as_str()), Err(ParsePathError::TooLong(_))));
    }

    #[test]
    fn a_longer_name_is_not_within_a_shorter_one() {
        let short = Path::from_segments(["a"]);
        assert!(Path::from_segments(["a", "b"]).is_within(&short));
        assert!(short.is_within(&Path::root()));
        assert!(!Path::from_segments(["ab"]).is_within(&short));
        assert!(!Path::from_segments(["a\0b"]).is_within(&short));
    }
}

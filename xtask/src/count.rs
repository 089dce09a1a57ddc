//! How many tests passed and failed, read from what the test runners print.

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// Whose output it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `cargo test`, also with the WASM runner: `test result: ok. 3 passed; 0 failed; ...`, once per binary.
    Cargo,
    /// `node --test`: `# pass 3` and `# fail 0`, or with a symbol before the word.
    Node,
    /// pytest: `3 passed, 1 failed in 0.5s`.
    Pytest,
    /// A line that says `3 passed, 1 failed` and nothing else.
    Plain,
    /// A check without a count: its success is one.
    None,
}

impl Counts {
    /// One failure.
    pub(crate) fn failure() -> Counts {
        Counts { passed: 0, failed: 1 }
    }

    pub(crate) fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// One success.
    pub(crate) fn success() -> Counts {
        Counts { passed: 1, failed: 0 }
    }

    /// Adds up the summaries in an output.
    pub(crate) fn read(format: Format, output: &str) -> Counts {
        let mut sum = Counts::default();
        for line in output.lines() {
            sum.add(match format {
                Format::Cargo => cargo(line),
                Format::Node => node(line),
                Format::Pytest => pytest(line),
                Format::Plain => plain(line),
                Format::None => continue,
            });
        }
        sum
    }
}

fn cargo(line: &str) -> Counts {
    match line.split_once("test result: ") {
        Some((_, rest)) => Counts { passed: before(rest, " passed"), failed: before(rest, " failed") },
        None => Counts::default(),
    }
}

fn node(line: &str) -> Counts {
    let mut words = line.split_whitespace();
    let counts = match (words.next(), words.next(), words.next(), words.next()) {
        (Some("#" | "ℹ"), Some(word), Some(number), None) => (word, number.parse().unwrap_or(0)),
        _ => return Counts::default(),
    };
    match counts {
        ("pass", passed) => Counts { passed, failed: 0 },
        ("fail" | "cancelled", failed) => Counts { passed: 0, failed },
        _ => Counts::default(),
    }
}

fn pytest(line: &str) -> Counts {
    let summary = line.trim_matches(|c| c == '=' || c == ' ');
    let is_summary = summary.contains(" in ") && summary.starts_with(|c: char| c.is_ascii_digit());
    if !is_summary {
        return Counts::default();
    }
    Counts { passed: before(summary, " passed"), failed: before(summary, " failed") + before(summary, " error") }
}

fn plain(line: &str) -> Counts {
    let counts = Counts { passed: before(line, " passed"), failed: before(line, " failed") };
    let whole = format!("{} passed, {} failed", counts.passed, counts.failed);
    if line.trim() == whole { counts } else { Counts::default() }
}

/// The number that stands just before a word, or 0.
fn before(text: &str, word: &str) -> u64 {
    let Some(end) = text.find(word) else {
        return 0;
    };
    let digits = text[..end].rsplit(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runner_is_read() {
        let cases = [
            (
                Format::Cargo,
                "test result: ok. 12 passed; 0 failed; 1 ignored\ntest a ... ok\n\
                 test result: FAILED. 3 passed; 2 failed; 0 ignored",
                (15, 2),
            ),
            (Format::Node, "# tests 9\n# pass 7\n# fail 1\n# cancelled 1", (7, 2)),
            (Format::Node, "ℹ pass 4\nℹ fail 0\nok 1 - # pass 3 more", (4, 0)),
            (Format::Pytest, "10 tests in a file\n=== 2 failed, 10 passed, 1 error in 1.20s ===", (10, 3)),
            (Format::Pytest, "3 passed in 0.10s", (3, 0)),
            (Format::Plain, "all 3 passed, 1 failed\n4 passed, 2 failed\n", (4, 2)),
            (Format::Cargo, "error: could not compile", (0, 0)),
        ];
        for (format, output, (passed, failed)) in cases {
            let expected = Counts { passed, failed };
            assert_eq!(Counts::read(format, output), expected, "{output}");
        }
    }
}

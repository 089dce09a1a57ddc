//! Reads one flat JSON object per line, as the benchmarks print them.

use std::collections::BTreeMap;

/// A string, or a number or word as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    Text(String),
    Number(f64),
    Word(String),
}

impl Field {
    /// The field as it reads in a table.
    pub(crate) fn display(&self) -> String {
        match self {
            Field::Text(text) | Field::Word(text) => text.clone(),
            Field::Number(number) if number.abs() >= 100.0 || number.fract() == 0.0 => {
                format!("{number:.0}")
            }
            Field::Number(number) => format!("{number:.3}"),
        }
    }
}

/// Parses a line that is an object of strings, numbers, booleans and nulls. `None` for anything else.
pub(crate) fn object(line: &str) -> Option<BTreeMap<String, Field>> {
    let mut rest = line.trim().strip_prefix('{')?.trim_start();
    let mut fields = BTreeMap::new();
    if rest == "}" {
        return Some(fields);
    }
    loop {
        let (key, after) = string(rest)?;
        let (value, after) = value(after.trim_start().strip_prefix(':')?.trim_start())?;
        fields.insert(key, value);
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => return (after == "}").then_some(fields),
        }
    }
}

fn value(text: &str) -> Option<(Field, &str)> {
    if text.starts_with('"') {
        let (text, rest) = string(text)?;
        return Some((Field::Text(text), rest));
    }
    let end = text.find([',', '}']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let word = word.trim();
    let field = match (word, word.parse()) {
        ("true" | "false" | "null", _) => Field::Word(word.to_owned()),
        (_, Ok(number)) => Field::Number(number),
        _ => return None,
    };
    Some((field, rest))
}

fn string(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut result = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((result, &text[at + 1..])),
            '\\' => result.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'u' => unicode(&mut chars)?,
                other => other,
            }),
            c => result.push(c),
        }
    }
    None
}

/// The four digits of `\uXXXX`. Halves of a surrogate pair become the replacement character.
fn unicode(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut code = 0;
    for _ in 0..4 {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_objects_are_read_and_other_lines_are_not() {
        let line = r#" {"lib": "a\"\u00e9", "ms":1.5, "ok" : true, "n":-2e3} "#;
        let fields = object(line).unwrap();
        assert_eq!(fields["lib"], Field::Text("a\"é".to_owned()));
        assert_eq!(fields["ms"], Field::Number(1.5));
        assert_eq!(fields["ok"], Field::Word("true".to_owned()));
        assert_eq!(fields["n"].display(), "-2000");
        assert_eq!(object("{}").unwrap().len(), 0);
        for line in ["", "warning: x", "{\"a\":[1]}", "{\"a\":1", "{\"a\" 1}", "{\"a\":1}x"] {
            assert!(object(line).is_none(), "{line}");
        }
    }
}

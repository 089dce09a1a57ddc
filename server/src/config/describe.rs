//! A configuration file with every setting, its default and what it is for, made from the settings themselves.

use std::fmt::Write;

use serde_json::Value;

use super::Config;

const HEAD: &str = "\
# Settings of a Syncline relay, each with its default. A line behind `#` has no default: take the sign away to set it.
# The environment wins over this file: SYNCLINE_LISTEN is `listen`, SYNCLINE_ROOM__MAX is `max` of `[room]`.
";

/// All settings with their defaults, as a file that `load` takes. Comments are the descriptions of the fields.
pub fn default_file() -> String {
    let schema = schemars::schema_for!(Config).to_value();
    let defaults = Config::default();
    // Printed JSON has the fields in their order; the value has them by name.
    let printed = serde_json::to_string_pretty(&defaults).unwrap_or_default();
    let values = serde_json::to_value(&defaults).unwrap_or_default();
    let (mut out, mut section) = (HEAD.to_owned(), None);
    for line in printed.lines() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = line.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
        let (place, value) = match (indent, section.as_deref()) {
            (2, _) => (field(&schema, &schema, name), &values[name]),
            (4, Some(outer)) => (field(&schema, field(&schema, &schema, outer), name), &values[outer][name]),
            _ => continue,
        };
        out.push('\n');
        describe(&mut out, place);
        match value {
            Value::Object(_) => {
                section = Some(name.to_owned());
                out.push_str(&format!("[{name}]\n"));
            }
            Value::Null => out.push_str(&format!("# {name} = {}\n", example(&schema, place))),
            value => out.push_str(&format!("{name} = {value}\n")),
        }
    }
    out
}

/// The description of a field of a section.
fn field<'a>(schema: &'a Value, section: &'a Value, name: &str) -> &'a Value {
    &resolve(schema, section)["properties"][name]
}

/// What a reference stands for.
fn resolve<'a>(schema: &'a Value, place: &'a Value) -> &'a Value {
    let target = place["$ref"].as_str().and_then(|path| schema.pointer(path.trim_start_matches('#')));
    target.unwrap_or(place)
}

fn describe(out: &mut String, place: &Value) {
    for line in place["description"].as_str().unwrap_or_default().lines() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# {line}");
    }
}

/// A value of the type of a setting that has no default: the first of a list of names, else an empty text.
fn example(schema: &Value, place: &Value) -> Value {
    let kinds = place["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = kinds.iter().map(|kind| resolve(schema, kind));
    let mut names = named.filter_map(|kind| kind["enum"].get(0).or_else(|| kind["oneOf"][0].get("const")));
    names.next().cloned().unwrap_or_else(|| "".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;

    /// Names of all settings in dotted form.
    fn names(value: &Value, before: &str) -> Vec<String> {
        let fields = value.as_object().into_iter().flatten();
        fields
            .flat_map(|(name, value)| match value {
                Value::Object(_) => names(value, &format!("{before}{name}.")),
                _ => vec![format!("{before}{name}")],
            })
            .collect()
    }

    #[test]
    fn every_setting_is_in_it_once_with_a_description() {
        let file = default_file();
        let (mut section, mut described, mut found) = (String::new(), false, Vec::new());
        for line in file.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = format!("{}.", name.trim_end_matches(']'));
                assert!(described, "{line}");
            } else if let Some((name, _)) =
                line.trim_start_matches("# ").split_once(" = ").filter(|(name, _)| !name.contains(' '))
            {
                assert!(described, "{line}");
                found.push(format!("{section}{name}"));
            }
            described = line.starts_with("# ");
        }
        let mut expected = names(&serde_json::to_value(Config::default()).unwrap(), "");
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn it_is_valid_and_says_the_defaults() {
        assert_eq!(load_text(&default_file()).unwrap(), Config::default());
    }

    #[test]
    fn the_lines_without_a_default_are_valid_once_they_are_filled_in() {
        let file =
            default_file().replace("# format = ", "format = ").replace("# token_file = \"\"", "token_file = \"x\"");
        let config = load_text(&file).unwrap();
        assert_eq!(config.log.format, Some(crate::config::LogFormat::Json));
        assert_eq!(config.admin.token_file, Some("x".into()));
    }
}

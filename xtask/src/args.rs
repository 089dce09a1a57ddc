//! Command line arguments: options with a value, switches, nothing else.

use std::ffi::OsString;
use std::str::FromStr;

use crate::problem::Problem;

/// The arguments not yet taken.
pub(crate) struct Args {
    rest: Vec<OsString>,
}

impl Args {
    pub(crate) fn new(rest: Vec<OsString>) -> Args {
        Args { rest }
    }

    /// Takes the command: the first argument.
    pub(crate) fn command(&mut self) -> Result<Option<String>, Problem> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        text(self.rest.remove(0)).map(Some)
    }

    /// Takes a switch, and tells whether it was there.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        let before = self.rest.len();
        self.rest.retain(|arg| arg != name);
        self.rest.len() < before
    }

    /// Takes every `NAME VALUE` and `NAME=VALUE`.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<String>, Problem> {
        let prefix = format!("{name}=");
        let mut found = Vec::new();
        let mut others = Vec::new();
        let mut rest = std::mem::take(&mut self.rest).into_iter();
        while let Some(arg) = rest.next() {
            let joined = arg.to_str().and_then(|arg| arg.strip_prefix(&prefix));
            if let Some(value) = joined {
                found.push(value.to_owned());
            } else if arg == name {
                let value = rest.next();
                found.push(text(value.ok_or_else(|| Problem::usage(format!("{name} wants a value")))?)?);
            } else {
                others.push(arg);
            }
        }
        self.rest = others;
        Ok(found)
    }

    /// Takes an option of which the last value counts.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        let Some(last) = self.values(name)?.pop() else {
            return Ok(None);
        };
        let parsed = last.parse().ok();
        parsed.map(Some).ok_or_else(|| Problem::usage(format!("{name} cannot be `{last}`")))
    }

    /// Takes every `--only NAME` and tells which of the known names are meant: all of them without one.
    pub(crate) fn only<'a>(&mut self, known: impl Iterator<Item = &'a str>) -> Result<Vec<&'a str>, Problem> {
        let known: Vec<&str> = known.collect();
        let named = self.values("--only")?;
        if let Some(other) = named.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Problem::usage(format!("--only is one of {}, not `{other}`", known.join(", "))));
        }
        let is_meant = |name: &&str| named.is_empty() || named.iter().any(|other| other == name);
        Ok(known.into_iter().filter(is_meant).collect())
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.rest.first() {
            None => Ok(()),
            Some(arg) => Err(Problem::usage(format!("unknown argument {arg:?}"))),
        }
    }
}

fn text(arg: OsString) -> Result<String, Problem> {
    arg.into_string().map_err(|arg| Problem::usage(format!("{arg:?} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Args {
        Args::new(text.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn options_are_taken_in_any_order_and_leftovers_are_refused() {
        let mut args = args("demo --once --port 80 --port=81 --x");
        assert_eq!(args.command().unwrap().as_deref(), Some("demo"));
        assert_eq!(args.value::<u16>("--port").unwrap(), Some(81));
        assert!(args.switch("--once"));
        assert!(!args.switch("--once"));
        assert!(args.finish().is_err());
    }

    #[test]
    fn without_a_name_all_are_meant_and_a_strange_name_is_refused() {
        let known = || ["rust", "js"].into_iter();
        assert_eq!(args("").only(known()).unwrap(), ["rust", "js"]);
        assert_eq!(args("--only js").only(known()).unwrap(), ["js"]);
        let problem = args("--only c").only(known()).unwrap_err().to_string();
        assert!(problem.contains("rust, js"), "{problem}");
    }

    #[test]
    fn an_unreadable_or_absent_value_is_named() {
        assert!(args("--port 99999").value::<u16>("--port").is_err());
        assert!(args("--port").value::<u16>("--port").is_err());
    }
}

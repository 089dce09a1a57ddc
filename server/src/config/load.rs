//! Puts the sources of the settings together.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::Serialize;

use super::trace::STANDARD_ENDPOINT;
use super::yaml::Yaml;
use super::{Config, LogFormat};

/// Environment variables that belong to the command line, not to the settings.
const NOT_SETTINGS: [&str; 6] = ["config", "url", "room", "token", "timeout", "ca"];

/// Holds the settings given as flags; what is absent leaves the other sources in force.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overrides {
    /// Address and port to listen on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Folder of the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Serves without authentication on a loopback address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<bool>,
    /// Threads of the runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// The log settings given as flags.
    pub log: LogOverrides,
}

/// Holds the log settings given as flags.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogOverrides {
    /// Form of the lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
    /// Level, or levels by module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// Says why the settings cannot be used, and what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The named file does not exist or cannot be read.
    #[error(
        "cannot read the configuration file {path}: {reason}. Give an existing TOML or YAML file with --config, or leave the flag out."
    )]
    File {
        /// The file that was asked for.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// A key is unknown or a value has the wrong type.
    #[error(
        "the configuration is not valid: {0}. Correct the key or value named here, or remove it to use the default."
    )]
    Invalid(Box<figment::Error>),
    /// A value is outside of what works.
    #[error("the setting `{key}` {problem}. {advice}")]
    Value {
        /// The setting in dotted form.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to set instead.
        advice: String,
    },
}

/// Reads the settings from all sources and checks them.
///
/// # Errors
/// A file that cannot be read, an unknown key, a value of the wrong type or outside its limits.
pub fn load(file: Option<&Path>, flags: &Overrides) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(path) = file {
        std::fs::File::open(path).map_err(|reason| ConfigError::File { path: path.into(), reason })?;
        figment = match is_yaml(path) {
            true => figment.merge(Yaml::file_exact(path)),
            false => figment.merge(Toml::file_exact(path)),
        };
    }
    let environment = Env::prefixed("SYNCLINE_").ignore(&NOT_SETTINGS).split("__");
    let mut config: Config = figment
        .merge(environment)
        .merge(Serialized::defaults(flags))
        .extract()
        .map_err(|error| ConfigError::Invalid(Box::new(error)))?;
    config.trace.endpoint = config.trace.endpoint.or_else(|| std::env::var(STANDARD_ENDPOINT).ok());
    config.check()?;
    Ok(config)
}

/// Whether the name of a file says that it is YAML; all others are TOML.
fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// The settings of a text in TOML alone.
#[cfg(test)]
pub(super) fn load_text(text: &str) -> Result<Config, Box<figment::Error>> {
    let figment = Figment::from(Serialized::defaults(Config::default())).merge(Toml::string(text));
    figment.extract().map_err(Box::new)
}

#[cfg(test)]
// The large error is figment's.
#[allow(clippy::result_large_err)]
mod tests {
    use super::*;

    fn in_jail(test: impl FnOnce(&mut figment::Jail) -> Result<(), figment::Error>) {
        figment::Jail::expect_with(test);
    }

    #[test]
    fn later_sources_win() {
        in_jail(|jail| {
            jail.create_file(
                "relay.toml",
                "listen = '127.0.0.1:1'\nworkers = 3\n[room]\ncompact_entries = 7\nidle_seconds = 5\n",
            )?;
            jail.set_env("SYNCLINE_WORKERS", "4");
            jail.set_env("SYNCLINE_ROOM__COMPACT_ENTRIES", "8");
            let flags = Overrides { workers: Some(5), ..Overrides::default() };
            let config = load(Some(Path::new("relay.toml")), &flags).unwrap();
            assert_eq!(config.listen.port(), 1);
            assert_eq!(config.workers, 5);
            assert_eq!(config.room.compact_entries, 8);
            assert_eq!(config.room.idle_seconds, 5);
            Ok(())
        });
    }

    #[test]
    fn unknown_keys_are_errors_in_file_and_environment() {
        in_jail(|jail| {
            jail.create_file("relay.toml", "[room]\ncompact_entrees = 7\n")?;
            let error = load(Some(Path::new("relay.toml")), &Overrides::default()).unwrap_err().to_string();
            assert!(error.contains("compact_entrees") && error.contains("relay.toml"), "{error}");
            jail.set_env("SYNCLINE_LISTEM", "127.0.0.1:1");
            let error = load(None, &Overrides::default()).unwrap_err().to_string();
            assert!(error.to_lowercase().contains("listem"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn yaml_says_the_same_as_toml() {
        in_jail(|jail| {
            jail.create_file(
                "relay.toml",
                "workers = 3\n[room]\nidle_seconds = 5\n[socket]\norigins = ['https://a']\n",
            )?;
            jail.create_file(
                "relay.yaml",
                "workers: 3\nroom: {idle_seconds: 5}\nsocket:\n  origins:\n    - https://a\n",
            )?;
            let of = |name| load(Some(Path::new(name)), &Overrides::default());
            assert_eq!(of("relay.yaml").unwrap(), of("relay.toml").unwrap());
            jail.create_file("wrong.yml", "room:\n  idle_secs: 5\n")?;
            let error = of("wrong.yml").unwrap_err().to_string();
            assert!(error.contains("idle_secs") && error.contains("wrong.yml"), "{error}");
            jail.create_file("broken.yml", "room: [\n")?;
            assert!(of("broken.yml").unwrap_err().to_string().contains("broken.yml"));
            jail.create_file("bomb.yml", &bomb())?;
            assert!(of("bomb.yml").is_err());
            Ok(())
        });
    }

    /// A small file that stands for a large one.
    fn bomb() -> String {
        let level =
            |number: u32| format!("a{number}: &a{number} [{}]\n", vec![format!("*a{}", number - 1); 9].join(", "));
        std::iter::once("a0: &a0 [x, x]\n".to_owned()).chain((1..12).map(level)).collect()
    }

    #[test]
    fn the_examples_of_the_documentation_are_valid() {
        let page = include_str!("../../../docs/operations.md");
        let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(examples.len(), 3);
        in_jail(|jail| {
            for example in examples {
                jail.create_file("relay.toml", example)?;
                let config = load(Some(Path::new("relay.toml")), &Overrides::default()).unwrap();
                assert!(config.access.is_configured() || config.trace.endpoint.is_some(), "{example}");
            }
            Ok(())
        });
    }

    #[test]
    fn the_secret_may_come_from_the_environment() {
        in_jail(|jail| {
            jail.set_env("SYNCLINE_ACCESS__SECRET", "from the environment");
            jail.set_env("SYNCLINE_TOKEN", "is for the command line");
            let config = load(None, &Overrides::default()).unwrap();
            assert_eq!(
                config.access.secret.map(|secret| secret.reveal().to_owned()),
                Some("from the environment".into())
            );
            Ok(())
        });
    }

    #[test]
    fn the_collector_of_traces_may_be_named_as_everywhere_else() {
        in_jail(|jail| {
            let endpoint = || load(None, &Overrides::default()).unwrap().trace.endpoint;
            jail.set_env(STANDARD_ENDPOINT, "http://collector:4318");
            assert_eq!(endpoint().as_deref(), Some("http://collector:4318"));
            jail.set_env("SYNCLINE_TRACE__ENDPOINT", "http://other:4318");
            assert_eq!(endpoint().as_deref(), Some("http://other:4318"));
            jail.set_env("SYNCLINE_TRACE__ENDPOINT", "");
            assert_eq!(endpoint().as_deref(), Some(""), "off");
            jail.set_env("SYNCLINE_TRACE__ENDPOINT", "collector:4317");
            let error = load(None, &Overrides::default()).unwrap_err().to_string();
            assert!(error.contains("trace.endpoint") && error.contains("http://127.0.0.1:4318"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_missing_file_is_named() {
        in_jail(|_| {
            let error = load(Some(Path::new("absent.toml")), &Overrides::default()).unwrap_err().to_string();
            assert!(error.contains("absent.toml") && error.contains("--config"), "{error}");
            Ok(())
        });
    }
}

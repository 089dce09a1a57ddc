//! `syncline check-config` and `syncline default-config`.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::read::print;
use crate::access::Access;
use crate::admin::AdminGate;
use crate::config::{self, Overrides};
use crate::serve::ServeError;
use crate::tls::Tls;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// TOML or YAML file with settings; without it defaults and environment are checked
    #[arg(value_name = "FILE", env = "SYNCLINE_CONFIG")]
    file: Option<PathBuf>,
    /// Print all settings as they would be in force, secrets hidden
    #[arg(long)]
    print: bool,
}

/// Checks the settings as `serve` would, and reads the files that they name; asks no key server.
pub(super) fn check(args: CheckArgs) -> Result<(), Failure> {
    let config = config::load(args.file.as_deref(), &Overrides::default())?;
    Access::new(&config.access).map_err(ServeError::from)?;
    AdminGate::new(&config).map_err(ServeError::from)?;
    Tls::new(&config.tls).map_err(ServeError::from)?;
    let place = args.file.map_or("the environment".into(), |file| file.display().to_string());
    eprintln!("the settings of {place} can be used");
    if args.print {
        let shown = serde_json::to_string_pretty(&config).map_err(|error| Failure::Failed(error.to_string()))?;
        print(&mut std::io::stdout().lock(), format!("{shown}\n").as_bytes())?;
    }
    Ok(())
}

/// Prints a file with every setting.
pub(super) fn print_default() -> Result<(), Failure> {
    print(&mut std::io::stdout().lock(), config::default_file().as_bytes())
}

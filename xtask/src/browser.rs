//! The browser that the tests drive.

use std::fs;
use std::path::{Path, PathBuf};

use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::Step;
use crate::tools;

const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const ELSEWHERE: &[&str] = &[
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const PACKAGES: &str = "apt-get install -y --no-install-recommends chromium chromium-driver";

/// Quiet, without a sandbox (which root and containers lack) and without calls home.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A Chromium and the driver that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

impl Browser {
    /// Finds them; installs them where xtask runs as root on Debian.
    pub(crate) fn ensure(step: &Step) -> Result<Browser, Problem> {
        let missing = match Browser::find() {
            Ok(browser) => {
                step.note(browser.chromium.display().to_string());
                return Ok(browser);
            }
            Err(missing) => missing,
        };
        if !is_root() || tools::find("apt-get").is_none() {
            return Err(missing);
        }
        step.say("Chromium is missing: installing it");
        let quiet = |line: &str| Cmd::new("apt-get").words(line).env("DEBIAN_FRONTEND", "noninteractive");
        step.run(&quiet("update"))?;
        step.run(&quiet(PACKAGES.trim_start_matches("apt-get ")))?;
        step.note("Chromium installed by apt-get");
        Browser::find()
    }

    /// Finds Chromium (`SYNCLINE_CHROMIUM` first) and its driver (`CHROMEDRIVER` first).
    pub(crate) fn find() -> Result<Browser, Problem> {
        let mend = |name: &str| format!("{PACKAGES} (as root, after apt-get update), or name it by {name}=/path");
        let found = CHROMIUM.iter().find_map(|name| tools::find(name));
        let elsewhere = ELSEWHERE.iter().map(PathBuf::from).find(|file| file.exists());
        let chromium = named("SYNCLINE_CHROMIUM")?.or(found).or(elsewhere);
        let driver = named("CHROMEDRIVER")?.or_else(|| tools::find("chromedriver"));
        Ok(Browser {
            chromium: chromium.ok_or_else(|| Problem::missing("Chromium", mend("SYNCLINE_CHROMIUM")))?,
            driver: driver.ok_or_else(|| Problem::missing("chromedriver", mend("CHROMEDRIVER")))?,
        })
    }

    /// Writes the settings that the WASM test runner hands to the driver, and returns the file.
    pub(crate) fn capabilities(&self) -> Result<PathBuf, Problem> {
        let flags: Vec<String> = FLAGS.iter().map(|flag| format!("{flag:?}")).collect();
        let binary = self.chromium.display().to_string();
        let json =
            format!("{{\"goog:chromeOptions\": {{\"binary\": {binary:?}, \"args\": [{}]}}}}\n", flags.join(", "));
        let file = paths::own().join("webdriver.json");
        paths::create_dir(&paths::own())?;
        fs::write(&file, json).map_err(Problem::file(&file))?;
        Ok(file)
    }
}

/// A file named by an environment variable. A name of nothing is an error, not a reason to look elsewhere.
fn named(variable: &str) -> Result<Option<PathBuf>, Problem> {
    let Some(value) = std::env::var_os(variable) else {
        return Ok(None);
    };
    let file = PathBuf::from(value);
    if file.is_file() {
        return Ok(Some(file));
    }
    let what = format!("{} (named by {variable})", file.display());
    Err(Problem::missing(what, format!("name a file by {variable}, or unset it")))
}

fn is_root() -> bool {
    let own = fs::metadata(Path::new("/proc/self"));
    own.is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

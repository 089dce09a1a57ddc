//! What this machine must have, and what xtask can install into the repository's own folders.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::fresh::Stamp;
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::Step;

/// The target that browsers run.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
const NODE_AT_LEAST: u32 = 20;
/// The buffer protocol is part of the stable Python interface from this version on.
const PYTHON_AT_LEAST: (u32, u32) = (3, 11);

/// Checks that everything is there that xtask cannot install by itself.
pub(crate) fn check(step: &Step) -> Result<(), Problem> {
    let node = node()?;
    let python = python()?;
    c_compiler()?;
    step.note(format!("node {node}, python {}.{}", python.0, python.1));
    Ok(())
}

/// Finds a program on the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(name));
    found.find(|file| file.is_file())
}

/// Checks Node and npm, and returns Node's version.
pub(crate) fn node() -> Result<String, Problem> {
    let mend = "install Node 20 or later from https://nodejs.org (on Debian: apt-get install nodejs npm)";
    let version = Cmd::new("node").arg("--version").output();
    let Some(version) = version else {
        return Err(Problem::missing("node", mend));
    };
    let number = version.trim_start_matches('v').to_owned();
    let major = number.split('.').next().and_then(|part| part.parse().ok());
    if major.is_none_or(|major: u32| major < NODE_AT_LEAST) {
        let what = format!("Node {NODE_AT_LEAST} or later; this one is {version}");
        return Err(Problem::missing(what, mend));
    }
    match Cmd::new("npm").arg("--version").output() {
        Some(_) => Ok(number),
        None => Err(Problem::missing("npm", mend)),
    }
}

/// The Python that the virtual environment is made with: `SYNCLINE_PYTHON`, else `python3`.
fn base_python() -> OsString {
    std::env::var_os("SYNCLINE_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Checks Python and what a virtual environment needs, and returns Python's version.
pub(crate) fn python() -> Result<(u32, u32), Problem> {
    let python = base_python();
    let script = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let wanted = format!("Python {}.{} or later", PYTHON_AT_LEAST.0, PYTHON_AT_LEAST.1);
    let mend = "install it (on Debian: apt-get install python3 python3-venv), \
                or name one by SYNCLINE_PYTHON=/path/to/python";
    let output = Cmd::new(&python).arg("-c").arg(script).output();
    let Some(output) = output else {
        return Err(Problem::missing(wanted, mend));
    };
    let mut numbers = output.split(' ').flat_map(str::parse);
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < PYTHON_AT_LEAST {
        let what = format!("{wanted}; this one is {}.{}", version.0, version.1);
        return Err(Problem::missing(what, mend));
    }
    match Cmd::new(&python).words("-c").arg("import venv, ensurepip").output() {
        Some(_) => Ok(version),
        None => Err(Problem::missing("Python's venv module", "apt-get install python3-venv")),
    }
}

/// Checks the C compiler that links Rust programs and builds the embedded database.
fn c_compiler() -> Result<(), Problem> {
    let names = ["cc", "gcc", "clang"];
    if std::env::var_os("CC").is_some() || names.iter().any(|name| find(name).is_some()) {
        return Ok(());
    }
    Err(Problem::missing("a C compiler", "apt-get install build-essential (on macOS: xcode-select --install)"))
}

/// Installs the standard library for WASM where it is missing.
///
/// The list in rust-toolchain.toml may be ignored silently by a linked tool chain, hence the look into the folder.
pub(crate) fn wasm_target(step: &Step) -> Result<(), Problem> {
    let mend = format!("rustup target add {WASM}");
    let has_target = || {
        let sysroot = Cmd::new("rustc").words("--print sysroot").output();
        sysroot.is_some_and(|root| Path::new(&root).join("lib/rustlib").join(WASM).exists())
    };
    if has_target() {
        step.note("there");
        return Ok(());
    }
    let what = format!("Rust's standard library for {WASM}");
    if find("rustup").is_none() {
        return Err(Problem::missing(what, format!("install rustup from https://rustup.rs, then: {mend}")));
    }
    step.run(&Cmd::new("rustup").words("target add").arg(WASM))?;
    if has_target() {
        step.note("installed");
        return Ok(());
    }
    Err(Problem::missing(what, mend))
}

/// Installs the npm packages of a folder, exactly as its lock file says.
pub(crate) fn npm_packages(step: &Step, folder: &str) -> Result<(), Problem> {
    let manifest = format!("{folder}/package.json");
    let lock = format!("{folder}/package-lock.json");
    if !paths::root().join(&lock).exists() {
        let mend = format!("npm install --prefix {folder}");
        return Err(Problem::missing(lock, mend));
    }
    let modules = paths::root().join(folder).join("node_modules");
    let name = format!("npm-{}", folder.replace('/', "-"));
    let stamp = Stamp::take(&name, &[&manifest, &lock], "");
    if stamp.is_fresh(&[&modules]) {
        return Ok(());
    }
    let cmd = Cmd::new("npm").words("ci --no-audit --no-fund --prefer-offline");
    step.run(&cmd.dir(folder))?;
    step.note(format!("npm packages of {folder} installed"));
    stamp.keep()
}

/// Makes the virtual environment with the packages that the bindings' development needs.
pub(crate) fn venv(step: &Step) -> Result<(), Problem> {
    let requirements = "bindings/python/requirements-dev.txt";
    let python = paths::venv_python();
    let stamp = Stamp::take("venv", &[requirements], &format!("{:?}", base_python()));
    if stamp.is_fresh(&[&python]) {
        step.note("up to date");
        return Ok(());
    }
    let folder = paths::target().join("venv");
    step.run(&Cmd::new(base_python()).words("-m venv").arg(&folder))?;
    let install = Cmd::new(&python).words("-m pip install --quiet --disable-pip-version-check -r");
    step.run(&install.arg(requirements))?;
    step.note("virtual environment made");
    stamp.keep()
}

/// A cargo command on the packaging tool, in a profile of its own.
///
/// Without optimisation it builds in 20 s; 60 s of optimising would save it a second.
pub(crate) fn for_wasm_tool(command: &str) -> Cmd {
    let mut cmd = Cmd::cargo().arg(command);
    cmd = cmd.words("--package wasm-tool --profile tool");
    for setting in ["inherits=\"dev\"", "opt-level=0", "debug=false", "incremental=false"] {
        cmd = cmd.arg("--config").arg(format!("profile.tool.{setting}"));
    }
    cmd
}

/// Builds the packaging tool, with the test runner if asked for, and returns its file.
pub(crate) fn wasm_tool(step: &Step, with_runner: bool) -> Result<PathBuf, Problem> {
    let tool = |runner: bool| {
        let name = if runner { "wasm-tool-runner" } else { "wasm-tool" };
        let stamp = Stamp::take(name, &["xtask/wasm-tool", "Cargo.toml"], "");
        (stamp, paths::own().join(name))
    };
    // The one with the runner can do all that the other can.
    for runner in [true, with_runner] {
        let (stamp, file) = tool(runner);
        if stamp.is_fresh(&[&file]) {
            return Ok(file);
        }
    }
    let (stamp, file) = tool(with_runner);
    let mut cmd = for_wasm_tool("build");
    if with_runner {
        cmd = cmd.words("--features test-runner");
    }
    step.run(&cmd)?;
    let built = paths::target().join("tool/wasm-tool");
    std::fs::copy(&built, &file).map_err(Problem::file(&built))?;
    stamp.keep()?;
    Ok(file)
}

//! Packages the WASM build of Syncline, and runs WASM tests.
//!
//! - `wasm-tool pack --input FILE.wasm --out FOLDER --name NAME` writes the ES module glue, its types and the
//!   stripped WASM file.
//! - `wasm-tool test-runner FILE.wasm ...` is what `CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER` points at (built
//!   with the feature `test-runner`).
//!
//! Both use wasm-bindgen as a library, at the exact version the bindings are built with: the command line tool
//! installed on a machine would have to match it, and seldom does.
#![forbid(unsafe_code)]

mod pack;
mod sections;

use std::ffi::OsString;
use std::process::ExitCode;

const USAGE: &str = "usage: wasm-tool pack --input FILE.wasm --out FOLDER --name NAME
       wasm-tool test-runner FILE.wasm [TEST ARGUMENTS]";

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if args.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let command = args.remove(0);
    let done = match command.to_str() {
        Some("pack") => pack::Request::parse(args).and_then(|request| request.run()),
        Some("test-runner") => run_tests(args),
        _ => Err(anyhow::anyhow!("unknown command {command:?}\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm-tool: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "test-runner")]
fn run_tests(args: Vec<OsString>) -> anyhow::Result<()> {
    let name = OsString::from("wasm-tool test-runner");
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::iter::once(name).chain(args))
}

#[cfg(not(feature = "test-runner"))]
fn run_tests(_: Vec<OsString>) -> anyhow::Result<()> {
    anyhow::bail!("this build cannot run tests: build it with `cargo build -p wasm-tool --features test-runner`")
}

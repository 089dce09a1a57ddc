//! The commands of this repository: `cargo xtask help` lists them.
//!
//! Uses std only, so that it builds in a second and a newcomer waits for nothing else. Every command says which
//! step it is at, writes the output of what it runs to a log, and names a missing piece together with the command
//! that mends it.
#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("xtask runs on Linux and macOS; on Windows use WSL");

mod args;
mod bench;
mod browser;
mod count;
mod deep;
mod demo;
mod fresh;
mod load;
mod needs;
mod package;
mod paths;
mod problem;
mod process;
mod sections;
mod service;
mod sizes;
mod steps;
mod table;
mod test;
mod tools;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Args;
use problem::Problem;

const HELP: &str = "\
The commands of this repository

  cargo xtask demo [--port N] [--page-port N] [--once]
      Builds everything, starts the relay, the page and a Python replica, and prints the address.
      --once stops again as soon as all of them answered.
  cargo xtask test [--only NAME]...
      All tests of all languages, a real browser included. NAME: lint, rust, wasm, js, python,
      conformance, page, e2e, sizes.
  cargo xtask build-js [--profile dev|release] [--small]
      The npm package in bindings/js. --small: only the small WASM, for its size.
  cargo xtask build-python
      The wheel, installed in target/venv.
  cargo xtask bench [--only rust|js|python]... [--percent P]
      Local set, join, encode, decode and load, beside other libraries, as tables. --percent: a share of the work.
  cargo xtask load [--relay NAME]... [--run NAME]... [--seconds N] [--rounds N]
      `syncline bench` against the relay, @y/websocket-server, Hocuspocus and y-sweet, as one table.
  cargo xtask sizes
      The sizes of the WASM files and of the wheel, against their limits.
  cargo xtask fuzz [--only TARGET]... [--seconds N]
      Every decoder and state machine under libFuzzer, ten minutes each. Needs the nightly compiler.
  cargo xtask miri
      The unit tests of the core under Miri. Needs the nightly compiler.
  cargo xtask clean-demo
      Forgets the documents of the demo.
";

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if args.first().is_some_and(|first| first == watch::FLAG) {
        return watch::main(args.split_off(1));
    }
    match run(Args::new(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem::Told) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("\n{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Args) -> Result<(), Problem> {
    match args.command()?.as_deref() {
        Some("demo") => demo::run(demo::Options::parse(args)?),
        Some("test") => test::run(args),
        Some("build-js") => package::build_js_command(args),
        Some("build-python") => package::build_python_command(args),
        Some("bench") => bench::run(args),
        Some("load") => load::run(args),
        Some("sizes") => sizes::command(args),
        Some("fuzz") => deep::fuzz(args),
        Some("miri") => deep::miri(args),
        Some("clean-demo") => demo::clean(args),
        None | Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(Problem::usage(format!("there is no command `{other}`"))),
    }
}

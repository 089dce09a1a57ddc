//! The parts of the tests: what each needs, and the commands that it runs.

use std::fs;

use crate::browser::Browser;
use crate::count::Format;
use crate::needs::Need;
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::sizes;
use crate::steps::Step;
use crate::tools::{self, WASM};

/// A part of the tests that can be chosen by `--only`.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(&Step) -> Result<(), Problem>,
}

/// All of them, in the order in which they run.
pub(crate) const SECTIONS: &[Section] = &[
    Section { name: "lint", title: "Format and lints", needs: &[], run: lint },
    Section { name: "rust", title: "Rust tests", needs: &[], run: rust },
    Section {
        name: "wasm",
        title: "Rust tests under WASM, in Node and Chromium",
        needs: &[Need::WasmRunner, Need::Browser],
        run: wasm,
    },
    Section {
        name: "js",
        title: "npm package, in Node and Chromium",
        needs: &[Need::NpmPackage, Need::Browser, Need::Relay],
        run: js,
    },
    Section { name: "python", title: "Python package", needs: &[Need::Wheel, Need::Relay], run: python },
    Section {
        name: "conformance",
        title: "Conformance vectors in Node, Chromium and Python; a reader of the format",
        needs: &[Need::NpmPackage, Need::Browser, Need::Wheel],
        run: conformance,
    },
    Section { name: "page", title: "Types of the page", needs: &[Need::Page], run: page },
    Section {
        name: "e2e",
        title: "End to end: relay, Chromium, Python, Rust, clients of Yjs",
        needs: &[Need::Page, Need::Wheel, Need::Relay, Need::Browser],
        run: end_to_end,
    },
    Section { name: "sizes", title: "Sizes", needs: sizes::NEEDS, run: sizes::check },
];

fn lint(step: &Step) -> Result<(), Problem> {
    let commands = ["fmt --all --check", "clippy --workspace --all-targets -- -D warnings"];
    each(commands, |words| step.test(&Cmd::cargo().words(words), Format::None))?;
    // Undocumented items and broken links are errors there.
    let docs = Cmd::cargo().words("doc --workspace --no-deps --quiet").env("RUSTDOCFLAGS", "-D warnings");
    step.test(&docs, Format::None)
}

/// The packages for other languages are tested from those languages, and the WASM tool in its own profile.
fn rust(step: &Step) -> Result<(), Problem> {
    let mut cmd = Cmd::cargo().words("test --workspace --no-fail-fast");
    for folder in ["bindings/js", "bindings/python", "xtask/wasm-tool"] {
        cmd = cmd.arg("--exclude").arg(paths::package_name(folder)?);
    }
    let tool = tools::for_wasm_tool("test").words("--features test-runner");
    run_all(step, [(cmd, Format::Cargo), (tool, Format::Cargo)])
}

fn wasm(step: &Step) -> Result<(), Problem> {
    let tool = tools::wasm_tool(step, true)?;
    let runner = format!("{} test-runner", tool.display());
    let mut cmd = Cmd::cargo().words("test --no-fail-fast --target").arg(WASM);
    // Without line tables the files are a third of the size, and the runner reads them faster.
    cmd = cmd.env("CARGO_PROFILE_DEV_DEBUG", "false");
    cmd = cmd.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    cmd = cmd.env("WASM_BINDGEN_TEST_TIMEOUT", "300");
    for package in wasm_tested()? {
        cmd = cmd.arg("--package").arg(package);
    }
    let browser = Browser::find()?;
    let in_browser = cmd.clone().env("WASM_BINDGEN_USE_BROWSER", "1");
    let in_browser = in_browser.env("CHROMEDRIVER", &browser.driver);
    let in_browser = in_browser.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", browser.capabilities()?);
    let runs = [cmd.remark("  (in Node)"), in_browser.remark("  (in Chromium)")];
    each(runs, |cmd| step.test(&cmd, Format::Cargo))
}

fn js(step: &Step) -> Result<(), Problem> {
    let npm = |script: &str| Cmd::new("npm").words("run --silent").arg(script).dir("bindings/js");
    let runs =
        [(npm("types"), Format::None), (npm("test"), Format::Node), (with_browser(npm("test:browser"))?, Format::Node)];
    run_all(step, runs)
}

fn python(step: &Step) -> Result<(), Problem> {
    let python = |words| Cmd::new(paths::venv_python()).words(words).dir("bindings/python");
    let runs = [(python("-m pytest --color=no"), Format::Pytest), (python("-m mypy"), Format::None)];
    run_all(step, runs)
}

/// (Rust runs the same vectors among its own tests.)
fn conformance(step: &Step) -> Result<(), Problem> {
    let node = |file: &str| Cmd::new("node").arg(format!("tests/conformance/{file}"));
    let runs = [
        (Cmd::new("node").words("--test tests/conformance/node.test.mjs"), Format::Node),
        (with_browser(node("browser.mjs"))?, Format::Plain),
        (
            Cmd::new(paths::venv_python()).words("-m pytest -q -p no:cacheprovider --color=no tests/conformance"),
            Format::Pytest,
        ),
        (
            Cmd::new(paths::venv_python()).words("-m pytest -q -p no:cacheprovider --color=no tests/format"),
            Format::Pytest,
        ),
    ];
    run_all(step, runs)
}

fn page(step: &Step) -> Result<(), Problem> {
    let types = Cmd::new("npm").words("run --silent typecheck");
    step.test(&types.dir("web-demo"), Format::None)
}

fn end_to_end(step: &Step) -> Result<(), Problem> {
    let folders = ["tests/e2e", "tests/yjs"];
    folders.iter().try_for_each(|folder| tools::npm_packages(step, folder))?;
    each(folders, |folder| {
        let npm = Cmd::new("npm").words("run --silent test").dir(folder);
        step.test(&with_browser(npm)?, Format::Node)
    })
}

/// Names Chromium to a test that looks for it by either variable.
fn with_browser(cmd: Cmd) -> Result<Cmd, Problem> {
    let chromium = Browser::find()?.chromium;
    let cmd = cmd.env("SYNCLINE_CHROMIUM", &chromium);
    Ok(cmd.env("CHROMIUM", &chromium))
}

/// Runs test commands, each after the other.
fn run_all(step: &Step, runs: impl IntoIterator<Item = (Cmd, Format)>) -> Result<(), Problem> {
    each(runs, |(cmd, format)| step.test(&cmd, format))
}

/// Tries every one, also after a failure, and hands back all problems.
fn each<T>(all: impl IntoIterator<Item = T>, run: impl FnMut(T) -> Result<(), Problem>) -> Result<(), Problem> {
    let problems = all.into_iter().map(run).filter_map(Result::err);
    let mut problems: Vec<Problem> = problems.collect();
    match problems.len() {
        0 => Ok(()),
        1 => Err(problems.remove(0)),
        _ => Err(Problem::Several(problems)),
    }
}

/// The packages with tests for WASM: those that use its test library.
fn wasm_tested() -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    for folder in ["core", "bindings/js", "tests"] {
        let manifest = paths::root().join(folder).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(Problem::file(&manifest))?;
        if text.contains("wasm-bindgen-test") {
            names.push(paths::package_name(folder)?);
        }
    }
    if names.is_empty() {
        return Err(Problem::other(
            "no package has tests for WASM: core, bindings/js or tests must use wasm-bindgen-test",
        ));
    }
    Ok(names)
}

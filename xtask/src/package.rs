//! Builds what is shipped: the npm package, the wheel, the relay.

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::fresh::Stamp;
use crate::needs::{self, Need};
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::{Plan, Step};
use crate::tools::{self, WASM};

/// The WASM file in bindings/js/pkg that the npm package is made from.
pub(crate) const WASM_FILE: &str = "bindings/js/pkg/syncline_js_bg.wasm";
/// The one of `syncline/tools`.
pub(crate) const TOOLS_WASM_FILE: &str = "bindings/js/pkg/tools/syncline_js_bg.wasm";
/// The one with the least in it, built for its size.
pub(crate) const SMALL_WASM_FILE: &str = "bindings/js/pkg/small/syncline_js_bg.wasm";

/// What the WASM is compiled from.
const WASM_INPUTS: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "core/Cargo.toml",
    "core/src",
    "bindings/js/Cargo.toml",
    "bindings/js/src",
    "xtask/wasm-tool",
];

/// How much the compiler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Builds fast.
    Dev,
    /// Runs fast; this is what is shipped.
    Release,
}

/// Which of the modules: they differ in features of bindings/js.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Module {
    /// Documents with everything.
    Full,
    /// Documents without text and without the rarer types.
    Small,
    /// Decisions, without documents.
    Tools,
}

impl Module {
    /// The file, and the name of its stamp.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Module::Full => (WASM_FILE, "wasm"),
            Module::Small => (SMALL_WASM_FILE, "wasm-small"),
            Module::Tools => (TOOLS_WASM_FILE, "wasm-tools"),
        }
    }

    /// The feature that stands for all; `None` for what is on by default.
    fn feature(self) -> Option<&'static str> {
        match self {
            Module::Full => None,
            Module::Small => Some("documents"),
            Module::Tools => Some("tools"),
        }
    }
}

/// `cargo xtask build-js`.
pub(crate) fn build_js_command(mut args: Args) -> Result<(), Problem> {
    let profile = match args.value::<String>("--profile")?.as_deref() {
        Some("dev") => Profile::Dev,
        Some("release") | None => Profile::Release,
        Some(other) => {
            let text = format!("--profile is dev or release, not `{other}`");
            return Err(Problem::usage(text));
        }
    };
    let small = args.switch("--small");
    args.finish()?;
    let tools = needs::resolve(&[Need::WasmTool]);
    let mut plan = Plan::new(tools.len() + if small { 1 } else { 4 });
    needs::make_all(&mut plan, &tools)?;
    if small {
        return plan.step("Small WASM", |step| wasm(step, profile, Module::Small));
    }
    plan.step("WASM", |step| wasm(step, profile, Module::Full))?;
    plan.step("Small WASM", |step| wasm(step, profile, Module::Small))?;
    plan.step("WASM of the tools", |step| wasm(step, profile, Module::Tools))?;
    plan.step("npm package", npm_package)
}

/// `cargo xtask build-python`.
pub(crate) fn build_python_command(args: Args) -> Result<(), Problem> {
    args.finish()?;
    let mut plan = Plan::new(2);
    plan.step("Python packages", tools::venv)?;
    let wheel = plan.step("Python wheel", wheel)?;
    println!("{}, installed for {}", paths::display(&wheel), paths::display(&paths::venv_python()));
    Ok(())
}

/// Compiles the WASM and writes it with its glue into bindings/js/pkg.
pub(crate) fn wasm(step: &Step, profile: Profile, module: Module) -> Result<(), Problem> {
    let (file, name) = module.names();
    let file = paths::root().join(file);
    let stamp = Stamp::take(name, WASM_INPUTS, &format!("{profile:?}"));
    if stamp.is_fresh(&[&file]) {
        step.note("up to date");
        return Ok(());
    }
    let (profile, folder) = match (profile, module) {
        (Profile::Dev, _) => ("dev", "debug"),
        (Profile::Release, Module::Full) => ("wasm", "wasm"),
        (Profile::Release, Module::Small | Module::Tools) => ("wasm-small", "wasm-small"),
    };
    let package = paths::package_name("bindings/js")?;
    let mut cmd = Cmd::cargo().words("build --target").arg(WASM);
    cmd = cmd.arg("--package").arg(package).arg("--profile").arg(profile);
    if let Some(feature) = module.feature() {
        cmd = cmd.words("--no-default-features --features").arg(feature);
    }
    step.run(&cmd)?;
    let tool = tools::wasm_tool(step, false)?;
    let compiled = paths::target().join(WASM).join(folder).join("syncline_js.wasm");
    let out = file.parent().unwrap_or(Path::new("."));
    let pack = Cmd::new(tool).arg("pack").arg("--input").arg(compiled);
    step.run(&pack.arg("--out").arg(out).words("--name syncline_js"))?;
    stamp.keep()
}

/// Builds the npm package around the WASM in bindings/js/pkg.
pub(crate) fn npm_package(step: &Step) -> Result<(), Problem> {
    let folder = "bindings/js";
    tools::npm_packages(step, folder)?;
    let inputs = [
        "bindings/js/package.json",
        "bindings/js/tsconfig.json",
        "bindings/js/scripts",
        "bindings/js/ts",
        "bindings/js/pkg/syncline_js.js",
        "bindings/js/pkg/tools/syncline_js.js",
        WASM_FILE,
        SMALL_WASM_FILE,
        TOOLS_WASM_FILE,
    ];
    let stamp = Stamp::take("npm-package", &inputs, "");
    let index = paths::root().join("bindings/js/dist/index.js");
    if stamp.is_fresh(&[&index]) {
        step.note("up to date");
        return Ok(());
    }
    step.run(&Cmd::new("npm").words("run build").dir(folder))?;
    stamp.keep()
}

/// Builds the wheel, installs it in the virtual environment and returns its file.
pub(crate) fn wheel(step: &Step) -> Result<PathBuf, Problem> {
    let inputs = [
        "Cargo.toml",
        "Cargo.lock",
        "core/Cargo.toml",
        "core/src",
        "bindings/python/Cargo.toml",
        "bindings/python/pyproject.toml",
        "bindings/python/src",
        "bindings/python/python",
        "bindings/python/requirements-dev.txt",
    ];
    let stamp = Stamp::take("wheel", &inputs, "");
    let python = paths::venv_python();
    if let Some(wheel) = built_wheel().filter(|wheel| stamp.is_fresh(&[wheel, &python])) {
        step.note("up to date");
        return Ok(wheel);
    }
    let wheels = paths::target().join("wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels).map_err(Problem::file(&wheels))?;
    }
    let maturin = Cmd::new(paths::target().join("venv/bin/maturin"));
    let build = maturin.words("build --profile native --strip --manifest-path bindings/python/Cargo.toml");
    let build = build.arg("--interpreter").arg(&python).arg("--out").arg(&wheels);
    // Its own target folder: maturin's settings would make cargo rebuild the rest of the workspace each time.
    step.run(&build.arg("--target-dir").arg(paths::target().join("python")))?;
    let wheel = built_wheel().ok_or_else(|| Problem::other("maturin made no wheel in target/wheels"))?;
    let pip = || Cmd::new(&python).words("-m pip install --quiet --disable-pip-version-check");
    step.run(&pip().arg(&wheel))?;
    step.run(&pip().words("--force-reinstall --no-deps").arg(&wheel))?;
    stamp.keep()?;
    Ok(wheel)
}

/// The wheel that was built last.
pub(crate) fn built_wheel() -> Option<PathBuf> {
    let entries = fs::read_dir(paths::target().join("wheels")).ok()?;
    let mut files = entries.flatten().map(|entry| entry.path());
    files.find(|file| file.extension().is_some_and(|extension| extension == "whl"))
}

/// Builds the relay in the development profile.
pub(crate) fn relay(step: &Step) -> Result<(), Problem> {
    let package = paths::package_name("server")?;
    step.run(&Cmd::cargo().words("build --bin syncline --package").arg(package))?;
    Ok(())
}

/// Builds the page, which needs the npm package.
pub(crate) fn page(step: &Step) -> Result<(), Problem> {
    tools::npm_packages(step, "web-demo")?;
    let inputs = ["web-demo", "bindings/js/dist"];
    let stamp = Stamp::take("page", &inputs, "");
    let index = paths::root().join("web-demo/dist/index.html");
    if stamp.is_fresh(&[&index]) {
        step.note("up to date");
        return Ok(());
    }
    step.run(&Cmd::new("npm").words("run build").dir("web-demo"))?;
    stamp.keep()
}

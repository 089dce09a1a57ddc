//! What demo, tests and benchmarks need beside the sources.

use crate::browser::Browser;
use crate::package::{self, Module, Profile};
use crate::problem::Problem;
use crate::steps::{Plan, Step};
use crate::tools;

/// Something that is built or installed before it can be run or tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    WasmTarget,
    WasmTool,
    WasmRunner,
    Browser,
    Wasm,
    SmallWasm,
    ToolsWasm,
    NpmPackage,
    Venv,
    Wheel,
    Relay,
    Page,
}

/// Lists needs with all that they rest on, each once and after what it rests on.
pub(crate) fn resolve<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Vec<Need> {
    let mut all = Vec::new();
    for need in needs {
        for one in resolve(need.rests_on()).into_iter().chain([*need]) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

/// Makes all of them, each as a step, up to the first that fails.
pub(crate) fn make_all(plan: &mut Plan, needs: &[Need]) -> Result<(), Problem> {
    needs.iter().try_for_each(|need| plan.step(need.title(), |step| need.make(step)))
}

impl Need {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Need::WasmTarget => "Rust for WASM",
            Need::WasmTool => "WASM tool",
            Need::WasmRunner => "WASM test runner",
            Need::Browser => "Chromium",
            Need::Wasm => "WASM with everything",
            Need::SmallWasm => "Small WASM",
            Need::ToolsWasm => "WASM of the tools",
            Need::NpmPackage => "npm package",
            Need::Venv => "Python packages",
            Need::Wheel => "Python wheel",
            Need::Relay => "Relay",
            Need::Page => "Page",
        }
    }

    /// What must be there before it can be made.
    pub(crate) fn rests_on(self) -> &'static [Need] {
        match self {
            Need::WasmTool | Need::WasmRunner => &[Need::WasmTarget],
            Need::Wasm | Need::SmallWasm | Need::ToolsWasm => &[Need::WasmTool],
            Need::NpmPackage => &[Need::Wasm, Need::SmallWasm, Need::ToolsWasm],
            Need::Page => &[Need::NpmPackage],
            Need::Wheel => &[Need::Venv],
            Need::WasmTarget | Need::Browser | Need::Venv | Need::Relay => &[],
        }
    }

    /// Builds or installs it.
    pub(crate) fn make(self, step: &Step) -> Result<(), Problem> {
        match self {
            Need::WasmTarget => tools::wasm_target(step),
            Need::WasmTool => tools::wasm_tool(step, false).map(drop),
            Need::WasmRunner => tools::wasm_tool(step, true).map(drop),
            Need::Browser => Browser::ensure(step).map(drop),
            Need::Wasm => package::wasm(step, Profile::Release, Module::Full),
            Need::SmallWasm => package::wasm(step, Profile::Release, Module::Small),
            Need::ToolsWasm => package::wasm(step, Profile::Release, Module::Tools),
            Need::NpmPackage => package::npm_package(step),
            Need::Venv => tools::venv(step),
            Need::Wheel => package::wheel(step).map(drop),
            Need::Relay => package::relay(step),
            Need::Page => package::page(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_something_rests_on_comes_first_and_once() {
        let wasm = [Need::WasmTarget, Need::WasmTool, Need::Wasm, Need::SmallWasm, Need::ToolsWasm];
        let expected = [&wasm[..], &[Need::NpmPackage, Need::Page]].concat();
        assert_eq!(resolve(&[Need::Page, Need::NpmPackage, Need::SmallWasm]), expected);
    }
}

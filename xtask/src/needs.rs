//! What the tests need beside the sources, each made once.

use crate::browser::Browser;
use crate::package::{self, Profile, Text};
use crate::problem::Problem;
use crate::steps::Step;
use crate::tools;

/// Something that tests need and that is built or installed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    WasmTarget,
    WasmRunner,
    Browser,
    Wasm,
    SmallWasm,
    NpmPackage,
    Venv,
    Wheel,
    Relay,
    Page,
}

impl Need {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Need::WasmTarget => "Rust for WASM",
            Need::WasmRunner => "WASM test runner",
            Need::Browser => "Chromium",
            Need::Wasm => "WASM with text",
            Need::SmallWasm => "WASM without text",
            Need::NpmPackage => "npm package",
            Need::Venv => "Python packages",
            Need::Wheel => "Python wheel",
            Need::Relay => "Relay",
            Need::Page => "Page",
        }
    }

    /// Needs that come before this one wherever it is needed.
    pub(crate) fn rests_on(self) -> &'static [Need] {
        match self {
            Need::WasmRunner => &[Need::WasmTarget],
            Need::Wasm | Need::SmallWasm => &[Need::WasmTarget, Need::WasmRunner],
            Need::NpmPackage => &[Need::Wasm],
            Need::Page => &[Need::NpmPackage],
            Need::Wheel => &[Need::Venv],
            Need::WasmTarget | Need::Browser | Need::Venv | Need::Relay => &[],
        }
    }

    /// Builds or installs it.
    pub(crate) fn make(self, step: &Step) -> Result<(), Problem> {
        match self {
            Need::WasmTarget => tools::wasm_target(step),
            Need::WasmRunner => tools::wasm_tool(step, true).map(drop),
            Need::Browser => Browser::ensure(step).map(drop),
            Need::Wasm => package::wasm(step, Profile::Release, Text::With),
            Need::SmallWasm => package::wasm(step, Profile::Release, Text::Without),
            Need::NpmPackage => package::npm_package(step),
            Need::Venv => tools::venv(step),
            Need::Wheel => package::python_package(step).map(drop),
            Need::Relay => package::relay(step),
            Need::Page => package::page(step),
        }
    }
}

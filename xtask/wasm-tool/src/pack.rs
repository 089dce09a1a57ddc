//! From a WASM file of cargo to the files of the npm package.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::sections;

/// What to package, and where to.
#[derive(Debug)]
pub(crate) struct Request {
    input: PathBuf,
    out: PathBuf,
    name: String,
}

impl Request {
    /// Reads the arguments after `pack`. All three options are needed.
    pub(crate) fn parse(args: Vec<OsString>) -> Result<Request> {
        let (mut input, mut out, mut name) = (None, None, None);
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            let value = args.next().with_context(|| format!("{option:?} wants a value"))?;
            match option.to_str() {
                Some("--input") => input = Some(PathBuf::from(value)),
                Some("--out") => out = Some(PathBuf::from(value)),
                Some("--name") => {
                    let text = value.to_str().context("--name is not UTF-8")?;
                    name = Some(text.to_owned());
                }
                _ => bail!("unknown option {option:?}"),
            }
        }
        Ok(Request {
            input: input.context("--input is missing: the .wasm file that cargo built")?,
            out: out.context("--out is missing: the folder to write to")?,
            name: name.context("--name is missing: the file name of the glue")?,
        })
    }

    /// Writes `NAME.js`, `NAME.d.ts`, `NAME_bg.wasm` and `NAME_bg.wasm.d.ts` into the output folder.
    ///
    /// The files are made in a folder beside it first, so that a failure leaves the old package whole.
    pub(crate) fn run(&self) -> Result<()> {
        let staging = self.out.with_extension("new");
        if staging.exists() {
            fs::remove_dir_all(&staging).with_context(|| format!("cannot empty {}", staging.display()))?;
        }
        self.generate(&staging)?;
        fs::create_dir_all(&self.out).with_context(|| format!("cannot create {}", self.out.display()))?;
        self.move_files(&staging)
    }

    fn generate(&self, to: &Path) -> Result<()> {
        Bindgen::new()
            .input_path(&self.input)
            .out_name(&self.name)
            .web(true)?
            .typescript(true)
            .omit_default_module_path(true)
            .remove_name_section(true)
            .remove_producers_section(true)
            .generate(to)
            .with_context(|| format!("wasm-bindgen cannot package {}", self.input.display()))?;
        let wasm = to.join(format!("{}_bg.wasm", self.name));
        let bytes = fs::read(&wasm).with_context(|| format!("no {} was made", wasm.display()))?;
        let stripped = sections::without_custom(&bytes, &["name", "producers"])?;
        fs::write(&wasm, stripped).with_context(|| format!("cannot write {}", wasm.display()))
    }

    fn move_files(&self, staging: &Path) -> Result<()> {
        for entry in fs::read_dir(staging)? {
            let entry = entry?;
            let target = self.out.join(entry.file_name());
            if target.is_dir() {
                fs::remove_dir_all(&target)?;
            }
            fs::rename(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
        fs::remove_dir(staging)?;
        Ok(())
    }
}

//! Breaks the core on purpose, one small change at a time, and tells which test notices.
//!
//! `tests/mutants/*.json` lists the changes: `name`, `file` (below `core/src`), `find` (text that occurs once),
//! `replace`, and `test` (test binary and optionally a filter) that must fail. Each change is made in a copy of the
//! sources below the target folder, so that the tree itself stays as it is and dependencies are built once. All those
//! tests must pass before the first change is made.
//! Arguments select mutants whose name contains one of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use serde_json::Value as Json;

/// Folders and files that make up the copy.
const PARTS: &[&str] = &["core", "tests/src", "tests/tests", "tests/vectors", "tests/crashers", "tests/Cargo.toml"];

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &[String]) -> Result<bool, String> {
    let copy = Copy::make()?;
    let mut all = mutants()?;
    all.retain(|mutant| wanted.is_empty() || wanted.iter().any(|part| mutant["name"].to_string().contains(part)));
    copy.check(&all)?;
    let mut all_caught = true;
    println!("{:<44} {:<28} {:>6}  result", "mutation", "test", "s");
    for mutant in all {
        let (name, start) = (field(&mutant, "name")?, Instant::now());
        let verdict = copy.judge(&mutant)?;
        all_caught &= verdict == "caught";
        println!("{name:<44} {:<28} {:>6.1}  {verdict}", field(&mutant, "test")?, start.elapsed().as_secs_f64());
    }
    Ok(all_caught)
}

/// The copy of the workspace in which mutants live.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make() -> Result<Copy, String> {
        let here = workspace();
        let base =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| here.join("target"), PathBuf::from).join("mutants");
        let copy = Copy { root: base.join("workspace"), target: base.join("build") };
        let _ = fs::remove_dir_all(&copy.root);
        for part in PARTS {
            copy_tree(&here.join(part), &copy.root.join(part))?;
        }
        copy_tree(&here.join("Cargo.lock"), &copy.root.join("Cargo.lock"))?;
        let manifest = text_of(&here.join("Cargo.toml"))?;
        let members = |line: &str| line.starts_with("members") || line.starts_with("default-members");
        let lines = manifest.lines().filter(|line| !line.starts_with("syncline-server"));
        let kept: Vec<&str> = lines.map(|line| if members(line) { "" } else { line }).collect();
        let manifest = kept.join("\n").replacen("[workspace]", "[workspace]\nmembers = [\"core\", \"tests\"]", 1);
        write(&copy.root.join("Cargo.toml"), &manifest)?;
        Ok(copy)
    }

    /// Runs each test on the sources as they are: one that fails anyway would catch everything.
    fn check(&self, mutants: &[Json]) -> Result<(), String> {
        let tests: Result<BTreeSet<&str>, String> = mutants.iter().map(|mutant| field(mutant, "test")).collect();
        for test in tests? {
            match self.test(test)? {
                "MISSED" => {}
                other => return Err(format!("without any mutation `{test}` says: {other}")),
            }
        }
        Ok(())
    }

    /// Applies the mutant, runs its test and puts the source back.
    fn judge(&self, mutant: &Json) -> Result<&'static str, String> {
        let file = self.root.join("core/src").join(field(mutant, "file")?);
        let sound = text_of(&file)?;
        let find = field(mutant, "find")?;
        if sound.matches(find).count() != 1 {
            return Ok("STALE: the text to find does not occur exactly once");
        }
        write(&file, &sound.replacen(find, field(mutant, "replace")?, 1))?;
        let verdict = self.test(field(mutant, "test")?);
        write(&file, &sound)?;
        verdict
    }

    fn test(&self, test: &str) -> Result<&'static str, String> {
        let mut words = test.split(' ');
        let binary = words.next().unwrap_or_default();
        let cargo = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO"));
            command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).args(arguments);
            command.output().map_err(|e| format!("cargo: {e}"))
        };
        let select: &[&str] =
            if binary == "core" { &["-p", "syncline", "--lib"] } else { &["-p", "syncline-tests", "--test", binary] };
        let build = cargo(&[&["test", "--quiet", "--no-run"], select].concat())?;
        if !build.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&build.stderr));
            return Ok("DOES NOT COMPILE");
        }
        let filter: Vec<&str> = words.collect();
        let run = cargo(&[&["test", "--quiet"], select, &["--"], &filter].concat())?;
        Ok(if run.status.success() { "MISSED" } else { "caught" })
    }
}

fn mutants() -> Result<Vec<Json>, String> {
    let folder = workspace().join("tests/mutants");
    let listing = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let json: Json = serde_json::from_str(&text_of(file)?).map_err(|e| format!("{}: {e}", file.display()))?;
        all.extend(json.as_array().cloned().unwrap_or_default());
    }
    Ok(all)
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), String> {
    let problem = |e: std::io::Error| format!("{}: {e}", from.display());
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap_or(to)).map_err(problem)?;
        return fs::copy(from, to).map(drop).map_err(problem);
    }
    for entry in fs::read_dir(from).map_err(problem)? {
        let name = entry.map_err(problem)?.file_name();
        copy_tree(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

fn text_of(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn field<'a>(mutant: &'a Json, name: &str) -> Result<&'a str, String> {
    mutant[name].as_str().ok_or_else(|| format!("a mutant lacks the text {name}: {mutant}"))
}

//! The rules of the house that a compiler does not check, read off the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that may be longer than [`LONGEST`], each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Most lines of a source file.
const LONGEST: usize = 500;

/// Most lines of a function.
const LONGEST_FUNCTION: usize = 70;

/// Folders that are built or installed, not written.
const NOT_OURS: &[&str] = &["target", "node_modules", "dist", "pkg", ".git", ".venv", "__pycache__", ".pytest_cache"];

#[test]
fn the_core_does_no_io_and_has_no_hidden_inputs() {
    let forbidden = [
        ("std::fs", "hand bytes in and out"),
        ("std::net", "drivers own sockets"),
        ("std::thread", "the core is one state machine"),
        ("std::process", "the core has no environment"),
        ("std::env", "the core has no environment"),
        ("std::io", "the core has no IO"),
        ("std::time", "time comes in as an argument"),
        ("Instant::now", "time comes in as an argument"),
        ("SystemTime", "time comes in as an argument"),
        ("HashMap", "its order differs from run to run: use BTreeMap"),
        ("HashSet", "its order differs from run to run: use BTreeSet"),
        ("RandomState", "its order differs from run to run"),
        ("thread_rng", "the seed comes in as an argument"),
        ("getrandom", "the seed comes in as an argument"),
        ("thread_local!", "the core has no globals"),
        ("static mut", "the core has no globals"),
        ("js_sys", "bindings convert, the core does not know them"),
        ("wasm_bindgen", "bindings convert, the core does not know them"),
        ("pyo3", "bindings convert, the core does not know them"),
        ("tokio", "drivers own the runtime"),
        ("println!", "the core has no IO"),
        ("print!", "the core has no IO"),
    ];
    let mut problems = Vec::new();
    for file in sources(&["core/src"], &["rs"]) {
        for (number, line) in code_lines(&file.text) {
            for (word, reason) in forbidden.iter().filter(|(word, _)| has_word(line, word)) {
                problems.push(format!("{}:{number}: {word}: {reason}", file.name));
            }
        }
    }
    report(problems);
}

#[test]
fn a_core_module_uses_only_modules_that_sort_before_it() {
    let modules: BTreeSet<String> = children("core/src").into_iter().filter(|name| name != "lib").collect();
    assert!(modules.len() >= 8, "only {modules:?}");
    let mut problems = Vec::new();
    for file in sources(&["core/src"], &["rs"]) {
        let own = module_of(&file.name);
        for (number, line) in code_lines(&file.text) {
            for used in
                used_modules(line).into_iter().filter(|used| modules.contains(used) && own != "lib" && *used > own)
            {
                problems.push(format!("{}:{number}: {own} uses {used}, which comes after it", file.name));
            }
        }
    }
    report(problems);
}

#[test]
fn core_and_server_forbid_unsafe_code_and_core_denies_missing_docs() {
    let core = read("core/src/lib.rs");
    assert!(core.contains("#![forbid(unsafe_code)]") && core.contains("#![deny(missing_docs)]"));
    for root in ["server/src/lib.rs", "server/src/main.rs", "xtask/src/main.rs"] {
        assert!(read(root).contains("#![forbid(unsafe_code)]"), "{root} lacks #![forbid(unsafe_code)]");
    }
}

#[test]
fn files_and_functions_are_short() {
    let mut problems = Vec::new();
    for file in
        sources(&["core", "server", "bindings", "xtask", "tests", "web-demo"], &["rs", "ts", "tsx", "py", "mjs"])
    {
        let lines = file.text.lines().count();
        let excused = LONG_FILES.iter().any(|(name, _)| *name == file.name);
        if lines > LONGEST && !excused {
            problems.push(format!("{}: {lines} lines, at most {LONGEST}", file.name));
        }
        if excused && lines <= LONGEST {
            problems.push(format!("{}: no longer needs its exception", file.name));
        }
    }
    for file in sources(&["core", "server", "bindings", "xtask", "tests"], &["rs"]) {
        for (number, length) in
            function_lengths(&file.text).into_iter().filter(|(_, length)| *length > LONGEST_FUNCTION)
        {
            problems.push(format!("{}:{number}: a function of {length} lines, at most {LONGEST_FUNCTION}", file.name));
        }
    }
    report(problems);
}

#[test]
fn nothing_is_left_unfinished_or_skipped() {
    // Written in two parts so that this file does not find itself.
    let marks: Vec<String> = [
        ("to", "do!("),
        ("unimple", "mented!("),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("#[ig", "nore"),
        ("db", "g!("),
        ("test.sk", "ip("),
        ("it.sk", "ip("),
        ("mark.sk", "ip"),
        ("mark.xf", "ail"),
        ("pytest.sk", "ip("),
        ("importorsk", "ip("),
        ("debug", "ger;"),
    ]
    .iter()
    .map(|(left, right)| format!("{left}{right}"))
    .collect();
    let mut problems = Vec::new();
    for file in sources(&[""], &["rs", "ts", "tsx", "js", "mjs", "py", "pyi", "toml", "md", "css", "html"]) {
        for (number, line) in file.text.lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(mark.as_str())) {
                problems.push(format!("{}:{}: {mark}", file.name, number + 1));
            }
        }
    }
    report(problems);
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let homes: Vec<String> =
        ["/ro|ot/", "/ho|me/", "/wo|rk/", "/Us|ers/", "C:|\\\\"].iter().map(|home| home.replace('|', "")).collect();
    let mut problems = Vec::new();
    for file in sources(&[""], &["rs", "ts", "tsx", "js", "mjs", "py", "pyi", "toml", "md", "json", "lock", "html"]) {
        for (number, line) in file.text.lines().enumerate() {
            for home in homes.iter().filter(|home| names_a_home(line, home)) {
                problems.push(format!("{}:{}: {home}", file.name, number + 1));
            }
        }
    }
    report(problems);
}

#[test]
fn all_packages_have_the_version_of_the_workspace() {
    let version =
        quoted_after(&read("Cargo.toml"), "[workspace.package]", "version").expect("the workspace has a version");
    let package: serde_json::Value =
        serde_json::from_str(&read("bindings/js/package.json")).expect("package.json is JSON");
    assert_eq!(package["version"], version.as_str(), "bindings/js/package.json");
    let project = read("bindings/python/pyproject.toml");
    let dynamic = project.lines().any(|line| line.starts_with("dynamic") && line.contains("version"));
    assert!(dynamic || quoted_after(&project, "[project]", "version").as_ref() == Some(&version), "pyproject.toml");
    for manifest in ["core", "server", "bindings/js", "bindings/python", "tests"] {
        let text = read(&format!("{manifest}/Cargo.toml"));
        assert!(text.contains("version.workspace = true"), "{manifest}/Cargo.toml has a version of its own");
    }
    assert_eq!(syncline::VERSION, version);
}

#[test]
fn every_vector_file_has_only_reviewed_expectations() {
    for file in syncline_tests::vectors::file::load_all().expect("vector files are readable") {
        for vector in file.vectors() {
            assert!(vector["expect"].is_object() && vector["values"].is_object(), "{}", vector["name"]);
        }
    }
}

struct Source {
    name: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All files below `folders` that end in one of `extensions`, generated folders left out.
fn sources(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_string();
        if NOT_OURS.contains(&name.as_str()) || name.ends_with(".egg-info") {
            continue;
        }
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())));
        } else if extensions.iter().any(|extension| name.ends_with(&format!(".{extension}"))) {
            let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            found.push(Source { name, text: fs::read_to_string(&path).unwrap_or_default() });
        }
    }
    found.sort_by(|one, two| one.name.cmp(&two.name));
    assert!(!found.is_empty(), "no sources in {folders:?}");
    found
}

/// Names of the modules directly in `folder`.
fn children(folder: &str) -> Vec<String> {
    let listing = fs::read_dir(root().join(folder)).into_iter().flatten();
    let names = listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.map(|name| name.trim_end_matches(".rs").to_string()).collect()
}

fn module_of(name: &str) -> String {
    let inner = name.trim_start_matches("core/src/");
    inner.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_string()
}

/// Lines that are neither comments nor below the `mod tests` of a file, with their numbers.
fn code_lines(text: &str) -> Vec<(usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text[..tests].lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).collect()
}

/// The modules named behind `crate::`, also in a list in braces.
fn used_modules(line: &str) -> Vec<String> {
    let mut used = Vec::new();
    for part in line.split("crate::").skip(1) {
        let names: Vec<&str> = match part.strip_prefix('{') {
            Some(list) => list.split(',').collect(),
            None => vec![part],
        };
        for name in names {
            let end =
                name.trim_start().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.trim_start().len());
            used.push(name.trim_start()[..end].to_string());
        }
    }
    used
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// A home folder followed by a name; `/home/` alone is a word of documentation.
fn names_a_home(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + home.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/$}".contains(c))
            && after.is_some_and(|c| c.is_alphanumeric() || c == '.')
    })
}

/// First line and length of each function, by the indentation that rustfmt gives.
fn function_lengths(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let head = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "]
            .iter()
            .fold(trimmed, |rest, word| rest.trim_start_matches(word));
        if !head.starts_with("fn ") {
            continue;
        }
        let close = format!("{}}}", &line[..line.len() - trimmed.len()]);
        if let Some(length) = lines[index..]
            .iter()
            .position(|line| *line == close || line.trim_end().ends_with(';') && lines[index] == *line)
        {
            found.push((index + 1, length + 1));
        }
    }
    found
}

/// The text in quotes of `key = "…"` in a section of a TOML file.
fn quoted_after(text: &str, section: &str, key: &str) -> Option<String> {
    let (_, rest) = text.split_once(section)?;
    let line = rest.lines().skip(1).take_while(|line| !line.starts_with('[')).find(|line| line.starts_with(key))?;
    Some(line.split('"').nth(1)?.to_string())
}

fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// `docs/features.md` names tests that exist, and planted mistakes that exist.
#[test]
fn every_feature_names_tests_and_every_trap_a_planted_mistake() {
    let page = fs::read_to_string(root().join("docs/features.md")).expect("the page of features");
    let (mut problems, mut ids) = (Vec::new(), BTreeSet::new());
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    for row in rows {
        ids.extend(row.split(' ').nth(1).filter(|id| id.starts_with('F')).map(str::to_owned));
        let cell = row.trim_end_matches(" |").rsplit("| ").next().unwrap_or_default();
        let mut text = String::new();
        for (at, name) in cell.split('`').enumerate().filter(|(at, _)| at % 2 == 1) {
            let file = name.ends_with(".rs") || name.ends_with(".py") || name.ends_with(".mjs");
            let found = if name.ends_with(".json") || file {
                let path = root().join(if file { name.to_owned() } else { format!("tests/mutants/{name}") });
                text = fs::read_to_string(path).unwrap_or_default();
                !text.is_empty()
            } else {
                text.contains(&format!("fn {name}(")) || text.contains(&format!("\"name\": \"{name}\""))
            };
            if !found {
                problems.push(format!("docs/features.md: {name} (part {at} of `{row}`)"));
            }
        }
    }
    assert_eq!(ids.len(), 22, "one row for each feature of the core");
    report(problems);
}

/// Each planted mistake changes a place that exists, once.
#[test]
fn every_planted_mistake_can_be_planted() {
    let mut problems = Vec::new();
    for file in sources(&["tests/mutants"], &["json"]) {
        let mutants: Vec<serde_json::Value> = serde_json::from_str(&file.text).expect("a list of mutants");
        for mutant in mutants {
            let part = |name: &str| mutant[name].as_str().unwrap_or_default().to_owned();
            let source = fs::read_to_string(root().join("core/src").join(part("file"))).unwrap_or_default();
            let places = source.matches(&part("find")).count();
            if part("find").is_empty() || places != 1 {
                problems.push(format!("{}: {}: found {places} times in {}", file.name, part("name"), part("file")));
            }
        }
    }
    report(problems);
}

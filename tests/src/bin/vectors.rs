//! Runs the conformance vectors, or fills in what they expect.
//!
//! `--write` fills `expect` from the Rust core (review the difference); `--corrupt` flips one expected byte in
//! memory, so that a run which still passes is known to compare nothing. Without options it compares.

use std::process::ExitCode;

use syncline_tests::vectors::{file, run};

fn main() -> ExitCode {
    let options: Vec<String> = std::env::args().skip(1).collect();
    let result = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(false),
        ["--corrupt"] => compare(true),
        ["--write"] => write(),
        _ => Err("usage: vectors [--write | --corrupt]".into()),
    };
    match result {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn compare(corrupt: bool) -> Result<String, String> {
    let (mut passed, mut problems) = (0, Vec::new());
    for file in file::load_all()? {
        for vector in file.vectors() {
            let mut vector = vector.clone();
            if corrupt && passed + problems.len() == 0 {
                run::corrupt(&mut vector)?;
            }
            match run::check(&vector) {
                Ok(()) => passed += 1,
                Err(problem) => problems.push(format!("{}: {problem}", vector["name"])),
            }
        }
    }
    if problems.is_empty() { Ok(format!("{passed} vectors hold")) } else { Err(problems.join("\n")) }
}

fn write() -> Result<String, String> {
    let (mut count, mut problems) = (0, Vec::new());
    for mut file in file::load_all()? {
        for vector in file.json["vectors"].as_array_mut().into_iter().flatten() {
            count += 1;
            match run::outcome(vector) {
                Ok(expect) => vector["expect"] = expect,
                Err(problem) => problems.push(format!("{}: {problem}", vector["name"])),
            }
        }
        file.save()?;
    }
    if problems.is_empty() { Ok(format!("wrote what {count} vectors expect")) } else { Err(problems.join("\n")) }
}

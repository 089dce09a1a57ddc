//! Compares the recorded conversations of clients with a relay that retires ids; with `--write` it records them anew.

use std::process::ExitCode;

use syncline_tests::retire::talk::{path, record};

fn main() -> ExitCode {
    match run(std::env::args().any(|option| option == "--write")) {
        Ok(count) => {
            println!("{count} conversations are as recorded");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(write: bool) -> Result<usize, String> {
    let recorded = record()?;
    if write {
        let text = serde_json::to_string_pretty(&recorded).map_err(|error| error.to_string())?;
        std::fs::write(path(), text + "\n").map_err(|error| error.to_string())?;
    }
    let text = std::fs::read_to_string(path()).map_err(|error| error.to_string())?;
    let file: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if file != recorded {
        return Err("a relay says something else now: review what --write makes of the file".into());
    }
    Ok(recorded["cases"].as_array().map_or(0, Vec::len))
}

//! Describes blobs: reads one in hexadecimal digits per line, and writes what it says as JSON, one line each.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use syncline_tests::format::{describe, unhex};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|e| e.to_string())?;
        let described = unhex(&line).and_then(|blob| describe(&blob));
        let json = described.unwrap_or_else(|problem| serde_json::json!({ "error": problem }));
        writeln!(out, "{json}").map_err(|e| e.to_string())?;
    }
    out.flush().map_err(|e| e.to_string())
}

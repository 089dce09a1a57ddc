//! Describes blobs: reads one in hexadecimal digits per line, and writes what it says as JSON, one line each.
//!
//! With `--vectors` it runs the conformance vectors instead, and writes for each blob that they make the digits, a tab
//! and the description.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use data_encoding::HEXLOWER;
use serde_json::{Value as Json, json};
use syncline_tests::format::{describe, unhex};
use syncline_tests::vectors::{file, run};

fn main() -> ExitCode {
    let vectors = std::env::args().nth(1).is_some_and(|option| option == "--vectors");
    match if vectors { of_vectors() } else { of_input() } {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn of_input() -> Result<(), String> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|e| e.to_string())?;
        writeln!(out, "{}", said(unhex(&line))).map_err(|e| e.to_string())?;
    }
    out.flush().map_err(|e| e.to_string())
}

fn of_vectors() -> Result<(), String> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for file in file::load_all()? {
        for vector in file.vectors() {
            for blob in run::blobs(vector)? {
                writeln!(out, "{}\t{}", HEXLOWER.encode(&blob), said(Ok(blob))).map_err(|e| e.to_string())?;
            }
        }
    }
    out.flush().map_err(|e| e.to_string())
}

fn said(blob: Result<Vec<u8>, String>) -> Json {
    blob.and_then(|blob| describe(&blob)).unwrap_or_else(|problem| json!({ "error": problem }))
}

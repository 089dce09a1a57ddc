//! Writes first inputs for the fuzz targets: what clients and a relay exchange, and what they store.
//!
//! ```text
//! cargo run -p syncline-tests --bin corpus -- FOLDER
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};

use syncline_tests::corpus::sample;
use syncline_tests::sim::run::Simulation;
use syncline_tests::{decisions, notation};

/// Most inputs of one target: the fuzzer finds the rest.
const INPUTS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("name the folder to write to")?.into();
    let captured = Simulation::new(11).capture(200)?;
    let blobs = sample(&captured.blobs, INPUTS);
    write(&folder.join("import"), &blobs)?;
    write(&folder.join("decode"), &blobs.iter().map(|blob| [&[3], &**blob].concat()).collect::<Vec<_>>())?;
    write(&folder.join("room"), &conversations(&captured.to_relay))?;
    write(&folder.join("client"), &conversations(&captured.to_client))?;
    let ends = [(0, &captured.to_relay), (1, &captured.to_client)];
    let frames = ends
        .into_iter()
        .flat_map(|(end, frames)| conversations(frames).into_iter().map(move |c| [vec![end], c].concat()));
    write(&folder.join("link"), &frames.collect::<Vec<_>>())?;
    write(&folder.join("decide"), &calls()?)
}

/// The calls of the tables: name, zero, arguments.
fn calls() -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut calls = Vec::new();
    for case in decisions::load_all()? {
        let args = notation::read(&case["args"])?.to_cbor();
        calls.push([case["call"].as_str().unwrap_or_default().as_bytes(), &[0], &args].concat());
    }
    Ok(calls)
}

/// Some frames in a row, each with its length before it.
fn conversations(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let framed = |frame: &Vec<u8>| [&(frame.len() as u16).to_le_bytes()[..], frame].concat();
    frames.chunks(8).take(INPUTS).map(|some| some.iter().flat_map(framed).collect()).collect()
}

fn write(folder: &Path, inputs: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    for (number, input) in inputs.iter().enumerate() {
        std::fs::write(folder.join(format!("first-{number}")), input)?;
    }
    Ok(())
}

//! Runs the decisions on standalone types; with `--write` it fills the bytes into their file, for review.

use std::process::ExitCode;
use syncline_tests::decisions::check;
use syncline_tests::lattice::cases;

fn main() -> ExitCode {
    match run(std::env::args().any(|option| option == "--write")) {
        Ok(count) => {
            println!("{count} cases hold");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(write: bool) -> Result<usize, String> {
    let mut file = cases::load()?;
    if write {
        file["cases"].as_array_mut().into_iter().flatten().try_for_each(cases::fill)?;
        // One case per line, so that a change shows which it was.
        let lines: Vec<String> = cases::cases(&file).iter().map(|case| format!("    {case}")).collect();
        let text = format!("{{\n  \"about\": {},\n  \"cases\": [\n{}\n  ]\n}}\n", file["about"], lines.join(",\n"));
        std::fs::write(cases::path(), text).map_err(|error| error.to_string())?;
    }
    cases::cases(&file).iter().try_for_each(check)?;
    Ok(cases::cases(&file).len())
}

//! Runs the simulators for many seeds, or tells the story of one. See `simulate --help`.

use std::process::ExitCode;

use syncline_tests::sim::command::{HELP, carry_out, parse};

fn main() -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plan = match parse(&arguments, cores) {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("simulate: {problem}; `simulate --help` tells what there is");
            return ExitCode::from(2);
        }
    };
    match carry_out(&plan) {
        Ok(()) => {
            eprintln!("{} seeds from {} passed", plan.count, plan.from);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

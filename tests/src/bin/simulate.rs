//! Runs simulator seeds.
use syncline_tests::sim::cluster::world::World;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (from, count): (u64, u64) = (args[0].parse().unwrap(), args[1].parse().unwrap());
    let story = args.len() > 2;
    for seed in from..from + count {
        let run = std::panic::catch_unwind(|| World::new(seed, story).unwrap().run(120));
        match run {
            Ok(report) => {
                if story {
                    println!("{}", report.story);
                    println!("{:?} {}", report.counts, report.steps);
                }
                if let Some(problem) = report.problem {
                    println!("{seed}: {}", problem.chars().take(300).collect::<String>());
                }
            }
            Err(_) => println!("{seed}: panicked"),
        }
    }
}

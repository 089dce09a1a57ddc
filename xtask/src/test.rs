//! `cargo xtask test`: all tests of all languages.

use crate::args::Args;
use crate::needs::{self, Need};
use crate::problem::Problem;
use crate::sections::{SECTIONS, Section};
use crate::steps::Plan;
use crate::tools;

/// Runs all sections, or those named by `--only`, as far as they can run.
pub(crate) fn run(mut args: Args) -> Result<(), Problem> {
    let only = args.only(SECTIONS.iter().map(|section| section.name))?;
    args.finish()?;
    let chosen: Vec<&Section> = SECTIONS.iter().filter(|section| only.contains(&section.name)).collect();
    let needs = needs::resolve(chosen.iter().flat_map(|section| section.needs));
    let mut plan = Plan::new(1 + needs.len() + chosen.len());
    // Every later step names for itself what it misses, so the rest is tried all the same.
    let _ = plan.step("Tools of this machine", tools::check);
    let mut tests = Tests { plan, made: Vec::new() };
    for section in chosen {
        tests.run(section);
    }
    if tests.plan.close() { Ok(()) } else { Err(Problem::Told) }
}

/// The tests under way, and which needs were made, with success or without.
struct Tests {
    plan: Plan,
    made: Vec<(Need, bool)>,
}

impl Tests {
    fn run(&mut self, section: &Section) {
        for need in needs::resolve(section.needs) {
            self.provide(need);
        }
        match self.first_failed(section.needs) {
            Some(need) => self.give_up(section.title, need),
            // A failure is in the table; the other sections go on.
            None => drop(self.plan.step(section.title, section.run)),
        }
    }

    /// Makes a need, once. One that rests on one that failed fails with it.
    fn provide(&mut self, need: Need) {
        if self.made.iter().any(|(made, _)| *made == need) {
            return;
        }
        let is_made = match self.first_failed(need.rests_on()) {
            Some(below) => {
                self.give_up(need.title(), below);
                false
            }
            None => {
                let made = self.plan.step(need.title(), |step| need.make(step));
                made.is_ok()
            }
        };
        self.made.push((need, is_made));
    }

    fn give_up(&mut self, title: &str, failed: Need) {
        let why = format!("without {}", failed.title());
        self.plan.give_up(title, &why);
    }

    fn first_failed(&self, needs: &[Need]) -> Option<Need> {
        let failed = |need: &&Need| self.made.contains(&(**need, false));
        needs.iter().find(failed).copied()
    }
}

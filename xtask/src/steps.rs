//! Numbered steps with their progress, time and result.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::count::{Counts, Format};
use crate::paths;
use crate::problem::{Problem, shorten};
use crate::process::{Cmd, OUTPUT_BYTES, Running, read_from};
use crate::table;

/// How often a step says that it still runs where there is no terminal to draw on.
const REMINDER: Duration = Duration::from_secs(30);

/// The steps of one command.
pub(crate) struct Plan {
    total: usize,
    begin: Instant,
    rows: Vec<Row>,
}

/// What is known of a step that ended.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) time: Duration,
    pub(crate) counts: Counts,
    pub(crate) note: String,
}

impl Plan {
    pub(crate) fn new(total: usize) -> Plan {
        Plan { total, begin: Instant::now(), rows: Vec::new() }
    }

    /// Does the next step. A problem is printed, noted for the table and handed back as told.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce(&Step) -> Result<T, Problem>) -> Result<T, Problem> {
        let title = format!("[{}/{}] {name}", self.rows.len() + 1, self.total);
        let step = Step::begin(title, name)?;
        let done = work(&step);
        self.rows.push(step.end(name, done.as_ref().err()));
        done.map_err(|_| Problem::Told)
    }

    /// Notes a step that cannot be done.
    pub(crate) fn give_up(&mut self, name: &str, why: &str) {
        println!("[{}/{}] {name}: not run, {why}", self.rows.len() + 1, self.total);
        self.rows.push(Row {
            name: name.to_owned(),
            time: Duration::ZERO,
            counts: Counts::failure(),
            note: format!("not run: {why}"),
        });
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Prints the table of all steps, and then the closing line. Returns whether all passed.
    pub(crate) fn close(&self) -> bool {
        let mut rows = Vec::new();
        let mut sum = Counts::default();
        for row in &self.rows {
            let verdict = if row.counts.failed == 0 { "pass" } else { "FAIL" };
            rows.push(vec![
                row.name.clone(),
                seconds(row.time),
                verdict.to_owned(),
                row.counts.passed.to_string(),
                row.counts.failed.to_string(),
                row.note.clone(),
            ]);
            sum.add(row.counts);
        }
        let heads = ["step", "time", "result", "passed", "failed", ""];
        println!("\n{}", table::render(&heads, &rows));
        println!("All of it took {}", seconds(self.elapsed()));
        println!("{} passed, {} failed", sum.passed, sum.failed);
        sum.failed == 0
    }
}

/// The step at work: runs commands, counts their tests and shows how far it is.
pub(crate) struct Step {
    title: String,
    log: PathBuf,
    begin: Instant,
    terminal: bool,
    shown: Cell<Instant>,
    counts: Cell<Counts>,
    note: RefCell<String>,
}

impl Step {
    fn begin(title: String, name: &str) -> Result<Step, Problem> {
        let logs = paths::own().join("logs");
        paths::create_dir(&logs)?;
        let log = logs.join(format!("{}.log", file_name(name)));
        fs::write(&log, "").map_err(Problem::file(&log))?;
        let terminal = io::stdout().is_terminal();
        if !terminal {
            println!("{title}");
        }
        Ok(Step {
            title,
            log,
            begin: Instant::now(),
            terminal,
            shown: Cell::new(Instant::now()),
            counts: Cell::default(),
            note: RefCell::default(),
        })
    }

    /// Runs a command to its end. Its output goes to the log and is handed back.
    pub(crate) fn run(&self, cmd: &Cmd) -> Result<String, Problem> {
        self.say(&cmd.display());
        cmd.run(&self.log, |running| self.show(running))
    }

    /// Runs a command that runs tests, and counts them, passed and failed.
    ///
    /// A command that fails without naming a test counts as one failure; one that succeeds without tests is an error.
    pub(crate) fn test(&self, cmd: &Cmd, format: Format) -> Result<(), Problem> {
        let begin = fs::metadata(&self.log).map_or(0, |log| log.len());
        let done = self.run(cmd);
        let output = match &done {
            Ok(output) => output.clone(),
            Err(_) => read_from(&self.log, begin, OUTPUT_BYTES),
        };
        let mut counts = Counts::read(format, &output);
        match (&done, counts, format) {
            (Err(_), Counts { failed: 0, .. }, _) => counts.failed = 1,
            (Ok(_), _, Format::None) => counts = Counts::success(),
            (Ok(_), Counts { passed: 0, .. }, _) => {
                return Err(self.doubt(cmd, "ended with success but ran no test"));
            }
            (Ok(_), Counts { failed: 1.., .. }, _) => {
                return Err(self.doubt(cmd, "ended with success although tests failed"));
            }
            _ => {}
        }
        self.add(counts);
        done.map(drop)
    }

    fn doubt(&self, cmd: &Cmd, why: &str) -> Problem {
        Problem::other(format!("`{}` {why}; see {}", cmd.display(), self.log.display()))
    }

    /// Counts tests.
    pub(crate) fn add(&self, counts: Counts) {
        let mut sum = self.counts.get();
        sum.add(counts);
        self.counts.set(sum);
    }

    /// Says what is being done now.
    pub(crate) fn say(&self, text: &str) {
        if self.terminal {
            self.draw(text);
        } else {
            println!("      {}", shorten(text, 160));
        }
        self.shown.set(Instant::now());
    }

    /// Prints a block of text among the progress.
    pub(crate) fn print(&self, text: &str) {
        if self.terminal {
            print!("\r\u{1b}[2K");
        }
        println!("\n{text}");
    }

    /// Leaves a word for the table.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        let mut note = self.note.borrow_mut();
        if !note.is_empty() {
            note.push_str("; ");
        }
        note.push_str(&text);
    }

    fn show(&self, running: &Running) {
        let pause = if self.terminal { Duration::from_millis(200) } else { REMINDER };
        if self.shown.get().elapsed() < pause {
            return;
        }
        self.shown.set(Instant::now());
        let line = running.last_line();
        if self.terminal {
            self.draw(&line);
        } else {
            let time = seconds(self.begin.elapsed());
            println!("      still running, {time}: {}", shorten(&line, 120));
        }
    }

    fn draw(&self, text: &str) {
        let time = seconds(self.begin.elapsed());
        let head = format!("{} {time} ", self.title);
        let room = 100_usize.saturating_sub(head.chars().count());
        print!("\r\u{1b}[2K{head}{}", shorten(text, room));
        // A terminal that cannot be written to is no reason to stop the work.
        let _ = io::stdout().flush();
    }

    fn end(self, name: &str, problem: Option<&Problem>) -> Row {
        let time = self.begin.elapsed();
        let mut counts = self.counts.get();
        match problem {
            Some(_) if counts.failed == 0 => counts.failed = 1,
            None if counts == Counts::default() => counts.passed = 1,
            _ => {}
        }
        let mut note = self.note.take();
        if self.terminal {
            print!("\r\u{1b}[2K{}", self.title);
        } else {
            print!("     ");
        }
        match problem {
            None => {
                let extra = if note.is_empty() { String::new() } else { format!(" ({note})") };
                println!(" done in {}{extra}", seconds(time));
            }
            Some(problem) => {
                println!(" FAILED after {}\n\n{problem}\n", seconds(time));
                note = problem.headline();
            }
        }
        Row { name: name.to_owned(), time, counts, note: shorten(&note, 110) }
    }
}

/// A time as `4.2 s` or `2 m 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 100 { format!("{:.1} s", time.as_secs_f64()) } else { format!("{} m {:02} s", whole / 60, whole % 60) }
}

fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    name.to_lowercase().chars().map(safe).collect()
}

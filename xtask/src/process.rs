//! Programs that xtask runs, each under a supervisor (see `watch`) and with its output in a log.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::paths;
use crate::problem::Problem;
use crate::watch;

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(25);
/// The most of a log that is read at once for a message, in bytes.
const TAIL_BYTES: u64 = 16 * 1024;
/// The most of a program's output that is searched for counts of tests, in bytes from its end.
pub(crate) const OUTPUT_BYTES: u64 = 4 * 1024 * 1024;

/// Settings of xtask itself. The relay takes every `SYNCLINE_...` for a setting of its own and refuses strange ones.
const OWN_SETTINGS: &[&str] = &["SYNCLINE_CHROMIUM", "SYNCLINE_PYTHON"];

/// A command line, its folder and its environment.
#[derive(Debug, Clone)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    dir: PathBuf,
    env: Vec<(OsString, OsString)>,
    remark: &'static str,
    limit: Duration,
}

impl Cmd {
    /// A program run in the root of the repository for at most half an hour.
    pub(crate) fn new(program: impl Into<OsString>) -> Cmd {
        Cmd {
            program: program.into(),
            args: Vec::new(),
            dir: paths::root(),
            env: Vec::new(),
            remark: "",
            limit: Duration::from_secs(30 * 60),
        }
    }

    /// The cargo that started xtask.
    pub(crate) fn cargo() -> Cmd {
        Cmd::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Cmd {
        self.args.push(arg.into());
        self
    }

    /// Adds the words of a text as arguments.
    pub(crate) fn words(mut self, words: &str) -> Cmd {
        self.args.extend(words.split_whitespace().map(OsString::from));
        self
    }

    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Cmd {
        self.dir = paths::root().join(dir);
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Cmd {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.env.push(pair);
        self
    }

    /// Sets how long it may take.
    pub(crate) fn minutes(mut self, minutes: u64) -> Cmd {
        self.limit = Duration::from_secs(60 * minutes);
        self
    }

    /// Says what the arguments do not.
    pub(crate) fn remark(mut self, remark: &'static str) -> Cmd {
        self.remark = remark;
        self
    }

    /// The command as a person would type it.
    pub(crate) fn display(&self) -> String {
        let program = Path::new(&self.program);
        let mut text = match program.file_name() {
            Some(name) if program.is_absolute() => name.to_string_lossy().into_owned(),
            _ => program.display().to_string(),
        };
        for arg in &self.args {
            text.push(' ');
            text.push_str(&paths::display(Path::new(arg)).replace('\n', " "));
        }
        text.push_str(self.remark);
        text
    }

    /// Runs it, unsupervised, for its standard output. `None` when it is absent or fails.
    pub(crate) fn output(&self) -> Option<String> {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        self.settle(&mut command);
        let output = command.stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Gives a process the folder and the environment.
    fn settle(&self, command: &mut Command) {
        command.current_dir(&self.dir);
        for name in OWN_SETTINGS {
            command.env_remove(name);
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
    }

    /// Starts it under a supervisor with its output appended to a log.
    ///
    /// `pid_file` receives the process id of the program itself.
    pub(crate) fn start(&self, log: &Path, pid_file: Option<&Path>) -> Result<Running, Problem> {
        let open = || OpenOptions::new().create(true).append(true).open(log);
        let out = open().map_err(Problem::file(log))?;
        let err = open().map_err(Problem::file(log))?;
        let begin = out.metadata().map_err(Problem::file(log))?.len();
        let mut command = Command::new(own_program()?);
        command.arg(watch::FLAG).arg(pid_file.unwrap_or(Path::new("")));
        command.arg(&self.program).args(&self.args);
        self.settle(&mut command);
        command.stdin(Stdio::piped()).stdout(out).stderr(err);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child =
            command.spawn().map_err(|error| Problem::other(format!("cannot start {}: {error}", self.display())))?;
        Ok(Running { child, command: self.display(), log: log.to_owned(), begin })
    }

    /// Runs it to its end and returns what it wrote. `tick` is called all the while with the running program.
    pub(crate) fn run(&self, log: &Path, mut tick: impl FnMut(&Running)) -> Result<String, Problem> {
        let mut running = self.start(log, None)?;
        let begin = Instant::now();
        loop {
            if let Some(status) = running.ended()? {
                if status.success() {
                    return Ok(running.output());
                }
                return Err(running.failure(&ending(status)));
            }
            if begin.elapsed() > self.limit {
                running.stop();
                let minutes = self.limit.as_secs() / 60;
                return Err(running.failure(&format!("did not end in {minutes} minutes")));
            }
            tick(&running);
            thread::sleep(POLL);
        }
    }
}

/// A started program. It ends when this is dropped, or when xtask ends in whatever way.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    command: String,
    log: PathBuf,
    begin: u64,
}

impl Running {
    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, Problem> {
        let ended = self.child.try_wait();
        ended.map_err(|error| Problem::other(format!("{} is lost: {error}", self.command)))
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(&mut self) {
        drop(self.child.stdin.take());
        // Only a process already waited for gives an error here, and that one has ended.
        let _ = self.child.wait();
    }

    /// What it wrote; at most the last [`OUTPUT_BYTES`].
    pub(crate) fn output(&self) -> String {
        read_from(&self.log, self.begin, OUTPUT_BYTES)
    }

    /// The last line it wrote that says something.
    pub(crate) fn last_line(&self) -> String {
        let tail = read_from(&self.log, self.begin, 2048);
        let mut lines = tail.lines().rev().map(plain);
        lines.find(|line| is_telling(line)).unwrap_or_default()
    }

    /// The problem to report when it ended as it should not.
    pub(crate) fn failure(&self, ending: &str) -> Problem {
        Problem::Failed {
            command: self.command.clone(),
            ending: ending.to_owned(),
            log: self.log.clone(),
            tail: self.tail(40),
        }
    }

    /// The last lines it wrote.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let text = read_from(&self.log, self.begin, TAIL_BYTES);
        let all: Vec<&str> = text.trim_end().lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How a program ended, in words.
pub(crate) fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) if code > 128 => format!("was ended by signal {}", code - 128),
        Some(code) => format!("ended with code {code}"),
        None => format!("ended: {status}"),
    }
}

/// The file of xtask itself, which may have been rebuilt while it runs.
fn own_program() -> Result<PathBuf, Problem> {
    let link = Path::new("/proc/self/exe");
    if link.exists() {
        return Ok(link.to_owned());
    }
    std::env::current_exe().map_err(|error| Problem::other(format!("xtask cannot find itself: {error}")))
}

/// Reads a file from an offset, or as much of its end as `most` allows.
pub(crate) fn read_from(path: &Path, begin: u64, most: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let length = fs::metadata(path)?.len();
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(begin.max(length.saturating_sub(most))))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// Leaves out rules, brackets and the details that Node's tests print below each result.
fn is_telling(line: &str) -> bool {
    let is_detail = ["duration_ms:", "type:"].iter().any(|word| line.starts_with(word));
    line.chars().any(char::is_alphabetic) && !is_detail
}

/// A line without terminal codes and without what a carriage return overwrote.
fn plain(line: &str) -> String {
    let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
    let mut text = String::new();
    let mut inside = false;
    for c in line.chars() {
        match c {
            '\u{1b}' => inside = true,
            _ if inside => inside = !c.is_ascii_alphabetic(),
            c if !c.is_control() => text.push(c),
            _ => {}
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_colours_and_overwritten_parts() {
        assert_eq!(plain("\u{1b}[1m\u{1b}[32m   Compiling\u{1b}[0m x"), "Compiling x");
        assert_eq!(plain("old\rnew\t!"), "new!");
    }

    #[test]
    fn progress_shows_lines_that_say_something() {
        let lines = ["  ---", "duration_ms: 3.1", "...", "", "# Subtest: a relay"];
        let telling: Vec<&str> = lines.into_iter().filter(|line| is_telling(line)).collect();
        assert_eq!(telling, ["# Subtest: a relay"]);
    }

    #[test]
    fn a_command_reads_as_typed() {
        let cmd = Cmd::new("npm").words("ci --no-audit").arg(paths::root().join("core"));
        assert_eq!(cmd.display(), "npm ci --no-audit core");
    }
}

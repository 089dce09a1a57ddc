//! The supervisor ends a program with everything it started as soon as its own input closes.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn supervised(pid_file: &str, script: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["__watch", pid_file, "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("xtask starts")
}

fn runs(pid: &str) -> bool {
    let signalled = Command::new("sh").args(["-c", "kill -s 0 \"$0\" 2>/dev/null", pid]).status();
    signalled.expect("sh starts").success()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("xtask-watch-{}-{name}", std::process::id()))
}

#[test]
fn a_closed_pipe_ends_the_program_and_what_it_started() {
    let (own, below) = (temporary("own"), temporary("below"));
    let script = format!("sleep 300 & echo $! > {}.new; mv {0}.new {0}; wait", below.display());
    let mut watcher = supervised(&own.display().to_string(), &script);
    wait_until("the script starts", || below.exists());
    let pids = [&own, &below].map(|file| fs::read_to_string(file).unwrap().trim().to_owned());
    assert!(pids.iter().all(|pid| runs(pid)));
    drop(watcher.stdin.take());
    watcher.wait().unwrap();
    wait_until("both end", || !pids.iter().any(|pid| runs(pid)));
    fs::remove_file(own).unwrap();
    fs::remove_file(below).unwrap();
}

#[test]
fn killing_the_owner_of_the_pipe_ends_the_program() {
    let pid_file = temporary("orphan");
    let fifo = temporary("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let watch = format!(
        "exec '{}' __watch '{}' sleep 300 < '{}'",
        env!("CARGO_BIN_EXE_xtask"),
        pid_file.display(),
        fifo.display()
    );
    let hold = format!("exec sleep 300 > '{}'", fifo.display());
    let mut watcher = Command::new("sh").args(["-c", &watch]).spawn().unwrap();
    let mut holder = Command::new("sh").args(["-c", &hold]).spawn().unwrap();
    wait_until("the program starts", || fs::read_to_string(&pid_file).is_ok_and(|pid| !pid.is_empty()));
    let pid = fs::read_to_string(&pid_file).unwrap();
    assert!(runs(&pid));
    holder.kill().unwrap();
    holder.wait().unwrap();
    watcher.wait().unwrap();
    wait_until("the program ends", || !runs(&pid));
    fs::remove_file(fifo).unwrap();
    fs::remove_file(pid_file).unwrap();
}

#[test]
fn the_code_or_signal_of_the_program_is_passed_on() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -s KILL $$", 137)] {
        let mut watcher = supervised("", script);
        assert_eq!(watcher.wait().unwrap().code(), Some(code), "{script}");
    }
}

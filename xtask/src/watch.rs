//! A supervisor between xtask and each program it starts, so that none outlives it.
//!
//! xtask calls itself with [`FLAG`] and holds the write end of the supervisor's standard input. However xtask ends
//! (done, Ctrl-C, SIGTERM, SIGKILL), the kernel closes that pipe; the supervisor then ends the program together
//! with everything in its process group. Supervisor and program each have a process group of their own, so that
//! Ctrl-C in a terminal reaches xtask alone and the ending is the same in every case.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The first argument that makes xtask a supervisor. The next is a file for the process id, then the command.
pub(crate) const FLAG: &str = "__watch";

/// How long a program may take to end by itself after SIGTERM: a relay drains, a browser closes its tabs.
const GRACE: Duration = Duration::from_secs(8);

/// Runs the rest of the arguments as a command until it or xtask ends.
pub(crate) fn main(mut args: Vec<OsString>) -> ExitCode {
    if args.len() < 2 {
        eprintln!("xtask {FLAG} is for xtask itself: see `cargo xtask help`");
        return ExitCode::FAILURE;
    }
    let pid_file = args.remove(0);
    let program = args.remove(0);
    let spawned = Command::new(&program).args(args).stdin(Stdio::null()).process_group(0).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cannot start {}: {error}", program.display());
            return ExitCode::from(127);
        }
    };
    let group = child.id();
    if !pid_file.is_empty() && fs::write(&pid_file, group.to_string()).is_err() {
        eprintln!("cannot write {}", pid_file.display());
    }
    static ENDING: AtomicBool = AtomicBool::new(false);
    let ender = thread::spawn(move || {
        wait_for_the_end_of_stdin();
        ENDING.store(true, Ordering::SeqCst);
        signal(group, "TERM");
        thread::sleep(GRACE);
        signal(group, "KILL");
    });
    let status = child.wait();
    if ENDING.load(Ordering::SeqCst) {
        finish_group(group);
    }
    drop(ender);
    match status.map(|status| (status.code(), status.signal())) {
        Ok((Some(code), _)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Ok((None, Some(signal))) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)),
        _ => ExitCode::FAILURE,
    }
}

fn wait_for_the_end_of_stdin() {
    let mut buffer = [0; 64];
    loop {
        match io::stdin().read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// The leader is gone; gives what it started a moment, then ends it.
fn finish_group(group: u32) {
    for _ in 0..20 {
        if !signal(group, "0") {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    signal(group, "KILL");
}

/// Sends a signal to a process group, and tells whether there was one. (std has no call for it; every `sh` has.)
fn signal(group: u32, name: &str) -> bool {
    let sent = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -s {name} -- -{group}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|status| status.success())
}

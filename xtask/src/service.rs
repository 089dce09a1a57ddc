//! Long-running programs of the demo: started, awaited, watched, started again.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::paths;
use crate::problem::Problem;
use crate::process::{Cmd, Running, ending};

/// How long a program may take until it answers.
const START: Duration = Duration::from_secs(30);
/// A program that ends more often than this within a minute is given up.
const RESTARTS_PER_MINUTE: usize = 5;

/// Where a program answers when it is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) port: u16,
    pub(crate) path: &'static str,
}

/// A program that is to run until xtask ends.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    cmd: Cmd,
    probe: Option<Probe>,
    log: PathBuf,
    pid_file: PathBuf,
    running: Running,
    restarts: VecDeque<Instant>,
}

impl Service {
    /// Starts a program and waits until it answers. Its log is `target/demo/NAME.log`.
    pub(crate) fn start(name: &'static str, cmd: Cmd, probe: Option<Probe>) -> Result<Service, Problem> {
        let folder = paths::target().join("demo");
        paths::create_dir(&folder)?;
        let log = folder.join(format!("{name}.log"));
        let pid_file = folder.join(format!("{name}.pid"));
        fs::write(&log, "").map_err(Problem::file(&log))?;
        let running = cmd.start(&log, Some(&pid_file))?;
        let mut service = Service { name, cmd, probe, log, pid_file, running, restarts: VecDeque::new() };
        service.wait_until_ready()?;
        Ok(service)
    }

    /// The process id of the program, as text.
    pub(crate) fn pid(&self) -> String {
        fs::read_to_string(&self.pid_file).unwrap_or_else(|_| "unknown".to_owned())
    }

    /// Tells how the program ended, if it did.
    pub(crate) fn has_ended(&mut self) -> Result<Option<Problem>, Problem> {
        let status = self.running.ended()?;
        Ok(status.map(|status| self.running.failure(&ending(status))))
    }

    /// Starts the program again, unless it ended too often lately.
    pub(crate) fn restart(&mut self) -> Result<(), Problem> {
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        self.restarts.retain(|at| now.duration_since(*at) < minute);
        if self.restarts.len() >= RESTARTS_PER_MINUTE {
            return Err(Problem::other(format!(
                "the {} ended {RESTARTS_PER_MINUTE} times within a minute; see {}",
                self.name,
                self.log.display()
            )));
        }
        self.restarts.push_back(now);
        self.running = self.cmd.start(&self.log, Some(&self.pid_file))?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<(), Problem> {
        let begin = Instant::now();
        loop {
            if let Some(problem) = self.has_ended()? {
                return Err(problem);
            }
            match self.probe {
                // Without a probe: it is well if it still runs after a moment.
                None if begin.elapsed() > Duration::from_secs(2) => return Ok(()),
                Some(probe) if answers(probe) => return Ok(()),
                _ => {}
            }
            if begin.elapsed() > START {
                let seconds = START.as_secs();
                return Err(self.running.failure(&format!("did not answer in {seconds} s")));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Refuses a port that another program listens on. `option` is what chooses another.
pub(crate) fn check_port(port: u16, option: &str) -> Result<(), Problem> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::other(format!(
            "Port {port} of 127.0.0.1 cannot be used: {error}.\n\
             Choose another:   cargo xtask demo {option} N\n\
             or see who has it: ss -ltnp 'sport = :{port}'"
        ))),
    }
}

fn answers(probe: Probe) -> bool {
    ask(probe).is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

fn ask(probe: Probe) -> std::io::Result<String> {
    let patience = Duration::from_secs(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, probe.port));
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let Probe { path, port } = probe;
    let host = format!("Host: 127.0.0.1:{port}\r\nConnection: close");
    let request = format!("GET {path} HTTP/1.1\r\n{host}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    // The status line may come in pieces.
    let mut line = Vec::new();
    BufReader::new(stream.take(256)).read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_with_the_option_that_helps() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let problem = check_port(port, "--page-port").unwrap_err().to_string();
        assert!(problem.contains("--page-port N"), "{problem}");
        drop(taken);
        assert!(check_port(port, "--page-port").is_ok());
    }

    #[test]
    fn only_a_200_is_an_answer() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = server.local_addr().unwrap().port();
        let serving = thread::spawn(move || {
            for status in ["503 Not ready", "200 OK"] {
                let (mut stream, _) = server.accept().unwrap();
                let mut request = [0; 512];
                assert!(stream.read(&mut request).unwrap() > 0);
                write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
            }
        });
        let probe = Probe { port, path: "/readyz" };
        assert!(!answers(probe));
        assert!(answers(probe));
        serving.join().unwrap();
    }
}

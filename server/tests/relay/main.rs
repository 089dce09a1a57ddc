//! The relay from outside: real sockets, and where it matters a real process.

mod access;
mod access_end;
mod access_remote;
mod access_write;
mod cli;
mod common;
mod converge;
#[cfg(target_os = "linux")]
mod faults;
mod hostile;
mod kill;
mod limits;
mod restart;
mod slow;
mod tls;
mod tokens;

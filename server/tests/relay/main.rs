//! The relay from outside: real sockets, and where it matters a real process.

mod access;
mod access_end;
mod access_remote;
mod access_write;
mod admin;
mod bench;
mod cli;
mod cli_files;
mod common;
mod converge;
mod deleted;
#[cfg(target_os = "linux")]
mod faults;
mod history;
mod hostile;
mod kill;
mod limits;
mod metrics;
mod operator;
mod packaging;
mod quota;
mod restart;
mod slow;
mod tls;
mod tokens;
mod trace;
mod trace_common;
mod trace_outage;
mod yjs;
mod yjs_admin;
mod yjs_common;
mod yjs_hostile;

//! The relay from outside: real sockets, and where it matters a real process.

mod access;
mod access_end;
mod access_remote;
mod access_write;
mod cli;
mod common;
mod converge;
mod hostile;
mod kill;
mod restart;
mod slow;
mod tls;
mod tokens;
mod yjs;
mod yjs_common;
mod yjs_hostile;

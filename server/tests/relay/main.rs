//! The relay from outside: real sockets, and where it matters a real process.

mod cli;
mod common;
mod converge;
mod hostile;
mod kill;
mod restart;
mod slow;

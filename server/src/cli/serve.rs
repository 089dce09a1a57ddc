//! `syncline serve`.

use super::{Failure, ServeArgs};
use crate::config::{self, Config, Overrides};
use crate::logging;
use crate::serve::Server;
use crate::shutdown::Signals;

/// Runs the relay until a signal ends it.
pub(super) fn serve(args: ServeArgs) -> Result<(), Failure> {
    let mut flags = Overrides {
        listen: args.listen,
        data: args.data,
        dev: args.dev.then_some(true),
        workers: args.workers,
        ..Overrides::default()
    };
    flags.log.format = args.log_format;
    flags.log.level = args.log_level;
    let config = config::load(args.config.as_deref(), &flags)?;
    logging::install(&config.log)
        .map_err(|reason| Failure::Failed(format!("cannot start the log: {reason}. Set log.level to `info`.")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(config.workers).enable_all().build();
    let runtime = runtime.map_err(|reason| {
        Failure::Failed(format!("cannot start threads: {reason}. Raise the limit on threads of this user."))
    })?;
    runtime.block_on(until_signal(config))
}

async fn until_signal(config: Config) -> Result<(), Failure> {
    let signals = Signals::install();
    let mut signals = signals.map_err(|reason| {
        Failure::Failed(format!("cannot listen for signals: {reason}. Check the limits of this user."))
    })?;
    let server = tokio::select! {
        server = Server::start(config) => server?,
        signal = signals.next() => return Err(Failure::Failed(format!("stopped by {signal} before the relay was ready. Start it again."))),
    };
    println!("ready on {}", server.address());
    let relay = server.relay().clone();
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = relay.drain_requested() => "an operator",
    };
    tracing::info!(signal, "shutting down; a second signal ends at once");
    tokio::select! {
        () = server.drain() => Ok(()),
        signal = signals.next() => Err(Failure::Failed(format!("ended by a second {signal} before everything was closed. What was acknowledged is stored."))),
    }
}

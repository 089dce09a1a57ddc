//! `syncline top`: the numbers of a relay in the terminal.

mod numbers;
mod source;
mod view;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};

use super::Failure;
use super::operator::OperatorArgs;
use super::read::print;
use numbers::{History, Numbers};
use source::{Look, Source};

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Look twice, print the numbers of the time between as text, and end
    #[arg(long)]
    once: bool,
    /// Print a line of JSON for each look
    #[arg(long)]
    json: bool,
}

/// Shows the numbers until `q`.
pub(super) fn top(args: TopArgs) -> Result<(), Failure> {
    let source = Source::new(&args.operator)?;
    let every = Duration::from_secs(args.every);
    if args.once || args.json {
        return lines(&source, every, &args);
    }
    if !std::io::stdout().is_terminal() {
        return Err(Failure::Usage("the output is no terminal. Use --once or --json.".into()));
    }
    let first = source.look()?;
    let mut terminal = ratatui::try_init().map_err(|error| unusable(&error))?;
    let done = live(&mut terminal, &source, first, every);
    ratatui::restore();
    done
}

fn lines(source: &Source, every: Duration, args: &TopArgs) -> Result<(), Failure> {
    let mut before = source.look()?;
    loop {
        std::thread::sleep(every);
        let now = source.look()?;
        let numbers = Numbers::between(&before, &now);
        let text = if args.json { format!("{}\n", numbers.to_json()) } else { numbers.to_text() };
        print(&mut std::io::stdout().lock(), text.as_bytes())?;
        if args.once {
            return Ok(());
        }
        before = now;
    }
}

fn live(terminal: &mut ratatui::DefaultTerminal, source: &Source, first: Look, every: Duration) -> Result<(), Failure> {
    let (mut before, mut history) = (first, History::default());
    let mut numbers = Numbers::between(&before, &before);
    let mut trouble = None;
    loop {
        let draw = terminal.draw(|frame| view::draw(frame, &numbers, &history, trouble.as_deref()));
        draw.map_err(|error| unusable(&error))?;
        if wait(every).map_err(|error| unusable(&error))? {
            return Ok(());
        }
        match source.look() {
            Ok(now) => {
                numbers = Numbers::between(&before, &now);
                history.add(&numbers);
                (before, trouble) = (now, None);
            }
            // It may come back.
            Err(failure) => trouble = Some(failure.to_string()),
        }
    }
}

/// Waits for the time of the next look; true if the person wants to end.
fn wait(every: Duration) -> std::io::Result<bool> {
    let until = Instant::now() + every;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if !event::poll(left)? {
            return Ok(false);
        }
        match event::read()? {
            Event::Key(key) => {
                let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                if interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                    return Ok(true);
                }
            }
            // Drawn anew in its new size.
            Event::Resize(..) => return Ok(false),
            _ => {}
        }
    }
}

fn unusable(error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot use this terminal: {error}. Use --once or --json."))
}

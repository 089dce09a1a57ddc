//! How the numbers look in a terminal.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table};

use super::numbers::{History, Numbers, Unit, bytes};

/// Numbers below each other in one column.
const COLUMN: usize = 8;

/// Columns of text of one number with its name.
const WIDTH: u16 = 38;

pub(super) fn draw(frame: &mut Frame<'_>, numbers: &Numbers, history: &History, trouble: Option<&str>) {
    let narrow = frame.area().width < 2 * WIDTH;
    let count = numbers.values.len();
    let lines = if narrow { count } else { count.div_ceil(2) } as u16;
    let [head, values, curves, rooms] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(lines + 1),
        Constraint::Length(5),
        Constraint::Min(0),
    ])
    .areas(frame.area());
    frame.render_widget(heading(numbers, trouble), head);
    draw_values(frame, values, numbers, narrow);
    draw_curves(frame, curves, history);
    draw_rooms(frame, rooms, numbers);
}

fn heading(numbers: &Numbers, trouble: Option<&str>) -> Paragraph<'static> {
    let phase = Span::styled(
        numbers.phase.clone(),
        match (numbers.phase.as_str(), trouble) {
            ("ready", None) => Style::new().fg(Color::Green).bold(),
            _ => Style::new().fg(Color::Red).bold(),
        },
    );
    let about = format!("  version {}, up for {:.0} s    q ends", numbers.version, numbers.uptime);
    let mut lines = vec![Line::from(vec![Span::from("syncline relay ").bold(), phase, Span::from(about).dim()])];
    lines.extend(trouble.map(|trouble| Line::from(trouble.to_owned()).red()));
    Paragraph::new(lines)
}

fn draw_values(frame: &mut Frame<'_>, area: Rect, numbers: &Numbers, narrow: bool) {
    let column = if narrow { numbers.values.len() } else { COLUMN };
    let areas = Layout::horizontal([Constraint::Length(WIDTH), Constraint::Min(0)]).split(area);
    for (values, area) in numbers.values.chunks(column.max(1)).zip(areas.iter()) {
        let lines = values.iter().map(|(name, value, unit)| {
            Line::from(vec![Span::from(format!("{name:<21}")).dim(), Span::from(format!("{:>13}", unit.show(*value)))])
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), *area);
    }
}

fn draw_curves(frame: &mut Frame<'_>, area: Rect, history: &History) {
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(2).areas(area);
    let micros = |value: u64| Unit::Seconds.show(Some(value as f64 / 1e6));
    for (area, title, curve, show) in [
        (left, "frames received", &history.frames, &(|value: u64| format!("{value}/s")) as &dyn Fn(u64) -> String),
        (right, "durable, 99 of 100", &history.durable, &micros),
    ] {
        let seen: Vec<u64> = curve.iter().rev().take(area.width as usize).rev().copied().collect();
        let most = seen.iter().copied().max().unwrap_or(0);
        let title = format!("{title}, to {}", show(most));
        let block = Block::new().title(Line::from(title).dim());
        frame.render_widget(Sparkline::default().block(block).data(seen).max(most.max(1)).fg(Color::Cyan), area);
    }
}

fn draw_rooms(frame: &mut Frame<'_>, area: Rect, numbers: &Numbers) {
    let right = |text: String| Cell::from(Line::from(text).right_aligned());
    let head = Row::new([
        Cell::from(format!("room ({})", numbers.rooms.len())),
        right("connections".into()),
        right("version".into()),
        right("log entries".into()),
        right("log".into()),
    ]);
    let rows = numbers.rooms.iter().take(area.height as usize).map(|room| {
        Row::new([
            // A name may hold anything, also what a terminal would obey.
            Cell::from(room.name.escape_debug().to_string()),
            right(room.connections.to_string()),
            right(room.version.to_string()),
            right(room.log_entries.to_string()),
            right(bytes(room.log_bytes as f64)),
        ])
    });
    let widths = [
        Constraint::Min(10),
        Constraint::Length(11),
        Constraint::Length(10),
        Constraint::Length(11),
        Constraint::Length(9),
    ];
    frame.render_widget(Table::new(rows, widths).header(head.dim()), area);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::numbers::tests::look;
    use super::*;

    fn drawn(width: u16, height: u16, trouble: Option<&str>) -> String {
        let numbers = Numbers::between(&look(1000, 100, 500, 0), &look(3000, 300, 590, 10));
        let mut history = History::default();
        (0..500).for_each(|_| history.add(&numbers));
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &numbers, &history, trouble)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn everything_is_on_a_usual_screen() {
        let screen = drawn(80, 24, None);
        let parts =
            ["syncline relay ready", "frames received", "100/s", "durable, 99 of 100", "room (2)", "log entries"];
        parts.iter().for_each(|part| assert!(screen.contains(part), "{part} is missing in\n{screen}"));
        assert!(drawn(80, 24, Some("the relay does not answer")).contains("does not answer"));
    }

    #[test]
    fn any_size_will_do() {
        for (width, height) in [(1, 1), (20, 3), (40, 50), (300, 8)] {
            drawn(width, height, Some("trouble"));
        }
    }
}

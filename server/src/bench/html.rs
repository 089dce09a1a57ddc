//! The report as a page that needs nothing else: tables, and a plot of the percentiles.

use std::fmt::Write;

use super::latency::Latency;
use super::report::{Report, rounded};

/// Size of the plot, and the margins for its labels.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 14.0;

/// Percentiles that are labelled. They stand so that each further nine takes the same space.
const PERCENTILES: [f64; 6] = [0.0, 90.0, 99.0, 99.9, 99.99, 99.999];

const COLOURS: [&str; 4] = ["#1f6feb", "#d1242f", "#1a7f37", "#8250df"];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}\
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;border-bottom:1px solid #d1d9e0;text-align:right}\
td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto}text{font:12px system-ui,sans-serif;fill:#59636e}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}td,th{border-color:#3d444d}text{fill:#9198a1}}";

/// The page.
pub(super) fn page(report: &Report) -> String {
    let title = escape(&format!("{} at {}", report.plan.scenario.name(), report.plan.url));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    if !report.series.is_empty() {
        plot(&mut out, report);
        times(&mut out, report);
    }
    for note in &report.notes {
        let _ = writeln!(out, "<p>{}</p>", escape(note));
    }
    let _ = write!(out, "<pre>{}</pre>\n</body></html>\n", escape(&report.figures()));
    out
}

fn plot(out: &mut String, report: &Report) {
    let curves: Vec<&Latency> = report.series.iter().map(|series| &series.latency).collect();
    let most = curves.iter().map(|latency| latency.max_ms).fold(f64::MIN_POSITIVE, f64::max);
    let largest = curves.iter().map(|latency| latency.count).max().unwrap_or(1) as f64;
    // Nothing is known beyond the last value.
    let nines = largest.log10().clamp(1.0, 5.0);
    let x = |percentile: f64| {
        let distance = (1.0 - percentile / 100.0).max(1e-9);
        LEFT + (-distance.log10()).min(nines) / nines * (WIDTH - LEFT - 10.0)
    };
    let y = |ms: f64| HEIGHT - BOTTOM - ms / most * (HEIGHT - BOTTOM - TOP);
    let _ = writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Time by percentile\">");
    for step in 0..=5 {
        let ms = most * f64::from(step) / 5.0;
        grid(out, [LEFT, y(ms), WIDTH - 10.0, y(ms)]);
        label(out, LEFT - 6.0, y(ms) + 4.0, "end", &format!("{} ms", rounded(ms)));
    }
    for percentile in PERCENTILES.into_iter().filter(|percentile| -(1.0 - percentile / 100.0).log10() <= nines + 0.01) {
        grid(out, [x(percentile), TOP, x(percentile), HEIGHT - BOTTOM]);
        label(out, x(percentile), HEIGHT - BOTTOM + 18.0, "middle", &format!("{percentile} %"));
    }
    for (number, series) in report.series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let points: Vec<String> = series
            .latency
            .curve
            .iter()
            .map(|(percentile, ms)| format!("{:.1},{:.1}", x(*percentile), y(*ms)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            points.join(" ")
        );
        let down = TOP + 16.0 + 18.0 * number as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"3\" fill=\"{colour}\"/>",
            LEFT + 12.0,
            down - 5.0
        );
        label(out, LEFT + 30.0, down, "start", series.name);
    }
    out.push_str("</svg>\n");
}

fn grid(out: &mut String, [x1, y1, x2, y2]: [f64; 4]) {
    let _ = writeln!(out, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#8883\"/>");
}

fn label(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escape(text));
}

fn times(out: &mut String, report: &Report) {
    out.push_str("<table><tr><th>times in ms</th><th>count</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>\n");
    for series in &report.series {
        let latency = &series.latency;
        let _ = write!(out, "<tr><td>{}</td><td>{}</td>", escape(series.name), latency.count);
        for time in [latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.p999_ms, latency.max_ms] {
            let _ = write!(out, "<td>{}</td>", rounded(time));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

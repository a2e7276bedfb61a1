//! The chart of the project's README: bars, shorter is better.

use std::fmt::Write;
use std::fs;

use crate::codec::{Operation, SEAL, SEAL_WITH};
use crate::report::duration;
use crate::request::{Act, Framework, HARDTACK};
use crate::run::{Run, named};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../chart.svg");

/// The size drawn, of those in the tables.
const SIZE: usize = 256;

pub fn write(default: &Run, ring: &Run) {
    let panels = [
        codec(
            "Open a session of 256 bytes",
            default,
            ring,
            Operation::Open,
        ),
        codec(
            "Seal a session of 256 bytes",
            default,
            ring,
            Operation::Seal,
        ),
        characters(ring),
        requests(default, ring),
    ];
    fs::write(FILE, svg(&panels)).expect("the chart can be written");
}

struct Panel {
    title: &'static str,
    bars: Vec<Bar>,
}

struct Bar {
    label: String,
    length: f64,
    text: String,
    own: bool,
}

impl Bar {
    fn time(label: String, nanoseconds: f64, own: bool) -> Bar {
        Bar {
            label,
            length: nanoseconds.max(0.0),
            text: duration(nanoseconds),
            own,
        }
    }
}

fn codec(title: &'static str, default: &Run, ring: &Run, operation: Operation) -> Panel {
    let mut bars = Vec::new();
    for timing in ring
        .codec(operation, SIZE)
        .iter()
        .filter(|timing| timing.ratio.is_some())
    {
        if [SEAL, SEAL_WITH].contains(&timing.name.as_str()) {
            let other = named(default.codec(operation, SIZE), &timing.name)
                .expect("hardtack is in both runs");
            bars.push(Bar::time(
                format!("{} (ring)", timing.name),
                timing.nanoseconds,
                true,
            ));
            bars.push(Bar::time(timing.name.clone(), other.nanoseconds, true));
        } else {
            bars.push(Bar::time(timing.name.clone(), timing.nanoseconds, false));
        }
    }
    Panel { title, bars }
}

fn characters(run: &Run) -> Panel {
    let bars = run.tokens.iter().map(|token| Bar {
        label: token.name.clone(),
        length: token.text_100 as f64,
        text: token.text_100.to_string(),
        own: token.name == SEAL,
    });
    Panel {
        title: "Characters of a token of 100 characters of text",
        bars: bars.collect(),
    }
}

fn requests(default: &Run, ring: &Run) -> Panel {
    let mut bars = Vec::new();
    for framework in Framework::ALL {
        // The first is the application with a layer that does nothing, which the others are net of.
        for timing in &ring.request(framework, Act::Read).timings[1..] {
            let own = timing.name == HARDTACK;
            let label = format!("{framework:?}: {}", timing.name);
            if own {
                let other = named(&default.request(framework, Act::Read).timings, HARDTACK)
                    .expect("it is in both runs");
                bars.push(Bar::time(
                    format!("{label} (ring)"),
                    timing.nanoseconds,
                    own,
                ));
                bars.push(Bar::time(label, other.nanoseconds, own));
            } else {
                bars.push(Bar::time(label, timing.nanoseconds, own));
            }
        }
    }
    Panel {
        title: "Added to a request that reads one value",
        bars,
    }
}

const WIDTH: usize = 760;
const LEFT: usize = 290;
const LONGEST: f64 = 390.0;
const ROW: usize = 21;

fn svg(panels: &[Panel]) -> String {
    let mut body = String::new();
    let mut y = 0;
    for panel in panels {
        y += 34;
        writeln!(
            body,
            "<text x=\"0\" y=\"{y}\" class=\"title\">{}</text>",
            panel.title
        )
        .expect("a string takes it");
        y += 10;
        let mut bars: Vec<&Bar> = panel.bars.iter().collect();
        bars.sort_by(|a, b| a.length.total_cmp(&b.length));
        let scale = scale(&bars);
        for bar in bars {
            let over = if bar.length > scale {
                " (off the scale)"
            } else {
                ""
            };
            let length = (bar.length / scale).min(1.0) * LONGEST;
            let class = if bar.own { "own" } else { "peer" };
            let text = y + 15;
            writeln!(
                body,
                "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\" class=\"{class}\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"15\" class=\"{class}\"/>\
                 <text x=\"{:.1}\" y=\"{text}\">{}{over}</text>",
                LEFT - 8,
                bar.label,
                y + 3,
                LEFT as f64 + length + 6.0,
                bar.text,
            )
            .expect("a string takes it");
            y += ROW;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>hardtack and its peers: time to open and seal, characters on the wire, time per request; shorter is better</title>\n\
         <style>\n{STYLE}</style>\n{body}</svg>\n",
        height = y + 12,
    )
}

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
text.own { font-weight: 600 }
rect.own { fill: #b5541c }
rect.peer { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } rect.own { fill: #e8833a } rect.peer { fill: #6e7681 } }
";

/// What the full length stands for: the longest bar, unless that is more than twice the next.
fn scale(sorted: &[&Bar]) -> f64 {
    match sorted {
        [.., next, longest] if longest.length > 2.0 * next.length => next.length * 1.1,
        [.., longest] => longest.length,
        [] => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_outlier_does_not_flatten_the_rest() {
        let bar = |length| Bar::time("x".to_owned(), length, false);
        let (a, b, c) = (bar(1.0), bar(2.0), bar(50.0));
        assert_eq!(scale(&[&a, &b]), 2.0);
        assert_eq!(scale(&[&a, &b, &c]), 2.2);
    }
}

//! The chart that README.md shows: bars, shorter is better.

use std::fmt::Write;
use std::fs;

use crate::app::Act;
use crate::codec::{Operation, SEAL, SEAL_WITH};
use crate::harness::Timing;
use crate::payload::SIZES;
use crate::request::{Framework, HARDTACK_CODEC};
use crate::run::{Run, named, own};
use crate::table::duration;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../chart.svg");

/// The size drawn, of those in the tables.
const SIZE: usize = SIZES[1];

pub fn write(portable: &Run, ring: &Run) {
    let panels = [
        codec("Time to open it", portable, ring, Operation::Open),
        codec(
            "Time to seal it (* with a generator in the process)",
            portable,
            ring,
            Operation::Seal,
        ),
        characters(ring),
        requests(portable, ring),
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

fn codec(title: &'static str, portable: &Run, ring: &Run, operation: Operation) -> Panel {
    let in_process = |name: &str| {
        name == SEAL_WITH
            || ring
                .tokens
                .iter()
                .any(|token| token.name == name && !token.system_randomness)
    };
    let label = |name: &str| {
        if operation == Operation::Seal && in_process(name) {
            format!("{name} *")
        } else {
            name.to_owned()
        }
    };
    let mut bars = times(
        portable.codec(operation, SIZE),
        ring.codec(operation, SIZE),
        label,
    );
    bars.sort_by(|a, b| a.length.total_cmp(&b.length));
    Panel { title, bars }
}

fn characters(run: &Run) -> Panel {
    let mut tokens: Vec<_> = run
        .tokens
        .iter()
        .map(|token| (token.account[1], token))
        .collect();
    tokens.sort_by_key(|(characters, _)| *characters);
    let bars = tokens.into_iter().map(|(characters, token)| Bar {
        label: token.name.clone(),
        length: characters as f64,
        text: characters.to_string(),
        own: token.name == SEAL,
    });
    Panel {
        title: "Characters of its token",
        bars: bars.collect(),
    }
}

fn requests(portable: &Run, ring: &Run) -> Panel {
    let mut bars = Vec::new();
    for framework in Framework::ALL {
        let [portable, ring] =
            [portable, ring].map(|run| &run.request(framework, Act::Read).timings);
        let mut group = times(portable, ring, |name| format!("{framework:?}: {name}"));
        group.sort_by(|a, b| a.length.total_cmp(&b.length));
        bars.append(&mut group);
    }
    Panel {
        title: "Time that reading one value adds to a request",
        bars,
    }
}

/// Peers as in the run with ring, hardtack as in both.
fn times(portable: &[Timing], ring: &[Timing], label: impl Fn(&str) -> String) -> Vec<Bar> {
    let mut bars = Vec::new();
    let shown = |timing: &&Timing| !timing.frame && timing.name != HARDTACK_CODEC;
    for timing in ring.iter().filter(shown) {
        let own = own(&timing.name);
        let bar = |label, nanoseconds: f64| Bar {
            label,
            length: nanoseconds.max(0.0),
            text: duration(nanoseconds),
            own,
        };
        let label = label(&timing.name);
        if own {
            let other = named(portable, &timing.name).expect("hardtack is in both runs");
            bars.push(bar(format!("{label} (without ring)"), other.nanoseconds));
            bars.push(bar(label, timing.nanoseconds));
        } else {
            bars.push(bar(label, timing.nanoseconds));
        }
    }
    bars
}

const WIDTH: usize = 760;
const LEFT: usize = 290;
const LONGEST: f64 = 310.0;
const ROW: usize = 21;

fn svg(panels: &[Panel]) -> String {
    let mut body = String::new();
    writeln!(
        body,
        "<text x=\"0\" y=\"16\" class=\"title\">A session of {SIZE} bytes; shorter is better</text>"
    )
    .expect("a string takes it");
    let mut y = 16;
    for panel in panels {
        y += 34;
        writeln!(
            body,
            "<text x=\"0\" y=\"{y}\" class=\"title\">{}</text>",
            panel.title
        )
        .expect("a string takes it");
        y += 10;
        let scale = scale(&panel.bars);
        for bar in &panel.bars {
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
fn scale(bars: &[Bar]) -> f64 {
    let mut lengths: Vec<f64> = bars.iter().map(|bar| bar.length).collect();
    lengths.sort_by(f64::total_cmp);
    match lengths[..] {
        [.., next, longest] if longest > 2.0 * next => 1.1 * next,
        [.., longest] => longest,
        [] => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_outlier_does_not_flatten_the_rest() {
        let bars = |lengths: &[f64]| -> Vec<Bar> {
            let bar = |&length| Bar {
                label: String::new(),
                length,
                text: String::new(),
                own: false,
            };
            lengths.iter().map(bar).collect()
        };
        assert_eq!(scale(&bars(&[2.0, 1.0])), 2.0);
        assert_eq!(scale(&bars(&[50.0, 1.0, 2.0])), 2.2);
    }
}

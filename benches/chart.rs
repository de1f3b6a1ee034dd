//! Bars as SVG, which shows in light and in dark pages: nothing behind it, and colours of the middle.
//!
//! Text is not measured, for there need be no fonts where it is drawn: labels end where the bars begin, and the values
//! have a column of their own.

use svg::Document;
use svg::node::element::{Group, Line, Rectangle, Text, Title};

use crate::spread::Spread;

/// A chart of horizontal bars, with a scale of logarithms if one is more than eight times as long as another.
#[derive(Debug)]
pub struct Chart {
    /// What was measured.
    pub title: String,
    /// What the bars are lengths of.
    pub unit: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One of them.
#[derive(Debug)]
pub struct Bar {
    /// Stands on its left.
    pub label: String,
    /// Its length, with whiskers from the least to the greatest.
    pub value: Spread,
    /// The length that it should have at most, as a line.
    pub aim: Option<f64>,
    /// Whether it is one of ours, in a colour of its own.
    pub ours: bool,
}

const WIDTH: f64 = 800.0;
/// Of one letter, on the safe side.
const LETTER: f64 = 7.0;
const VALUES: f64 = 150.0;
const TOP: f64 = 44.0;
const ROW: f64 = 26.0;

const TEXT: &str = "#777777";
const OURS: &str = "#2f81f7";
const OTHERS: &str = "#8b949e";
const AIM: &str = "#e5534b";

impl Chart {
    /// Draws it.
    pub fn to_svg(&self) -> String {
        let height = TOP + ROW * self.bars.len() as f64 + 24.0;
        let axis = self.axis();
        let unit = if axis.logarithmic { format!("{}, logarithmic", self.unit) } else { self.unit.clone() };
        let mut drawing = Document::new()
            .set("viewBox", (0.0, 0.0, WIDTH, height))
            .set("width", WIDTH)
            .set("height", height)
            .set("font-family", "sans-serif")
            .set("font-size", 12)
            .set("fill", TEXT)
            .add(Title::new(&self.title))
            .add(text(&self.title, 8.0, 18.0).set("font-weight", "bold"))
            .add(text(&unit, 8.0, 34.0));
        for tick in &axis.ticks {
            let x = axis.x(*tick);
            drawing = drawing
                .add(line(x, TOP, x, height - 20.0).set("stroke", TEXT).set("stroke-opacity", 0.3))
                .add(text(&exact(*tick), x, height - 6.0).set("text-anchor", "middle"));
        }
        for (bar, row) in self.bars.iter().zip(0u32..) {
            drawing = drawing.add(bar.draw(&axis, TOP + ROW * f64::from(row)));
        }
        format!("{drawing}\n")
    }

    /// The scale that has room for all.
    fn axis(&self) -> Axis {
        let letters = self.bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
        let left = letters as f64 * LETTER + 16.0;
        let ends = |bar: &Bar| [bar.value.least, bar.value.greatest, bar.aim.unwrap_or(bar.value.median)];
        let (least, greatest) = bounds(self.bars.iter().flat_map(ends));
        let (shortest, longest) = bounds(self.bars.iter().map(|bar| bar.value.median));
        if least > 0.0 && longest > 8.0 * shortest {
            Axis::logarithmic(left, least, greatest)
        } else {
            Axis::linear(left, if greatest > 0.0 { greatest } else { 1.0 })
        }
    }
}

impl Bar {
    fn draw(&self, axis: &Axis, top: f64) -> Group {
        let Spread { median, least, greatest } = self.value;
        let (middle, colour) = (top + ROW / 2.0, if self.ours { OURS } else { OTHERS });
        let bar = Rectangle::new()
            .set("x", axis.left)
            .set("y", top + 4.0)
            .set("width", rounded(axis.x(median) - axis.left))
            .set("height", ROW - 8.0)
            .set("fill", colour)
            .set("fill-opacity", 0.6);
        let whisker = |from, to, from_y, to_y| line(from, from_y, to, to_y).set("stroke", TEXT);
        let (from, to) = (axis.x(least), axis.x(greatest));
        let mut group = Group::new()
            .add(text(&self.label, axis.left - 8.0, middle + 4.0).set("text-anchor", "end"))
            .add(bar)
            .add(whisker(from, to, middle, middle))
            .add(whisker(from, from, middle - 4.0, middle + 4.0))
            .add(whisker(to, to, middle - 4.0, middle + 4.0))
            .add(text(&self.value.to_string(), WIDTH - VALUES + 12.0, middle + 4.0));
        if let Some(aim) = self.aim {
            let mark = line(axis.x(aim), top, axis.x(aim), top + ROW).set("stroke", AIM).set("stroke-width", 2);
            group = group.add(mark.add(Title::new(format!("aim: at most {}", exact(aim)))));
        }
        group
    }
}

/// Where a length ends, and which lengths are marked.
struct Axis {
    left: f64,
    from: f64,
    to: f64,
    ticks: Vec<f64>,
    logarithmic: bool,
}

impl Axis {
    fn linear(left: f64, to: f64) -> Self {
        let step = round_numbers().find(|step| to / step <= 6.0).unwrap_or(to);
        let ticks = (0..=6).map(|tick| f64::from(tick) * step).take_while(|tick| *tick <= to).collect();
        Self { left, from: 0.0, to, ticks, logarithmic: false }
    }

    /// Begins at a round number, so that the shortest bar has a length too.
    fn logarithmic(left: f64, least: f64, to: f64) -> Self {
        let from = round_numbers().take_while(|number| *number < least).last().unwrap_or(least / 2.0);
        let mut ticks: Vec<_> = round_numbers().filter(|number| (from..=to).contains(number)).collect();
        if ticks.len() > 9 {
            ticks = ticks.into_iter().step_by(3).collect();
        }
        Self { left, from, to, ticks, logarithmic: true }
    }

    fn x(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        // The last letters of its number stay inside the picture.
        rounded(self.left + part * (WIDTH - VALUES - self.left))
    }
}

/// 1, 2 and 5 times the powers of ten.
fn round_numbers() -> impl Iterator<Item = f64> {
    (-6..12).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)))
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(least, greatest), value| (value.min(least), value.max(greatest)))
}

/// The files stay small, and the same everywhere.
fn rounded(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// As many decimals as it has, up to six.
fn exact(value: f64) -> String {
    format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn text(content: &str, x: f64, y: f64) -> Text {
    Text::new(content).set("x", x).set("y", y)
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    Line::new().set("x1", x1).set("y1", y1).set("x2", x2).set("y2", y2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[f64]) -> Chart {
        let bar =
            |value: &f64| Bar { label: "a <b> & \"c\"".to_owned(), value: (*value).into(), aim: None, ours: false };
        Chart { title: "<t>".to_owned(), unit: "ns".to_owned(), bars: values.iter().map(bar).collect() }
    }

    #[test]
    fn labels_are_escaped() {
        let drawing = chart(&[1.0, 2.0]).to_svg();
        assert!(drawing.contains("a &lt;b&gt; &amp;"), "{drawing}");
        assert!(!drawing.contains("<b>") && !drawing.contains("<t>"), "{drawing}");
    }

    #[test]
    fn lengths_that_are_alike_begin_at_zero() {
        let axis = chart(&[1.0, 1.04, 6.0]).axis();
        assert_eq!((axis.logarithmic, axis.from, axis.to), (false, 0.0, 6.0));
        assert_eq!(axis.ticks, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn lengths_far_apart_are_logarithms_and_the_shortest_is_still_seen() {
        let axis = chart(&[1.0, 50.0]).axis();
        assert_eq!((axis.logarithmic, axis.from), (true, 0.5));
        assert_eq!(axis.ticks.iter().copied().map(exact).collect::<Vec<_>>(), ["0.5", "1", "2", "5", "10", "20", "50"]);
    }

    #[test]
    fn nothing_is_drawn_outside() {
        for values in [&[][..], &[0.0], &[1.0, 1.0], &[0.001, 90_000.0]] {
            let chart = chart(values);
            let axis = chart.axis();
            let inside = |value: &f64| (axis.left..=WIDTH - VALUES).contains(&axis.x(*value));
            assert!(values.iter().filter(|value| **value > 0.0).chain(&axis.ticks).all(inside), "{values:?}");
            assert!(!chart.to_svg().contains("NaN"), "{values:?}");
        }
    }
}

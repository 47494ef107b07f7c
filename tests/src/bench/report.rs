//! What came of a case: figures, the targets they are held against, and how both are written.

use serde_json::{Map, Value as Json, json};
use std::fmt::Write;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// No less.
    AtLeast(f64),
    /// Less.
    Below(f64),
}

/// A measured number.
#[derive(Clone, Debug)]
pub struct Figure {
    /// With its unit: `durable_seconds`.
    pub name: &'static str,
    /// The number; `None` where it could not be told.
    pub value: Option<f64>,
    /// What it should be, if anything is asked of it.
    pub target: Option<Target>,
}

/// One case with one number of records.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was done.
    pub name: &'static str,
    /// How many records there are.
    pub records: u64,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Speeds of the tenths, a second, where something grows.
    pub tenths: Vec<f64>,
    /// How it was measured, and what peers need for the same.
    pub notes: Vec<&'static str>,
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::Below(limit) => value < limit,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {}", short(least)),
            Self::Below(limit) => format!("< {}", short(limit)),
        }
    }
}

impl Case {
    /// Nothing measured yet.
    pub fn new(name: &'static str, records: u64) -> Self {
        Self { name, records, figures: Vec::new(), tenths: Vec::new(), notes: Vec::new() }
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: &'static str, value: f64) {
        self.figures.push(Figure { name, value: Some(value), target: None });
    }

    /// Adds a figure that may not have been told.
    pub fn maybe(&mut self, name: &'static str, value: Option<f64>) {
        self.figures.push(Figure { name, value, target: None });
    }

    /// Adds a figure that is held against a target.
    pub fn held(&mut self, name: &'static str, value: Option<f64>, target: Target) {
        self.figures.push(Figure { name, value, target: Some(target) });
    }

    /// Adds how it was measured, or what peers need.
    pub fn note(&mut self, note: &'static str) {
        self.notes.push(note);
    }

    /// As an object.
    pub fn json(&self) -> Json {
        let values = self.figures.iter().map(|figure| (figure.name.to_owned(), json!(figure.value)));
        let targets = self.figures.iter().filter_map(|figure| {
            let target = figure.target?;
            let met = figure.value.map(|value| target.is_met(value));
            let asked = match target {
                Target::AtLeast(least) => json!({ "at_least": least, "met": met }),
                Target::Below(limit) => json!({ "below": limit, "met": met }),
            };
            Some((figure.name.to_owned(), asked))
        });
        json!({
            "case": self.name,
            "records": self.records,
            "figures": values.collect::<Map<_, _>>(),
            "targets": targets.collect::<Map<_, _>>(),
            "tenths_per_second": self.tenths.iter().map(|speed| speed.round()).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }

    /// As a table.
    pub fn text(&self) -> String {
        let mut text = format!("{}, {} records\n", self.name, self.records);
        for figure in &self.figures {
            let value = figure.value.map_or_else(|| "-".to_owned(), short);
            let _ = write!(text, "  {:<34}{value:>12}", figure.name);
            if let Some(target) = figure.target {
                let said = match figure.value.map(|value| target.is_met(value)) {
                    Some(true) => "met",
                    Some(false) => "MISSED",
                    None => "not told",
                };
                let _ = write!(text, "   target {:<10} {said}", target.words());
            }
            text.push('\n');
        }
        if !self.tenths.is_empty() {
            let speeds: Vec<String> = self.tenths.iter().map(|speed| short(speed.round())).collect();
            let _ = writeln!(text, "  each tenth, records a second: {}", speeds.join(" "));
        }
        for note in &self.notes {
            let _ = writeln!(text, "  note: {note}");
        }
        text
    }
}

/// A number with as many digits as say something.
fn short(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    match number.abs() {
        size if size >= 1000.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}

/// The middle of some numbers; `None` of none.
pub fn median(numbers: &mut [f64]) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

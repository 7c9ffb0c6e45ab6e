//! Samples, and how they are shown and kept.

use std::fs;

use serde_json::{Map, Value, json};

use crate::Bench;

/// What was measured of one thing, in one unit.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// How many there are.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52")]
    pub(crate) fn count(&self) -> f64 {
        self.0.len() as f64
    }

    /// The sample below which `share` of all lie.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a few samples"
        )]
        let i = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
        sorted.get(i).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// A table of figures: one row for each thing that was measured.
pub(crate) struct Report {
    name: &'static str,
    columns: &'static [&'static str],
    rows: Vec<(String, Vec<f64>)>,
}

impl Report {
    /// A report; the columns carry their units.
    pub(crate) const fn new(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, name: impl Into<String>, figures: Vec<f64>) {
        self.rows.push((name.into(), figures));
    }

    /// Prints the table, and writes it as JSON.
    pub(crate) fn finish(self, bench: &Bench) -> Result<(), String> {
        let width =
            self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(8);
        print!("\n{:width$}", self.name);
        for column in self.columns {
            print!("  {column:>14}");
        }
        println!();
        for (name, figures) in &self.rows {
            print!("{name:width$}");
            for figure in figures {
                let decimals = if figure.abs() < 100.0 { 2 } else { 0 };
                print!("  {figure:>14.decimals$}");
            }
            println!();
        }
        let row = |(name, figures): &(String, Vec<f64>)| {
            let mut row = Map::from_iter([("what".to_owned(), json!(name))]);
            row.extend(self.columns.iter().zip(figures).map(|(c, f)| ((*c).to_owned(), json!(f))));
            Value::Object(row)
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let text = format!("{:#}\n", json!({"benchmark": self.name, "rows": rows}));
        let file = bench.results.join(format!("{}.json", self.name));
        fs::create_dir_all(&bench.results)
            .and_then(|()| fs::write(&file, text))
            .map_err(|error| format!("`{}`: {error}", file.display()))
    }
}

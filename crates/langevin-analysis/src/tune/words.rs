//! The result of a tuning in words.

use super::evidence::ToData;
use super::run::{Elsewhere, Tuned};
use langevin::text::{Column, columns, number, plural};
use std::fmt;

/// A plan of a comparison.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Line {
    /// The sampler.
    pub name: String,
    /// The grid; empty for the fine solution.
    pub grid: String,
    /// The number of network evaluations (NFE).
    pub nfe: usize,
    /// The error; `None` for the fine solution.
    pub error: Option<f64>,
    /// The energy distance to data, if there are data.
    pub to_data: Option<f64>,
}

impl Tuned {
    /// Returns a description of the comparison in one line, for a model with this name.
    #[must_use]
    pub fn subject(&self, model: &str) -> String {
        format!(
            "{} and a tuned one for {model}, on {} that the fit has not seen (seed {}), against a fine solution of {} from the same noise",
            plural(self.plans as u64, "known plan"),
            plural(self.samples[1] as u64, "sample"),
            self.seeds[1],
            plural(self.fine as u64, "evaluation"),
        )
    }

    /// Returns the result in one sentence: the ratio of the errors and its interval.
    #[must_use]
    pub fn verdict(&self) -> String {
        let ([low, high], ratio) = (self.interval, self.ratio());
        match self.improves() {
            true => format!(
                "The error is {ratio:.3} times that of the best known plan (95 % interval {low:.3} to {high:.3})."
            ),
            false if self.interval[1] < 1.0 => format!(
                "The error is {ratio:.3} times that of the best known plan, but the samples are farther from the data: use the best known plan."
            ),
            false => format!(
                "The improvement is not certain (ratio {ratio:.3}, 95 % interval {low:.3} to {high:.3}): use the best known plan."
            ),
        }
    }

    /// Returns the best known plan, the tuned one and the fine solution.
    #[must_use]
    pub fn plans(&self) -> [Line; 3] {
        let (known, data) = (&self.known, self.to_data);
        let line = |[name, grid]: [&str; 2], nfe, error, of: fn(&ToData) -> f64| Line {
            name: name.to_owned(),
            grid: grid.to_owned(),
            nfe,
            error,
            to_data: data.as_ref().map(of),
        };
        [
            line([&known.sampler, &known.grid], known.plan.nfe(), Some(self.known_error), |data| data.known),
            line(["tuned", "its own"], self.plan.nfe(), Some(self.error), |data| data.tuned),
            line(["fine solution", ""], self.fine, None, |data| data.fine),
        ]
    }

    /// Returns sentences about the limits of the result.
    #[must_use]
    pub fn limits(&self) -> Vec<String> {
        let mut lines = vec![];
        if self.transfers.iter().any(|transfer| matches!(transfer.what, Elsewhere::Evaluations(..))) {
            lines.push(
                "With another number of evaluations, the tuned levels are interpolated; the fitted weights are lost."
                    .to_owned(),
            );
        }
        lines.push(format!(
            "Limits: the best possible weights of the last step would leave an error of {}. No weights at these noise levels can remove {}. The fine solution itself has an uncertainty of about {}: with half its evaluations it moves by that much.",
            number(self.wall.last_row),
            number(self.wall.outside),
            number(self.fine_error),
        ));
        lines.extend(self.to_data.map(|data| {
            let verdict = match data.difference {
                [low, _] if low > 0.0 => "The samples are farther from",
                [_, high] if high < 0.0 => "The samples are nearer to",
                _ => "The samples are as far from",
            };
            let than = if verdict.ends_with("far from") { "as" } else { "than" };
            let [low, high] = data.difference.map(number);
            format!(
                "{verdict} {} of data {than} those of the best known plan: the squared energy distance differs by {low} to {high} (95 % interval).",
                plural(data.rows as u64, "row")
            )
        }));
        lines.push(format!(
            "Fitted by the method {} on {} of seed {}, from {} on {}, with {}.",
            self.method.name(),
            plural(self.samples[0] as u64, "sample"),
            self.seeds[0],
            self.start[0],
            self.start[1],
            plural(self.evaluations, "evaluation"),
        ));
        lines
    }

    /// Returns the table of the plans as text.
    fn table(&self) -> String {
        let heads = ["plan", "grid", "NFE", "error", "distance to data"];
        let shown = if self.to_data.is_some() { 5 } else { 4 };
        let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let row = |line: Line| [line.name, line.grid, line.nfe.to_string(), value(line.error), value(line.to_data)];
        let rows = std::iter::once(heads.map(str::to_owned)).chain(self.plans().into_iter().map(row));
        let rows: Vec<Vec<String>> = rows.map(|row| row[..shown].to_vec()).collect();
        columns(&rows, &[Column::Left(0), Column::Right(0)])
    }

    /// Returns the table of the errors under other circumstances as text.
    fn elsewhere(&self) -> String {
        let mut rows = vec![["elsewhere", "tuned", "known", "ratio"].map(str::to_owned)];
        rows.extend(self.transfers.iter().map(|transfer| {
            let [ours, theirs] = transfer.errors;
            [transfer.what.to_string(), number(ours), number(theirs), format!("{:.3}", ours / theirs)]
        }));
        columns(&rows, &[Column::Left(0)])
    }
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plans, verdict, limits) = (self.table(), self.verdict(), self.limits().join("\n"));
        write!(f, "{plans}\n{verdict}\n\n{}\n{limits}\n", self.elsewhere())
    }
}

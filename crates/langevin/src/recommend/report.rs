//! A ranking for people.

use super::{Candidate, Ranking};
use crate::analysis::number;
use std::fmt;

/// Weights of D that are worth a warning: those of an average come to 1, those of Adams–Bashforth's second order to 2 a step.
const GAIN: f64 = 4.0;
/// Lines of the table.
const SHOWN: usize = 10;

impl Ranking {
    /// Those that the table shows.
    #[must_use]
    pub fn shown(&self) -> &[Candidate] {
        &self.candidates()[..self.candidates().len().min(SHOWN)]
    }

    /// Why the best is the best, in sentences: what its error is made of, how the usual choices do, and whether it may be luck.
    #[must_use]
    pub fn why(&self) -> Vec<String> {
        let mut why = vec![self.dominant(), self.beside()];
        if let Some((less, more)) = self.luck {
            let less = less.map_or_else(String::new, |less| format!("with a step less it has {}, ", number(less)));
            why.push(format!("It may be luck: {less}with a step more {}. Try it beside those below it.", number(more)));
        }
        if self.gain() > GAIN {
            why.push(format!(
                "Its weights of D come to {:.1}, and may make as much of a network's error: ask with a score error of 0.01, say.",
                self.gain()
            ));
        }
        why
    }

    /// Which source makes most of the winner's error.
    fn dominant(&self) -> String {
        let (by, analysis) = (self.by(), &self.best().analysis);
        let total = number(by.of(&analysis.total));
        let mut parts: Vec<_> = analysis.contributions.iter().map(|part| (part.cause, by.of(&part.alone))).collect();
        parts.retain(|(_, value)| *value > 0.0);
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let [(cause, most), rest @ ..] = &parts[..] else {
            return format!("Why: its {} of {total} cannot be told apart into sources.", by.name());
        };
        let rest: String = rest.iter().map(|(cause, value)| format!(", {cause} {}", number(*value))).collect();
        format!("Why: of its {} of {total} the most is {cause}: {} alone{rest}.", by.name(), number(*most))
    }

    /// The winner beside the usual choices.
    fn beside(&self) -> String {
        let (by, best) = (self.by(), self.best());
        let least = by.of(&best.analysis.total);
        let one = |usual: &Candidate| {
            let (name, grid) = (usual.sampler.spec(), &usual.grid);
            if *grid == best.grid && (name == best.sampler.spec() || best.also.iter().any(|also| also == name)) {
                return format!("{name} on {grid} is this plan");
            }
            let value = by.of(&usual.analysis.total);
            let times = match value / least {
                times if !times.is_finite() => String::new(),
                times if times < 9.95 => format!(", {times:.1} times as much"),
                times => format!(", {times:.0} times as much"),
            };
            format!("{name} on {grid} has {}{times}", number(value))
        };
        let usual: Vec<String> = self.usual().iter().map(one).collect();
        if usual.is_empty() {
            return "The usual choices do not fit.".into();
        }
        format!("In as many evaluations {}.", usual.join("; "))
    }

    /// The ten best, a line each.
    #[must_use]
    pub fn table(&self) -> String {
        let also = self.shown().iter().any(|candidate| !candidate.also.is_empty());
        let heads = ["", "sampler", "grid", "steps", "NFE", "W2", "KL", if also { "the same table" } else { "" }];
        let mut lines = vec![heads.map(String::from)];
        lines.extend(self.shown().iter().enumerate().map(|(rank, candidate)| {
            let Candidate { sampler, grid, steps, analysis, also, .. } = candidate;
            [
                (rank + 1).to_string(),
                short(sampler.spec()),
                short(grid),
                steps.to_string(),
                analysis.nfe.to_string(),
                number(analysis.total.w2),
                number(analysis.total.kl),
                few(also),
            ]
        }));
        let mut widths = [0; 8];
        for line in &lines {
            widths.iter_mut().zip(line).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
        }
        let mut table = String::new();
        for line in &lines {
            let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
                1 | 2 | 7 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            table.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            table.push('\n');
        }
        table
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n", self.table(), self.why().join("\n"))
    }
}

/// The start of a long name: a grid may be a list of any length.
fn short(name: &str) -> String {
    const MOST: usize = 60;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// The first names of many.
fn few(names: &[String]) -> String {
    const FEW: usize = 6;
    match names.len().saturating_sub(FEW) {
        0 | 1 => names.join(", "),
        more => format!("{} and {more} more", names[..FEW].join(", ")),
    }
}

//! Text output of a ranking.

use super::{Candidate, Ranking};
use langevin::text::{Column, NAME, brief, columns, number};
use std::fmt;

/// The sum of weights of D above which a warning is printed: an average has 1, and second-order
/// Adams–Bashforth has 2 a step.
const GAIN: f64 = 4.0;
/// The number of lines of the table.
const SHOWN: usize = 10;

impl Ranking {
    /// Returns the plans that the table shows: the ten best.
    #[must_use]
    pub fn shown(&self) -> &[Candidate] {
        &self.candidates()[..self.candidates().len().min(SHOWN)]
    }

    /// Explains the first plan in sentences: the sources of its error, the usual choices beside it,
    /// and warnings.
    ///
    /// The warnings report an error that is small by luck, a [`Doubt`](super::Doubt), and a large
    /// [`gain`](Self::gain).
    ///
    /// # Examples
    /// ```
    /// use langevin::{Process, Request};
    /// use langevin_analysis::Spectrum;
    /// use langevin_analysis::recommend::{By, Search};
    /// let request = Request::new().process(Process::vp());
    /// let data = Spectrum::power_law(2.0, 16)?;
    /// let ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
    /// assert!(ranking.why()[0].starts_with("Why:"));
    /// // The table has a line of heads and at most ten plans.
    /// assert_eq!(ranking.table().lines().count(), 1 + ranking.shown().len());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn why(&self) -> Vec<String> {
        let mut why = vec![self.dominant(), self.beside()];
        if let Some((less, more)) = self.luck {
            let less = less.map_or_else(String::new, |less| format!("with a step less it has {}, ", number(less)));
            why.push(format!(
                "Its {} at {} steps is small by chance: {less}with a step more {}. It is ranked by the typical error of neighbouring step counts.",
                self.by().name(),
                self.candidates()[0].steps,
                number(more)
            ));
        }
        why.extend(self.doubt().map(ToString::to_string));
        if self.gain() > GAIN {
            why.push(format!(
                "The absolute weights of its denoised predictions sum to {:.1}, so it may amplify errors of the network by that factor. Compare it with the next plans on the network (--measure, in Python measure), or rank with a score error.",
                self.gain()
            ));
        }
        why
    }

    /// Names the sources of the first plan's error, the largest first.
    fn dominant(&self) -> String {
        let (by, analysis) = (self.by(), &self.candidates()[0].analysis);
        let total = number(by.of(&analysis.total));
        let mut parts: Vec<_> = analysis.contributions.iter().map(|part| (part.cause, by.of(&part.alone))).collect();
        parts.retain(|(_, value)| *value > 0.0);
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let [(cause, most), rest @ ..] = &parts[..] else {
            return format!("Why: its {} of {total} cannot be split into sources.", by.name());
        };
        let rest: String = rest.iter().map(|(cause, value)| format!(", {cause} {}", number(*value))).collect();
        format!("Why: the largest part of its {} of {total} is {cause}: {} alone{rest}.", by.name(), number(*most))
    }

    /// Compares the first plan with the usual choices.
    fn beside(&self) -> String {
        let (by, best) = (self.by(), &self.candidates()[0]);
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
            return "The usual samplers do not fit the budget.".into();
        }
        format!("With the same number of evaluations, {}.", usual.join("; "))
    }

    /// Formats the ten best plans as a table, one line each.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// let ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
    /// assert!(ranking.table().lines().next().is_some_and(|heads| heads.contains("typical W2")));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn table(&self) -> String {
        let also = self.shown().iter().any(|candidate| !candidate.also.is_empty());
        let typical = format!("typical {}", self.by().name());
        let heads =
            ["", "sampler", "grid", "steps", "NFE", "W2", "KL", &typical, if also { "the same table" } else { "" }];
        let mut lines = vec![heads.map(String::from)];
        lines.extend(self.shown().iter().enumerate().map(|(rank, candidate)| {
            let Candidate { sampler, grid, steps, analysis, typical, also, .. } = candidate;
            [
                (rank + 1).to_string(),
                brief(sampler.spec(), NAME),
                brief(grid, NAME),
                steps.to_string(),
                analysis.nfe.to_string(),
                number(analysis.total.w2),
                number(analysis.total.kl),
                number(*typical),
                few(also),
            ]
        }));
        let mut layout = [Column::Right(0); 9];
        [1, 2, 8].into_iter().for_each(|column| layout[column] = Column::Left(0));
        columns(&lines, &layout)
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n", self.table(), self.why().join("\n"))
    }
}

/// Joins the first names of a list, with the number of the remaining ones.
fn few(names: &[String]) -> String {
    const FEW: usize = 6;
    match names.len().saturating_sub(FEW) {
        0 | 1 => names.join(", "),
        more => format!("{} and {more} more", names[..FEW].join(", ")),
    }
}

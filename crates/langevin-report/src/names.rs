//! The page of `langevin demo names`: masked diffusion on first names, beside autoregression.

use crate::LineChart;
use crate::numbers::{capital, percent, plural, seconds, significant, thousands};
use crate::page::{Page, escape};
use crate::run::losses;
use crate::table::{Cell, Table};

/// A model of names and its likelihood.
#[derive(Clone, Debug, PartialEq)]
pub struct Likelihood {
    /// Name of the model.
    pub name: String,
    /// Description in a few words.
    pub note: String,
    /// −log p of the held-out names, in nats a name.
    pub nats: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// True if the value is an upper bound of −log p.
    pub is_bound: bool,
    /// −log p of the few names whose likelihood was computed exactly; `None` if it was not.
    pub exact: Option<f64>,
}

/// A way of drawing names, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Name of the sampler.
    pub name: String,
    /// Description in a few words.
    pub note: String,
    /// Network evaluations of a name; `None` for real names.
    pub nfe: Option<usize>,
    /// −log p of the names under the autoregressive twin, in nats a name.
    pub nats: f64,
    /// Share of the names that occur once among all drawn names.
    pub distinct: f64,
    /// Share of the names that are among the training names.
    pub copies: f64,
    /// Some of the names.
    pub names: Vec<String>,
}

/// A name on its way from masks: the letters after each step, `None` for a mask.
pub type Strip = Vec<Vec<Option<char>>>;

/// All data of the page.
///
/// ```
/// use langevin_report::names::{Drawn, Names};
/// let mut names = Names::default();
/// names.drawn = vec![Drawn {
///     name: "one at a time".into(),
///     note: String::new(),
///     nfe: Some(12),
///     nats: 14.5,
///     distinct: 1.0,
///     copies: 0.2,
///     names: vec!["marielle".into()],
/// }];
/// assert!(names.html().contains("Marielle"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Likelihoods, the worst model first.
    pub likelihoods: Vec<Likelihood>,
    /// Number of names with an exact likelihood.
    pub exact_names: usize,
    /// Number of held-out names.
    pub held_out: usize,
    /// Number of training names.
    pub train: usize,
    /// Samplers and real names, judged.
    pub drawn: Vec<Drawn>,
    /// Number of names that each sampler drew.
    pub count: usize,
    /// Names being unmasked.
    pub strips: Vec<Strip>,
    /// Information profile h_k, in nats.
    pub profile: Vec<f64>,
    /// Pairs (step, smoothed loss) of the masked network.
    pub losses: Vec<(u64, f64)>,
    /// Number of training steps and their seconds: the masked network, and its twin.
    pub trained: [(u64, f64); 2],
    /// Number of weights of a network.
    pub parameters: usize,
    /// Seed.
    pub seed: u64,
    /// Description of the machine.
    pub machine: String,
    /// Command that reproduces the page.
    pub command: String,
    /// Library version.
    pub version: String,
}

impl Names {
    /// Returns the page as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let sections =
            [self.samples(), self.unmasking(), self.models(), self.samplers(), self.information(), self.training()];
        Page::new("Names from masks")
            .kicker("langevin demo names")
            .lede("A network that fills in letters, trained once, draws first names in any order and in any number of steps.")
            .version(&self.version)
            .raw(&sections.join("\n"))
            .footer(&self.footer())
            .html()
    }

    fn samples(&self) -> String {
        let Some(first) = self.drawn.first() else { return String::new() };
        let names: String = first.names.iter().map(|name| format!("<li>{}</li>", escape(&capital(name)))).collect();
        format!(
            "<section id=\"samples\"><h2>New names</h2><p class=\"say\">The first {} samples, one letter at a time in random order. None is selected.</p>\
             <ul class=\"words\">{names}</ul></section>",
            first.names.len()
        )
    }

    fn unmasking(&self) -> String {
        if self.strips.is_empty() {
            return String::new();
        }
        let strips: String = self.strips.iter().map(strip).collect();
        format!(
            "<section id=\"strips\"><h2>Unmasking</h2><p class=\"say\">A name starts as twelve masks. Each step shows the network all letters so far; it answers with the \
             probabilities of every hidden letter, and one place is filled. The letter of a step is marked; a space ends the name.</p><div class=\"unmasking\">{strips}</div></section>"
        )
    }

    fn models(&self) -> String {
        let few = self.exact_names;
        let mut table = Table::new(["Model".to_owned(), "nats a name".to_owned(), format!("on {few} names, exactly")]);
        for row in &self.likelihoods {
            let sign = if row.is_bound { "≤ " } else { "" };
            let value = format!("{sign}{} ± {}", significant(row.nats, 4), significant(row.error, 1));
            table.push([
                named(&row.name, &row.note),
                Cell::Text(value),
                row.exact.map_or(Cell::Missing, |exact| Cell::Text(significant(exact, 4))),
            ]);
        }
        format!(
            "<section id=\"models\"><h2>How likely</h2><p class=\"say\">−log p of {} names that no model was trained on; smaller is better. \
             Of masked diffusion the table gives an upper bound, the sum of the information profile below. \
             For {few} of the names the exact value is the sum over all orders of unmasking. \
             The autoregressive twin has the same size and writes from left to right: at this scale it wins.</p>{}</section>",
            thousands(self.held_out as u64),
            table.html("results", "Likelihood of held-out names")
        )
    }

    fn samplers(&self) -> String {
        let mut table = Table::new(["Sampler", "NFE", "nats a name", "Distinct", "Copies"]);
        for row in &self.drawn {
            table.push([
                named(&row.name, &row.note),
                row.nfe.map_or(Cell::Missing, Cell::from),
                Cell::Text(significant(row.nats, 3)),
                Cell::Text(percent(row.distinct)),
                Cell::Text(percent(row.copies)),
            ]);
        }
        format!(
            "<section id=\"samplers\"><h2>In any order</h2><p class=\"say\">One network, {} names by each sampler. Names should look to the autoregressive twin as real names do: \
             more nats mean worse spelling, fewer mean repetition. <b>Distinct</b>: names that were drawn once. <b>Copies</b>: names of the training data. \
             An order that looks at the drawn letter, such as confidence, repeats itself.</p>{}</section>",
            thousands(self.count as u64),
            table.html("results", "Samplers of one network")
        )
    }

    fn information(&self) -> String {
        let points = self.profile.iter().enumerate().map(|(k, h)| (k as f64, *h));
        let chart = LineChart::new("letters that are known", "nats of one more letter", points).html();
        format!(
            "<section id=\"profile\"><h2>Information</h2><p class=\"say\">The mean of −ln D of one hidden letter when k letters are known. The sum over k bounds −log p, \
             and the fall of the curve is what is lost when several letters are drawn at once.</p>{chart}</section>"
        )
    }

    fn training(&self) -> String {
        let points: Vec<(f64, f64)> = self.losses.iter().map(|(step, loss)| (*step as f64, *loss)).collect();
        let fact = |term: &str, value: &str, note: &str| {
            format!("<div><dt>{term}</dt><dd>{value} <small>{note}</small></dd></div>")
        };
        let steps = |(steps, took): (u64, f64)| (seconds(took), format!("{} steps", thousands(steps)));
        let ([masked, masked_steps], [twin, twin_steps]) =
            (steps(self.trained[0]).into(), <[String; 2]>::from(steps(self.trained[1])));
        let facts = [
            fact("Network", &thousands(self.parameters as u64), "weights"),
            fact("Training", &masked, &masked_steps),
            fact("Twin", &twin, &twin_steps),
            fact("Names", &thousands(self.train as u64), &format!("{} held out", thousands(self.held_out as u64))),
        ]
        .concat();
        format!(
            "<section id=\"training\"><h2>One training</h2><p class=\"say\">The loss is the bound itself, in nats a letter.</p><dl class=\"facts\">{facts}</dl>{}</section>",
            losses(&points, &[], self.trained[0].0)
        )
    }

    fn footer(&self) -> String {
        let item = |term: &str, value: &str| format!("<div><dt>{term}</dt><dd>{}</dd></div>", escape(value));
        let items = [
            item("Version", &format!("langevin {}", self.version)),
            item("Seed", &self.seed.to_string()),
            item("Machine", &capital(&self.machine)),
        ]
        .concat();
        format!(
            "<section><h2>Repeat it</h2><pre><code>{}</code></pre><dl>{items}</dl></section>\
             <section><h2>Sources</h2><p>Masked diffusion: <a href=\"https://arxiv.org/abs/2406.07524\">Sahoo et al., 2024</a>, arXiv 2406.07524. \
             The names: United States Social Security Administration, in the public domain.</p></section>",
            escape(&self.command),
        )
    }
}

/// Returns a cell with a name and a note.
fn named(name: &str, note: &str) -> Cell {
    let html = format!("<span><b>{}</b> <small>{}</small></span>", escape(name), escape(note));
    Cell::Html { html, text: name.to_owned() }
}

/// Returns one name on its way, one line a step.
fn strip(strip: &Strip) -> String {
    let mut before: &[Option<char>] = &[];
    let mut lines = String::new();
    for letters in strip {
        let cells: String = letters
            .iter()
            .enumerate()
            .map(|(place, letter)| match letter {
                None => "<i></i>".to_owned(),
                Some(letter) => {
                    let new = before.get(place).copied().flatten().is_none() && !before.is_empty();
                    let text = if *letter == ' ' { "␣".to_owned() } else { escape(&letter.to_string()) };
                    format!("<b{}>{text}</b>", if new { " class=\"new\"" } else { "" })
                }
            })
            .collect();
        lines.push_str(&format!("<span>{cells}</span>"));
        before = letters;
    }
    let name: String = strip.last().into_iter().flatten().flatten().collect();
    let steps = plural(strip.len().saturating_sub(1) as u64, "step");
    format!(
        "<figure role=\"img\" aria-label=\"{} in {steps}\">{lines}<figcaption>{}</figcaption></figure>",
        escape(name.trim()),
        escape(&capital(name.trim()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Names {
        Names {
            likelihoods: vec![Likelihood {
                name: "masked".into(),
                note: "a bound".into(),
                nats: 15.25,
                error: 0.07,
                is_bound: true,
                exact: Some(14.5),
            }],
            exact_names: 24,
            strips: vec![vec![vec![None, None], vec![None, Some('y')], vec![Some('a'), Some('y')]]],
            profile: vec![2.0, 1.5],
            drawn: vec![Drawn {
                name: "one at a time".into(),
                note: "random order".into(),
                nfe: Some(2),
                nats: 14.25,
                distinct: 0.99,
                copies: 0.1,
                names: vec!["ay".into(), "<b>".into()],
            }],
            ..Names::default()
        }
    }

    #[test]
    fn the_page_holds_the_figures() {
        let html = page().html();
        for part in ["≤ 15.25 ± 0.07", "14.50", "14.2", "99", "<li>Ay</li>", "&lt;b&gt;", "ay in 2 steps"] {
            assert!(html.contains(part), "{part}");
        }
        // The letter of a step is marked once.
        assert_eq!(html.matches("<b class=\"new\">").count(), 2);
    }

    #[test]
    fn an_empty_page_is_a_page() {
        assert!(Names::default().html().contains("Names from masks"));
    }
}

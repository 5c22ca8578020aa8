//! The page of a training run: its loss, its samples, their distance from the data, and the
//! configuration that reproduces it.

use crate::chart::LineChart;
use crate::graphs::{Drawing, grid};
use crate::page::{Page, escape};
use crate::table::{Cell, Table};

/// Samples or data that the page shows.
///
/// ```
/// use langevin_report::run::{Run, Shown};
/// let names = Shown::Lines(vec!["anna".into()]);
/// let run = Run { shown: vec![("Samples".into(), names)], ..Run::default() };
/// assert!(run.html().contains("<li>anna</li>"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shown {
    /// A PNG file.
    Picture(Vec<u8>),
    /// Lines of text, or passages of several lines.
    Lines(Vec<String>),
    /// Graphs.
    Graphs(Vec<Drawing>),
}

/// Largest number of characters of lines that are shown in columns.
const SHORT: usize = 24;

impl Shown {
    fn html(&self, name: &str) -> String {
        match self {
            Self::Picture(png) => {
                format!("<img class=\"shown\" alt=\"{}\" src=\"data:image/png;base64,{}\">", escape(name), base64(png))
            }
            Self::Lines(lines) => {
                let short = lines.iter().all(|line| line.chars().count() <= SHORT && !line.contains('\n'));
                let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
                format!("<ul class=\"{}\">{items}</ul>", if short { "words" } else { "texts" })
            }
            Self::Graphs(drawings) if drawings.is_empty() => "<p class=\"empty\">No sample is a graph.</p>".to_owned(),
            Self::Graphs(drawings) => grid(drawings),
        }
    }
}

/// All data of the page.
///
/// ```
/// use langevin_report::run::Run;
/// let run = Run { measures: vec![("energy distance".into(), 0.2, Some(0.1))], ..Run::default() };
/// assert!(run.html().contains("energy distance"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Line of text below the heading.
    pub title: String,
    /// Facts: a term, its value, and a note.
    pub facts: Vec<(String, String, String)>,
    /// Pairs `(step, loss)` of the training rows.
    pub losses: Vec<(f64, f64)>,
    /// Pairs `(step, loss)` of the held-out rows.
    pub held_out: Vec<(f64, f64)>,
    /// Number of steps.
    pub steps: u64,
    /// Samples and data, each with a heading.
    pub shown: Vec<(String, Shown)>,
    /// Measures: name, value for the samples, and value for real data in place of the samples.
    pub measures: Vec<(String, f64, Option<f64>)>,
    /// Line of text above the measures.
    pub measured: String,
    /// The configuration of the run.
    pub config: String,
    /// Command that reproduces or continues the run.
    pub command: String,
}

impl Run {
    /// Returns the page as HTML.
    ///
    /// ```
    /// use langevin_report::run::Run;
    /// let losses = vec![(1.0, 2.0), (2.0, 1.0)];
    /// let run = Run { title: "Digits".into(), losses, steps: 2, ..Run::default() };
    /// assert!(run.html().contains("Digits"));
    /// ```
    #[must_use]
    pub fn html(&self) -> String {
        let loss =
            format!("<dl class=\"facts\">{}</dl>{}", self.facts(), losses(&self.losses, &self.held_out, self.steps));
        let mut page = Page::new("One training")
            .kicker("langevin report")
            .lede(&self.title)
            .raw(&format!("<section id=\"training\"><h2>The loss</h2>{loss}</section>"));
        for (name, shown) in &self.shown {
            page = page.section(name, &shown.html(name));
        }
        if !self.measures.is_empty() {
            let body = format!("<p class=\"say\">{}</p>{}", escape(&self.measured), self.table());
            page = page.section("Samples against real data", &body);
        }
        page.footer(&format!(
            "<section><h2>Repeat it</h2><pre><code>{}</code></pre><p>langevin {}</p></section><section><h2>Its configuration</h2><pre><code>{}</code></pre></section>",
            escape(&self.command),
            env!("CARGO_PKG_VERSION"),
            escape(&self.config)
        ))
        .html()
    }

    fn facts(&self) -> String {
        let fact = |(term, value, note): &(String, String, String)| {
            format!("<div><dt>{}</dt><dd>{} <small>{}</small></dd></div>", escape(term), escape(value), escape(note))
        };
        self.facts.iter().map(fact).collect()
    }

    fn table(&self) -> String {
        let mut table = Table::new(["", "samples", "real"]);
        for (name, found, real) in &self.measures {
            table.push([name.as_str().into(), Cell::Number(*found), (*real).into()]);
        }
        table.html("measured", "Samples and real data")
    }
}

/// Returns the chart of a training's losses.
pub(crate) fn losses(losses: &[(f64, f64)], held_out: &[(f64, f64)], steps: u64) -> String {
    LineChart::new("step", "loss", losses.iter().copied())
        .named("Smoothed loss")
        .dashed("of rows not trained on", held_out.iter().copied())
        .until(steps as f64)
        .html()
}

/// Encodes bytes in base64 (RFC 4648): the standard alphabet, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, &b| (word << 8) | u32::from(b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (word >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_nothing_else_and_escapes_what_it_shows() {
        let run = Run {
            title: "<b>".into(),
            losses: vec![(1.0, 2.0), (2.0, 1.0)],
            held_out: vec![(2.0, 1.5)],
            shown: vec![("Samples".into(), Shown::Picture(vec![1, 2, 3]))],
            measures: vec![("two-sample accuracy".into(), 0.55, None)],
            config: "a = \"<script>\"".into(),
            ..Run::default()
        };
        let page = run.html();
        assert!(page.contains("&lt;b&gt;") && !page.contains("<script>") && page.contains("AQID"));
        assert!(!page.contains("http") && !page.contains("NaN"));
        // There is space between the version and the box above it.
        assert!(page.contains("</pre><p>langevin ") && page.contains("footer pre + p { margin-top: 16px; }"));
    }

    #[test]
    fn texts_and_graphs_are_shown() {
        let long = "to be, or not to be: that is the question\n<i>";
        let shown = vec![
            ("Samples".into(), Shown::Lines(vec!["ada".into()])),
            ("Windows".into(), Shown::Lines(vec![long.into()])),
            ("Graphs".into(), Shown::Graphs(vec![Drawing::new(vec![1, 1], vec![(0, 1, 1)])])),
            ("None".into(), Shown::Graphs(vec![])),
        ];
        let page = Run { shown, ..Run::default() }.html();
        assert!(page.contains("<ul class=\"words\"><li>ada</li></ul>"));
        assert!(page.contains("<ul class=\"texts\">") && page.contains("question\n&lt;i&gt;"));
        assert!(page.contains("<div class=\"graphs\"><figure><svg") && !page.contains("http"));
        assert!(page.contains("No sample is a graph."));
    }

    #[test]
    fn base64_agrees_with_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}

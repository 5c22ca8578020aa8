//! A training run: its loss, its samples, how near they are to the data, and the configuration that repeats it.

use super::loss::curve;
use super::page::shell;
use super::pictures::base64;
use super::text::{escape, significant};

/// Everything that the page shows.
#[derive(Clone, Debug, Default)]
pub struct RunData {
    /// "digits", in a heading.
    pub title: String,
    /// A term, its value, and a note.
    pub facts: Vec<(String, String, String)>,
    /// (step, loss) of the training.
    pub losses: Vec<(f64, f64)>,
    /// The same of rows that were held out.
    pub held_out: Vec<(f64, f64)>,
    /// Steps made.
    pub steps: u64,
    /// What a picture shows, and its PNG file.
    pub pictures: Vec<(String, Vec<u8>)>,
    /// What was measured of samples, and of real data in their place.
    pub measures: Vec<(String, f64, Option<f64>)>,
    /// What the measures are of.
    pub measured: String,
    /// The configuration of the run.
    pub config: String,
    /// The command that goes on, or repeats it.
    pub command: String,
}

/// The whole page.
#[must_use]
pub fn run(data: &RunData) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let header = format!(
        "<header><p class=\"kicker\">langevin report</p><h1>One training</h1><p class=\"lede\">{}</p></header>",
        escape(&data.title)
    );
    let facts: String = data
        .facts
        .iter()
        .map(|(term, value, note)| {
            format!("<div><dt>{}</dt><dd>{} <small>{}</small></dd></div>", escape(term), escape(value), escape(note))
        })
        .collect();
    let mut main = format!(
        "<section id=\"training\"><h2>The loss</h2><dl class=\"facts\">{facts}</dl>{}</section>",
        curve(&data.losses, &data.held_out, data.steps)
    );
    for (name, png) in &data.pictures {
        main.push_str(&format!(
            "<section><h2>{0}</h2><img class=\"shown\" alt=\"{0}\" src=\"data:image/png;base64,{1}\"></section>",
            escape(name),
            base64(png)
        ));
    }
    if !data.measures.is_empty() {
        let rows: String = data
            .measures
            .iter()
            .map(|(name, found, real)| {
                let real = real.map_or_else(|| "–".to_owned(), |real| significant(real, 3));
                format!("<tr><td>{}</td><td>{}</td><td>{real}</td></tr>", escape(name), significant(*found, 3))
            })
            .collect();
        main.push_str(&format!(
            "<section><h2>Samples against real data</h2><p class=\"say\">{}</p><table class=\"measured\"><thead><tr><th></th><th>samples</th><th>real</th></tr></thead><tbody>{rows}</tbody></table></section>",
            escape(&data.measured)
        ));
    }
    let footer = format!(
        "<footer><section><h2>Repeat it</h2><pre><code>{}</code></pre><p>langevin {version}</p></section><section><h2>Its configuration</h2><pre><code>{}</code></pre></section></footer>",
        escape(&data.command),
        escape(&data.config)
    );
    shell("One training", version, &header, &main, &footer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_nothing_else_and_escapes_what_it_shows() {
        let data = RunData {
            title: "<b>".into(),
            losses: vec![(1.0, 2.0), (2.0, 1.0)],
            held_out: vec![(2.0, 1.5)],
            pictures: vec![("Samples".into(), vec![1, 2, 3])],
            measures: vec![("told apart".into(), 0.55, None)],
            config: "a = \"<script>\"".into(),
            ..RunData::default()
        };
        let page = run(&data);
        assert!(page.contains("&lt;b&gt;") && !page.contains("<script>") && page.contains("AQID"));
        assert!(!page.contains("http") && !page.contains("NaN"));
        // The version stands apart from the box above it.
        assert!(page.contains("</pre><p>langevin ") && page.contains("footer pre + p { margin-top: 16px; }"));
    }
}

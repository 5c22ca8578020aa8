//! Head, title and footer.

use super::DemoData;
use super::text::{capital, escape, in_words};

const STYLE: &str = include_str!("style.css");

/// The page around its sections.
pub(super) fn page(data: &DemoData, sections: &[String]) -> String {
    let title = "One network, one Langevin equation";
    shell(title, &data.version, &header(data, title), &sections.join("\n"), &footer(data))
}

/// What every page has: its style is inside it, and it follows the reader's light or dark.
pub(super) fn shell(title: &str, version: &str, header: &str, main: &str, footer: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"langevin {version}\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{header}\n<main>\n{main}\n</main>\n{footer}\n</body>\n</html>\n",
        version = escape(version),
        title = escape(title),
    )
}

fn header(data: &DemoData, title: &str) -> String {
    let read = match data.rows.len() {
        0 => String::new(),
        1 => ", read one way, no retraining".into(),
        n => format!(", read {} ways, no retraining", in_words(n)),
    };
    format!(
        "<header><p class=\"kicker\">langevin demo</p><h1>{title}</h1>\
         <p class=\"lede\">One network, trained once as a rectified flow{read}.</p></header>"
    )
}

fn footer(data: &DemoData) -> String {
    let item = |term: &str, value: &str| format!("<div><dt>{term}</dt><dd>{}</dd></div>", escape(value));
    let items = [
        item("Version", &format!("langevin {}", data.version)),
        item("Seed", &data.seed.to_string()),
        item("Machine", &capital(&data.machine)),
    ]
    .concat();
    format!(
        "<footer><section><h2>Repeat it</h2><pre><code>{}</code></pre><dl>{items}</dl></section>\
         <section><h2>Sources</h2>\
         <p>The equation and its rows: <a href=\"https://arxiv.org/abs/2604.10465\">Rethinking the Diffusion Model from a Langevin Perspective</a>, \
         Zheng and Lan, 2026, arXiv 2604.10465.</p>\
         <p>The pictures: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, \
         <a href=\"https://doi.org/10.24432/C50P49\">DOI 10.24432/C50P49</a>, CC BY 4.0.</p></section></footer>",
        escape(&data.command),
    )
}

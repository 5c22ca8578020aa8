//! The rules of language that a machine can check: how doc comments open, how wide comments are,
//! and words that readers outside the project do not know.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// Words that open a summary as a riddle.
const OPENINGS: [&str; 12] =
    ["What ", "Whether ", "How ", "Where ", "As ", "Which ", "Who ", "Why ", "The same", "Its ", "None ", "Another "];

/// Columns of a comment.
const WIDTH: usize = 100;

/// Words and phrases that are not the field's, with what to write.
const WORDS: [(&str, &str); 14] = [
    ("told apart", "distinguished; two-sample accuracy"),
    ("learned by heart", "memorised"),
    ("in other clothes", "in another form"),
    ("currency", "denoised prediction"),
    ("mended", "fixed"),
    ("mends", "fixes"),
    ("passed over", "ignored"),
    ("in the place of", "instead of"),
    ("is told", "is given, is passed"),
    ("are told", "are given, are passed"),
    ("its company", "the other rows of its batch"),
    ("held against", "compared with"),
    ("walked up", "integrated to higher noise"),
    ("nobody", "name who"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file below `folder` with one of these endings.
fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" || name == "snapshots" {
            continue;
        }
        if path.is_dir() {
            files(&path, endings, found);
        } else if path.extension().is_some_and(|ending| endings.iter().any(|known| *known == ending)) {
            found.push(path);
        }
    }
}

fn sources(endings: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    for folder in ["crates", "examples", "bench"] {
        files(&root.join(folder), endings, &mut found);
    }
    let name = |path: &Path| path.strip_prefix(&root).unwrap().display().to_string();
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The comment of a line, without its marks: `//`, `///` or `//!`.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']))
}

fn is_doc(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("///") || line.starts_with("//!")
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} places:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn summaries_do_not_open_as_riddles() {
    let mut wrong = Vec::new();
    for (name, text) in sources(&["rs"]).iter().filter(|(name, _)| name.contains("/src/")) {
        let mut before = "";
        for (number, line) in text.lines().enumerate() {
            // The first line of a block of documentation.
            if is_doc(line)
                && !is_doc(before)
                && let Some(opening) =
                    OPENINGS.iter().find(|word| comment(line).unwrap().trim_start().starts_with(**word))
            {
                wrong.push(format!("{name}:{}: opens with '{}'", number + 1, opening.trim_end()));
            }
            before = line;
        }
    }
    report(&wrong);
}

#[test]
fn comments_fit_their_width() {
    let mut wrong = Vec::new();
    for (name, text) in sources(&["rs"]) {
        // Help texts are one line of the source each: the terminal breaks them. A formula or a
        // table is not broken.
        if name.starts_with("crates/langevin-cli/src/cli/") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let unbroken = line.contains('|') || line.contains("http") || line.contains('$');
            if comment(line).is_some() && line.chars().count() > WIDTH && !unbroken {
                wrong.push(format!("{name}:{}: {} columns", number + 1, line.chars().count()));
            }
        }
    }
    report(&wrong);
}

#[test]
fn words_are_those_of_the_field() {
    let root = root();
    let mut wrong = Vec::new();
    let mut pages: Vec<(String, String)> =
        sources(&["rs"]).into_iter().filter(|(name, _)| name.contains("/src/")).collect();
    let mut found = vec![root.join("README.md"), root.join("ARCHITECTURE.md"), root.join("CONTRIBUTING.md")];
    files(&root.join("docs"), &["md"], &mut found);
    files(&root.join("python"), &["py", "md"], &mut found);
    pages.extend(
        found
            .iter()
            .map(|path| (path.strip_prefix(&root).unwrap().display().to_string(), fs::read_to_string(path).unwrap())),
    );
    for (name, text) in &pages {
        for (number, line) in text.lines().enumerate() {
            let small = line.to_lowercase();
            let has = |word: &str| {
                let edge = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
                small.match_indices(word).any(|(at, _)| {
                    edge(small[..at].chars().next_back()) && edge(small[at + word.len()..].chars().next())
                })
            };
            if let Some((word, better)) = WORDS.iter().find(|(word, _)| has(word)) {
                wrong.push(format!("{name}:{}: '{word}' (better: {better})", number + 1));
            }
        }
    }
    report(&wrong);
}

/// The formulas of a source file, with the number of the line where each begins. Code has none.
fn formulas(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut open, mut code) = (Vec::new(), None::<(usize, String)>, false);
    for (number, line) in text.lines().enumerate() {
        let Some(comment) = is_doc(line).then(|| comment(line).unwrap()) else {
            (open, code) = (None, false);
            continue;
        };
        if comment.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        // Every second part lies between backquotes.
        for prose in comment.split('`').step_by(2) {
            for (index, part) in prose.replace("$$", "$").split('$').enumerate() {
                if index > 0 {
                    match open.take() {
                        Some(formula) => found.push(formula),
                        None => open = Some((number + 1, String::new())),
                    }
                }
                if let Some((_, formula)) = &mut open {
                    formula.push_str(part);
                }
            }
        }
        if let Some((_, formula)) = &mut open {
            formula.push(' ');
        }
    }
    found
}

/// The commands of a formula: the words after a backslash.
fn commands(formula: &str) -> impl Iterator<Item = &str> {
    formula.split('\\').skip(1).map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())])
}

/// The script in `formulas.html` draws every formula of the documentation.
#[test]
fn formulas_can_be_drawn() {
    let root = root();
    let script = fs::read_to_string(root.join("crates/langevin/formulas.html")).unwrap();
    let known = |command: &str| {
        script.contains(&format!("{command}: \"")) || script.contains(&format!("\"{command}\"")) || command == "right"
    };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, text) in sources(&["rs"]).iter().filter(|(name, _)| name.contains("/src/")) {
        let header = root.join(name.split("/src/").next().unwrap()).join("formulas.html");
        for (line, formula) in formulas(text) {
            count += 1;
            let place = format!("{name}:{line}");
            // Markdown removes a backslash before punctuation; `\_` is an underscore either way.
            let odd =
                commands(&formula.replace("\\_", "_").replace("\\ ", " ")).find(|it| !known(it)).map(str::to_owned);
            wrong.extend(odd.map(|command| format!("{place}: '\\{command}' is not known to formulas.html")));
            if formula.matches('{').count() != formula.matches('}').count() {
                wrong.push(format!("{place}: braces do not match in '{formula}'"));
            }
            if fs::read_to_string(&header).ok().as_deref() != Some(&script) {
                wrong.push(format!("{place}: a formula in a crate without formulas.html"));
            }
        }
    }
    assert!(count > 300, "only {count} formulas were found");
    report(&wrong);
}

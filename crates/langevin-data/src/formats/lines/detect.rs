//! Detection of a text table's dialect from its first lines: separator, number format and comments.

use super::field::is_missing;
use crate::dialect::Dialect;
use std::io::{BufRead, BufReader, Read};

/// Number of examined lines; the next constant limits their bytes.
const LINES: usize = 64;
const BYTES: u64 = 1 << 16;

/// Separator between columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Comma,
    Semicolon,
    Tab,
    Bar,
    /// Runs of blanks; accepted only between numbers.
    Blanks,
}

impl Separator {
    /// All separators, the most common first.
    const ALL: [Self; 5] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Bar, Self::Blanks];

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            // Blanks are replaced by tabs before the lines are split.
            Self::Tab | Self::Blanks => b'\t',
            Self::Bar => b'|',
        }
    }

    /// Describes the separator if it is not a comma, and decimal commas:
    /// `semicolons, decimal commas`.
    pub(super) fn list(self, commas: bool) -> Option<String> {
        let words: Vec<&str> = [self.words(), commas.then_some("decimal commas")].into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn words(self) -> Option<&'static str> {
        match self {
            Self::Comma => None,
            Self::Semicolon => Some("semicolons"),
            Self::Tab => Some("tabs"),
            Self::Bar => Some("bars"),
            Self::Blanks => Some("blanks"),
        }
    }

    /// Splits a line into fields. Separators inside quotes are text.
    fn fields(self, line: &str) -> Vec<&str> {
        if self == Self::Blanks {
            return line.split_ascii_whitespace().collect();
        }
        let (mut fields, mut begin, mut quoted) = (Vec::new(), 0, false);
        for (place, byte) in line.bytes().enumerate() {
            if byte == b'"' {
                quoted = !quoted;
            } else if byte == self.byte() && !quoted {
                fields.push(&line[begin..place]);
                begin = place + 1;
            }
        }
        fields.push(&line[begin..]);
        fields.into_iter().map(|field| field.trim().trim_matches('"').trim()).collect()
    }
}

/// Returns the dialect of a text table, or `None` for the default dialect.
///
/// `plain` means that the file's extension promises commas; the tabs of a `.tsv` file are its
/// default. Runs of blanks are not written.
pub(super) fn dialect(separator: Separator, decimal_comma: bool, plain: bool) -> Option<Dialect> {
    let own = match separator {
        Separator::Semicolon => ';',
        Separator::Bar => '|',
        Separator::Tab if plain => '\t',
        // Numbers with decimal commas need another separator.
        _ if decimal_comma => ';',
        Separator::Comma | Separator::Tab | Separator::Blanks => ',',
    };
    let dialect = Dialect { separator: own, decimal_comma };
    (dialect != Dialect::default()).then_some(dialect)
}

/// Dialect of a table, detected from its first lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Detected {
    pub(super) separator: Separator,
    /// Number of lines before the table: a statement of the separator, and comments.
    pub(super) before: u64,
    /// Number of bytes of these lines.
    pub(super) bytes: u64,
    /// True if lines that begin with # are comments.
    pub(super) comments: bool,
    /// Column names, if a comment holds them.
    pub(super) names: Option<Vec<String>>,
}

impl Detected {
    /// Detects the dialect from the first lines.
    pub(super) fn of(reader: impl Read) -> Self {
        let mut reader = BufReader::new(reader.take(BYTES));
        let mut lines: Vec<Vec<u8>> = Vec::new();
        while lines.len() < LINES {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(1..) => lines.push(line),
                _ => break,
            }
        }
        // A line cut by the limit says nothing about its columns, so it is ignored.
        if lines.len() > 1 && lines.last().is_some_and(|line| line.last() != Some(&b'\n')) && lines.len() < LINES {
            let total: usize = lines.iter().map(Vec::len).sum();
            if total as u64 >= BYTES {
                lines.pop();
            }
        }
        let texts: Vec<String> = lines.iter().map(|line| String::from_utf8_lossy(line).trim_end().to_owned()).collect();
        // Excel's statement of the separator: sep=;
        let stated = texts.first().and_then(|line| match line.trim_matches('"').strip_prefix("sep=")? {
            "," => Some(Separator::Comma),
            ";" => Some(Separator::Semicolon),
            "\t" | "\\t" => Some(Separator::Tab),
            "|" => Some(Separator::Bar),
            _ => None,
        });
        let first = usize::from(stated.is_some());
        let is_comment = |line: &String| line.trim_start().starts_with('#');
        let comments = texts[first..].iter().take_while(|line| is_comment(line)).count();
        let body: Vec<&str> = texts[first + comments..]
            .iter()
            .filter(|line| !(line.trim().is_empty() || comments > 0 && is_comment(line)))
            .map(String::as_str)
            .collect();
        let separator = stated.unwrap_or_else(|| told(&body));
        let width = body.first().map_or(0, |line| separator.fields(line).len());
        // The last comment may name the columns, as numpy.savetxt writes it.
        let names = texts[first..first + comments].last().and_then(|line| {
            let fields = separator.fields(line.trim_start().trim_start_matches('#').trim());
            let named = fields.len() == width && fields.iter().all(|field| !is_missing(field) && !is_number(field));
            let above = body.first().is_some_and(|line| separator.fields(line).iter().any(|field| is_number(field)));
            (named && above).then(|| fields.into_iter().map(str::to_owned).collect())
        });
        let before = first + comments;
        Self {
            separator,
            before: before as u64,
            bytes: lines[..before].iter().map(|line| line.len() as u64).sum(),
            comments: comments > 0,
            names,
        }
    }
}

/// Chooses the separator that gives all lines the same number of columns, more than one, with the
/// largest share of numbers below the first line.
fn told(lines: &[&str]) -> Separator {
    let mut best = (Separator::Comma, (false, 0.0));
    let body = if lines.len() > 1 { &lines[1..] } else { lines };
    for separator in Separator::ALL {
        let rows: Vec<Vec<&str>> = lines.iter().map(|line| separator.fields(line)).collect();
        let width = rows.first().map_or(0, Vec::len);
        let even = width > 1 && rows.iter().all(|row| row.len() == width);
        let (mut numbers, mut fields) = (0_usize, 0_usize);
        for line in body {
            let row = separator.fields(line);
            // Commas that separate columns are not decimal commas.
            let good = |field: &&&str| match separator {
                Separator::Comma => field.parse::<f64>().is_ok(),
                _ => is_number(field) || is_missing(field) && row.len() > 1,
            };
            numbers += row.iter().filter(good).count();
            fields += row.len();
        }
        let share = numbers as f64 / fields.max(1) as f64;
        if separator != Separator::Comma && rows.iter().all(|row| row.len() < 2) {
            continue;
        }
        // Blanks occur in texts, so they count only if all fields are numbers.
        if separator == Separator::Blanks && !(even && share == 1.0) {
            continue;
        }
        if (even, share) > best.1 {
            best = (separator, (even, share));
        }
    }
    best.0
}

/// Returns true for a number with a decimal point or a decimal comma.
fn is_number(field: &str) -> bool {
    field.parse::<f64>().is_ok() || with_point(field).is_some_and(|field| field.parse::<f64>().is_ok())
}

/// Converts a number with a decimal comma to one with a decimal point.
pub(super) fn with_point(field: &str) -> Option<String> {
    let (whole, part) = field.split_once(',')?;
    let digits = whole.trim_start_matches(['+', '-']);
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = part.find(['e', 'E']).unwrap_or(part.len());
    let fits = plain(digits) && plain(&part[..power]) && power > 0 && !part.contains(',');
    fits.then(|| format!("{whole}.{part}"))
}

/// Returns the reason why a field is not a number, and advice.
pub(super) fn diagnosis(field: &str) -> Option<(&'static str, &'static str)> {
    let grouped = |mark: &[char]| {
        let mut parts = field.trim_start_matches(['+', '-']).split(mark);
        let first = parts.next().unwrap_or_default();
        let three = |part: &str, most: usize| {
            let part = part.split(['.', ',']).next().unwrap_or_default();
            part.len() == most && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let rest: Vec<&str> = parts.collect();
        (1..=3).contains(&first.len())
            && first.bytes().all(|byte| byte.is_ascii_digit())
            && !rest.is_empty()
            && rest.iter().all(|part| three(part, 3))
    };
    let several = |mark: char| field.matches(mark).count() > 1 && grouped(&[mark]);
    let both = |thousands: char, decimal: char| {
        let (before, after) = field.rsplit_once(decimal)?;
        (before.contains(thousands) && !after.contains(thousands)).then_some(())
    };
    let digits = field.bytes().any(|byte| byte.is_ascii_digit());
    if digits
        && (grouped(&['\'', '’', '\u{a0}', '\u{202f}', ' ', '_'])
            || several(',')
            || several('.')
            || both(',', '.').is_some()
            || both('.', ',').is_some())
        && field.chars().all(|c| !c.is_alphabetic())
    {
        return Some(("a number has separators between its thousands", "write the numbers without them, as 1234.5"));
    }
    if with_point(field).is_some() {
        return Some((
            "a number has a decimal comma",
            "write the numbers with points, or separate the columns by semicolons",
        ));
    }
    let number = field.trim_matches(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+'));
    let around = field.chars().count() - number.chars().count();
    // Letters before a number form a name, such as r0.
    let named = field.chars().next().is_some_and(char::is_alphabetic);
    if digits && !named && number.parse::<f64>().is_ok() && (1..=8).contains(&around) {
        return Some((
            "a number has a unit or a sign beside it",
            "write the numbers alone, and the unit into the name of the column",
        ));
    }
    let parts =
        field.split(['-', '/', '.', ':', ' ', 'T']).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if digits && (field.contains(':') || parts.filter(|part| !part.is_empty()).count() >= 3) {
        return Some(("a date or time is no number", "write it as a number, or leave the column out with --drop"));
    }
    None
}

//! Flags for reading a data file, shared by every command that reads one.

use super::values::{count, whole};
use clap::Args;

/// Height and width.
pub type Extent = (usize, usize);

pub fn extent(text: &str) -> Result<Extent, String> {
    let read = |text: &str| whole(text.trim(), 1 << 16).map(|value| value as usize);
    match text.split_once(',') {
        Some((height, width)) => Ok((read(height)?, read(width)?)),
        None => read(text).map(|side| (side, side)),
    }
    .map_err(|_| "expected H,W, or one number for a square".to_owned())
}

/// A list of names in one argument, so that a later argument replaces an earlier one.
pub type Names = std::vec::Vec<String>;

/// Parses names separated by commas. A name that contains a comma is quoted, as in CSV.
pub fn names(text: &str) -> Result<Names, String> {
    let wrong = || {
        Err("expected names, or numbers from 1, with commas between them; a name with a comma in it in quotes, as '\"a,b\",c'"
            .to_owned())
    };
    let (mut names, mut rest) = (Names::new(), text);
    loop {
        let (name, after) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => {
                // Two quotes stand for one inside a quoted name.
                let mut marks = quoted.char_indices().filter(|(_, c)| *c == '"').map(|(place, _)| place).peekable();
                let end = loop {
                    let Some(mark) = marks.next() else { return wrong() };
                    if marks.next_if_eq(&(mark + 1)).is_none() {
                        break mark;
                    }
                };
                (quoted[..end].replace("\"\"", "\""), quoted[end + 1..].trim_start())
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        if name.is_empty() {
            return wrong();
        }
        names.push(name);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(names),
            None => return wrong(),
        }
    }
}

/// Reading of a data file. A command with a model takes the remaining settings from the model.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub struct FileArgs {
    /// Label column of a table, by name or by number from 1
    #[arg(help_heading = "Reading data", long, value_name = "COLUMN")]
    pub label_column: Option<String>,
    /// Labels: an array of the .npz file, or a separate .npy file
    #[arg(help_heading = "Reading data", long, value_name = "ARRAY")]
    pub labels: Option<String>,
    /// Read only these columns of a table, in this order, by name or by number from 1; quote names with commas
    #[arg(help_heading = "Reading data", long, value_name = "COLUMN,…", value_parser = names)]
    pub columns: Option<Names>,
    /// Columns of a table to leave out
    #[arg(help_heading = "Reading data", long, value_name = "COLUMN,…", value_parser = names)]
    pub drop: Option<Names>,
    /// The first line of a table has the column names [default: detected]
    #[arg(help_heading = "Reading data", long, overrides_with = "no_header")]
    pub header: bool,
    /// The first line of a table is data
    #[arg(help_heading = "Reading data", long, overrides_with = "header")]
    pub no_header: bool,
    /// Axis order of pictures in an array, hwc or chw [default: detected from the sizes]
    #[arg(help_heading = "Reading data", long, value_name = "AXES")]
    pub axes: Option<String>,
    /// Height and width of pictures; larger pictures are cropped at the centre
    #[arg(help_heading = "Reading data", long, value_name = "H,W", value_parser = extent)]
    pub size: Option<Extent>,
    /// Skip pictures that cannot be read, and report how many
    #[arg(help_heading = "Reading data", long)]
    pub skip_bad: bool,
    /// Memory for data in MiB; larger data sets are read on demand [default: 2048]
    #[arg(help_heading = "Reading data", long, value_name = "MIB", value_parser = count, allow_negative_numbers = true)]
    pub memory: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin_data::flag_value;

    #[test]
    fn names_with_commas_stand_in_quotes() {
        let read = |text: &str| names(text).map(|names| names.join("|"));
        assert_eq!(read("a, b,3"), Ok("a|b|3".to_owned()));
        assert_eq!(read(r#""a,b",c"#), Ok("a,b|c".to_owned()));
        assert_eq!(read(r#"c , "a, ""b""" "#), Ok(r#"c|a, "b""#.to_owned()));
        assert_eq!(read(r#"5" pipe,x"#), Ok(r#"5" pipe|x"#.to_owned()));
        assert_eq!(read(r#"" x ""#), Ok(" x ".to_owned()));
        for wrong in ["", "a,", ",a", r#""a"#, r#""a"b"#, r#""""#, r#""a,b"#, "a,,b"] {
            assert!(names(wrong).is_err(), "{wrong}");
        }
        // Names printed in hints parse to the same names once a shell has removed its quotes.
        let all = ["a,b", "c", " d ", "it's"];
        let shell = flag_value(all);
        let inner = shell.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap().replace("'\\''", "'");
        assert_eq!(names(&inner).unwrap(), all);
    }
}

//! Colours and marks of series. Each series has a mark as well as a colour, so that the meaning
//! does not depend on either alone.

/// A colour for light and for dark pages.
///
/// ```
/// assert_eq!(langevin_report::palette::COLOURS[0].light, "#b04a00");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// CSS colour for light pages and for print.
    pub light: &'static str,
    /// CSS colour for dark pages.
    pub dark: &'static str,
}

/// Colours of series. They repeat from the seventh series on.
pub const COLOURS: [Colour; 6] = [
    Colour { light: "#b04a00", dark: "#f39a5b" },
    Colour { light: "#0a63a8", dark: "#6bb6f2" },
    Colour { light: "#00735a", dark: "#4bcaa5" },
    Colour { light: "#8f3f86", dark: "#dd9bd5" },
    Colour { light: "#6b6100", dark: "#cfc35a" },
    Colour { light: "#b5173f", dark: "#ff8a9c" },
];

/// Number of dash patterns: solid, dashed, dotted.
pub const DASHES: usize = 3;

/// Returns the CSS class that gives an element the colour of series `index`.
///
/// ```
/// assert_eq!(langevin_report::palette::class(7), "r1");
/// ```
#[must_use]
pub fn class(index: usize) -> String {
    format!("r{}", index % COLOURS.len())
}

/// Returns the mark of series `index` as inline SVG, in the colour of the surrounding element.
///
/// ```
/// assert!(langevin_report::palette::mark(0).contains("<circle"));
/// ```
#[must_use]
pub fn mark(index: usize) -> String {
    let shape = match index % COLOURS.len() {
        0 => "<circle cx=\"7\" cy=\"7\" r=\"5.5\"/>",
        1 => "<rect x=\"2\" y=\"2\" width=\"10\" height=\"10\"/>",
        2 => "<path d=\"M7 1 13 12.4H1Z\"/>",
        3 => "<path d=\"M7 .6 13.4 7 7 13.4 .6 7Z\"/>",
        4 => "<path d=\"M7 13 1 1.6H13Z\"/>",
        _ => "<path d=\"M5 1H9V5H13V9H9V13H5V9H1V5H5Z\"/>",
    };
    format!("<svg class=\"mark\" viewBox=\"0 0 14 14\" aria-hidden=\"true\">{shape}</svg>")
}

/// Returns the style sheet of every page, including the colours.
pub(crate) fn style() -> String {
    let variables = |of: fn(&Colour) -> &'static str| {
        let all: Vec<String> =
            COLOURS.iter().enumerate().map(|(i, colour)| format!("--c{i}: {};", of(colour))).collect();
        all.join(" ")
    };
    let classes: Vec<String> = (0..COLOURS.len()).map(|i| format!(".r{i} {{ --c: var(--c{i}); }}")).collect();
    include_str!("style.css")
        .replace("/* light colours */", &variables(|colour| colour.light))
        .replace("/* dark colours */", &variables(|colour| colour.dark))
        .replace("/* classes of colours */", &classes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_has_every_colour_and_no_other() {
        let style = style();
        assert!(!style.contains("colours */"));
        for (index, Colour { light, dark }) in COLOURS.into_iter().enumerate() {
            assert_eq!(style.matches(&format!("--c{index}: {light};")).count(), 2, "on light paper and in print");
            assert_eq!(style.matches(&format!("--c{index}: {dark};")).count(), 1);
            assert!(style.contains(&format!(".r{index} {{ --c: var(--c{index}); }}")));
        }
        assert!(!style.contains(&format!("--c{}", COLOURS.len())));
    }
}

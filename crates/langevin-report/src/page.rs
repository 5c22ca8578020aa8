//! The common structure of pages: head, title, sections and footer, with an embedded style sheet.

use crate::palette::style;

/// Escapes text for an HTML element or a quoted attribute. Control characters are replaced.
///
/// ```
/// assert_eq!(langevin_report::escape("a < b"), "a &lt; b");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A self-contained HTML page.
///
/// Titles, ledes and headings are text and are escaped. Section bodies and the footer are HTML, for
/// example the results of [`LineChart::html`](crate::LineChart::html) and
/// [`Table::html`](crate::Table::html).
///
/// ```
/// use langevin_report::Page;
/// let page = Page::new("Two runs").kicker("my experiment");
/// let page = page.section("Notes", "<p>Both converge.</p>").html();
/// assert!(page.contains("<title>Two runs</title>") && page.contains("<h2>Notes</h2>"));
/// ```
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    heading: Option<String>,
    kicker: String,
    lede: String,
    version: String,
    main: String,
    footer: String,
}

impl Page {
    /// Builds a page without sections.
    ///
    /// ```
    /// use langevin_report::Page;
    /// assert!(Page::new("A < B").html().contains("<title>A &lt; B</title>"));
    /// ```
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            heading: None,
            kicker: "langevin".into(),
            lede: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            main: String::new(),
            footer: String::new(),
        }
    }

    /// Sets the small line of text above the heading.
    ///
    /// ```
    /// use langevin_report::Page;
    /// let html = Page::new("A page").kicker("my tool").html();
    /// assert!(html.contains("<p class=\"kicker\">my tool</p>"));
    /// ```
    #[must_use]
    pub fn kicker(mut self, kicker: impl Into<String>) -> Self {
        self.kicker = kicker.into();
        self
    }

    /// Sets the heading. The default is the title.
    ///
    /// ```
    /// use langevin_report::Page;
    /// let page = Page::new("Short").heading("A longer heading").html();
    /// assert!(page.contains("<h1>A longer heading</h1>"));
    /// ```
    #[must_use]
    pub fn heading(mut self, heading: impl Into<String>) -> Self {
        self.heading = Some(heading.into());
        self
    }

    /// Sets the line of text below the heading.
    ///
    /// ```
    /// use langevin_report::Page;
    /// let html = Page::new("A page").lede("1 < 2").html();
    /// assert!(html.contains("<p class=\"lede\">1 &lt; 2</p>"));
    /// ```
    #[must_use]
    pub fn lede(mut self, lede: impl Into<String>) -> Self {
        self.lede = lede.into();
        self
    }

    /// Sets the version of `langevin` that the page records as its generator.
    ///
    /// ```
    /// use langevin_report::Page;
    /// assert!(Page::new("A page").version("9.9").html().contains("content=\"langevin 9.9\""));
    /// ```
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Adds a section with a heading and an HTML body.
    ///
    /// ```
    /// use langevin_report::Page;
    /// let html = Page::new("A page").section("Notes", "<p>None.</p>").html();
    /// assert!(html.contains("<section><h2>Notes</h2><p>None.</p></section>"));
    /// ```
    #[must_use]
    pub fn section(self, heading: &str, body: &str) -> Self {
        self.raw(&format!("<section><h2>{}</h2>{body}</section>", escape(heading)))
    }

    /// Sets the footer, as HTML.
    ///
    /// ```
    /// use langevin_report::Page;
    /// let html = Page::new("A page").footer("<p>End</p>").html();
    /// assert!(html.contains("<footer><p>End</p></footer>"));
    /// ```
    #[must_use]
    pub fn footer(mut self, footer: &str) -> Self {
        self.footer = format!("<footer>{footer}</footer>");
        self
    }

    /// Adds complete sections.
    pub(crate) fn raw(mut self, sections: &str) -> Self {
        self.main.push_str(sections);
        self
    }

    /// Returns the page as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let Self { title, heading, kicker, lede, version, main, footer } = self;
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"langevin {version}\">\n\
             <title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
             <header><p class=\"kicker\">{kicker}</p><h1>{heading}</h1><p class=\"lede\">{lede}</p></header>\n\
             <main>\n{main}\n</main>\n{footer}\n</body>\n</html>\n",
            version = escape(version),
            title = escape(title),
            style = style(),
            kicker = escape(kicker),
            heading = escape(heading.as_ref().unwrap_or(title)),
            lede = escape(lede),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("<a href=\"x\">&'\u{0}"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{fffd}");
        let page = Page::new("<b>").kicker("<i>").lede("a & b").section("\"", "<p>x</p>").html();
        assert!(page.contains("<h1>&lt;b&gt;</h1>") && page.contains("a &amp; b") && page.contains("<p>x</p>"));
    }
}

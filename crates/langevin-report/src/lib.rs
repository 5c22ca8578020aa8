//! Charts, tables and self-contained HTML pages for diffusion experiments, as pure text.
//!
//! The functions take plain numbers and return a `String`. The crate reads and writes no files,
//! prints nothing, keeps no state and builds for wasm32. A page contains its style, drawings and
//! pictures, so it can be shared as a single file. It follows the light or dark setting of the
//! reader and is suitable for printing.
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | [`page`] | [`Page`]: head, title, sections and footer |
//! | [`chart`] | [`LineChart`]: a curve, with an optional dashed one |
//! | [`axis`] | [`Axis`]: linear or logarithmic, with round ticks; used by every drawing |
//! | [`table`] | [`Table`]: one table, as aligned text for a terminal or as HTML |
//! | [`numbers`] | formats of numbers, counts, percentages and durations |
//! | [`palette`] | colours and marks of series |
//! | [`errors`] | the page of `langevin analyze` |
//! | [`objective`] | the page of `langevin objective` |
//! | [`run`] | the page of `langevin report` |
//! | [`demo`] | the page of `langevin demo` |
//! | [`names`] | the page of `langevin demo names` |
//! | [`graphs`] | graphs as nodes and links |
//!
//! # Examples
//!
//! A page with a line chart:
//!
//! ```
//! use langevin_report::{LineChart, Page};
//! let loss = |i: u32| (20.0 * f64::from(i), 0.1 + 0.9 / f64::from(1 + i));
//! let losses: Vec<(f64, f64)> = (0..=50).map(loss).collect();
//! let chart = LineChart::new("step", "loss", losses);
//! let page = Page::new("My training").lede("1,000 steps of 64 rows.");
//! let page = page.section("The loss", &chart.html());
//! let html = page.html();
//! assert!(html.starts_with("<!doctype html>") && html.contains("loss, logarithmic scale"));
//! // std::fs::write("training.html", html)
//! ```
#![forbid(unsafe_code)]

pub mod axis;
pub mod chart;
pub mod demo;
pub mod errors;
pub mod graphs;
pub mod names;
pub mod numbers;
pub mod objective;
pub mod page;
pub mod palette;
pub mod run;
mod svg;
pub mod table;

pub use axis::Axis;
pub use chart::LineChart;
pub use page::{Page, escape};
pub use table::{Cell, Table};

/// The examples of the README are run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

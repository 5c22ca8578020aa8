//! Tests of the whole page.

use super::*;

fn pictures(count: usize, seed: u64) -> Pictures {
    let values = (0..count * 64).map(|i| f64::from(((i as u64 * 2_654_435_761 + seed) >> 7) as u8 % 17)).collect();
    Pictures { count, height: 8, width: 8, values }
}

fn row(title: &str, process: &str, eta: f64, samples: usize, frames: usize) -> Reading {
    Reading {
        title: title.into(),
        process: process.into(),
        prediction: "score".into(),
        eta,
        nfe: 40,
        seconds: 1.25,
        sliced_w2: 0.81,
        energy: 0.031,
        copies: 0.012,
        samples: pictures(samples, 7),
        strips: (0..3).map(|k| pictures(frames, k)).collect(),
        strip_sigmas: (0..frames).map(|i| 80.0 * 0.6_f64.powi(i as i32)).collect(),
        triangle: Triangle {
            time: 0.693,
            forward: [-0.5, 0.0, 1.0],
            reverse: [0.5, 0.5 * (1.0 + eta * eta), eta * eta],
            langevin: [0.0, 0.5 * (1.0 + eta * eta), 1.0 + eta * eta],
        },
    }
}

fn demo() -> Demo {
    Demo {
        data: pictures(64, 3),
        train_rows: 1437,
        held_out_rows: 360,
        rows: vec![
            row("VP-SDE", "vp", 1.0, 64, 41),
            row("VP-ODE", "vp", 0.0, 64, 41),
            row("VE-Karras", "ve", 0.0, 64, 41),
            row("Rectified flow", "rectified-flow", 0.0, 64, 41),
        ],
        floor_sliced_w2: 0.7,
        floor_energy: 0.02,
        held_out_copies: 0.01,
        ode_difference: 0.04,
        losses: (0..200).map(|i| (i * 10, 0.2 + 1.0 / (1.0 + i as f64))).collect(),
        steps: 2000,
        train_seconds: 41.0,
        parameters: 123_456,
        sigma_min: 0.002,
        sigma_max: 80.0,
        seed: 7,
        machine: "2 cores".into(),
        command: "langevin demo --seed 7".into(),
        version: "0.1.0".into(),
    }
}

/// Asserts that every element is closed in the right order.
fn assert_balanced(page: &str) {
    const VOID: [&str; 4] = ["meta", "img", "br", "hr"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag that ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        assert!(!tag.contains('<'), "a tag inside a tag: {tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "an open quote: {tag}");
        if tag.starts_with('!') || tag.ends_with('/') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes something else");
            continue;
        }
        let name = tag.split_whitespace().next().expect("a name");
        if !VOID.contains(&name) {
            open.push(name);
        }
        if name == "style" {
            rest = &rest[rest.find("</style>").expect("an end of the style")..];
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

pub(crate) fn assert_sound(page: &str) {
    assert_balanced(page);
    for bad in ["NaN", "inf%", "inf\"", "undefined"] {
        assert!(!page.contains(bad), "{bad} in the page");
    }
}

#[test]
fn the_page_is_whole_and_small() {
    let page = demo().html();
    assert_sound(&page);
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    for text in
        ["VP-SDE", "VP-ODE", "VE-Karras", "Rectified flow", "10.24432/C50P49", "langevin demo --seed 7", "Floor"]
    {
        assert!(page.contains(text), "{text} is missing");
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = demo().html();
    for (at, _) in page.match_indices("http") {
        let before = &page[..at];
        assert!(before.ends_with("<a href=\""), "an address that is not a link: {}", &page[at..at + 40]);
    }
    for load in ["@import", "<link", "<script", "<iframe", "url("] {
        assert!(!page.contains(load), "{load} in the page");
    }
    for (at, _) in page.match_indices("src=\"") {
        assert!(page[at + 5..].starts_with("data:image/png;base64,"));
    }
}

#[test]
fn every_picture_is_named() {
    let page = demo().html();
    assert_eq!(page.matches("<img ").count(), page.matches(" alt=\"").count());
    assert!(page.contains("role=\"img\" aria-label=\"VP-SDE: 16 samples\""));
}

#[test]
fn strange_names_are_escaped() {
    let mut data = demo();
    data.rows[0].title = "<script>\"&'".into();
    data.rows[0].prediction = "<b>".into();
    data.machine = "<i>".into();
    data.command = "a && b > \"c\"".into();
    data.version = "\"><script>".into();
    let page = data.html();
    assert_sound(&page);
    assert!(
        !page.contains("<script>") && !page.contains("<b>\"") && page.contains("a &amp;&amp; b &gt; &quot;c&quot;")
    );
}

#[test]
fn little_and_broken_data_still_make_a_page() {
    let mut none = demo();
    none.rows.clear();
    none.losses.clear();
    none.data = Pictures { count: 0, height: 0, width: 0, values: vec![] };
    assert_sound(&none.html());

    let mut few = demo();
    few.rows = vec![row(&"A very long name without a break".repeat(4), "vp", 0.0, 2, 1)];
    few.losses = vec![(0, 0.5)];
    few.data = pictures(1, 0);
    assert_sound(&few.html());

    let mut broken = demo();
    for row in &mut broken.rows {
        row.sliced_w2 = f64::NAN;
        row.energy = f64::INFINITY;
        row.copies = f64::NAN;
        row.seconds = f64::NAN;
        row.eta = f64::NAN;
        row.samples.values.truncate(100);
        row.samples.values[3] = f64::NAN;
        row.strips.pop();
        row.strips[0].values.truncate(64 * 5);
        row.strip_sigmas.clear();
        row.triangle.time = f64::NAN;
        row.triangle.forward = [f64::NAN, 0.0, f64::INFINITY];
        row.triangle.langevin = [1e30, f64::NEG_INFINITY, -1.0];
    }
    broken.losses = vec![(0, f64::NAN), (10, f64::INFINITY), (20, 1.0)];
    broken.ode_difference = f64::NAN;
    broken.floor_energy = f64::NAN;
    broken.train_seconds = f64::INFINITY;
    assert_sound(&broken.html());
}

#[test]
fn the_triangles_numbers_stand_under_each_other() {
    let page = demo().html();
    assert!(page.contains("<td>−0.5</td><td>0</td>"));
    assert!(page.contains("<td>0.5</td><td>1</td>"));
    assert_eq!(page.matches("<tr class=\"sum\">").count(), 4);
}

//! The basic shapes of the drawings.

/// A point of a drawing; y increases downwards.
pub(crate) type Point = (f64, f64);

/// Returns an arrow with CSS class `class`, or a ring if it has no length.
pub(crate) fn arrow(from: Point, to: Point, class: &str, head: f64) -> String {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length.is_nan() || length <= 1.0 {
        return format!("<circle class=\"{class} ring\" cx=\"{}\" cy=\"{}\" r=\"5\"/>", coord(from.0), coord(from.1));
    }
    let head = head.min(0.6 * length);
    let (ux, uy) = (dx / length, dy / length);
    let base = (to.0 - head * ux, to.1 - head * uy);
    let half = 0.42 * head;
    format!(
        "<path class=\"{class}\" d=\"M{} {}L{} {}\"/><path class=\"{class} head\" d=\"M{} {}L{} {}L{} {}Z\"/>",
        coord(from.0),
        coord(from.1),
        coord(base.0),
        coord(base.1),
        coord(to.0),
        coord(to.1),
        coord(base.0 - half * uy),
        coord(base.1 + half * ux),
        coord(base.0 + half * uy),
        coord(base.1 - half * ux),
    )
}

/// Returns a straight line.
pub(crate) fn line(from: Point, to: Point, class: &str) -> String {
    format!("<path class=\"{class}\" d=\"M{} {}L{} {}\"/>", coord(from.0), coord(from.1), coord(to.0), coord(to.1))
}

/// Returns a label. `anchor` is "start", "middle" or "end"; the text must already be escaped.
pub(crate) fn label(at: Point, anchor: &str, class: &str, text: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>",
        coord(at.0),
        coord(at.1)
    )
}

/// Returns a disc whose area is proportional to `share`, from 0 to 1, or an empty ring for a share
/// near 0.
pub(crate) fn disc(share: f64) -> String {
    let radius = 9.0 * share.clamp(0.0, 1.0).sqrt();
    let shape = if radius > 0.3 {
        format!("<circle cx=\"10\" cy=\"10\" r=\"{}\"/>", coord(radius))
    } else {
        "<circle class=\"none\" cx=\"10\" cy=\"10\" r=\"2\"/>".to_owned()
    };
    format!("<svg class=\"disc\" viewBox=\"0 0 20 20\" aria-hidden=\"true\">{shape}</svg>")
}

/// Returns the path data of a line through the points.
pub(crate) fn path(points: &[Point]) -> String {
    points
        .iter()
        .enumerate()
        .map(|(i, p)| format!("{}{} {}", if i == 0 { 'M' } else { 'L' }, coord(p.0), coord(p.1)))
        .collect()
}

/// Formats a coordinate with two decimals, without trailing zeros. A value that is not finite
/// becomes 0, because NaN would break the drawing.
pub(crate) fn coord(value: f64) -> String {
    if !value.is_finite() {
        return "0".into();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_finite() {
        assert_eq!(coord(1.0), "1");
        assert_eq!(coord(-0.001), "0");
        assert_eq!(coord(100.0), "100");
        assert_eq!(coord(2.345_6), "2.35");
        assert_eq!(coord(f64::NAN), "0");
    }

    #[test]
    fn an_arrow_without_length_is_a_ring() {
        assert!(arrow((3.0, 4.0), (3.0, 4.0), "a", 8.0).starts_with("<circle"));
        assert!(arrow((0.0, 0.0), (f64::NAN, 0.0), "a", 8.0).starts_with("<circle"));
        assert!(arrow((0.0, 0.0), (30.0, 0.0), "a", 8.0).contains("M0 0L22 0"));
    }
}

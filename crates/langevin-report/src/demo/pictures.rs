//! Grey pictures as PNG data URLs.
//!
//! A pixel is black ink with some opacity over the background of the page. The same picture
//! therefore works on a light page and, inverted by a CSS filter, on a dark one. Pictures keep
//! their own size; the browser enlarges them without smoothing.

use super::Pictures;
use crate::page::escape;
use crate::run::base64;

/// The values that are shown as paper and as full ink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// The value shown as bare paper.
    pub(super) paper: f64,
    /// The value shown as full ink.
    pub(super) ink: f64,
}

impl Scale {
    /// The scale of the data.
    pub(super) const DATA: Self = Self { paper: 0.0, ink: 16.0 };

    /// Returns the scale of the data, extended to contain `values` without the outermost 2 % at
    /// each end. Strong noise then appears in shades of grey, not in pure black and white.
    pub(super) fn holding(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.filter(|v| v.is_finite()).collect();
        if sorted.is_empty() {
            return Self::DATA;
        }
        sorted.sort_by(f64::total_cmp);
        let tail = sorted.len() / 50;
        let (low, high) = (sorted[tail], sorted[sorted.len() - 1 - tail]);
        // The scale ignores an overshoot of one pixel unit, so that the background of a digit stays
        // white.
        Self {
            paper: if low < Self::DATA.paper - 1.0 { low } else { Self::DATA.paper },
            ink: if high > Self::DATA.ink + 1.0 { high } else { Self::DATA.ink },
        }
    }

    /// Returns the opacity of `value`, from 0 to 255; NaN is shown as paper.
    fn opacity(self, value: f64) -> u8 {
        let share = ((value - self.paper) / (self.ink - self.paper)).clamp(0.0, 1.0);
        (255.0 * share).round() as u8
    }
}

/// Returns a picture with `width` pixels per row as a data URL.
pub(super) fn uri(values: &[f64], width: usize, scale: Scale) -> Option<String> {
    let height = values.len().checked_div(width)?;
    let opacity: Vec<u8> = values.iter().map(|&v| scale.opacity(v)).collect();
    encode(&opacity, width, height)
}

/// Returns an `img` element without a text alternative. The element around it carries the name.
pub(super) fn image(values: &[f64], width: usize, scale: Scale) -> String {
    let height = values.len().checked_div(width).unwrap_or(0);
    uri(values, width, scale)
        .map(|uri| format!("<img class=\"px\" src=\"{uri}\" width=\"{width}\" height=\"{height}\" alt=\"\">"))
        .unwrap_or_default()
}

/// Returns a sheet of at most `columns` × `columns` pictures, each with a border of one pixel.
pub(super) fn sheet(pictures: &Pictures, columns: usize, name: &str) -> Option<String> {
    let shown = pictures.shown(columns * columns);
    if shown == 0 {
        return None;
    }
    let (height, width) = (pictures.height, pictures.width);
    let down = shown.div_ceil(columns);
    let sheet_width = columns * (width + 1) + 1;
    let sheet_height = down * (height + 1) + 1;
    let mut opacity = vec![0; sheet_width * sheet_height];
    for index in 0..shown {
        let picture = pictures.picture(index)?;
        let (top, left) = ((index / columns) * (height + 1) + 1, (index % columns) * (width + 1) + 1);
        for (y, line) in picture.chunks_exact(width).enumerate() {
            for (x, &value) in line.iter().enumerate() {
                opacity[(top + y) * sheet_width + left + x] = Scale::DATA.opacity(value);
            }
        }
    }
    let uri = encode(&opacity, sheet_width, sheet_height)?;
    Some(format!(
        "<img class=\"px\" src=\"{uri}\" width=\"{sheet_width}\" height=\"{sheet_height}\" alt=\"{}\">",
        escape(name)
    ))
}

/// Encodes black pixels with the given opacities as a PNG data URL.
fn encode(opacity: &[u8], width: usize, height: usize) -> Option<String> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    encoder.set_color(png::ColorType::GrayscaleAlpha);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = opacity.iter().flat_map(|&a| [0, a]).collect();
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", base64(&file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_its_png() {
        let values = [0.0, 4.0, 8.0, 16.0, 20.0, f64::NAN];
        let mut file = Vec::new();
        let opacity: Vec<u8> = values.iter().map(|&v| Scale::DATA.opacity(v)).collect();
        assert_eq!(opacity, [0, 64, 128, 255, 255, 0]);
        let uri = encode(&opacity, 3, 2).expect("a PNG");
        let coded = uri.strip_prefix("data:image/png;base64,").expect("a data URL");
        for four in coded.as_bytes().chunks(4) {
            let word = four.iter().fold(0_u32, |word, &c| {
                let sextet = match c {
                    b'A'..=b'Z' => c - b'A',
                    b'a'..=b'z' => c - b'a' + 26,
                    b'0'..=b'9' => c - b'0' + 52,
                    b'+' => 62,
                    b'/' => 63,
                    _ => 0,
                };
                (word << 6) | u32::from(sextet)
            });
            file.extend_from_slice(&word.to_be_bytes()[1..]);
        }
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a header");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(pixels.chunks(2).map(|p| p[1]).collect::<Vec<_>>(), opacity);
    }

    #[test]
    fn the_scale_widens_for_noise_only() {
        assert_eq!(Scale::holding([0.0, 16.3, -0.4].into_iter()), Scale::DATA);
        let noise = Scale::holding((0..1000).map(|i| f64::from(i) - 500.0));
        assert_eq!(noise, Scale { paper: -480.0, ink: 479.0 });
        assert_eq!(Scale::holding(std::iter::empty()), Scale::DATA);
        assert_eq!(Scale::holding([f64::NAN, f64::INFINITY].into_iter()), Scale::DATA);
    }
}

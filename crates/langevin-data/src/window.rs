//! Parts of images.

/// Part of an image: its position and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Window {
    /// Returns the centre of an image of `extent`, rounded to the upper left.
    pub(crate) fn centre(extent: (usize, usize), (height, width): (usize, usize)) -> Self {
        Self { top: extent.0.saturating_sub(height) / 2, left: extent.1.saturating_sub(width) / 2, height, width }
    }

    /// Copies the window out of an image whose lines have `width` × `depth` numbers.
    pub(crate) fn cut(self, whole: &[f32], width: usize, depth: usize, out: &mut [f32]) {
        let lines = whole.chunks_exact(width * depth).skip(self.top);
        for (line, out) in lines.zip(out.chunks_exact_mut(self.width * depth)) {
            out.copy_from_slice(&line[self.left * depth..][..self.width * depth]);
        }
    }
}

//! Parts of pictures.

/// Part of a picture: where it begins and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Window {
    /// The middle of a picture of `extent`; of two middles the upper and the left.
    pub(crate) fn centre(extent: (usize, usize), (height, width): (usize, usize)) -> Self {
        Self { top: extent.0.saturating_sub(height) / 2, left: extent.1.saturating_sub(width) / 2, height, width }
    }

    /// Copies these lines of a picture of `width` × `depth` numbers a line.
    pub(crate) fn cut(self, whole: &[f32], width: usize, depth: usize, out: &mut [f32]) {
        let lines = whole.chunks_exact(width * depth).skip(self.top);
        for (line, out) in lines.zip(out.chunks_exact_mut(self.width * depth)) {
            out.copy_from_slice(&line[self.left * depth..][..self.width * depth]);
        }
    }
}

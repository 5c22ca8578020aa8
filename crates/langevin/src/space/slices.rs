//! States in plain memory: [`SliceSpace`].

use super::{Coef, Denoise, Draw, ErrorNorms, Map, RowWise, Space, Tolerance, WithDenoised, rowwise};
use crate::error::{Error, Result};
use crate::kernel::{self, Element};
use crate::noise::SampleId;
use smallvec::SmallVec;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// A space whose states are plain memory: `rows × width` numbers, row after row.
///
/// A call computes on the calling thread. Threads may share a space if each has its own rows. They
/// then share only a list of memory for reuse, and a thread that finds it taken allocates instead
/// of waiting. Memory is reused best if each thread has its own space.
///
/// # Examples
///
/// ```
/// use langevin::space::Coef;
/// use langevin::{SampleId, SliceSpace, Space};
/// let space = SliceSpace::<f32>::new(2);
/// let rows = [SampleId { seed: 1, index: 0 }];
/// let x = vec![1.0, 2.0];
/// assert_eq!(space.combine(None, &[(Coef::All(3.0), &x)], &[], &rows)?, [3.0, 6.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Debug)]
pub struct SliceSpace<T> {
    width: usize,
    /// Memory of states that were given back.
    spare: Mutex<Vec<Vec<T>>>,
}

impl<T: Element> SliceSpace<T> {
    /// Builds a space whose rows have `width` elements.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(langevin::SliceSpace::<f64>::new(3).width(), 3);
    /// ```
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, spare: Mutex::new(Vec::with_capacity(SPARES)) }
    }

    /// Returns the number of elements in a row.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(langevin::SliceSpace::<f32>::new(784).width(), 784);
    /// ```
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Computes [`Space::combine`] on borrowed slices: own·out + Σ cₖ·termₖ + Σ cⱼ·z(drawⱼ),
    /// written into `out`.
    ///
    /// Without `own`, the previous content of `out` is not read.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::space::Coef;
    /// use langevin::{SampleId, SliceSpace};
    /// let (mut out, term) = ([1.0f32, 2.0], [10.0, 10.0]);
    /// let (own, terms) = (Some(Coef::All(2.0)), [(Coef::All(0.5), &term[..])]);
    /// SliceSpace::new(2).combine_into(&mut out, own, &terms, &[], &[SampleId::default()])?;
    /// assert_eq!(out, [7.0, 9.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn combine_into(
        &self,
        out: &mut [T],
        own: Option<Coef<'_>>,
        terms: &[(Coef<'_>, &[T])],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<()> {
        let len = self.len(rows)?;
        self.check("the state", out.len(), len)?;
        for (_, term) in terms {
            self.check("a term", term.len(), len)?;
        }
        let coefs = own.iter().chain(terms.iter().map(|(coef, _)| coef)).chain(noise.iter().map(|(coef, _)| coef));
        let mut per_row = false;
        for coef in coefs {
            if let Coef::PerRow(values) = coef {
                per_row = true;
                if values.len() != rows.len() {
                    return Err(Error::shape("per-row coefficients do not fit the batch")
                        .expected(format!("{} of them", rows.len()))
                        .got(values.len().to_string()));
                }
            }
        }
        let mut block = |range: std::ops::Range<usize>, row: usize| {
            let span = range.start * self.width..range.end * self.width;
            let terms: SmallVec<[(T, &[T]); 8]> =
                terms.iter().map(|(coef, term)| (T::from_f64(coef.row(row)), &term[span.clone()])).collect();
            let noise: SmallVec<[(T, Draw); 8]> =
                noise.iter().map(|(coef, draw)| (T::from_f64(coef.row(row)), *draw)).collect();
            let own = own.map(|coef| T::from_f64(coef.row(row)));
            if noise.is_empty() {
                kernel::combine(&mut out[span], own, &terms);
            } else {
                kernel::combine_noise(&mut out[span], self.width, own, &terms, &noise, &rows[range]);
            }
        };
        if per_row {
            (0..rows.len()).for_each(|row| block(row..row + 1, row));
        } else if !rows.is_empty() {
            block(0..rows.len(), 0);
        }
        Ok(())
    }

    /// Computes [`Space::denoise_and_combine`] on borrowed slices: D = b·model + a·x, then
    /// own·out + Σ cₖ·termₖ + Σ cⱼ·z(drawⱼ) into `out`, where a term that is `None` is D.
    ///
    /// See [`DenoiseSlices`] for the arguments that may be absent.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit, or if both `model` and `keep` are `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::space::DenoiseSlices;
    /// use langevin::{SampleId, SliceSpace};
    /// let (mut state, output) = ([5.0], [2.0]);
    /// // D = x − 2·out = 1, and the new state is x + 10·D.
    /// let step = DenoiseSlices { a: 1.0, b: -2.0, x: None, model: Some(&output), keep: None };
    /// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
    /// space.denoise_and_combine_into(step, &mut state, Some(1.0), &[(10.0, None)], &[], &rows)?;
    /// assert_eq!(state, [15.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn denoise_and_combine_into(
        &self,
        step: DenoiseSlices<'_, T>,
        out: &mut [T],
        own: Option<f64>,
        terms: &[(f64, Option<&[T]>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<()> {
        let DenoiseSlices { a, b, x, model, mut keep } = step;
        let len = self.len(rows)?;
        self.check("the state", out.len(), len)?;
        let others = terms.iter().filter_map(|(_, term)| *term);
        for slice in others.chain(x).chain(model).chain(keep.as_deref()) {
            self.check("a term", slice.len(), len)?;
        }
        if model.is_none() && keep.is_none() {
            return Err(Error::shape("there is no output of a model"));
        }
        let (a, b, own) = (T::from_f64(a), T::from_f64(b), own.map(T::from_f64));
        let mut scratch = [T::default(); PIECE];
        // A piece of D is still in the cache when the sum reads it.
        for start in (0..len).step_by(PIECE) {
            let span = start..(start + PIECE).min(len);
            let (out, x) = (&mut out[span.clone()], x.map(|x| &x[span.clone()]));
            let d = match &mut keep {
                Some(keep) => &mut keep[span.clone()],
                None => &mut scratch[..span.len()],
            };
            let x = x.unwrap_or(out);
            match model {
                Some(model) => kernel::combine(d, None, &[(b, &model[span.clone()]), (a, x)]),
                None => kernel::combine(d, Some(b), &[(a, x)]),
            }
            let terms: SmallVec<[(T, &[T]); 8]> = terms
                .iter()
                .map(|(coef, term)| (T::from_f64(*coef), term.map_or(&*d, |term| &term[span.clone()])))
                .collect();
            kernel::combine(out, own, &terms);
        }
        if noise.is_empty() {
            return Ok(());
        }
        // Multiplying the sum so far by one is exact, so the order of additions is kept.
        self.combine_into(out, Some(Coef::All(1.0)), &[], noise, rows)
    }

    /// Computes [`Space::map`] on borrowed slices.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit, or if the operation is a hook.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Map, SliceSpace};
    /// let mut out = [0.0; 2];
    /// SliceSpace::<f64>::new(2).map_into(&mut out, &Map::clamp(-1.0, 1.0)?, &[&[-3.0, 0.5]])?;
    /// assert_eq!(out, [-1.0, 0.5]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn map_into(&self, out: &mut [T], map: &Map, args: &[&[T]]) -> Result<()> {
        if let Some(arity) = map.arity().filter(|arity| *arity != args.len()) {
            return Err(Error::shape("a map has the wrong number of arguments")
                .expected(arity.to_string())
                .got(args.len().to_string()));
        }
        let Some(&first) = args.first() else {
            return Err(Error::shape("a map has no argument"));
        };
        self.check("the result", out.len(), first.len())?;
        match map {
            Map::Clamp { min, max } => {
                for (out, x) in out.iter_mut().zip(first) {
                    *out = T::from_f64(bounded(x.to_f64(), *min, *max));
                }
            }
            Map::Threshold { ratio, max } => {
                for (out, row) in out.chunks_mut(self.width.max(1)).zip(first.chunks(self.width.max(1))) {
                    let mut sizes: Vec<f64> = row.iter().map(|x| x.to_f64().abs()).collect();
                    sizes.sort_by(f64::total_cmp);
                    let s = crate::math::quantile_sorted(&sizes, *ratio).max(1.0).min(*max);
                    for (out, x) in out.iter_mut().zip(row) {
                        *out = T::from_f64(bounded(x.to_f64(), -s, s) / s);
                    }
                }
            }
            Map::Mul => {
                self.check("a factor", args[1].len(), first.len())?;
                for ((out, x), y) in out.iter_mut().zip(first).zip(args[1]) {
                    *out = T::from_f64(x.to_f64() * y.to_f64());
                }
            }
            Map::LearnedStd { small, large } => {
                let (small, large) = (crate::math::ln(*small), crate::math::ln(*large));
                for (out, v) in out.iter_mut().zip(first) {
                    let v = v.to_f64();
                    *out = T::from_f64(crate::math::exp(0.5 * (1.0 + v) * large + 0.5 * (1.0 - v) * small));
                }
            }
            Map::Hook { name } => {
                return Err(Error::argument("this space knows no hooks")
                    .got(format!("hook '{name}'"))
                    .hinting("run the plan with a space that supplies it"));
            }
        }
        Ok(())
    }

    /// Returns the number of elements of a batch.
    fn len(&self, rows: &[SampleId]) -> Result<usize> {
        self.width.checked_mul(rows.len()).ok_or_else(|| {
            Error::shape("the batch does not fit in memory").got(format!("{} rows × {}", rows.len(), self.width))
        })
    }

    /// Checks the size of a slice.
    fn check(&self, what: &str, got: usize, wanted: usize) -> Result<()> {
        if got == wanted {
            return Ok(());
        }
        Err(Error::shape(format!("{what} has the wrong size"))
            .expected(format!("{wanted} elements ({} per row)", self.width))
            .got(format!("{got}")))
    }

    /// Returns a buffer of `len` elements, from returned memory if there is any. Its content is
    /// unspecified.
    fn buffer(&self, len: usize) -> Vec<T> {
        let mut buffer = self.spares().and_then(|mut spares| spares.pop()).unwrap_or_default();
        buffer.resize(len, T::default());
        buffer
    }

    /// Returns the list of memory for reuse, or `None` while another thread holds it.
    fn spares(&self) -> Option<MutexGuard<'_, Vec<Vec<T>>>> {
        match self.spare.try_lock() {
            Ok(spares) => Some(spares),
            // A panic cannot leave a list of buffers half changed, so a poisoned lock is still
            // usable.
            Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// The form of [`Denoise`] on borrowed slices, for [`SliceSpace::denoise_and_combine_into`].
///
/// # Examples
///
/// ```
/// use langevin::space::DenoiseSlices;
/// use langevin::{SampleId, SliceSpace};
/// // The model's output is in `kept`; D = b·out + a·x replaces it.
/// let (mut state, mut kept) = ([5.0], [2.0]);
/// let step = DenoiseSlices { a: 1.0, b: -2.0, x: None, model: None, keep: Some(&mut kept) };
/// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
/// space.denoise_and_combine_into(step, &mut state, Some(1.0), &[(10.0, None)], &[], &rows)?;
/// assert_eq!((state, kept), ([15.0], [1.0]));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Debug)]
pub struct DenoiseSlices<'a, T> {
    /// The factor of the state.
    pub a: f64,
    /// The factor of the model's output.
    pub b: f64,
    /// The state; `None` means the previous content of `out`.
    pub x: Option<&'a [T]>,
    /// The model's output; `None` means the previous content of `keep`.
    pub model: Option<&'a [T]>,
    /// The destination of D; `None` means that D is not kept.
    pub keep: Option<&'a mut [T]>,
}

/// The number of states that are kept for reuse.
const SPARES: usize = 4;

/// The number of elements of which D and the sum are computed together. They stay in the
/// first-level cache with everything that the pass reads.
const PIECE: usize = 1024;

/// Clamps `value` to [min, max]. NaN remains NaN, so that it cannot pass for a result.
fn bounded(value: f64, min: f64, max: f64) -> f64 {
    if value.is_nan() { value } else { value.max(min).min(max) }
}

impl<T: Element> Space for SliceSpace<T> {
    type State = Vec<T>;

    fn combine(
        &self,
        own: Option<(Coef<'_>, Vec<T>)>,
        terms: &[(Coef<'_>, &Vec<T>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Vec<T>> {
        let (own, mut out) = match own {
            Some((coef, state)) => (Some(coef), state),
            None => (None, self.buffer(self.len(rows)?)),
        };
        let terms: SmallVec<[(Coef<'_>, &[T]); 8]> = terms.iter().map(|(coef, term)| (*coef, &term[..])).collect();
        self.combine_into(&mut out, own, &terms, noise, rows)?;
        Ok(out)
    }

    fn denoise_and_combine(
        &self,
        denoise: Denoise<'_, Vec<T>>,
        own: Option<(f64, Vec<T>)>,
        terms: &[(f64, Option<&Vec<T>>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<WithDenoised<Vec<T>>> {
        let Denoise { a, b, x, out: mut model, keep } = denoise;
        let (own, mut out) = match own {
            Some((coef, state)) => (Some(coef), state),
            None => (None, self.buffer(self.len(rows)?)),
        };
        let terms: SmallVec<[(f64, _); 8]> =
            terms.iter().map(|(coef, term)| (*coef, term.map(|term| &term[..]))).collect();
        let x = x.map(|x| &x[..]);
        let step = if keep {
            DenoiseSlices { a, b, x, model: None, keep: Some(&mut model) }
        } else {
            DenoiseSlices { a, b, x, model: Some(&model), keep: None }
        };
        self.denoise_and_combine_into(step, &mut out, own, &terms, noise, rows)?;
        if keep {
            return Ok((out, Some(model)));
        }
        self.recycle(model);
        Ok((out, None))
    }

    fn map(&self, map: &Map, args: &[&Vec<T>]) -> Result<Vec<T>> {
        let mut out = self.buffer(args.first().map_or(0, |first| first.len()));
        let args: SmallVec<[&[T]; 8]> = args.iter().map(|arg| &arg[..]).collect();
        self.map_into(&mut out, map, &args)?;
        Ok(out)
    }

    fn recycle(&self, state: Vec<T>) {
        if let Some(mut spares) = self.spares().filter(|spares| spares.len() < SPARES) {
            spares.push(state);
        }
    }
}

impl<T: Element> ErrorNorms for SliceSpace<T> {
    fn error_norms(&self, low: &Vec<T>, high: &Vec<T>, previous: &Vec<T>, tolerance: Tolerance) -> Result<Vec<f64>> {
        self.check("an estimate", high.len(), low.len())?;
        self.check("the state", previous.len(), low.len())?;
        let width = self.width.max(1);
        let size = |low: f64, high: f64, previous: f64| {
            let scale = tolerance.absolute.max(tolerance.relative * low.abs().max(previous.abs()));
            ((low - high) / scale).powi(2)
        };
        let norm = |row: usize| {
            let span = row * width..(row + 1) * width;
            let states = low[span.clone()].iter().zip(&high[span.clone()]).zip(&previous[span]);
            let sum: f64 = states.map(|((l, h), p)| size(l.to_f64(), h.to_f64(), p.to_f64())).sum();
            (sum / width as f64).sqrt()
        };
        Ok((0..low.len() / width).map(norm).collect())
    }
}

impl<T: Element> RowWise for SliceSpace<T> {
    fn width(&self) -> usize {
        self.width
    }

    fn upload(&self, values: &[f64]) -> Result<Vec<T>> {
        rowwise::check_rows(values.len(), self.width)?;
        Ok(values.iter().map(|value| T::from_f64(*value)).collect())
    }

    fn download(&self, state: &Vec<T>) -> Result<Vec<f64>> {
        Ok(state.iter().map(|value| value.to_f64()).collect())
    }

    fn dots(&self, a: &Vec<T>, b: &Vec<T>) -> Result<Vec<f64>> {
        rowwise::dots(self.width, a, b)
    }

    fn relative_norms(&self, error: &Vec<T>, before: &Vec<T>, after: &Vec<T>, floor: &[f64]) -> Result<Vec<f64>> {
        rowwise::relative_norms(self.width, error, before, after, floor)
    }

    fn take_rows(&self, state: &Vec<T>, rows: &[usize]) -> Result<Vec<T>> {
        rowwise::take_rows(self.width, state, rows)
    }

    fn put_rows(&self, mut into: Vec<T>, from: &Vec<T>, rows: &[[usize; 2]]) -> Result<Vec<T>> {
        rowwise::put_rows(self.width, &mut into, from, rows)?;
        Ok(into)
    }
}

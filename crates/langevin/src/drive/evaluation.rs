//! One evaluation of a model, converted to another output: the coefficients at each row's level,
//! the scaled input, and D = a·x + b·out.

use super::Question;
use crate::error::Result;
use crate::formulation::{Formulation, Reading};
use crate::model::{At, InputLevel, Query};
use crate::noise::SampleId;
use crate::process::Level;
use crate::space::{Coef, Space, denoised};

/// The conversion of a network's output to the requested value.
///
/// # Examples
///
/// ```
/// use langevin::drive::{Evaluation, Reader};
/// use langevin::model::At;
/// use langevin::{Formulation, Prediction, Process, SampleId, SliceSpace};
/// let network = Formulation::new(Process::ve(), Prediction::Epsilon);
/// let reader = Reader { network: Some(&network), wanted: None };
/// let (space, rows, x) = (SliceSpace::<f64>::new(1), [SampleId::default()], vec![5.0]);
/// let level = network.process.level(2.0)?;
/// let open = Evaluation::open(&space, reader, At::One(level), &x, &rows)?;
/// // D = x − σ ε.
/// assert_eq!(open.value(&space, &x, vec![1.5], &rows)?, [2.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The formulation of the network; `None` means that its output is D.
    pub network: Option<&'a Formulation>,
    /// The formulation of the requested value; `None` means D.
    pub wanted: Option<&'a Formulation>,
}

impl Reader<'_> {
    /// Returns the conversion at a level, and the level as the network receives it.
    fn at(&self, level: &Level) -> Result<(Reading, InputLevel)> {
        match (self.network, self.wanted) {
            (None, None) => Ok((Reading { scale: 1.0, time: level.time, a: 0.0, b: 1.0 }, (*level).into())),
            (Some(network), None) => Ok((network.denoised(level)?, network.seen(level)?)),
            (Some(network), Some(wanted)) => Ok((wanted.read_from(network, level)?, network.seen(level)?)),
            (None, Some(wanted)) => {
                let own = wanted.process.match_level(level)?;
                let map = wanted.prediction.from_denoised(&wanted.process, &own)?;
                let a = map.a * level.scale_to(&own);
                Ok((Reading { scale: 1.0, time: level.time, a, b: map.b }, (*level).into()))
            }
        }
    }
}

/// One coefficient for all rows, or one for each row.
#[derive(Clone, Debug)]
enum Column {
    All(f64),
    PerRow(Vec<f64>),
}

impl Column {
    /// Returns the column as a coefficient of a [`Space`].
    fn coef(&self) -> Coef<'_> {
        match self {
            Self::All(value) => Coef::All(*value),
            Self::PerRow(values) => Coef::PerRow(values),
        }
    }

    /// Returns `true` if every row has this value.
    fn is(&self, value: f64) -> bool {
        match self {
            Self::All(own) => *own == value,
            Self::PerRow(values) => values.iter().all(|own| *own == value),
        }
    }
}

/// The levels as the network receives them.
#[derive(Clone, Debug)]
enum Seen {
    One(InputLevel),
    PerRow(Vec<InputLevel>),
}

/// An open evaluation of a network. Its owner keeps the state.
///
/// The owner calls the network on [`input`](Self::input) at the levels [`at`](Self::at), passes the
/// output to [`value`](Self::value), and ends with [`close`](Self::close).
///
/// # Examples
///
/// ```
/// use langevin::drive::{Evaluation, Reader};
/// use langevin::model::At;
/// use langevin::{Formulation, Prediction, Process, SampleId, SliceSpace};
/// // Evaluate a rectified-flow network at a state of VE with σ = 1.
/// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
/// let reader = Reader { network: Some(&network), wanted: None };
/// let (space, rows, x) = (SliceSpace::<f64>::new(1), [SampleId::default()], vec![4.0]);
/// let level = Process::ve().level(1.0)?;
/// let open = Evaluation::open(&space, reader, At::One(level), &x, &rows)?;
/// assert_eq!(open.input(&x), &[2.0]); // the state of the flow is x/2
/// assert_eq!(open.at().row(0).time, 0.5);
/// assert_eq!(open.value(&space, &x, vec![1.0], &rows)?, [1.5]); // D = x/2 − out/2
/// open.close(&space);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Evaluation<S> {
    seen: Seen,
    scale: Column,
    a: Column,
    b: Column,
    /// The network's input; `None` if it is the state itself.
    scaled: Option<S>,
}

impl<S> Evaluation<S> {
    /// Opens the evaluation of the state `x`, whose rows are at `at`.
    ///
    /// # Errors
    /// Returns an error if the network's output cannot be converted at a level, or if the space
    /// fails.
    pub fn open<Sp: Space<State = S> + ?Sized>(
        space: &Sp,
        reader: Reader<'_>,
        at: At<'_>,
        x: &S,
        rows: &[SampleId],
    ) -> Result<Self> {
        let (seen, [scale, a, b]) = match at {
            // The output is D at every level, so no conversion is needed.
            _ if reader.network.is_none() && reader.wanted.is_none() => {
                let seen = match at {
                    At::One(level) => Seen::One(level.into()),
                    At::PerRow(levels) => Seen::PerRow(levels.iter().map(|level| (*level).into()).collect()),
                };
                (seen, [1.0, 0.0, 1.0].map(Column::All))
            }
            At::One(level) => {
                let (reading, seen) = reader.at(&level)?;
                (Seen::One(seen), [reading.scale, reading.a, reading.b].map(Column::All))
            }
            At::PerRow(levels) => {
                let both: Vec<(Reading, InputLevel)> =
                    levels.iter().map(|level| reader.at(level)).collect::<Result<_>>()?;
                let column = |of: fn(&Reading) -> f64| Column::PerRow(both.iter().map(|(r, _)| of(r)).collect());
                let seen = Seen::PerRow(both.iter().map(|(_, seen)| *seen).collect());
                (seen, [column(|r| r.scale), column(|r| r.a), column(|r| r.b)])
            }
        };
        let scaled = match scale.is(1.0) {
            true => None,
            false => Some(space.combine(None, &[(scale.coef(), x)], &[], rows)?),
        };
        Ok(Self { seen, scale, a, b, scaled })
    }

    /// Returns the input of the network, for the state `x` of the evaluation.
    pub fn input<'a>(&'a self, x: &'a S) -> &'a S {
        self.scaled.as_ref().unwrap_or(x)
    }

    /// Returns the levels as the network receives them.
    pub fn at(&self) -> At<'_, InputLevel> {
        match &self.seen {
            Seen::One(level) => At::One(*level),
            Seen::PerRow(levels) => At::PerRow(levels),
        }
    }

    /// Returns the question to the network, with `cotangents` for the requested products.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::drive::{Evaluation, Reader};
    /// use langevin::model::At;
    /// use langevin::{Process, SampleId, SliceSpace};
    /// let (space, rows, x) = (SliceSpace::<f64>::new(1), [SampleId::default()], vec![3.0]);
    /// let (reader, level) = (Reader { network: None, wanted: None }, Process::ve().level(1.0)?);
    /// let open = Evaluation::open(&space, reader, At::One(level), &x, &rows)?;
    /// assert_eq!(open.question(&x, &rows, &[vec![1.0], vec![2.0]]).cotangents.len(), 2);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn question<'a>(&'a self, x: &'a S, rows: &'a [SampleId], cotangents: &'a [S]) -> Question<'a, S> {
        let query = Query { at: self.at(), rows, branch: crate::model::Branch::Main };
        Question { x: self.input(x), query, cotangents }
    }

    /// Returns the requested value, a·x + b·out.
    ///
    /// # Errors
    /// Returns an error if the space fails.
    pub fn value<Sp: Space<State = S> + ?Sized>(&self, space: &Sp, x: &S, out: S, rows: &[SampleId]) -> Result<S> {
        if self.a.is(0.0) && self.b.is(1.0) {
            return Ok(out);
        }
        denoised(space, [self.a.coef(), self.b.coef()], x, out, rows)
    }

    /// Returns the product of a cotangent v with the Jacobian of the value, a·v + b·scale·product.
    ///
    /// # Errors
    /// Returns an error if the space fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::drive::{Evaluation, Reader};
    /// use langevin::model::At;
    /// use langevin::{Formulation, Prediction, Process, SampleId, SliceSpace};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon);
    /// let reader = Reader { network: Some(&network), wanted: None };
    /// let (space, rows, x) = (SliceSpace::<f64>::new(1), [SampleId::default()], vec![5.0]);
    /// let level = network.process.level(2.0)?;
    /// let open = Evaluation::open(&space, reader, At::One(level), &x, &rows)?;
    /// // D = x − 2 ε, so vᵀ ∂D/∂x = v − 2 vᵀ ∂ε/∂x.
    /// assert_eq!(open.product(&space, &vec![1.0], vec![0.25], &rows)?, [0.5]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn product<Sp: Space<State = S> + ?Sized>(
        &self,
        space: &Sp,
        v: &S,
        product: S,
        rows: &[SampleId],
    ) -> Result<S> {
        let product = match self.scale.is(1.0) {
            true => product,
            false => space.combine(Some((self.scale.coef(), product)), &[], &[], rows)?,
        };
        self.value(space, v, product, rows)
    }

    /// Returns the memory of the scaled input to the space.
    pub fn close<Sp: Space<State = S> + ?Sized>(self, space: &Sp) {
        if let Some(scaled) = self.scaled {
            space.recycle(scaled);
        }
    }
}

//! One evaluation of a model, read as another output: the coefficients at each row's level, the
//! scaled input, and D = a·x + b·out.

use super::Question;
use crate::error::Result;
use crate::formulation::{Formulation, Reading};
use crate::model::{At, InputLevel, Query};
use crate::noise::SampleId;
use crate::process::Level;
use crate::space::{Coef, Space, denoised};

/// How the output of a network becomes the value that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The formulation of the network; `None`: its output is D.
    pub network: Option<&'a Formulation>,
    /// The formulation whose output is wanted; `None`: D.
    pub wanted: Option<&'a Formulation>,
}

impl Reader<'_> {
    /// Returns how the network is called and read at a level, and what it is told of the level.
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

/// A coefficient of each row, or one of all.
#[derive(Clone, Debug)]
enum Column {
    All(f64),
    PerRow(Vec<f64>),
}

impl Column {
    fn coef(&self) -> Coef<'_> {
        match self {
            Self::All(value) => Coef::All(*value),
            Self::PerRow(values) => Coef::PerRow(values),
        }
    }

    /// Returns whether every row has this value.
    fn is(&self, value: f64) -> bool {
        match self {
            Self::All(own) => *own == value,
            Self::PerRow(values) => values.iter().all(|own| *own == value),
        }
    }
}

/// What the network is told of the levels.
#[derive(Clone, Debug)]
enum Seen {
    One(InputLevel),
    PerRow(Vec<InputLevel>),
}

/// An open evaluation of a network at a state that its owner keeps.
#[derive(Clone, Debug)]
pub struct Evaluation<S> {
    seen: Seen,
    scale: Column,
    a: Column,
    b: Column,
    /// The network's input, unless it is the state itself.
    scaled: Option<S>,
}

impl<S> Evaluation<S> {
    /// Opens the evaluation of the state `x`, whose rows are at `at`.
    ///
    /// # Errors
    /// Returns an error if the network cannot be read at a level, or if the space fails.
    pub fn open<Sp: Space<State = S> + ?Sized>(
        space: &Sp,
        reader: Reader<'_>,
        at: At<'_>,
        x: &S,
        rows: &[SampleId],
    ) -> Result<Self> {
        let (seen, [scale, a, b]) = match at {
            // The output is D: there is nothing to read at any level.
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

    /// Returns the input of the network, where `x` is the state of the evaluation.
    pub fn input<'a>(&'a self, x: &'a S) -> &'a S {
        self.scaled.as_ref().unwrap_or(x)
    }

    /// Returns what the network is told of the levels.
    pub fn at(&self) -> At<'_, InputLevel> {
        match &self.seen {
            Seen::One(level) => At::One(*level),
            Seen::PerRow(levels) => At::PerRow(levels),
        }
    }

    /// Returns the question to the network.
    pub fn question<'a>(&'a self, x: &'a S, rows: &'a [SampleId], cotangents: &'a [S]) -> Question<'a, S> {
        let query = Query { at: self.at(), rows, branch: crate::model::Branch::Main };
        Question { x: self.input(x), query, cotangents }
    }

    /// Returns a·x + b·out.
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

    /// Gives the memory of the scaled input back.
    pub fn close<Sp: Space<State = S> + ?Sized>(self, space: &Sp) {
        if let Some(scaled) = self.scaled {
            space.recycle(scaled);
        }
    }
}

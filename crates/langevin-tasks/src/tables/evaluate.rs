//! Samples of a table, compared with data.
//!
//! | measure | what it finds |
//! |---|---|
//! | distance of columns | a column with another law: the largest difference of distribution functions, or the total variation of categories, on average over columns |
//! | distance of associations | dependence that differs: of normal scores (correlation), of categories (Cramér's V), and between both (correlation ratio), on average over pairs of columns |
//! | two-sample accuracy | anything that nearest neighbours tell apart; ½ is best |
//! | copies | rows that are training rows |
//! | distance to the nearest training row | copies that differ a little; compare with real rows |
//!
//! Each is printed beside that of a [Gaussian copula](super::copula) and of training rows. Rows
//! with missing values are left out.

use super::copula::Copula;
use super::measures::{Judge, Rows};
use crate::error::{Blame as _, Error, Result};
use crate::observe::Observer;
use crate::tokens::evaluate::Settings;
use crate::tokens::{Model, rows};
use langevin::text::{Column, columns};
use langevin_data::Dataset;
use std::fmt;

/// Largest number of rows, if none is given.
const MOST: usize = 2000;

/// A measure of samples, of a baseline and of real rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measure {
    /// Name.
    pub name: &'static str,
    /// Value of the samples.
    pub samples: f64,
    /// Value of rows of the Gaussian copula.
    pub copula: f64,
    /// Value of training rows, or of held-out rows where samples are compared with training rows.
    pub real: f64,
}

/// Samples of a table compared with data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Number of samples.
    pub count: usize,
    /// Number of held-out rows, and of training rows.
    pub rows: [usize; 2],
    /// Real rows that the samples are compared with.
    pub against: &'static str,
    /// Measures.
    pub measures: Vec<Measure>,
}

/// Draws samples by `draw`, which takes their number, and compares them with data.
///
/// # Errors
/// Returns an error if the data cannot be read, have other columns, or have too few complete rows.
pub fn run(
    model: &Model,
    settings: Settings<'_>,
    draw: &mut dyn FnMut(usize) -> Result<Vec<f64>>,
    observer: &dyn Observer,
) -> Result<Evaluation> {
    let Some(network) = model.network() else {
        return Err(Error::misused("the model is not of a table of categories"));
    };
    let schema = super::schema(network)?;
    let set = rows::open(model, settings.data, observer)?;
    let held = network.metadata().data.held_out.filter(|_| network.metadata().data.name == set.name());
    let (train, held_out, against) = match held {
        Some(held) => {
            let (train, held_out) = set.split(held.share, held.seed);
            (train, held_out, "rows that were held out")
        }
        // Without held-out rows one half stands for the training data.
        None => {
            let (train, held_out) = set.split(0.5, settings.seed);
            (train, held_out, "a half of the data, beside the other half")
        }
    };
    let read = |set: &Dataset| {
        let mut out = vec![0.0; set.rows() * set.width()];
        set.read_wide(&(0..set.rows()).collect::<Vec<_>>(), &mut out).or_failed().map(|()| out)
    };
    let train = read(&train)?;
    let judge = Judge::of(schema, &complete(schema, &train));
    let real = judge.rows(&read(&held_out)?, MOST);
    let train = judge.rows(&train, usize::MAX);
    let least = real.count().min(train.count());
    if least < 4 {
        return Err(Error::misused("too few complete rows to compare with")
            .at("‹data›")
            .expected("4 or more of each half")
            .got(least.to_string()));
    }
    let count = settings.count.unwrap_or(real.count()).max(4);
    let samples = judge.rows(&draw(count)?, usize::MAX);
    let copula = Copula::fit(schema, &train.values, settings.seed)?;
    let copula = judge.rows(&copula.sample(count, settings.seed), usize::MAX);
    let floor = judge.rows(&train.values, real.count());
    let mut measures = Vec::new();
    let mut measure = |name, of: &dyn Fn(&Rows) -> Result<f64>, floor: &Rows| {
        let measure = Measure { name, samples: of(&samples)?, copula: of(&copula)?, real: of(floor)? };
        measures.push(measure);
        Ok::<(), Error>(())
    };
    measure("distance of columns", &|rows| Ok(judge.columns(rows, &real)), &floor)?;
    measure("distance of associations", &|rows| Ok(judge.pairs(rows, &real)), &floor)?;
    measure("two-sample accuracy", &|rows| judge.accuracy(rows, &real), &floor)?;
    measure("copies of training rows, share", &|rows| Ok(judge.copies(rows, &train)?[0]), &real)?;
    measure("distance to nearest training row, median", &|rows| Ok(judge.copies(rows, &train)?[1]), &real)?;
    Ok(Evaluation { count, rows: [real.count(), train.count()], against, measures })
}

/// Returns the rows without missing values.
fn complete(schema: &langevin_data::TableSchema, rows: &[f64]) -> Vec<f64> {
    let (m, letters) = (schema.numbers(), schema.letters());
    let complete = |row: &&[f64]| {
        row[..m].iter().all(|x| x.is_finite()) && row[m..].iter().zip(&letters).all(|(x, size)| (*x as usize) < *size)
    };
    rows.chunks_exact(m + letters.len()).filter(complete).flatten().copied().collect()
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["measure", "samples", "copula", "real"].map(String::from)];
        let number = |value: f64| format!("{value:.4}");
        for one in &self.measures {
            rows.push([one.name.to_owned(), number(one.samples), number(one.copula), number(one.real)]);
        }
        f.write_str(&columns(&rows, &[Column::Left(0), Column::Right(9), Column::Right(9), Column::Right(9)]))
    }
}

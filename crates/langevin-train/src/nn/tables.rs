//! A trained network on tables: numbers and categories at one level of noise.

use super::kernels::softmax;
use super::net::{Rows, features};
use super::network::{LEAST, Network, input_scale, output_scale};
use crate::error::{Error, Result};
use crate::metadata::TokenSpec;
use langevin::drive::{Program as _, Question};
use langevin::model::Branch;
use langevin::{Formulation, Query, SampleId, SliceSpace};
use langevin_data::TableSchema;
use langevin_discrete::plan::{Kept, State};
use langevin_discrete::{Denoiser, Letter, StateSpace, survival};
use rayon::prelude::*;

/// Seeds of the letters' random numbers differ from those of the numbers by this pattern, because
/// both plans count their draws from 0.
const LETTERS: u64 = 0x6c65_7474_6572_735f;
/// Rows that a thread draws at once.
const CHUNK: usize = 64;

/// A trained network on rows of numbers and categories.
///
/// One evaluation predicts both: the numbers in the formulation of the network, in the units of
/// their normal scores, and the probabilities of the categories under masked noise. A sampler is
/// a pair of plans, one of numbers and one of tokens, that evaluate the network the same number of
/// times, at the levels of the first.
///
/// ```
/// use langevin::SampleId;
/// use langevin_data::{Tabulation, open_table};
/// use langevin_train::{Budget, Recipe, train};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("table.csv");
/// # let rows: String = (0..60).map(|i| format!("{},{}.5\n", ["a", "b"][i % 2], i % 2 * 40 + i)).collect();
/// # std::fs::write(&path, format!("kind,size\n{rows}"))?;
/// // table.csv: kind,size / a,0.5 / b,41.5 / a,2.5 / …
/// let data = open_table(&path, &Tabulation::default())?;
/// let mut recipe = Recipe::of_tokens(&data, Budget::Steps(3))?;
/// recipe.batch = 16;
/// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
///
/// let table = network.table()?;
/// let numbers = langevin::Request::new().steps(4).network(table.formulation().clone()).plan()?;
/// let letters = table.letters_for(&numbers, langevin_discrete::Request::new())?;
/// let rows = table.sample(&numbers, &letters, &[SampleId { seed: 0, index: 0 }])?;
/// let cells = table.schema().cells(&rows);
/// assert!(matches!(cells[0].as_deref(), Some("a" | "b")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TableNetwork<'a> {
    network: &'a Network,
    spec: &'a TokenSpec,
    schema: &'a TableSchema,
}

/// Predicted probabilities of the letters of some rows.
struct Predicted<'a> {
    space: &'a StateSpace,
    p: &'a [f64],
}

impl Denoiser for Predicted<'_> {
    fn space(&self) -> &StateSpace {
        self.space
    }

    fn predict(&self, _x: &[Letter], _query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        Ok(self.p.to_vec())
    }
}

impl Network {
    /// Returns the network as a model of tables of numbers and categories.
    ///
    /// # Errors
    /// Returns an error if the rows of the network are not of both.
    ///
    /// # Examples
    /// See [`TableNetwork`].
    pub fn table(&self) -> Result<TableNetwork<'_>> {
        let spec = self.metadata().data.tokens.as_ref();
        let both = spec.and_then(|spec| Some((spec, spec.vocabulary.table()?)));
        match both.filter(|(_, schema)| schema.numbers() > 0) {
            Some((spec, schema)) => Ok(TableNetwork { network: self, spec, schema }),
            None => Err(Error::argument("the model is not of a table of numbers and categories")
                .expected("a model that was trained on such a table with noise on tokens")),
        }
    }

    /// Returns true if the rows are numbers and categories, so that the network is read with
    /// [`table`](Self::table).
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.table().is_ok()
    }
}

impl<'a> TableNetwork<'a> {
    /// Returns the network.
    #[must_use]
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// Returns the columns.
    #[must_use]
    pub fn schema(&self) -> &'a TableSchema {
        self.schema
    }

    /// Returns the space of the categories.
    #[must_use]
    pub fn space(&self) -> &'a StateSpace {
        &self.spec.space
    }

    /// Returns the formulation of the numbers.
    #[must_use]
    pub fn formulation(&self) -> &'a Formulation {
        self.network.own_formulation()
    }

    /// Evaluates the network: the output for the numbers, rows × m in its formulation, and the
    /// probabilities of the categories, rows × d × V.
    ///
    /// `x` holds the noised normal scores, with NaN for missing ones, and `tokens` the letters,
    /// with the mask for masked or missing ones.
    ///
    /// # Errors
    /// Returns an error if the rows do not fit the table or the query.
    pub fn predict(&self, x: &[f64], tokens: &[Letter], query: &Query<'_>) -> Result<(Vec<f64>, Vec<f64>)> {
        let (m, d, vocab) = (self.schema.numbers(), self.spec.space.length(), self.spec.space.vocab());
        let (rows, net) = (query.rows.len(), self.network.net());
        if x.len() != rows * m || tokens.len() != rows * d {
            return Err(Error::argument("the rows do not fit the table")
                .expected(format!("{rows} × {m} numbers and {rows} × {d} letters"))
                .got(format!("{} and {}", x.len(), tokens.len())));
        }
        let (classes, asked) = (net.classes(), self.network.asked());
        if query.branch != Branch::Main && classes == 0 {
            return Err(
                Error::argument("the network has no unconditional branch").hinting("it was trained without conditions")
            );
        }
        let (size, count) = (net.chunk().max(LEAST), net.features());
        let (mut numbers, mut letters) = (Vec::with_capacity(x.len()), vec![0.0; rows * d * vocab]);
        for first in (0..rows).step_by(size) {
            let here = size.min(rows - first);
            // The last row is repeated where a chunk has fewer rows than the kernels need.
            let padded = here.max(LEAST);
            let (mut states, mut given) = (Vec::new(), Vec::new());
            let (mut f, mut labels, mut scales) = (vec![0.0; padded * count], Vec::new(), Vec::new());
            for place in 0..padded {
                let row = first + place.min(here - 1);
                let level = query.at.row(row).state();
                let own = self.formulation().process.match_level(&level)?;
                scales.push(output_scale(self.formulation(), &own).2);
                let shrink = input_scale(&level);
                states.extend(x[row * m..(row + 1) * m].iter().map(|x| (x * shrink) as f32));
                given.extend_from_slice(&tokens[row * d..(row + 1) * d]);
                let alpha = survival(&level);
                features(alpha, 1.0 - alpha, &mut f[place * count..(place + 1) * count]);
                if classes > 0 {
                    labels.push(match query.branch == Branch::Main && !asked.is_empty() {
                        true => asked[(query.rows[row].index % asked.len() as u64) as usize],
                        false => classes as u32,
                    });
                }
            }
            self.network.passes().with(net, |pass| {
                let rows = Rows { x: &states, labels: &labels, ..Rows::of_tokens(&given, &f) };
                let out = pass.forward(self.network.weights(), rows, padded, false)?;
                for (place, out) in out.chunks_exact(m + d * vocab).take(here).enumerate() {
                    numbers.extend(out[..m].iter().map(|out| f64::from(*out) * scales[place]));
                    let of_row = (first + place) * d * vocab;
                    softmax(&out[m..], vocab, &mut letters[of_row..of_row + d * vocab]);
                }
                Ok::<(), Error>(())
            })?;
        }
        Ok((numbers, letters))
    }

    /// Returns the plan of the categories that goes with a plan of numbers: a request at the levels
    /// of that plan.
    ///
    /// # Errors
    /// Returns an error if the request has no plan, or one that evaluates the network a different
    /// number of times.
    pub fn letters_for(
        &self,
        numbers: &langevin::Plan,
        request: langevin_discrete::Request,
    ) -> Result<langevin_discrete::Plan> {
        let levels = numbers.ops().iter().filter_map(|op| match op {
            langevin::plan::Op::Eval { level, .. } => Some(survival(level)),
            _ => None,
        });
        let mut list: Vec<f64> = levels.collect();
        if list.windows(2).any(|two| two[0] >= two[1]) || list.is_empty() {
            return Err(Error::argument("the plan of numbers does not fit categories")
                .expected("one evaluation at each of falling noise levels, such as ddim or dpmpp-2m")
                .got(numbers.name()));
        }
        // Letters start as masks, whatever noise the numbers start with.
        list[0] = 0.0;
        list.push(1.0);
        let plan = request.survivals(list).plan(self.space())?;
        if plan.nfe() != numbers.nfe() {
            return Err(Error::argument("the plans of numbers and categories do not fit each other")
                .expected(format!("{} evaluations of the categories", numbers.nfe()))
                .got(format!("{} by {}", plan.nfe(), plan.name())));
        }
        Ok(plan)
    }

    /// Draws one row for each id: rows of the model, numbers in the units of the data and letters.
    ///
    /// Row (seed, index) is the same for any batch and any number of threads.
    ///
    /// # Errors
    /// Returns an error if the plans do not fit the network or each other.
    pub fn sample(
        &self,
        numbers: &langevin::Plan,
        letters: &langevin_discrete::Plan,
        rows: &[SampleId],
    ) -> Result<Vec<f64>> {
        numbers.check_model(Some(self.formulation()))?;
        let parts: Vec<Vec<f64>> =
            rows.par_chunks(CHUNK).map(|rows| self.draw(numbers, letters, rows)).collect::<Result<_>>()?;
        Ok(parts.concat())
    }

    fn draw(&self, numbers: &langevin::Plan, letters: &langevin_discrete::Plan, rows: &[SampleId]) -> Result<Vec<f64>> {
        let m = self.schema.numbers();
        let space = SliceSpace::<f64>::new(m);
        let tags: Vec<SampleId> =
            rows.iter().map(|row| SampleId { seed: row.seed ^ LETTERS, index: row.index }).collect();
        let mut first = numbers.start(&space, vec![], rows)?;
        let mut second = letters.start(&tags, Kept::default())?;
        loop {
            match (first.query()?, second.query()?) {
                (None, None) => break,
                (Some(Question { x, query, .. }), Some(Question { x: state, query: of_letters, .. })) => {
                    let State::Tokens(tokens) = state else { return Err(langevin::drive::unasked().into()) };
                    let (out, p) = self.predict(x, tokens, &query)?;
                    let beliefs = Predicted { space: self.space(), p: &p }.leave_one_out(tokens, &of_letters)?;
                    first.supply(out)?;
                    second.supply_leave_one_out(beliefs)?;
                }
                _ => {
                    return Err(Error::argument("the plans of numbers and categories do not fit each other")
                        .expected("the same number of evaluations")
                        .got(format!("{} and {}", numbers.nfe(), letters.nfe())));
                }
            }
        }
        let (x, tokens) = (first.finish()?, second.finish()?);
        let d = self.spec.space.length();
        let scores: Vec<_> = self.schema.columns().iter().filter_map(langevin_data::TableColumn::scores).collect();
        let mut out = Vec::with_capacity(rows.len() * (m + d));
        for (x, tokens) in x.chunks_exact(m).zip(tokens.chunks_exact(d)) {
            out.extend(x.iter().zip(&scores).map(|(x, scores)| scores.value(*x)));
            out.extend(tokens.iter().map(|letter| f64::from(*letter)));
        }
        Ok(out)
    }
}

//! A tensor library of your own: plans run wherever states can be combined.
//!
//!     cargo run -p langevin-examples --bin 04_own_space
//!
//! A [`Space`] needs two functions: a sum of states and noise with coefficients, and the few maps
//! that are not linear. The states here are columns (feature after feature), as a library other
//! than ours might keep them.

use langevin::model::At;
use langevin::noise::fill_normals;
use langevin::space::{Coef, Draw};
use langevin::{Error, Map, Model, Query, Request, Result, SampleId, Space};
use langevin_analysis::exact;

/// Columns of a table, each with an element for every row.
type Columns = Vec<Vec<f64>>;

struct ColumnSpace {
    width: usize,
}

impl ColumnSpace {
    /// Adds c·term to the sum: the coefficient first, then the product, then the sum, in the listed
    /// order and never fused.
    fn add(sum: &mut Columns, coef: Coef<'_>, term: &Columns) -> Result<()> {
        if term.len() != sum.len() || term.iter().zip(sum.iter()).any(|(term, sum)| term.len() != sum.len()) {
            return Err(Error::shape("columns do not fit").at("column space"));
        }
        for (sum, term) in sum.iter_mut().zip(term) {
            sum.iter_mut().zip(term).enumerate().for_each(|(row, (sum, x))| *sum += coef.row(row) * x);
        }
        Ok(())
    }
}

impl Space for ColumnSpace {
    type State = Columns;

    fn combine(
        &self,
        own: Option<(Coef<'_>, Columns)>,
        terms: &[(Coef<'_>, &Columns)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Columns> {
        let mut sum = vec![vec![0.0; rows.len()]; self.width];
        if let Some((coef, state)) = &own {
            Self::add(&mut sum, *coef, state)?;
        }
        for (coef, state) in terms {
            Self::add(&mut sum, *coef, state)?;
        }
        for (coef, draw) in noise {
            // Noise is a function of seed, sample, draw and element, so it is the same in every
            // space.
            let mut normals = vec![0.0_f32; rows.len() * self.width];
            fill_normals(rows, *draw, self.width, &mut normals);
            let column = |j: usize| normals.iter().skip(j).step_by(self.width).map(|z| f64::from(*z)).collect();
            Self::add(&mut sum, *coef, &(0..self.width).map(column).collect())?;
        }
        Ok(sum)
    }

    fn map(&self, map: &Map, args: &[&Columns]) -> Result<Columns> {
        match map {
            Map::Clamp { min, max } => {
                let clamp = |column: &Vec<f64>| column.iter().map(|x| x.clamp(*min, *max)).collect();
                Ok(args[0].iter().map(clamp).collect())
            }
            other => Err(Error::argument("this space only clamps").at("column space").got(format!("{other:?}"))),
        }
    }
}

/// A density known in closed form, asked row by row.
struct Moons<'a>(&'a dyn Model<Vec<f64>>);

impl Model<Columns> for Moons<'_> {
    fn predict(&self, x: &Columns, query: &Query<'_>) -> Result<Columns> {
        let flat: Vec<f64> = (0..query.rows.len()).flat_map(|row| x.iter().map(move |column| column[row])).collect();
        let denoised = self.0.predict(&flat, query)?;
        let column = |j: usize| denoised.iter().skip(j).step_by(x.len()).copied().collect();
        Ok((0..x.len()).map(column).collect())
    }
}

fn main() -> Result<()> {
    let moons = exact::named("moons")?;
    let plan = Request::new().map(Map::clamp(-4.0, 4.0)?).plan()?;
    let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 1, index }).collect();

    let mine = plan.run(&ColumnSpace { width: 2 }, &Moons(&moons), vec![], &rows)?;
    let slices = plan.run(&langevin::SliceSpace::<f64>::new(2), &moons, vec![], &rows)?;
    for (row, known) in slices.chunks(2).enumerate() {
        println!("{:8.4} {:8.4}   on slices {:8.4} {:8.4}", mine[0][row], mine[1][row], known[0], known[1]);
    }
    let same = (0..rows.len()).all(|row| (0..2).all(|j| mine[j][row] == slices[2 * row + j]));
    println!("{}", if same { "the same to the last bit" } else { "not the same" });

    // `At` says where the rows stand: all at one level, or each at its own.
    let level = plan.moves()[0].from;
    let query = Query::new(level, &rows);
    assert!(matches!(query.at, At::One(_)));
    Ok(())
}

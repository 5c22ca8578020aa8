//! A sampler of your own: compiled, printed, linted, analysed and run like those of the catalogue.
//!
//!     cargo run -p langevin-examples --bin 01_own_sampler
//!
//! A [`Method`] turns the steps of any grid into rows. This one is a multistep method of order 2: D
//! is taken for a line in λ through its newest two values, and the step integrates that line under
//! the exponential. It knows nothing of networks, guidance, clamps or starts, and has them all.

use langevin::moves::Row;
use langevin::plan::{Letter, Var};
use langevin::sampler::form::{Form, Poly, Variable};
use langevin::sampler::noise::Keep;
use langevin::sampler::{Draft, Method, Node};
use langevin::{Error, Grid, Process, Result, Sampler, Sampling};
use langevin_analysis::{Analyze as _, Spectrum, exact};

#[derive(Debug)]
struct TwoValues;

impl Method for TwoValues {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut past: Vec<Node> = vec![];
        for (_, step) in draft.taken() {
            let mark = draft.mark();
            past.insert(0, draft.value(Form::Data, x, &step.from)?);
            // λ is infinite at clean data: no line leads there.
            past.truncate(if step.to.sigma > 0.0 { 2 } else { 1 });
            let levels: Vec<_> = past.iter().map(|node| node.level).collect();
            let line = Poly::Exact(Variable::Lambda);
            let (a, b) = line.weights(Form::Data, &step.from, &levels, &step.to, (0.0, 1.0));
            x = draft.land(&step.to, (a, x), b.into_iter().zip(past.iter().map(|node| node.value)), 0.0);
            draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
        }
        Ok(x)
    }
}

/// A sampler with two evaluations and two draws in each step: D of the middle serves for the whole
/// step. The field is η = h/g. It is the same table as `seeds-2`.
#[derive(Debug)]
struct Middle(f64);

impl Method for Middle {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let (mark, from, to) = (draft.mark(), step.from, step.to);
            let row = |from, to| Ok::<_, Error>(Row::new(from, to, Keep::Rate(self.0).rho(from, to)?));
            let first = draft.denoised(x, &from)?;
            if to.sigma == 0.0 {
                // λ is infinite at clean data, so there is no middle.
                x = draft.land(&to, (row(&from, &to)?.a, x), [(row(&from, &to)?.b, first)], 0.0);
            } else {
                let middle = draft.process().level_at_lambda(0.5 * (from.lambda() + to.lambda()))?;
                let (there, rest) = (row(&from, &middle)?, row(&middle, &to)?);
                let stage = draft.advance((there.a, x), [(there.b, first)], there.c);
                let second = draft.denoised(stage, &middle)?;
                // The step keeps the noise of the stage, because it starts from the stage. The
                // last term removes the first D, which the stage contains with weight `there.b`.
                let terms = [(rest.b + rest.a * there.b, second), (-rest.a * there.b, first)];
                x = draft.land(&to, (rest.a, stage), terms, rest.c);
            }
            draft.note(Letter::R, Some(self.0), &from, &to, mark);
        }
        Ok(x)
    }
}

fn main() -> Result<()> {
    let process = Process::vp();
    let levels = Grid::karras(16).levels(&process, 0.002, 80.0)?;
    let plan = Sampler::of("two-values", TwoValues).compile(&process, None, &levels)?;

    println!("{plan}"); // the table: one row a step
    println!("lint: {}", if plan.lint()?.is_clean() { "every step keeps its marginal" } else { "see plan.lint()" });

    // The exact error on Gaussian data, beside DDIM's with as many evaluations.
    let data = Spectrum::power_law(2.0, 64)?;
    let ddim = Sampler::ddim(0.0).compile(&process, None, &levels)?;
    let error = |plan: &langevin::Plan| plan.analyze(&data, &Default::default()).map(|found| found.total.w2);
    println!("W2 {:.4}, DDIM {:.4}", error(&plan)?, error(&ddim)?);

    // Order 2 for η = 1 too, in the distribution of the samples: each doubling divides W2 by 4.
    for steps in [8, 16, 32, 64] {
        let levels = Grid::karras(steps).levels(&process, 0.002, 80.0)?;
        let plan = Sampler::of("middle", Middle(1.0)).compile(&process, None, &levels)?;
        assert!(plan.lint()?.is_clean());
        println!("middle in {steps} steps: W2 {:.4}", error(&plan)?);
    }

    // Any model runs it; here a density known in closed form.
    let samples: Vec<f64> = Sampling::new(5, 2).seed(1).run(&plan, &exact::named("moons")?)?;
    for row in samples.chunks(2) {
        println!("{:8.4} {:8.4}", row[0], row[1]);
    }
    Ok(())
}

//! What a step costs in memory: nothing. On slices the executor allocates while its slots fill, and
//! never after.

#![allow(clippy::unwrap_used)]

use langevin::sampler::Entry;
use langevin::{Grid, Process, SampleId, Sampler, SliceSpace};

const STEPS: usize = 20;
/// The evaluations after which every slot of any sampler here is filled.
const WARM: usize = 8;

#[test]
fn a_step_allocates_nothing_on_slices() {
    let process = Process::vp();
    let levels = Grid::karras(STEPS).levels(&process, 0.002, 80.0).unwrap();
    let rows: Vec<SampleId> = (0..64).map(|index| SampleId { seed: 0, index }).collect();
    for entry in Entry::all() {
        let plan = Sampler::parse(entry.name, None).unwrap().compile(&process, None, &levels).unwrap();
        if !plan.inputs().is_empty() {
            continue;
        }
        let space = SliceSpace::<f32>::new(100);
        // The model's answers are made beforehand: its own memory is its own affair.
        // Two for an evaluation of two branches, and one more.
        let mut answers: Vec<Vec<f32>> = (0..2 * plan.nfe() + 1).map(|_| vec![0.5; 6400]).collect();
        let mut run = plan.start(&space, vec![], &rows).unwrap();
        let mut evaluations = 0;
        loop {
            let answer = answers.pop();
            let mut asked = true;
            let count = allocation_counter::measure(|| {
                asked = run.query().unwrap().is_some();
                if let (true, Some(answer)) = (asked, answer) {
                    run.supply(answer).unwrap();
                }
            });
            evaluations += 1;
            assert!(
                evaluations <= WARM || count.count_total == 0,
                "{}: {} allocations at evaluation {evaluations} of {}",
                entry.name,
                count.count_total,
                plan.nfe()
            );
            if !asked {
                break;
            }
        }
        run.finish().unwrap();
    }
}

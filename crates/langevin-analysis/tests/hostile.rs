//! Damaged documents: what still reads as a plan is analysed, or refused, and never panics.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::{Grid, Plan, Process, Sampler};
use langevin_analysis::analysis::AnalysisOptions;
use langevin_analysis::{Analyze as _, Spectrum};
use proptest::prelude::*;

proptest! {
    #[test]
    fn damaged_plans_are_analysed_or_refused(at in 0_usize..4000, byte in 0_u8..128) {
        let process = Process::vp();
        let levels = Grid::karras(3).levels(&process, 0.002, 80.0).unwrap();
        let plan = Sampler::parse("adams2", Some(0.3)).unwrap().compile(&process, None, &levels).unwrap();
        let mut text = plan.to_json().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(text) = String::from_utf8(text)
            && let Ok(plan) = Plan::from_json(&text)
        {
            let data = Spectrum::from_axes(&[(0.0, 1.0), (0.5, 0.0), (1e300, 0.0)]).unwrap();
            for score_error in [0.0, 0.1] {
                let options = AnalysisOptions { score_error, sources: true };
                let _ = plan.analyze(&data, &options).map(|analysis| analysis.to_string());
            }
        }
    }
}

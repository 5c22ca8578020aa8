//! The statements of a plan, and the parts of a program that it needs.

use langevin::error::{Error, Result};
use langevin::formulation::Reading;
use langevin::model::Branch;
use langevin::plan::{Op, Plan};
use langevin::process::Level;
use langevin::space::Map;

/// One statement. Numbers name states.
pub(crate) enum Statement {
    /// The network, for one branch.
    Eval { number: usize, from: usize, into: usize, level: Level, net: Option<Reading>, unconditional: bool },
    /// Σ coefficient·state + Σ coefficient·draw.
    Combine { into: usize, terms: Vec<(f64, usize)>, noise: Vec<(f64, u32)> },
    /// The state, kept within bounds.
    Clamp { from: usize, into: usize, min: f64, max: f64 },
    /// Dynamic thresholding.
    Threshold { from: usize, into: usize, ratio: f64, max: f64 },
    /// The product of two states.
    Mul { from: [usize; 2], into: usize },
    /// exp(½(1+v) large + ½(1−v) small), with the logarithms of the standard deviations.
    Learned { from: usize, into: usize, small: f64, large: f64 },
}

/// A plan as statements.
pub(crate) struct Program<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) statements: Vec<Statement>,
    pub(crate) slots: usize,
    pub(crate) result: usize,
    /// The slots of the inputs.
    pub(crate) inputs: Vec<(String, usize)>,
    /// True if the network's output is converted to D.
    pub(crate) reads: bool,
}

impl<'a> Program<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Result<Self> {
        let parts = plan.clone().into_parts();
        let (mut statements, mut number) = (Vec::new(), 0);
        for (index, op) in plan.ops().iter().enumerate() {
            match op {
                Op::Eval { from, level, out, net } => {
                    for output in out {
                        let unconditional = output.branch == Branch::Unconditional;
                        let (from, into, level, net) = (*from, output.into, *level, *net);
                        statements.push(Statement::Eval { number, from, into, level, net, unconditional });
                    }
                    number += 1;
                }
                Op::Combine { into, terms, noise } => {
                    let (into, terms, noise) = (*into, terms.clone(), noise.clone());
                    statements.push(Statement::Combine { into, terms, noise });
                }
                Op::Map { map, from, into } => statements.push(mapped(map, from, *into, index)?),
            }
        }
        let inputs = parts.inputs.iter().map(|input| (input.name.clone(), input.slot)).collect();
        let reads = plan.network().is_some();
        Ok(Self { plan, statements, slots: parts.slots, result: parts.result, inputs, reads })
    }

    /// The words of the comment at the head: the plan, its lint and what the network returns.
    pub(crate) fn head(&self) -> Vec<String> {
        let plan = self.plan;
        let safe =
            |text: &str| text.chars().filter(|c| !c.is_control()).take(160).collect::<String>().replace("*/", "* /");
        let network = match plan.network() {
            Some(spec) => format!("a network of {} on {}", spec.prediction.name(), spec.process.name()),
            None => "the denoised prediction D = E[x0 | x]".to_owned(),
        };
        let lint = match plan.unclipped().lint() {
            Ok(lint) if lint.is_clean() => "every state has the mean and the noise of its level".to_owned(),
            Ok(lint) => format!(
                "{} findings; the first: {}",
                lint.findings.len(),
                lint.to_string().lines().next().unwrap_or_default()
            ),
            Err(_) => "not applicable, because the plan is not linear".to_owned(),
        };
        let mut lines = vec![
            format!("The sampler {}: {} evaluations, {} draws of noise.", safe(plan.name()), plan.nfe(), plan.draws()),
            format!("The model returns {}.", safe(&network)),
            format!("Lint: {}.", safe(&lint)),
        ];
        if let Some(origin) = plan.origin() {
            lines.push(format!(
                "Origin: {}, to a relative precision of {:.1e}.",
                safe(&origin.source),
                origin.tolerance
            ));
        }
        lines.push("Written by langevin; sample i of a seed has the same bits there, in double precision.".to_owned());
        lines
    }

    pub(crate) fn has_noise(&self) -> bool {
        self.statements.iter().any(|line| matches!(line, Statement::Combine { noise, .. } if !noise.is_empty()))
    }

    pub(crate) fn has_clamp(&self) -> bool {
        self.statements.iter().any(|line| matches!(line, Statement::Clamp { .. } | Statement::Threshold { .. }))
    }

    pub(crate) fn has_threshold(&self) -> bool {
        self.statements.iter().any(|line| matches!(line, Statement::Threshold { .. }))
    }

    pub(crate) fn has_learned(&self) -> bool {
        self.statements.iter().any(|line| matches!(line, Statement::Learned { .. }))
    }

    /// The comment of an evaluation.
    pub(crate) fn remark(number: usize, level: &Level) -> String {
        format!("evaluation {number}: time {}, sigma/alpha {:.6}", level.time, level.sigma_ve())
    }
}

fn mapped(map: &Map, from: &[usize], into: usize, index: usize) -> Result<Statement> {
    Ok(match map {
        Map::Clamp { min, max } => Statement::Clamp { from: from[0], into, min: *min, max: *max },
        Map::Threshold { ratio, max } => Statement::Threshold { from: from[0], into, ratio: *ratio, max: *max },
        Map::Mul => Statement::Mul { from: [from[0], from[1]], into },
        Map::LearnedStd { small, large } => {
            let ln = langevin::math::ln;
            Statement::Learned { from: from[0], into, small: ln(*small), large: ln(*large) }
        }
        Map::Hook { name } => {
            return Err(Error::argument("the plan has an operation that only the program that wrote it knows")
                .at(format!("ops[{index}]"))
                .expected("clamp, threshold, mul or learned_std")
                .got(format!("hook:{name}")));
        }
        _ => return Err(Error::argument("an unknown map").at(format!("ops[{index}]"))),
    })
}

/// A number that every language reads back to the same bits.
pub(crate) fn number(value: f64) -> String {
    format!("{value:?}")
}

/// A number of single precision, written as the double of the same value.
pub(crate) fn single(value: f32) -> String {
    format!("{:?}", f64::from(value))
}

/// A sum, `c0 * s1[i] + c1 * z(…)`, from the words for a state and for a draw.
pub(crate) fn sum(
    terms: &[(f64, usize)],
    noise: &[(f64, u32)],
    state: impl Fn(usize) -> String,
    draw: impl Fn(u32) -> String,
) -> String {
    let terms = terms.iter().map(|(factor, slot)| format!("{} * {}", number(*factor), state(*slot)));
    let noise = noise.iter().map(|(factor, number_of)| format!("{} * {}", number(*factor), draw(*number_of)));
    terms.chain(noise).collect::<Vec<_>>().join(" + ")
}

/// The coefficients of the polynomials of the normal generator: those of [`langevin::noise`].
pub(crate) const LOG: [f32; 9] = [
    -0.174_775_84,
    0.286_154_48,
    -0.298_327_12,
    0.331_406_27,
    -0.399_244_8,
    0.500_035_5,
    -0.666_678_9,
    0.999_999_8,
    -2.0,
];
/// Of sin(2πt)/t in t².
pub(crate) const SIN: [f32; 4] = [-76.774_956, 81.625_626, -41.341_866, 6.283_185_5];
/// Of cos(2πt) in t².
pub(crate) const COS: [f32; 5] = [58.560_097, -85.423_11, 64.939_14, -19.739_208, 1.0];
/// 2 ln 2.
pub(crate) const TWO_LN_2: f32 = 2.0 * std::f32::consts::LN_2;

/// The constants of the exponential function of fdlibm: ln 2 in two parts, 1/ln 2, and the
/// coefficients of its rational approximation.
pub(crate) const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
/// 1/ln 2.
pub(crate) const INVERSE_LN_2: f64 = std::f64::consts::LOG2_E;
/// P1 to P5.
pub(crate) const EXP: [f64; 5] = [
    1.666_666_666_666_660_2e-1,
    -2.777_777_777_701_559_3e-3,
    6.613_756_321_437_934e-5,
    -1.653_390_220_546_525_2e-6,
    4.138_136_797_057_238_5e-8,
];

/// The smallest |x| that is reduced, and the smallest that is reduced by more than one ln 2.
pub(crate) fn reductions() -> [String; 2] {
    [f64::from_bits(0x3fd6_2e43_0000_0000), f64::from_bits(0x3ff0_a2b2_0000_0000)].map(number)
}

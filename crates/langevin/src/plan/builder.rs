//! The one way in which samplers write plans: rows go in, a checked plan comes out.

use super::{Input, Letter, Move, Op, Output, Plan, Slot};
use crate::error::Result;
use crate::formulation::Formulation;
use crate::model::Branch;
use crate::process::{Level, Process};
use crate::space::{Draw, Map};

/// How the network is called at one level, where that is not what its formulation says: another library's time, rounded or misplaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pin {
    /// The noise level at which it applies, σ/α.
    pub(crate) sigma_ve: f64,
    /// The level of the network's process from which D is read.
    pub(crate) own: Level,
    /// The time that the network is given.
    pub(crate) time: f64,
}

/// Collects instructions, and numbers slots and draws.
pub(crate) struct Builder<'a> {
    plan: Plan,
    network: Option<&'a Formulation>,
    pins: &'a [Pin],
    used: Vec<bool>,
    free: Vec<Slot>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(name: impl Into<String>, process: &Process, network: Option<&'a Formulation>) -> Self {
        let plan = Plan {
            name: name.into(),
            process: process.spec(),
            network: network.map(Formulation::spec),
            slots: 0,
            draws: 0,
            result: 0,
            inputs: Vec::<Input>::new(),
            ops: Vec::new(),
            moves: Vec::new(),
        };
        Self { plan, network, pins: &[], used: Vec::new(), free: Vec::new() }
    }

    /// With these levels read otherwise.
    pub(crate) fn with_pins(mut self, pins: &'a [Pin]) -> Self {
        (self.pins, self.used) = (pins, vec![false; pins.len()]);
        self
    }

    /// A slot that nothing uses.
    pub(crate) fn slot(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            self.plan.slots += 1;
            self.plan.slots - 1
        })
    }

    /// Gives a slot back.
    pub(crate) fn free(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    /// A fresh draw.
    pub(crate) fn draw(&mut self) -> Draw {
        self.plan.draws += 1;
        self.plan.draws - 1
    }

    /// The start: σ·z, pure noise at the first level.
    pub(crate) fn start(&mut self, level: &Level) -> Slot {
        let (x, draw) = (self.slot(), self.draw());
        self.combine(x, vec![], vec![(level.sigma, draw)]);
        x
    }

    /// A slot that the caller fills before the first instruction.
    pub(crate) fn input(&mut self, name: &str) -> Slot {
        let slot = self.plan.slots;
        self.plan.slots += 1;
        self.plan.inputs.push(Input { name: name.into(), slot });
        slot
    }

    /// into ← map(from).
    pub(crate) fn map(&mut self, map: Map, from: Vec<Slot>, into: Slot) {
        self.plan.ops.push(Op::Map { map, from, into });
    }

    /// The pin of a noise level, or of one that differs by what float32 leaves open. Of several at the same level each is used once, in their order.
    fn pin(&mut self, sigma_ve: f64) -> Option<&'a Pin> {
        let near = |pin: &Pin| pin.sigma_ve == sigma_ve || (pin.sigma_ve - sigma_ve).abs() <= 2e-6 * sigma_ve;
        let mut all = (0..self.pins.len()).filter(|index| near(&self.pins[*index]));
        let first = all.next()?;
        let index = if self.used[first] { all.find(|index| !self.used[*index]).unwrap_or(first) } else { first };
        self.used[index] = true;
        Some(&self.pins[index])
    }

    /// D at the state `x`, in a slot of its own.
    pub(crate) fn eval(&mut self, x: Slot, level: &Level) -> Result<Slot> {
        let pin = self.pin(level.sigma_ve());
        let read = |network: &Formulation| match pin {
            Some(pin) => network.denoised_at(level, &pin.own, pin.time),
            None => network.denoised(level),
        };
        let net = self.network.map(read).transpose()?;
        let into = self.slot();
        self.plan.ops.push(Op::Eval { from: x, level: *level, out: vec![Output { branch: Branch::Main, into }], net });
        Ok(into)
    }

    /// into ← Σ terms + Σ noise; terms with coefficient zero are left out.
    pub(crate) fn combine(&mut self, into: Slot, terms: Vec<(f64, Slot)>, noise: Vec<(f64, Draw)>) {
        let terms = terms.into_iter().filter(|(coef, _)| *coef != 0.0).collect();
        let noise = noise.into_iter().filter(|(coef, _)| *coef != 0.0).collect();
        self.plan.ops.push(Op::Combine { into, terms, noise });
    }

    /// The number of the next instruction: where a move begins.
    pub(crate) fn mark(&self) -> usize {
        self.plan.ops.len()
    }

    /// Notes that the instructions since `mark` are one move.
    pub(crate) fn note(&mut self, letter: Letter, eta: Option<f64>, from: &Level, to: &Level, mark: usize) {
        let ops = [mark, self.plan.ops.len().saturating_sub(1)];
        self.plan.moves.push(Move { letter, eta, from: *from, to: *to, ops });
    }

    pub(crate) fn finish(mut self, result: Slot) -> Result<Plan> {
        self.plan.result = result;
        self.plan.validate()?;
        Ok(self.plan)
    }
}

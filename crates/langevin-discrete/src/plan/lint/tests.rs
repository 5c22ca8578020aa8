use super::*;
use crate::plan::{Beliefs, Draft};
use crate::request::Request;
use crate::sampler::{Entry, even};
use crate::space::{Noise, StateSpace};

fn spaces() -> [StateSpace; 3] {
    let prior = Noise::Prior(vec![0.5, 0.3, 0.2]);
    [Noise::Masked, Noise::Uniform, prior].map(|noise| StateSpace::new(noise, 3, 12).unwrap())
}

#[test]
fn the_catalogue_breaks_exactly_what_it_declares() {
    let mut violators = Vec::new();
    for space in spaces() {
        for entry in Entry::all().iter().filter(|entry| entry.noises.serve(&space)) {
            for options in ["", " steps=5", " steps=5 temperature=0.7 top-p=0.9 guidance=2"] {
                let request: Request = format!("sampler={}{options}", entry.name)
                    .replace(if entry.name == "first-hitting" { " steps=5" } else { "\n" }, "")
                    .parse()
                    .unwrap();
                let lint = request.plan(&space).unwrap().lint();
                assert_eq!(lint.rules(), entry.breaks, "{request} on {space}:\n{lint}");
            }
            if !entry.breaks.is_empty() {
                violators.push(entry.name);
            }
        }
    }
    assert_eq!(violators, ["confidence", "threshold"]);
}

#[test]
fn options_are_linted_too() {
    let [masked, uniform, _] = spaces();
    let rules = |space: &StateSpace, text: &str| text.parse::<Request>().unwrap().plan(space).unwrap().lint().rules();
    for text in [
        "sampler=remask schedule=loop eta=0.1",
        "sampler=remask schedule=rescale eta=0.3",
        "sampler=psi kappa=0.2",
        "sampler=row rho=0.3",
        "sampler=euler eta=2 grid=cosine",
        "sampler=blocks block=5 steps=3 order=entropy",
        "sampler=theta-trapezoidal theta=0.3",
    ] {
        assert_eq!(rules(&masked, text), [], "{text}");
    }
    assert_eq!(rules(&uniform, "sampler=forward-backward rho=0.2 steps=4"), []);
    for text in ["sizes", "first-hitting", "cosine", "blocks"] {
        assert_eq!(rules(&masked, &format!("sampler={text} order=confidence")), [Rule::DrawnToken], "{text}");
    }
    // All tokens at once: the order has no effect.
    assert_eq!(rules(&masked, "sampler=confidence steps=1"), []);
}

/// A plan of two steps, with one mistake.
struct Two {
    space: StateSpace,
    draft: Draft,
}

impl Two {
    fn new(noise: Noise) -> Self {
        let space = StateSpace::new(noise, 3, 4).unwrap();
        Self { draft: Draft::new("two", &space), space }
    }

    fn step(&self, alpha: f64, to: f64) -> Jump {
        if self.space.is_masked() { Jump::row(alpha, to, 1.0) } else { Jump::reversal(alpha, to) }.unwrap()
    }
}

#[test]
fn numbers_must_reach_the_next_level() {
    for noise in [Noise::Masked, Noise::Uniform] {
        let mut two = Two::new(noise);
        let (first, second) = (two.step(0.0, 0.5), two.step(0.5, 1.0));
        let draft = &mut two.draft;
        let mut x = draft.start();
        for (alpha, jump) in [(0.0, Jump { unmask: first.unmask * 1.01, ..first }), (0.5, second)] {
            let d = draft.eval(x, alpha);
            let d = if draft.space().is_masked() { d } else { draft.posterior(d, x, alpha) };
            let clean = draft.draw(d);
            x = draft.jump(x, clean, alpha, jump);
        }
        let lint = two.draft.finish(x).unwrap().lint();
        assert_eq!(lint.rules()[0], Rule::Marginals, "{lint}");
        assert!(lint.to_string().contains("unmask is 0.505000, the marginal needs 0.500000"), "{lint}");
    }
}

#[test]
fn rates_must_reach_the_next_level_and_add_up() {
    let plan = |length: f64, second: f64| {
        let mut draft = Two::new(Noise::Masked).draft;
        let x = draft.start();
        let d = draft.eval(x, 0.0);
        let here = draft.rates(d, x, 0.0, 1.0);
        let y = draft.jump_along(x, here, length);
        let e = draft.eval(y, 0.5);
        let there = draft.rates(e, y, 0.5, 1.0);
        let both = draft.blend(&[(2.0, there), (second, here)], How::Linear, Default::default());
        let x = draft.jump_along(y, both, 0.25);
        let d = draft.eval(x, 0.75);
        let clean = draft.draw(d);
        let x = draft.jump(x, clean, 0.75, Jump::row(0.75, 1.0, 1.0).unwrap());
        draft.finish(x).unwrap().lint()
    };
    assert_eq!(plan(0.5, -1.0).rules(), []);
    assert_eq!(plan(0.5, -1.01).rules(), [Rule::Marginals]);
    let lint = plan(0.495, -1.0);
    assert_eq!((lint.rules(), lint.findings[0].op, lint.findings[0].places), (vec![Rule::Marginals], 3, 1), "{lint}");
}

#[test]
fn masses_are_probabilities() {
    let two = Two::new(Noise::Masked);
    let plan = |jump: Jump| {
        let mut draft = two.draft.clone();
        let x = draft.start();
        let d = draft.eval(x, 0.0);
        let clean = draft.draw(d);
        let x = draft.jump(x, clean, 0.0, jump);
        draft.finish(x).unwrap()
    };
    let wrong = plan(Jump { remask: -0.1, unmask: 1.0, keep: 0.0 });
    assert_eq!(wrong.lint().rules(), [Rule::Masses]);
    assert_eq!(plan(Jump { remask: 0.0, unmask: 1.0, keep: 0.25 }).lint().findings[0].words, "fresh is -0.250000");
    // Such a plan can be read and linted, but not run.
    let chain = crate::exact::Chain::example(3, 4, Noise::Masked).unwrap();
    let error = wrong.run(&chain, &[Default::default()]).unwrap_err().to_string();
    assert!(error.contains("remask"), "{error}");
    assert!(crate::plan::Law::of(&wrong, &chain).is_err());
}

#[test]
fn posteriors_and_denoisers_are_not_exchanged() {
    // The result of one step from survival 0.5, with the clean letters of these beliefs.
    let lint = |noise: Noise, beliefs: &dyn Fn(&mut Draft, Beliefs, super::super::Tokens) -> Beliefs| {
        let mut two = Two::new(noise);
        let (first, second) = (two.step(0.0, 0.5), two.step(0.5, 1.0));
        let draft = &mut two.draft;
        let x = draft.start();
        let d = draft.eval(x, 0.0);
        let d = draft.posterior(d, x, 0.0);
        let clean = draft.draw(d);
        let x = draft.jump(x, clean, 0.0, first);
        let d = draft.eval(x, 0.5);
        let beliefs = beliefs(draft, d, x);
        let clean = draft.draw(beliefs);
        let x = draft.jump(x, clean, 0.5, second);
        two.draft.finish(x).unwrap().lint()
    };
    assert!(lint(Noise::Uniform, &|draft, d, x| draft.posterior(d, x, 0.5)).is_clean());
    let twice = lint(Noise::Uniform, &|draft, d, x| {
        let posterior = draft.posterior(d, x, 0.5);
        draft.posterior(posterior, x, 0.5)
    });
    assert_eq!(twice.rules(), [Rule::PlugIn]);
    assert!(twice.to_string().contains("a posterior is read as if it were D"), "{twice}");
    for read in [Draft::conditional, |draft: &mut Draft, d, alpha| {
        let x = draft.start();
        draft.rates(d, x, alpha, 1.0)
    }] {
        let lint = lint(Noise::Uniform, &|draft, d, x| {
            let posterior = draft.posterior(d, x, 0.5);
            read(draft, posterior, 0.5);
            posterior
        });
        assert_eq!(lint.rules(), [Rule::PlugIn]);
    }
    let plain = lint(Noise::Uniform, &|_, d, _| d);
    assert_eq!(plain.rules(), [Rule::PlugIn]);
    assert!(plain.to_string().contains("drawn from D"), "{plain}");
    // Under masked noise D is the posterior.
    assert!(lint(Noise::Masked, &|_, d, _| d).is_clean());
    let elsewhere = lint(Noise::Uniform, &|draft, d, x| draft.posterior(d, x, 0.4));
    assert_eq!(elsewhere.rules(), [Rule::Levels]);
}

#[test]
fn masks_and_noise_must_not_be_left() {
    let [masked, uniform, _] = spaces();
    let mut plan = Request::new().sampler("sizes").steps(3).plan(&masked).unwrap();
    let drop_last = |plan: &mut Plan| {
        let Op::Select { take, .. } = plan.ops.last_mut().unwrap() else { panic!() };
        *take = Take::Count(1);
    };
    drop_last(&mut plan);
    assert_eq!(plan.lint().rules(), [Rule::Left]);
    assert!(plan.lint().to_string().contains("up to 3 masks"), "{}", plan.lint());
    let mut blocks = Request::new().sampler("blocks").block(6).steps(2).plan(&masked).unwrap();
    assert!(blocks.lint().is_clean());
    drop_last(&mut blocks);
    assert!(blocks.lint().to_string().contains("up to 2 masks"), "{}", blocks.lint());
    for space in [masked, uniform] {
        let mut draft = Draft::new("short", &space);
        let x = draft.start();
        let d = draft.eval(x, 0.0);
        let d = draft.posterior(d, x, 0.0);
        let clean = draft.draw(d);
        let x = draft.jump(x, clean, 0.0, Jump::row(0.0, 0.9, 1.0).unwrap());
        assert_eq!(draft.finish(x).unwrap().lint().rules(), [Rule::Left]);
    }
}

#[test]
fn levels_ascend() {
    let [masked, ..] = spaces();
    let mut plan = Request::new().sampler("first-hitting").plan(&masked).unwrap();
    let Op::Eval { alpha, .. } = &mut plan.ops[4] else { panic!() };
    *alpha = 0.9;
    let lint = plan.lint();
    assert_eq!((lint.rules(), lint.findings[0].places), (vec![Rule::Levels], 9), "{lint}");
    assert_eq!(lint.findings[0].op, 7);
}

#[test]
fn draws_are_used_once_and_evaluations_are_read() {
    let [masked, ..] = spaces();
    let mut plan = crate::sampler::ancestral(&masked, &even(3)).unwrap();
    let Op::Draw { draw, .. } = &mut plan.ops[5] else { panic!() };
    *draw = 0;
    let lint = plan.lint();
    assert_eq!((lint.rules(), lint.findings[0].op), (vec![Rule::Draws], 5), "{lint}");
    let mut draft = Draft::new("idle", &masked);
    let x = draft.start();
    let d = draft.eval(x, 0.0);
    let clean = draft.draw(d);
    draft.eval(clean, 1.0);
    let lint = draft.finish(clean).unwrap().lint();
    assert_eq!((lint.rules(), lint.findings[0].op), (vec![Rule::Unread], 3), "{lint}");
}

use super::*;
use crate::grid::Grid;
use crate::plan::Op;
use crate::prediction::Prediction;

fn levels(process: &Process, steps: usize) -> Vec<Level> {
    Grid::karras(steps).levels(process, 0.002, 80.0).unwrap()
}

fn word(text: &str, steps: usize) -> Result<Plan> {
    let flow = Process::rectified_flow();
    Sampler::word(Word::parse(text)?).compile(&flow, None, &levels(&flow, steps))
}

#[test]
fn names_read_back_and_unknown_ones_are_guessed() {
    for entry in Entry::all() {
        for name in std::iter::once(&entry.name).chain(entry.aliases) {
            assert_eq!(Sampler::parse(name, None).unwrap().name(), *name);
            assert!(Sampler::parse(&name.replace('-', "_"), None).is_ok());
        }
    }
    assert_eq!(Sampler::parse("dimm", None).unwrap_err().hint(), Some("did you mean 'ddim'?"));
    assert!(Sampler::parse("ddim", Some(f64::NAN)).unwrap_err().is_argument());
    assert!(Sampler::parse("ddim", Some(-0.5)).unwrap_err().is_argument());
    assert!(Sampler::parse("euler", Some(0.5)).unwrap_err().to_string().contains("takes no η"));
    assert!(Sampler::adams(9, 0.0).is_err());
}

#[test]
fn ddim_is_euler_in_sigma_and_in_flow_time() {
    // VE: x + (σ_t − σ_s)(x − D)/σ_s. A flow has s in place of σ.
    for process in [Process::ve(), Process::rectified_flow()] {
        let grid = levels(&process, 5);
        let plan = Sampler::ddim(0.0).compile(&process, None, &grid).unwrap();
        let combines: Vec<_> = plan
            .ops()
            .iter()
            .filter_map(|op| if let Op::Combine { terms, .. } = op { Some(terms) } else { None })
            .collect();
        for (step, terms) in combines[1..].iter().enumerate().take(4) {
            let (s, t) = (grid[step].sigma, grid[step + 1].sigma);
            assert!((terms[0].0 - t / s).abs() < 1e-15 && (terms[1].0 - (1.0 - t / s)).abs() < 1e-14, "{terms:?}");
        }
    }
}

#[test]
fn adams_of_order_two_is_dpmpp_2m_heun() {
    // Lu et al., arXiv 2211.01095: D + (D − D₁)/(2r) under the exponential, with the 'heun'
    // correction −α((e^{−h}−1)/h + 1)·D1.
    let process = Process::vp();
    let grid = Grid::uniform_lambda(6).without_clean_end().levels(&process, 0.1, 10.0).unwrap();
    let plan = Sampler::parse("dpmpp_2m_heun", None).unwrap().compile(&process, None, &grid).unwrap();
    let Op::Combine { terms, .. } = &plan.ops()[4] else { panic!("{plan}") };
    let (s, t) = (&grid[1], &grid[2]);
    let (h, h0) = (t.lambda() - s.lambda(), s.lambda() - grid[0].lambda());
    let r = h0 / h;
    let slope = t.alpha * (((-h).exp() - 1.0) / h + 1.0) / r;
    let expected = [t.sigma / s.sigma, t.alpha * -libm::expm1(-h) + slope, -slope];
    for (term, expected) in terms.iter().zip(expected) {
        assert!((term.0 - expected).abs() < 1e-14, "{terms:?} {expected}");
    }
}

#[test]
fn adams_is_exact_where_d_is_linear_in_lambda() {
    // For D = 2 + 3λ the method solves the linear equation exactly with any steps: compare 3 steps
    // with 300.
    let process = Process::ve();
    let value = |steps: usize, eta: f64| {
        // Two tiny first steps make order 2 hold from the start, up to their size.
        let mut lambdas = vec![-1.0, -1.0 + 1e-9];
        lambdas.extend((1..=steps).map(|i| -1.0 + 1e-9 + 2.0 * i as f64 / steps as f64));
        let grid: Vec<Level> = lambdas.iter().map(|l| process.level_at_lambda(*l).unwrap()).collect();
        let plan = Sampler::adams(2, eta).unwrap().compile(&process, None, &grid).unwrap();
        let unrolled = plan.unroll().unwrap();
        unrolled.result.evals.iter().zip(&unrolled.lambdas).map(|(w, l)| w * (2.0 + 3.0 * l)).sum::<f64>()
    };
    for eta in [0.0, 0.5, 1.7] {
        let (few, many) = (value(3, eta), value(300, eta));
        assert!((few - many).abs() < 1e-7, "h/g = {eta}: {few} {many}");
    }
}

#[test]
fn words_move_as_the_grammar_says() {
    let plan = word("(R L)*5", 5).unwrap();
    // The last L is at σ = 0, where no time passes, so it has no instruction.
    assert_eq!(plan.nfe(), 9);
    let letters: String = plan.moves().iter().map(|note| format!("{:?}", note.letter)).collect();
    assert_eq!(letters, "RLRLRLRLR");

    let plan = word("RRR F R R R", 5).unwrap();
    let moves = plan.moves();
    assert_eq!(moves[3].to, moves[1].to, "F goes one grid level back");
    assert_eq!(moves[4].to, moves[2].to);
    assert_eq!(plan.nfe(), 6, "a forward move needs no network");

    let plan = word("R*4 F(-1.5) R*3 R(0.5)", 5);
    let plan = plan.unwrap();
    assert!((plan.moves()[4].to.lambda() + 1.5).abs() < 1e-12);
    assert_eq!(plan.moves().last().unwrap().eta, Some(0.5));
    assert_eq!(plan.moves().last().unwrap().to.sigma, 0.0);
}

#[test]
fn a_word_of_reverse_moves_is_the_one_step_sampler() {
    let flow = Process::rectified_flow();
    let by_word = word("R(0.5)*4", 4).unwrap();
    let by_name = Sampler::exponential(0.5).compile(&flow, None, &levels(&flow, 4)).unwrap();
    assert_eq!(by_word.ops(), by_name.ops());
    let given =
        Sampler::word(Word::parse("R*4").unwrap().with_eta(0.5)).compile(&flow, None, &levels(&flow, 4)).unwrap();
    assert_eq!(given.ops(), by_name.ops());
}

#[test]
fn langevin_moves_keep_the_share_of_noise() {
    let plan = word("R L(0.5) R", 2).unwrap();
    let Op::Combine { terms, .. } = &plan.ops()[4] else { panic!("{plan}") };
    assert!((terms[0].0 - (-0.5_f64).exp()).abs() < 1e-15, "{terms:?}");
}

#[test]
fn malformed_words_mark_the_position() {
    let cases = [
        ("", 1),
        ("Q", 1),
        ("R Q", 3),
        ("(R L", 5),
        ("R)", 2),
        ("R*", 3),
        ("R*0", 3),
        ("R*x", 3),
        ("()", 0),
        ("R(x)", 3),
        ("R(-1)", 3),
        ("R(nan)", 3),
        ("L(inf)", 3),
        ("R(0.5", 2),
        ("((R)*100000)*100000", 1),
        ("R*99999999999999999999999", 3),
    ];
    for (text, column) in cases {
        let error = match Word::parse(text) {
            Err(error) => error.to_string(),
            // An empty group has no move, so the word is empty.
            Ok(word) => panic!("'{text}' parsed as {word:?}"),
        };
        if column > 0 {
            assert!(error.contains(&format!("character {column}")), "'{text}' → {error}");
            let caret = error.lines().find(|line| line.trim_end().ends_with('^')).unwrap();
            assert_eq!(caret.chars().count(), 2 + column, "{error}");
        }
    }
    assert!(Word::parse(&"(".repeat(1000)).unwrap_err().to_string().contains("nested"));
}

#[test]
fn words_that_do_not_fit_the_grid_say_where() {
    let text = |word_text: &str, steps| word(word_text, steps).unwrap_err().to_string();
    assert!(text("R R R", 2).contains("beyond the end"), "{}", text("R R R", 2));
    assert!(text("R R", 3).contains("stops before"), "{}", text("R R", 3));
    assert!(text("F R", 1).contains("beyond the start"));
    assert!(text("R F(9) R", 2).contains("towards noise"));
    assert_eq!(Word::parse("R R F R").unwrap().steps(), Some(2));
    assert_eq!(Word::parse("R F(0) R").unwrap().steps(), None);
}

#[test]
fn a_network_is_read_at_every_evaluation() {
    let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let process = Process::ve();
    let grid = levels(&process, 6);
    let plan = Sampler::ddim(0.0).compile(&process, Some(&network), &grid).unwrap();
    let mut seen = 0;
    for op in plan.ops() {
        if let Op::Eval { level, net: Some(net), .. } = op {
            assert_eq!(*net, network.denoised(level).unwrap());
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
    // The output of an ε-network does not determine D at pure noise, so compiling fails.
    let noise = Formulation::new(Process::rectified_flow(), Prediction::Epsilon);
    let grid = Grid::list(vec![f64::INFINITY, 1.0, 0.0]).levels(&Process::rectified_flow(), 0.0, 0.0).unwrap();
    let error = Sampler::ddim(0.0).compile(&Process::rectified_flow(), Some(&noise), &grid).unwrap_err();
    assert!(error.is_singular() && error.to_string().contains("epsilon"), "{error}");
    // The output of a velocity network determines D there.
    let plan = Sampler::adams(2, 0.0).unwrap().compile(&Process::rectified_flow(), Some(&network), &grid).unwrap();
    assert!(plan.lint().unwrap().is_clean());
}

/// Neighbouring levels may have one λ in f64. They are then one node of the polynomial.
#[test]
fn levels_with_the_same_lambda_are_one_node() {
    let process = Process::ve();
    let levels = Grid::list(vec![80.0, 79.99999999999999, 40.0, 10.0, 0.0]).levels(&process, 0.0, 0.0).unwrap();
    let plan = Sampler::adams(3, 0.0).unwrap().compile(&process, None, &levels).unwrap();
    assert!(plan.lint().unwrap().is_clean());
}

#[test]
fn levels_of_another_process_are_refused() {
    let error = Sampler::ddim(0.0).compile(&Process::ve(), None, &levels(&Process::rectified_flow(), 3)).unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
}

#[test]
fn compiling_refuses_what_is_no_grid() {
    let flow = Process::rectified_flow();
    assert!(Sampler::ddim(0.0).compile(&flow, None, &[]).is_err());
    let level = flow.level(0.5).unwrap();
    assert!(Sampler::ddim(0.0).compile(&flow, None, &[level, level]).is_err());
    assert!(Sampler::exponential(f64::INFINITY).compile(&flow, None, &levels(&flow, 2)).is_err());
    let start = flow.level(1.0).unwrap();
    assert!(Sampler::ddim(1.5).compile(&flow, None, &[start, level]).unwrap_err().to_string().contains("more noise"));
}

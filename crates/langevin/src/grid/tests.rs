use super::*;
use crate::process::{Level, Process};

fn lambdas(grid: Grid, process: &str) -> Vec<f64> {
    grid.levels(&Process::parse(process).unwrap(), 0.002, 80.0).unwrap().iter().map(Level::lambda).collect()
}

#[test]
fn karras_is_the_formula_on_every_process() {
    for process in crate::process::NAMES {
        let levels = Grid::karras(18).levels(&Process::parse(process).unwrap(), 0.002, 80.0).unwrap();
        assert_eq!(levels.len(), 19);
        for (i, level) in levels[..18].iter().enumerate() {
            let (big, small) = (80_f64.powf(1.0 / 7.0), 0.002_f64.powf(1.0 / 7.0));
            let sigma = (big + i as f64 / 17.0 * (small - big)).powf(7.0);
            assert!((level.sigma_ve() / sigma - 1.0).abs() < 1e-11, "{process} {i}");
        }
        assert_eq!(levels[18].sigma, 0.0);
    }
}

#[test]
fn uniform_grids_are_uniform_and_meet_the_ends() {
    let lambda = lambdas(Grid::uniform_lambda(8).without_clean_end(), "vp");
    assert_eq!(lambda.len(), 9);
    assert!(lambda.windows(2).all(|pair| (pair[1] - pair[0] - (40_000_f64).ln() / 8.0).abs() < 1e-12));
    let levels = Grid::uniform_time(8).without_clean_end().levels(&Process::vp_cosine(), 0.01, 50.0).unwrap();
    let step = (levels[0].time - levels[8].time) / 8.0;
    assert!(levels.windows(2).all(|pair| (pair[0].time - pair[1].time - step).abs() < 1e-14));
    assert!((levels[0].sigma_ve() - 50.0).abs() < 1e-10 && (levels[8].sigma_ve() - 0.01).abs() < 1e-14);
}

#[test]
fn one_step_goes_from_the_start_to_the_end() {
    for grid in [Grid::karras(1), Grid::uniform_lambda(1), Grid::uniform_time(1)] {
        let levels = grid.levels(&Process::ve(), 0.002, 80.0).unwrap();
        assert_eq!((levels[0].sigma, levels[1].sigma), (80.0, 0.0));
    }
}

#[test]
fn lists_are_taken_as_they_are() {
    let grid = Grid::parse("list:80, 10,1,0", None).unwrap();
    assert_eq!(grid.steps(), 3);
    let sigmas: Vec<f64> = grid.levels(&Process::ve(), 0.002, 80.0).unwrap().iter().map(|l| l.sigma).collect();
    assert_eq!(sigmas, [80.0, 10.0, 1.0, 0.0]);
    assert!(Grid::parse("list:80,10", None).unwrap().levels(&Process::ve(), 0.002, 80.0).is_ok());
}

#[test]
fn times_are_taken_as_they_are() {
    let table = Process::parse("table:linear").unwrap();
    let grid = Grid::parse("times:999, 500,0,-1", None).unwrap();
    assert!(grid.steps() == 3 && grid.brings_levels(&table));
    let levels = grid.levels(&table, 0.002, 80.0).unwrap();
    let times: Vec<f64> = levels.iter().map(|level| level.time).collect();
    assert_eq!((times, levels[3].sigma), (vec![999.0, 500.0, 0.0, -1.0], 0.0));
    // The last time may be noisy.
    assert_eq!(Grid::times(vec![3.0, 1.0]).levels(&Process::ve(), 0.0, 0.0).unwrap()[1].sigma, 1.0);
    assert_eq!(Grid::times(vec![3.0, 1.0]).without_clean_end(), Grid::times(vec![3.0, 1.0]));
}

#[test]
fn bad_grids_say_why() {
    let ve = Process::ve();
    let text = |grid: Result<Grid>| grid.and_then(|grid| grid.levels(&ve, 0.002, 80.0)).unwrap_err().to_string();
    assert!(text(Grid::parse("karras", Some(0))).contains("1 to 100000"));
    assert!(text(Grid::parse("karass", None)).contains("did you mean 'karras'"));
    assert!(text(Grid::parse("karras:x", None)).contains("'x'"));
    assert!(text(Grid::parse("karras:0", None)).contains("> 0"));
    assert!(text(Grid::parse("list:1,2", None)).contains("must fall"));
    assert!(text(Grid::parse("list:1,1", None)).contains("must fall"));
    assert!(text(Grid::parse("list:", None)).contains("not a number"));
    assert!(text(Grid::parse("list:3,2,1", Some(7))).contains("another number of steps"));
    assert!(text(Grid::parse("times:3,2,1", Some(7))).contains("(grid 'times'): expected 7, got 2"));
    assert!(text(Grid::parse("times:1,2", None)).contains("must fall"));
    assert!(text(Grid::parse("times", None)).contains("times of the process, as in times:1,0.5,0"));
    assert!(text(Grid::parse("times:3,-1", None)).contains("time outside the process"));
    assert!(text(Ok(Grid::times(vec![2.0]))).contains("1 to 100000"));
    assert!(text(Grid::parse("uniform-t:3", None)).contains("takes no number"));
    assert!(Grid::karras(4).levels(&ve, 1.0, 0.5).is_err());
    assert!(Grid::karras(4).levels(&ve, 0.0, f64::INFINITY).is_err());
    // A time beyond the end of a finite process.
    let error = Grid::karras(4).levels(&Process::vp_linear(), 0.002, 500.0).unwrap_err();
    assert!(error.is_singular(), "{error}");
}

/// σ/α on VE, where it equals the time.
fn sigmas(grid: &str, steps: usize, range: (f64, f64)) -> Vec<f64> {
    let grid = Grid::parse(grid, Some(steps)).unwrap();
    grid.levels(&Process::ve(), range.0, range.1).unwrap().iter().map(|level| level.sigma).collect()
}

fn near(got: &[f64], expected: &[f64], digits: f64) {
    assert_eq!(got.len(), expected.len(), "{got:?} {expected:?}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= digits * expected.abs(), "{got} {expected}");
    }
}

/// Recorded from k-diffusion 0.1.1 and diffusers 0.42.1 in f64, ten digits: `get_sigmas_*`,
/// `_convert_to_lu`, `_convert_to_beta`.
#[test]
fn grids_in_sigma_are_those_of_the_peers() {
    const RANGE: (f64, f64) = (0.002, 80.0);
    near(&sigmas("karras", 5, RANGE), &[80.0, 17.52783196, 2.515218976, 0.1697527563, 0.002, 0.0], 5e-10);
    for name in ["uniform-lambda", "exponential", "lu", "poly-exponential", "poly-exponential:1"] {
        near(&sigmas(name, 5, RANGE), &[80.0, 5.656854249, 0.4, 0.02828427125, 0.002, 0.0], 1e-10);
    }
    near(
        &sigmas("poly-exponential:2.5", 5, RANGE),
        &[80.0, 0.349039221, 0.01301868001, 0.00278512294, 0.002, 0.0],
        5e-10,
    );
    near(
        &sigmas("vp", 6, RANGE),
        &[152.1669703, 25.1488524, 6.111662506, 2.03442934, 0.7238067667, 0.01048599279, 0.0],
        5e-10,
    );
    let expected = [14.61464123, 13.28026294, 10.59760782, 7.321904194, 4.04620057, 1.363545443, 0.0291671582, 0.0];
    near(&sigmas("beta", 7, (0.0291671582, 14.6146412293336)), &expected, 5e-10);
    assert_eq!(sigmas("beta", 7, RANGE), sigmas("beta:0.6,0.6", 7, RANGE));
    // Beta(1, 1) is uniform.
    near(&sigmas("beta:1,1", 3, (1.0, 3.0)), &[3.0, 2.0, 1.0, 0.0], 1e-14);
}

/// Recorded from numpy's interpolation of ln σ over the eleven published levels, which is the
/// authors' method.
#[test]
fn align_your_steps_is_published_and_interpolated() {
    let published = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.0];
    assert_eq!(sigmas("ays:sdxl", 10, (0.002, 80.0)), published);
    near(&sigmas("ays:sd", 4, (0.002, 80.0)), &[14.615, 3.226936163, 1.396, 0.5100470567, 0.0], 5e-10);
    let expected = [
        700.0,
        98.2314836,
        28.0616961,
        12.85170424,
        7.599573173,
        4.680424998,
        2.494950557,
        1.419869039,
        0.8555165156,
        0.4315442664,
        0.2244134358,
        0.08164661258,
        0.0176819096,
        0.0,
    ];
    near(&sigmas("ays:svd", 13, (0.002, 80.0)), &expected, 3e-9);
    let open = Grid::ays(10, Ays::StableDiffusion).without_clean_end().levels(&Process::ve(), 0.0, 0.0).unwrap();
    assert_eq!((open.len(), open[10].sigma), (11, 0.029));
    // Stable Diffusion's own table ends at 14.6146, which the authors round up.
    let table = Process::parse("table:scaled-linear").unwrap();
    let levels = Grid::ays(10, Ays::StableDiffusion).levels(&table, 0.002, 80.0).unwrap();
    assert_eq!(levels[0].time, 999.0);
    assert!((levels[1].sigma_ve() - 6.475).abs() < 1e-12);
    assert!(Grid::ays(10, Ays::StableVideoDiffusion).levels(&table, 0.002, 80.0).unwrap_err().is_singular());
}

/// The indices of diffusers 0.42.1's DDIMScheduler: some in full, and those for every number of
/// steps as a checksum.
#[test]
fn timesteps_are_those_of_ddim() {
    let times = |name: &str, steps: usize| -> Vec<f64> {
        let table = Process::parse("table:scaled-linear").unwrap();
        let grid = Grid::parse(name, Some(steps)).unwrap();
        grid.levels(&table, 0.002, 80.0).unwrap().iter().map(|level| level.time).collect()
    };
    assert_eq!(times("linspace", 7), [999.0, 832.0, 666.0, 500.0, 333.0, 166.0, 0.0, -1.0]);
    assert_eq!(times("leading", 3), [666.0, 333.0, 0.0, -1.0]);
    assert_eq!(times("leading:1", 7), [853.0, 711.0, 569.0, 427.0, 285.0, 143.0, 1.0, -1.0]);
    assert_eq!(times("trailing", 7), [999.0, 856.0, 713.0, 570.0, 428.0, 285.0, 142.0, -1.0]);
    let recorded = [
        (1000, Timesteps::Linspace, 2043452838430606148),
        (1000, Timesteps::Leading { offset: 0 }, 21478130278249498),
        (1000, Timesteps::Trailing, 947279215822182658),
        (777, Timesteps::Linspace, 721800233957819144),
        (777, Timesteps::Leading { offset: 0 }, 1017687141905256235),
        (777, Timesteps::Trailing, 179344250377607787_u128),
    ];
    for (entries, spacing, expected) in recorded {
        let mut sum = 0;
        for n in 2..=entries {
            let indices = timesteps::indices(spacing, n, entries).unwrap();
            assert_eq!(indices.len(), n);
            assert!(indices.windows(2).all(|pair| pair[0] > pair[1]), "{spacing:?} {n}");
            for (i, index) in indices.iter().enumerate() {
                sum = (sum * 31 + (index + n * 7 + i) as u128) % ((1 << 61) - 1);
            }
        }
        assert_eq!(sum, expected, "{spacing:?} of {entries}");
    }
    // One step starts from noise; one leading step would start at the clean end.
    assert_eq!(times("linspace", 1), [999.0, -1.0]);
    assert_eq!(times("trailing", 1), [999.0, -1.0]);
}

#[test]
fn timesteps_of_a_continuous_process_divide_its_time() {
    let flow = Process::rectified_flow();
    let (min, max) = (1.0 / 99.0, 9.0); // s from 0.01 to 0.9
    let times = |grid: Grid| -> Vec<f64> {
        grid.without_clean_end().levels(&flow, min, max).unwrap().iter().map(|level| level.time).collect()
    };
    let part = |k: f64| 0.01 + 0.89 * k;
    near(&times(Grid::linspace(4)), &[part(1.0), part(0.75), part(0.5), part(0.25), part(0.0)], 1e-14);
    near(&times(Grid::leading(4, 0)), &[part(0.8), part(0.6), part(0.4), part(0.2), part(0.0)], 1e-14);
    near(&times(Grid::trailing(4)), &[part(1.0), part(0.8), part(0.6), part(0.4), part(0.2)], 1e-14);
    assert_eq!(times(Grid::linspace(9)), times(Grid::uniform_time(9)));
}

/// Flow times recorded from diffusers 0.42.1's FlowMatchEulerDiscreteScheduler with σ = linspace(1,
/// 1/N, N), and from DPMSolverMultistep's flow sigmas. They are float32, so seven digits.
#[test]
fn flow_shifts_are_those_of_diffusers() {
    let times = |text: &str, start: f64| -> Vec<f64> {
        let levels = Grid::parse(text, Some(5)).unwrap().levels(&Process::rectified_flow(), 0.002, start).unwrap();
        levels.iter().map(|level| level.time).collect()
    };
    let noise = f64::INFINITY;
    near(&times("flow-shift:3", noise), &[1.0, 0.9230769873, 0.8181818128, 0.6666666865, 0.4285714626, 0.0], 2e-7);
    near(&times("flow-shift-mu:1.15", noise), &[1.0, 0.9266473651, 0.825701654, 0.6779867411, 0.4411997497, 0.0], 2e-7);
    near(&times("flow-shift:1.15", noise), &[1.0, 0.821428597, 0.6330275536, 0.4339622259, 0.2233009636, 0.0], 2e-7);
    let expected = [1.0, 0.8788462281, 0.7136363387, 0.4750000238, 0.1000000238, 0.0];
    near(&times("flow-shift:3,terminal=0.1", noise), &expected, 4e-7);
    let expected = [1.0, 0.8818587065, 0.7192761898, 0.4813675284, 0.09999996424, 0.0];
    near(&times("flow-shift-mu:1.15,terminal=.1", noise), &expected, 4e-7);
    // s_0 = .999 before the shift: σ/α = 3·999 after it.
    let expected = [0.9996664524, 0.922721684, 0.817809701, 0.6662961245, 0.428265214, 0.0];
    near(&times("flow-shift:3", 2997.0), &expected, 2e-7);
    // The shift moves λ by ln k from the grid with k = 1, which has N equal steps of s.
    let (plain, shifted) = (times("flow-shift:1", noise), times("flow-shift:7", noise));
    near(&plain, &[1.0, 0.8, 0.6, 0.4, 0.2, 0.0], 1e-15);
    for (s, shifted) in plain[1..5].iter().zip(&shifted[1..5]) {
        assert!((shifted / (1.0 - shifted) / (7.0 * s / (1.0 - s)) - 1.0).abs() < 1e-14);
    }
}

#[test]
fn flow_grids_start_where_they_are_told() {
    let ve = Process::ve();
    for text in ["flow-shift:3", "flow-shift:0.2", "flow-shift:3,terminal=0.1", "flow-shift-mu:-2,terminal=0.01"] {
        for steps in [1, 2, 30] {
            let levels = Grid::parse(text, Some(steps)).unwrap().levels(&ve, 0.002, 80.0).unwrap();
            assert_eq!((levels.len(), levels[0].sigma, levels[steps].sigma), (steps + 1, 80.0, 0.0), "{text}");
        }
    }
    // VE does not reach pure noise.
    let error = Grid::flow_shift(4, 3.0).unwrap().levels(&ve, 0.002, f64::INFINITY).unwrap_err();
    assert!(error.is_singular() && error.hint().is_some_and(|hint| hint.contains("80")), "{error}");
    // A terminal time above the start, and a terminal time on a grid of another kind.
    let error = Grid::parse("flow-shift:1,terminal=0.9", Some(4)).unwrap().levels(&ve, 0.002, 1.0).unwrap_err();
    assert!(error.to_string().contains("s = 0.5"), "{error}");
    assert!(Grid::karras(4).with_terminal(0.1).is_err());
}

/// Every grid has the requested number of falling levels on every process, at equal σ/α unless the
/// grid follows the process's time.
#[test]
fn every_grid_gives_every_step_on_every_process() {
    let texts = [
        "karras:3",
        "uniform-lambda",
        "exponential",
        "lu",
        "poly-exponential:2",
        "beta:0.5,0.9",
        "uniform-t",
        "linspace",
        "leading",
        "trailing",
        "flow-shift:3",
        "flow-shift-mu:0.5,terminal=0.05",
        "ays:sd",
    ];
    for name in crate::process::NAMES {
        let process = Process::parse(name).unwrap();
        for text in texts {
            for steps in [1, 2, 3, 17, 250] {
                if text == "leading" && steps == 1 {
                    continue;
                }
                let grid = Grid::parse(text, Some(steps)).unwrap();
                for grid in [grid.clone(), grid.without_clean_end()] {
                    let levels = grid.levels(&process, 0.01, 20.0).unwrap();
                    assert_eq!(levels.len(), steps + 1, "{text} on {name}");
                    assert!(levels.windows(2).all(|pair| pair[0].sigma_ve() > pair[1].sigma_ve()), "{text} on {name}");
                    if ["uniform-t", "linspace", "leading", "trailing"].contains(&text) {
                        continue;
                    }
                    let ve = grid.levels(&Process::ve(), 0.01, 20.0).unwrap();
                    for (a, b) in levels.iter().zip(&ve) {
                        assert!((a.sigma_ve() - b.sigma).abs() <= 1e-11 * b.sigma, "{text} on {name}: {a:?} {b:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_vp_grid_is_even_in_the_time_of_vp_linear() {
    let levels = Grid::vp(8).levels(&Process::vp_linear(), 0.0, 0.0).unwrap();
    for (i, level) in levels[..8].iter().enumerate() {
        assert!((level.time - (1.0 - 0.999 * i as f64 / 7.0)).abs() < 1e-13, "{level:?}");
    }
}

#[test]
fn names_are_all_read() {
    for name in Grid::NAMES {
        let argument = match *name {
            "flow-shift" | "flow-shift-mu" => ":1.5",
            "ays" => ":svd",
            "list" | "times" => ":3,2,1",
            _ => "",
        };
        let grid = Grid::parse(&format!("{name}{argument}"), None).unwrap();
        assert!(!grid.levels(&Process::ve(), 0.002, 80.0).unwrap().is_empty());
    }
}

#[test]
fn bad_numbers_of_grids_say_why() {
    let table = Process::parse("table:linear").unwrap();
    let text = |grid: &str, steps: usize, process: &Process| {
        let grid = Grid::parse(grid, Some(steps));
        grid.and_then(|grid| grid.levels(process, 0.002, 80.0)).unwrap_err().to_string()
    };
    let ve = Process::ve();
    for (grid, steps, process, words) in [
        ("linspace", 1001, &table, "at most 1000, got 1001"),
        ("trailing", 1001, &table, "more noise levels than the table has entries"),
        ("leading", 1, &table, "use trailing"),
        ("leading", 1, &ve, "use trailing"),
        ("leading:1", 1000, &table, "at most 0 for 1000"),
        ("leading:18446744073709551615", 10, &table, "beyond the table"),
        ("leading:1", 10, &ve, "counts the entries of a table"),
        ("leading:-1", 10, &table, "an offset in entries"),
        ("leading:0.5", 10, &table, "'0.5'"),
        ("beta:1", 10, &ve, "two exponents"),
        ("beta:0,1", 10, &ve, "[0.05, 100]"),
        ("beta:1,inf", 10, &ve, "finite number"),
        ("beta:0.05,0.05", 100, &ve, "fewer steps"),
        ("poly-exponential:-1", 10, &ve, "> 0"),
        ("poly-exponential:1e300", 10, &ve, "must fall"),
        ("karras:1e300", 10, &ve, "must fall"),
        ("ays", 10, &ve, "ays:sdxl"),
        ("ays:sdx", 10, &ve, "did you mean 'sd"),
        ("flow-shift", 10, &ve, "flow-shift:3"),
        ("flow-shift:0", 10, &ve, "[1e-9, 1e9]"),
        ("flow-shift:nan", 10, &ve, "finite"),
        ("flow-shift-mu:1e9", 10, &ve, "e^μ"),
        ("flow-shift:3,end=0.1", 10, &ve, "terminal=τ"),
        ("flow-shift:3,terminal=1", 10, &ve, "(0, 1)"),
        ("flow-shift:3,terminal=x", 10, &ve, "'x'"),
        ("vp", 10, &Process::parse("table:scaled-linear").unwrap(), "does not reach"),
        ("vp:2", 10, &ve, "takes no number"),
        ("lu:2", 10, &ve, "takes no number"),
        ("exponentail", 10, &ve, "did you mean 'exponential'"),
    ] {
        let got = text(grid, steps, process);
        assert!(got.contains(words), "{grid}: {got}");
    }
}

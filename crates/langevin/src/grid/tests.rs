use super::*;

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
    assert!(text(Grid::parse("uniform-t:3", None)).contains("takes no number"));
    assert!(Grid::karras(4).levels(&ve, 1.0, 0.5).is_err());
    assert!(Grid::karras(4).levels(&ve, 0.0, f64::INFINITY).is_err());
    // Beyond the last time of a finite process.
    let error = Grid::karras(4).levels(&Process::vp_linear(), 0.002, 500.0).unwrap_err();
    assert!(error.is_singular(), "{error}");
}

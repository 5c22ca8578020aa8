use super::*;
use proptest::prelude::*;

/// Processes of every kind that reach λ = −5 and represent it to twelve digits.
pub(crate) const WIDE: [&str; 11] = [
    "vp",
    "vp-linear",
    "vp-cosine",
    "ve",
    "rectified-flow",
    "sub-vp",
    "table:linear",
    "table:scaled-linear:zero-snr",
    "table:squared-cosine:log-alpha",
    "table:sigmoid",
    "table:exp:zero-snr:log-alpha",
];

pub(crate) fn wide(which: usize) -> Process {
    Process::parse(WIDE[which]).unwrap()
}

pub(crate) fn all() -> Vec<Process> {
    Process::NAMES.iter().chain(&WIDE).map(|name| Process::parse(name).unwrap()).collect()
}

/// Returns times inside a process: fractions of a unit of its clock. For a table they are indices
/// before the first entry, after it, and throughout the table.
fn times(process: &Process) -> Vec<f64> {
    let inside = [0.05, 0.3, 0.61, 0.93];
    match process.alpha_bars() {
        None => inside.to_vec(),
        Some(bars) => inside.iter().flat_map(|t| [t - 1.0, *t, t * (bars.len() - 2) as f64 + 0.123]).collect(),
    }
}

/// A process with no closed forms of its own: x = e^{−t²} x0 + t ε.
#[derive(Debug)]
pub(crate) struct Odd;

impl Schedule for Odd {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Custom { name: "odd".into() }
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 4.0)
    }
    fn alpha(&self, t: f64) -> f64 {
        exp(-t * t)
    }
    fn sigma(&self, t: f64) -> f64 {
        t
    }
    fn alpha_rate(&self, t: f64) -> f64 {
        -2.0 * t * self.alpha(t)
    }
    fn sigma_rate(&self, _: f64) -> f64 {
        1.0
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        // Bisection on t e^{t²} = ratio.
        let (mut low, mut high) = (0.0, 4.0);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if middle * exp(middle * middle) < ratio { low = middle } else { high = middle }
        }
        high
    }
}

#[test]
fn rates_are_the_derivatives() {
    for process in all().into_iter().chain([Process::new(Odd).unwrap()]) {
        let schedule = process.schedule();
        for t in times(&process) {
            // Central difference: error h²/6 f''' + ε/h, about 1e-9 here.
            let h = 1e-5;
            let slope = |f: &dyn Fn(f64) -> f64| (f(t + h) - f(t - h)) / (2.0 * h);
            let (da, ds) = (slope(&|t| schedule.alpha(t)), slope(&|t| schedule.sigma(t)));
            assert!((da - schedule.alpha_rate(t)).abs() < 1e-6 * (1.0 + da.abs()), "{process:?} α' at {t}");
            assert!((ds - schedule.sigma_rate(t)).abs() < 1e-6 * (1.0 + ds.abs()), "{process:?} σ' at {t}");
        }
    }
}

#[test]
fn closed_forms_of_the_velocity_equal_the_general_one() {
    /// The functions of a schedule without its closed form of the velocity.
    #[derive(Debug)]
    struct Bare(Process);
    impl Schedule for Bare {
        fn spec(&self) -> ProcessSpec {
            self.0.spec()
        }
        fn domain(&self) -> (f64, f64) {
            self.0.schedule().domain()
        }
        fn alpha(&self, t: f64) -> f64 {
            self.0.schedule().alpha(t)
        }
        fn sigma(&self, t: f64) -> f64 {
            self.0.schedule().sigma(t)
        }
        fn alpha_rate(&self, t: f64) -> f64 {
            self.0.schedule().alpha_rate(t)
        }
        fn sigma_rate(&self, t: f64) -> f64 {
            self.0.schedule().sigma_rate(t)
        }
        fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
            self.0.schedule().time_of_sigma_ve(ratio)
        }
    }
    for process in all() {
        for t in times(&process) {
            let (closed, general) = (process.schedule().velocity(t), Bare(process.clone()).velocity(t));
            assert!((closed.a - general.a).abs() < 1e-12, "{process:?} {closed:?} {general:?}");
            assert!(
                (closed.b - general.b).abs() < 1e-12 * general.b.abs().max(1.0),
                "{process:?} {closed:?} {general:?}"
            );
        }
    }
}

#[test]
fn corners_are_exact() {
    for process in all() {
        let clean = process.level_at_sigma_ve(0.0).unwrap();
        assert_eq!((clean.alpha, clean.sigma), (1.0, 0.0), "{process:?}");
    }
    for process in [Process::rectified_flow(), Process::vp_cosine()] {
        let noise = process.level_at_sigma_ve(f64::INFINITY).unwrap();
        assert_eq!((noise.time, noise.alpha, noise.sigma), (1.0, 0.0, 1.0), "{process:?}");
        assert_eq!(noise.lambda(), f64::NEG_INFINITY);
    }
    for process in [Process::vp(), Process::ve(), Process::vp_linear(), Process::sub_vp()] {
        let error = process.level_at_sigma_ve(f64::INFINITY).unwrap_err();
        assert!(error.is_singular(), "{error}");
    }
}

#[test]
fn extreme_noise_levels_have_their_time() {
    let level = Process::vp().level_at_sigma_ve(1e200).unwrap();
    assert!((level.time - 2.0 * 200.0 * 10_f64.ln()).abs() < 1e-10, "{level:?}");
    assert!(Process::ve().level_at_sigma_ve(f64::NAN).is_err());
}

#[test]
fn vp_linear_ends_where_score_sde_says() {
    // ∫β = 10.05 at t = 1.
    let last = Process::vp_linear().level(1.0).unwrap();
    assert!((last.alpha * last.alpha - (-10.05_f64).exp()).abs() < 1e-18);
    let back = Process::vp_linear().match_level(&last).unwrap();
    assert!((back.time - 1.0).abs() < 1e-12 && back.time <= 1.0);
}

#[test]
fn sub_vp_is_the_square_of_vp() {
    // σ_sub = σ_vp² at the same α; at t = 1, ∫β = 10.05 and σ/α = 2 sinh(10.05/2).
    let (vp, sub) = (Process::vp_linear(), Process::sub_vp());
    for t in [0.0, 1e-3, 0.3, 1.0] {
        let (v, s) = (vp.level(t).unwrap(), sub.level(t).unwrap());
        assert_eq!(s.alpha, v.alpha);
        assert!((s.sigma - v.sigma * v.sigma).abs() <= 1e-15 * s.sigma, "{s:?}");
        let back = sub.match_level(&s).unwrap();
        assert!((back.time - t).abs() < 1e-14, "{t} {back:?}");
    }
    let last = sub.level(1.0).unwrap().sigma_ve();
    assert!((last / (2.0 * 5.025_f64.sinh()) - 1.0).abs() < 1e-14);
}

#[test]
fn names_and_documents_read_back() {
    for process in all() {
        let text = serde_json::to_string(&process.spec()).unwrap();
        let spec: ProcessSpec = serde_json::from_str(&text).unwrap();
        assert_eq!(Process::from_spec(&spec).unwrap(), process, "{text}");
        assert_eq!(Process::parse(&process.name()).unwrap(), process);
    }
    assert_eq!(Process::parse("sub-pv").unwrap_err().hint(), Some("did you mean 'sub-vp'?"));
    assert!(
        Process::from_spec(&ProcessSpec::SubVp { beta_min: 0.0, beta_max: 1.0 })
            .unwrap_err()
            .to_string()
            .contains("sub-vp")
    );
    assert!(Process::from_spec(&ProcessSpec::Custom { name: "odd".into() }).is_err());
    assert!(Process::from_spec(&ProcessSpec::VpLinear { beta_min: 3.0, beta_max: f64::NAN }).is_err());
    assert_ne!(
        Process::new(Odd).unwrap(),
        Process::new(Odd).unwrap(),
        "two custom processes of one name need not be the same"
    );
}

/// The checks that [`Process::new`] applies to a caller's schedule hold for the built-in ones.
#[test]
fn the_built_in_schedules_pass_their_own_checks() {
    for process in all().into_iter().chain([Process::new(Odd).unwrap()]) {
        check::check(process.schedule()).unwrap_or_else(|error| panic!("{process:?}: {error}"));
    }
}

/// x = x0 + t² ε, with one thing wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    Inverse,
    InverseShort,
    InverseNan,
    CornerNan,
    AlphaRate,
    SigmaRate,
    VarianceRate,
    RateNan,
    Velocity,
    AlphaRises,
    AlphaNegative,
    AlphaNan,
    Falls,
    Flat,
    Domain,
    Claims,
}

impl Schedule for Wrong {
    fn spec(&self) -> ProcessSpec {
        match self {
            Self::Claims => ProcessSpec::Vp,
            _ => ProcessSpec::Custom { name: "mine".into() },
        }
    }
    fn domain(&self) -> (f64, f64) {
        match self {
            Self::Domain => (1.0, 1.0),
            Self::CornerNan => (0.0, 1.0),
            Self::AlphaNegative => (0.0, 2.0),
            _ => (0.0, f64::INFINITY),
        }
    }
    fn alpha(&self, t: f64) -> f64 {
        match self {
            Self::AlphaRises => 1.0 + t,
            Self::AlphaNegative => 1.0 - t,
            Self::AlphaNan if t > 2.0 => f64::NAN,
            Self::CornerNan => 1.0 - t,
            _ => 1.0,
        }
    }
    fn sigma(&self, t: f64) -> f64 {
        match self {
            Self::Falls => 1.0 / (1.0 + t),
            Self::Flat => 0.5,
            Self::AlphaRises => t * t * (1.0 + t),
            _ => t * t,
        }
    }
    fn alpha_rate(&self, _: f64) -> f64 {
        match self {
            Self::AlphaRate => -0.1,
            Self::RateNan => f64::NAN,
            Self::CornerNan => -1.0,
            _ => 0.0,
        }
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        if *self == Self::SigmaRate { t } else { 2.0 * t }
    }
    fn variance_rate(&self, t: f64) -> f64 {
        if *self == Self::VarianceRate { 2.0 * t } else { 4.0 * t.powi(3) }
    }
    fn velocity(&self, t: f64) -> Affine {
        Affine { a: 1.0, b: if *self == Self::Velocity { -t } else { -0.5 * t } }
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        match self {
            Self::Inverse => ratio,
            Self::InverseShort => ratio.sqrt() * (1.0 + 1e-4),
            Self::InverseNan if ratio > 9.0 => f64::NAN,
            // t² = r (1 − t); ∞/∞ at the corner.
            Self::CornerNan => 0.5 * ((ratio * ratio + 4.0 * ratio).sqrt() - ratio),
            _ => ratio.sqrt(),
        }
    }
}

#[test]
fn wrong_schedules_are_refused() {
    Process::new(Wrong::Nothing).unwrap();
    for (wrong, words) in [
        (Wrong::Inverse, "the inverse is not that of σ/α (process mine, time_of_sigma_ve("),
        (Wrong::InverseShort, "the inverse is not that of σ/α"),
        (Wrong::InverseNan, "the inverse gave NaN at σ/α = "),
        (Wrong::CornerNan, "the inverse gave NaN at σ/α = inf (process mine"),
        (Wrong::AlphaRate, "α' is not the derivative (process mine, t = "),
        (Wrong::SigmaRate, "σ' is not the derivative"),
        (Wrong::VarianceRate, "(σ²)' is not the derivative"),
        (Wrong::RateNan, "α' is not the derivative"),
        (Wrong::Velocity, "velocity does not fit the rates"),
        (Wrong::AlphaRises, "α rises with time (process mine, t = "),
        (Wrong::AlphaNegative, "α is no coefficient"),
        (Wrong::AlphaNan, "expected a finite α ≥ 0, got NaN"),
        (Wrong::Falls, "σ/α falls with time"),
        (Wrong::Flat, "σ/α does not rise with time"),
        (Wrong::Domain, "its domain is no range of times (process mine): expected a finite first time below the last"),
        (Wrong::Claims, "its spec claims a built-in process, whose α differs (process vp, t = "),
    ] {
        let error = Process::new(wrong).unwrap_err();
        assert!(error.is_argument() && error.to_string().contains(words), "{wrong:?}: {error}");
    }
}

/// A schedule with the numbers of a built-in process may claim its spec.
#[test]
fn a_claim_that_holds_is_accepted() {
    #[derive(Debug)]
    struct Again;
    impl Schedule for Again {
        fn spec(&self) -> ProcessSpec {
            ProcessSpec::RectifiedFlow
        }
        fn domain(&self) -> (f64, f64) {
            (0.0, 1.0)
        }
        fn alpha(&self, t: f64) -> f64 {
            1.0 - t
        }
        fn sigma(&self, t: f64) -> f64 {
            t
        }
        fn alpha_rate(&self, _: f64) -> f64 {
            -1.0
        }
        fn sigma_rate(&self, _: f64) -> f64 {
            1.0
        }
        fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
            1.0 - 1.0 / (1.0 + ratio)
        }
    }
    assert_eq!(Process::new(Again).unwrap(), Process::rectified_flow());
}

#[test]
fn times_outside_are_refused() {
    for (process, time) in [
        (Process::vp(), -1.0),
        (Process::rectified_flow(), 1.5),
        (Process::ve(), f64::NAN),
        (Process::ve(), f64::INFINITY),
    ] {
        assert!(process.level(time).unwrap_err().is_argument());
    }
}

proptest! {
    #[test]
    fn lambda_round_trips_in_every_clock(lambda in -5.0_f64..5.0, which in 0..WIDE.len()) {
        let process = &wide(which);
        let level = process.level_at_lambda(lambda).unwrap();
        prop_assert!((level.lambda() - lambda).abs() < 1e-12, "{process:?} {}", level.lambda());
    }

    #[test]
    fn states_map_by_either_ratio(lambda in -5.0_f64..5.0, a in 0..WIDE.len(), b in 0..WIDE.len()) {
        let (from, to) = (&wide(a), &wide(b));
        let (s, t) = (from.level_at_lambda(lambda).unwrap(), to.level_at_lambda(lambda).unwrap());
        let scale = s.scale_to(&t);
        prop_assert!((scale - t.alpha / s.alpha).abs() < 1e-12 * scale);
        prop_assert!((scale - t.sigma / s.sigma).abs() < 1e-12 * scale);
        prop_assert!((scale * t.scale_to(&s) - 1.0).abs() < 1e-12);
    }
}

use super::*;
use crate::process::Process;

const LAST: f64 = 999.0;

fn table(betas: Betas) -> Tabulated {
    Tabulated::new(betas, 1000).unwrap()
}

/// ᾱ at entries 0, 1, 249, 499, 749, 998 and 999 of the DDPMScheduler of diffusers 0.42.1 (of
/// `betas_for_alpha_bar` for the last rule), computed in f64.
#[test]
fn tables_are_those_of_diffusers() {
    #[rustfmt::skip]
    let recorded: [(Betas, bool, [f64; 7]); 11] = [
        (Betas::linear(), false, [9.999000000000e-01, 9.997800920721e-01, 5.240853738254e-01, 7.858724288178e-02, 3.350550438937e-03, 4.118193638138e-05, 4.035829765376e-05]),
        (Betas::linear(), true, [9.999000000000e-01, 9.997793254332e-01, 5.215333406988e-01, 7.602875054711e-02, 2.689521699922e-03, 4.213262465088e-09, 0.0]),
        (Betas::scaled_linear(), false, [9.991500000000e-01, 9.982960278385e-01, 6.754324137251e-01, 2.776696504565e-01, 5.662349159827e-02, 4.716698899876e-03, 4.660098513077e-03]),
        (Betas::scaled_linear(), true, [9.991500000000e-01, 9.982334461402e-01, 6.541890065386e-01, 2.423591665561e-01, 3.317148283186e-02, 1.967888056621e-07, 0.0]),
        (Betas::squared_cosine(), false, [9.999587157752e-01, 9.999125759274e-01, 8.470121613269e-01, 4.938435904406e-01, 1.442721023857e-01, 2.428766907035e-06, 2.428766907035e-09]),
        (Betas::squared_cosine(), true, [9.999587157752e-01, 9.999125736533e-01, 8.470049358739e-01, 4.938230007560e-01, 1.442488845297e-01, 2.277811478992e-06, 0.0]),
        (Betas::sigmoid(), false, [9.998507947992e-01, 9.997010188195e-01, 9.037446654009e-01, 3.019310566022e-01, 5.732198886117e-03, 4.048962000556e-05, 3.968181990533e-05]),
        (Betas::sigmoid(), true, [9.998507947992e-01, 9.997000693115e-01, 9.031508634761e-01, 2.988008974341e-01, 4.879300598185e-03, 4.121529502443e-09, 0.0]),
        (Betas::laplace(), false, [9.788462427996e-01, 9.702834790446e-01, 7.657492939477e-01, 7.074601578005e-01, 6.439161582214e-01, 2.070266479397e-01, 3.162277660168e-02]),
        (Betas::laplace(), true, [9.788462427996e-01, 9.684121929011e-01, 7.225443232940e-01, 6.538648540029e-01, 5.798586924490e-01, 1.141827865577e-01, 0.0]),
        (Betas::exp(), false, [9.880717128619e-01, 9.762857097579e-01, 4.978706836786e-02, 2.478752176666e-03, 1.234098040867e-04, 6.218387059712e-06, 6.144212353328e-06]),
    ];
    for (betas, zero, expected) in recorded {
        let plain = table(betas.clone());
        let table = if zero { plain.with_zero_terminal_snr().unwrap() } else { plain };
        for (index, expected) in [0, 1, 249, 499, 749, 998, 999].into_iter().zip(expected) {
            let got = table.alpha_bars()[index];
            // Thirteen digits were recorded. The products are rounded in another order, which costs
            // 1000 ε, and more if √ᾱ − √ᾱ_T cancels.
            assert!((got - expected).abs() <= 3e-12 * expected.max(1e-4), "{table:?} {index}: {got} {expected}");
            let level = Process::tabulated(table.clone()).level(index as f64).unwrap();
            assert!((level.alpha - got.sqrt()).abs() <= 4e-16, "{level:?}");
            assert!((level.sigma - (1.0 - got).sqrt()).abs() <= 1e-13, "{level:?}");
        }
    }
}

#[test]
fn indices_round_trip_on_every_piece() {
    let tables = Process::NAMES.iter().filter(|name| name.starts_with("table:"));
    for name in
        tables.flat_map(|name| ["", ":zero-snr", ":log-alpha", ":zero-snr:log-alpha"].map(|end| format!("{name}{end}")))
    {
        let process = Process::parse(&name).unwrap();
        for eighth in -8..=8 * 999 {
            let u = f64::from(eighth) / 8.0;
            let level = process.level(u).unwrap();
            assert!((level.alpha * level.alpha + level.sigma * level.sigma - 1.0).abs() < 1e-15, "{name} {u}");
            let back = process.match_level(&level).unwrap();
            // λ is known to a few 10⁻¹⁵ and changes by at least 10⁻⁴ per index.
            assert!((back.time - u).abs() < 1e-10, "{name} {u} {}", back.time);
            // It changes by at most 8 per index, an eighth away from an end without signal. There
            // the index is known to 10⁻¹³.
            assert!(level.alpha * level.sigma == 0.0 || (back.lambda() - level.lambda()).abs() < 1e-12, "{name} {u}");
        }
    }
}

#[test]
fn entries_invert_exactly() {
    for betas in [Betas::linear(), Betas::squared_cosine()] {
        for between in [Between::LogSigma, Between::LogAlpha] {
            let table = table(betas.clone()).with_between(between).unwrap();
            for (i, node) in table.nodes.iter().enumerate() {
                assert_eq!(table.time_of_sigma_ve(node.ratio), i as f64);
            }
        }
    }
}

#[test]
fn conventions_agree_at_the_entries_and_differ_between() {
    let sigma = Process::parse("table:linear").unwrap();
    let alpha = Process::parse("table:linear:log-alpha").unwrap();
    for index in [-1.0, -0.4, 0.0, 1.0, 500.0, LAST] {
        let (a, b) = (sigma.level(index).unwrap(), alpha.level(index).unwrap());
        assert_eq!((a.alpha, a.sigma), (b.alpha, b.sigma), "{index}");
    }
    // Halfway: the geometric mean of σ/α against that of α.
    let (a, b) = (sigma.level(0.5).unwrap(), alpha.level(0.5).unwrap());
    let (from, to) = (sigma.level(0.0).unwrap(), sigma.level(1.0).unwrap());
    assert!((a.sigma_ve() - (from.sigma_ve() * to.sigma_ve()).sqrt()).abs() < 1e-16);
    assert!((b.alpha - (from.alpha * to.alpha).sqrt()).abs() < 1e-15);
    assert!((a.lambda() - b.lambda()).abs() > 1e-2, "{a:?} {b:?}");
    // From −1 to 0 the noise level is a straight line.
    assert!((sigma.level(-0.25).unwrap().sigma_ve() - 0.75 * from.sigma_ve()).abs() < 1e-17);
}

#[test]
fn rates_at_an_entry_are_those_of_its_clean_side() {
    let process = Process::parse("table:squared-cosine").unwrap();
    let schedule = process.schedule();
    for entry in [0.0, 7.0, 997.0, LAST] {
        let (at, below) = (schedule.alpha_rate(entry), schedule.alpha_rate(entry - 1e-9));
        assert!((at / below - 1.0).abs() < 1e-6, "{entry}: {at} {below}");
    }
    let (at, above) = (schedule.alpha_rate(997.0), schedule.alpha_rate(997.0 + 1e-9));
    assert!((at / above - 1.0).abs() > 0.1, "the rates jump: {at} {above}");
}

#[test]
fn a_table_without_signal_at_its_end_is_a_straight_line_there() {
    let table = table(Betas::scaled_linear()).with_zero_terminal_snr().unwrap();
    let bar = table.alpha_bars()[998];
    let process = Process::tabulated(table);
    let half = process.level(998.5).unwrap();
    assert!((half.alpha - 0.5 * bar.sqrt()).abs() < 1e-16);
    let back = process.level_at_sigma_ve(1e6).unwrap();
    assert!(back.time > 998.0 && back.time < LAST && (back.sigma_ve() / 1e6 - 1.0).abs() < 1e-8, "{back:?}");
    // Without rescaling, a level beyond the last entry is an error that names the limit.
    let error = Process::parse("table:scaled-linear").unwrap().level_at_sigma_ve(80.0).unwrap_err();
    assert!(error.is_singular() && error.to_string().contains("σ/α ≤ 14.61"), "{error}");
    assert!(error.hint().unwrap().contains("14.61"), "{error}");
}

#[test]
fn lists_are_tables() {
    let betas = table(Betas::linear());
    let values: Vec<f64> = (0..1000).map(|i| 1e-4 + f64::from(i) * (0.0199 / 999.0)).collect();
    let list = Tabulated::new(Betas::List { values }, 1000).unwrap();
    let bars = Tabulated::new(Betas::AlphaBar { values: betas.alpha_bars.clone() }, 1000).unwrap();
    assert_eq!(bars.alpha_bars(), betas.alpha_bars());
    for index in [0, 400, 999] {
        assert!((list.alpha_bars()[index] / betas.alpha_bars()[index] - 1.0).abs() < 1e-12);
        assert!((bars.nodes[index].ratio / betas.nodes[index].ratio - 1.0).abs() < 1e-12);
    }
    // A list that ends at ᾱ = 0, and a table of one entry.
    let ends = Process::tabulated(Tabulated::new(Betas::AlphaBar { values: vec![0.9, 0.4, 0.0] }, 3).unwrap());
    assert_eq!(ends.level(2.0).unwrap().alpha, 0.0);
    assert_eq!(
        Process::tabulated(Tabulated::new(Betas::List { values: vec![0.5, 1.0] }, 2).unwrap())
            .level(1.0)
            .unwrap()
            .sigma,
        1.0
    );
    let one = Process::tabulated(Tabulated::new(Betas::linear(), 1).unwrap());
    assert!((one.level_at_sigma_ve(0.005).unwrap().sigma_ve() - 0.005).abs() < 1e-17);
    assert!(one.level_at_sigma_ve(0.5).unwrap_err().is_singular());
}

#[test]
fn documents_read_back() {
    let text = r#"{"kind":"tabulated","betas":{"kind":"scaled-linear","start":0.00085,"end":0.012},"count":1000}"#;
    let spec: ProcessSpec = serde_json::from_str(text).unwrap();
    assert_eq!(Process::from_spec(&spec).unwrap(), Process::parse("table:scaled-linear").unwrap());
    for table in [
        Tabulated::new(Betas::List { values: vec![0.1, 0.25, 1.0 / 3.0] }, 3).unwrap(),
        Tabulated::new(Betas::AlphaBar { values: vec![0.9, 0.1] }, 2).unwrap().with_between(Between::LogAlpha).unwrap(),
        Tabulated::new(Betas::exp(), 50).unwrap().with_zero_terminal_snr().unwrap(),
    ] {
        let process = Process::tabulated(table);
        let text = serde_json::to_string(&process.spec()).unwrap();
        let spec: ProcessSpec = serde_json::from_str(&text).unwrap();
        assert_eq!(Process::from_spec(&spec).unwrap(), process, "{text}");
    }
    for text in [
        r#"{"kind":"tabulated","betas":{"kind":"linear","start":0.1,"end":0.2}}"#,
        r#"{"kind":"tabulated","betas":{"kind":"linear","start":0.1,"end":0.2,"x":1},"count":9}"#,
        r#"{"kind":"tabulated","betas":{"kind":"cubic"},"count":9}"#,
        r#"{"kind":"tabulated","betas":{"kind":"laplace","max_beta":0.9},"count":9,"between":"linear"}"#,
        r#"{"kind":"tabulated","betas":{"kind":"laplace","max_beta":0.9},"count":-9}"#,
        r#"{"kind":"tabulated","betas":{"kind":"laplace","max_beta":0.9},"count":9,"more":1}"#,
    ] {
        assert!(serde_json::from_str::<ProcessSpec>(text).is_err(), "{text}");
    }
}

#[test]
fn hostile_tables_are_refused() {
    let refused = |betas: Betas, count: usize, words: &str| {
        let error = Tabulated::new(betas, count).unwrap_err();
        assert!(error.is_argument() && error.to_string().contains(words), "{error}");
    };
    let list = |values: &[f64]| Betas::List { values: values.to_vec() };
    let bars = |values: &[f64]| Betas::AlphaBar { values: values.to_vec() };
    refused(Betas::linear(), 0, "1 to 100000");
    refused(Betas::linear(), usize::MAX, "1 to 100000");
    refused(list(&[0.1]), 2, "expected 2, got 1");
    refused(list(&[]), 0, "1 to 100000");
    refused(Betas::Linear { start: f64::NAN, end: 0.1 }, 9, "NaN");
    refused(Betas::Linear { start: 0.1, end: f64::INFINITY }, 9, "entry 1");
    refused(Betas::ScaledLinear { start: -0.1, end: 0.1 }, 9, "entry 0");
    refused(Betas::Sigmoid { start: -1.0, end: 0.1 }, 9, "out of range");
    refused(Betas::SquaredCosine { max_beta: 0.0 }, 9, "out of range");
    refused(Betas::Laplace { max_beta: f64::NEG_INFINITY }, 9, "out of range");
    refused(list(&[0.1, 0.0, 0.1]), 3, "entry 1");
    refused(list(&[0.1, 1.5]), 2, "entry 1");
    // Tables whose signal vanishes before the end, at the first entry or below the range of f64,
    // and tables whose noise is lost in rounding.
    refused(list(&[0.1, 1.0, 0.5]), 3, "does not fall");
    refused(list(&[1.0]), 1, "does not fall");
    refused(list(&[0.999; 200]), 200, "at least 1e-300");
    refused(list(&[1e-20]), 1, "does not fall");
    refused(list(&[0.1, 1e-30]), 2, "does not fall");
    refused(bars(&[0.9, 0.9]), 2, "entry 1");
    refused(bars(&[0.9, f64::NAN, 0.1]), 3, "entry 1");
    refused(bars(&[1.0, 0.5]), 2, "entry 0");
    refused(bars(&[0.5, -0.1]), 2, "entry 1");
    refused(bars(&[0.5, 0.0, 0.0]), 3, "entry 1");
    let one = Tabulated::new(Betas::linear(), 1).unwrap().with_zero_terminal_snr().unwrap_err();
    assert!(one.to_string().contains("2 entries or more"), "{one}");
    // Every rule with its usual parameters gives a valid table, at every size and with zero
    // terminal SNR.
    for betas in
        [Betas::linear, Betas::scaled_linear, Betas::sigmoid, Betas::squared_cosine, Betas::laplace, Betas::exp]
    {
        for count in [2, 10, 999] {
            Tabulated::new(betas(), count).unwrap().with_zero_terminal_snr().unwrap();
        }
    }
    for betas in [Betas::squared_cosine(), Betas::laplace(), Betas::exp()] {
        Tabulated::new(betas, 100_000).unwrap();
    }
}

#[test]
fn names_of_tables_say_what_is_wrong_with_them() {
    let text = |name: &str| Process::parse(name).unwrap_err().to_string();
    assert!(text("table:lineer").contains("did you mean 'linear'"), "{}", text("table:lineer"));
    assert!(text("table:linear:zero-snt").contains("did you mean 'zero-snr'"));
    assert!(text("table:").contains("scaled-linear"));
    assert!(text("table:list").contains("unknown table"));
    assert_eq!(Process::parse("table:scaled_linear").unwrap(), Process::parse("table:scaled-linear").unwrap());
}

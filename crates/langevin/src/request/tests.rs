use super::*;
use crate::formulation::InputScaling;
use crate::process::ProcessSpec;
use crate::sampler::Entry;
use crate::{Clock, Grid, LambdaRange, Plan, Prediction, Result, grid::usual_range};
use proptest::option;
use proptest::prelude::*;

fn formulations() -> impl Strategy<Value = Formulation> {
    let clocks = prop_oneof![Just(Clock::Time), (0.1..2000.0).prop_map(|factor| Clock::Scaled { factor })];
    let inputs = prop_oneof![
        Just(InputScaling::None),
        (0.1..2.0).prop_map(|sigma_data| InputScaling::UnitVariance { sigma_data })
    ];
    let predictions = prop_oneof![
        Just(Prediction::Epsilon),
        Just(Prediction::V),
        (0.1..2.0).prop_map(|sigma_data| Prediction::Edm { sigma_data })
    ];
    let ranges = option::of((-6.0..0.0, 0.0..6.0).prop_map(|(min, max)| LambdaRange { min, max }));
    (processes(), predictions, clocks, inputs, ranges).prop_map(|(process, prediction, clock, input, range)| {
        let network = Formulation::new(process, prediction).with_clock(clock).with_input(input);
        range.map_or(network.clone(), |range| network.with_range(range))
    })
}

fn processes() -> impl Strategy<Value = Process> {
    let named = proptest::sample::select(Process::NAMES).prop_map(|name| Process::parse(name).unwrap());
    let linear = (0.01..0.2, 5.0..20.0)
        .prop_map(|(beta_min, beta_max)| Process::from_spec(&ProcessSpec::VpLinear { beta_min, beta_max }).unwrap());
    prop_oneof![named, linear]
}

fn maps() -> impl Strategy<Value = Map> {
    prop_oneof![
        (-3.0..0.0, 0.0..3.0).prop_map(|(min, max)| Map::Clamp { min, max }),
        (0.1..1.0, 1.0..9.0).prop_map(|(ratio, max)| Map::Threshold { ratio, max }),
        Just(Map::Mul),
        (0.1..1.0, 1.0..9.0).prop_map(|(small, large)| Map::LearnedStd { small, large }),
        "[a-z' ]{0,8}".prop_map(|name| Map::Hook { name }),
    ]
}

fn starts() -> impl Strategy<Value = First> {
    let kinds = prop_oneof![Just(Start::Noise), Just(Start::State), Just(Start::Image)];
    prop_oneof![
        Just(First::Noise),
        (0..50_usize, kinds).prop_map(|(steps, start)| First::Step(steps, start)),
        (0.01..1.0).prop_map(First::Share),
    ]
}

prop_compose! {
    /// Any request, valid or not.
    fn requests()(
        choice in prop_oneof![
            Just(Choice::Default),
            ".{0,20}".prop_map(Choice::Named),
            "[RFL() *0-9.\t']{0,20}".prop_map(Choice::Moves),
        ],
        eta in option::of(0.0..1e6),
        grid in option::of(".{0,20}"),
        count in prop_oneof![
            Just(Count::Default),
            any::<usize>().prop_map(Count::Steps),
            any::<usize>().prop_map(Count::Budget),
        ],
        sigma_min in option::of(1e-300..1e300),
        sigma_max in option::of(prop_oneof![Just(f64::INFINITY), 1e-9..1e9]),
        process in option::of(processes()),
        network in option::of(formulations()),
        (first, map) in (starts(), option::of(maps())),
        guidance in option::of((-9.0..9.0, option::of([0.0..1.0, 1.0..100.0]))),
    ) -> Request {
        Request { choice, eta, grid, count, sigma_min, sigma_max, process, network, first, map, guidance }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(request in requests()) {
        let text = request.to_string();
        let read: Request = text.parse().unwrap();
        prop_assert_eq!(&read, &request, "{}", text);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn json_reads_back(request in requests()) {
        let json = serde_json::to_string(&request).unwrap();
        let read: Request = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &request, "{}", json);
    }

    #[test]
    fn no_text_breaks_the_parser(text in ".{0,80}") {
        let _ = text.parse::<Request>();
    }
}

#[test]
fn a_text_has_its_spelling() {
    for text in [
        "",
        "process=vp predict=epsilon sampler=heun:churn=40 eta=0.5 grid=beta:0.6,0.6 steps=7",
        "sampler=ddim nfe=9 sigma-min=0.01 sigma-max=inf",
        "moves='(R L)*20' start-at=3 image=true clamp=-1,1 guidance=4 guidance-interval=0.1,5",
        "start-at=3 noise=true threshold=0.995,10",
        r#"process={"kind":"vp-linear","beta_min":0.1,"beta_max":10.0} strength=0.5 map=hook:mine"#,
    ] {
        assert_eq!(text.parse::<Request>().unwrap().to_string(), text);
    }
    assert!("range=0.01..5 sigma_max=5".parse::<Request>().is_err(), "a range sets both ends");
    assert_eq!("range=0.01..5".parse::<Request>().unwrap(), Request::new().range(0.01, 5.0));
    assert_eq!("start-at=2 image".parse::<Request>().unwrap(), Request::new().start(2, Start::Image));
    let json =
        serde_json::to_value("sampler=ddim steps=3 sigma-max=inf predict=v".parse::<Request>().unwrap()).unwrap();
    let wanted = serde_json::json!(
        {"process": "rectified-flow", "predict": "v", "sampler": "ddim", "steps": 3, "sigma_max": "inf"}
    );
    assert_eq!(json, wanted);
}

#[test]
fn a_text_that_is_no_request_is_refused() {
    for (text, words) in [
        ("stpes=3", "did you mean 'steps'?"),
        ("sampler", "has no value"),
        ("steps=three", "expected a whole number from 0, got 'three'"),
        ("eta=x", "(`eta`): expected a number"),
        ("steps=3 steps=4", "given twice: got `steps`"),
        ("steps=3 nfe=4", "expected `steps` or `nfe`, got both"),
        ("image", "expected `start-at` beside `image`"),
        ("guidance-interval=1,2", "expected `guidance` beside `guidance-interval`"),
        ("range=3", "expected MIN..MAX"),
        ("process=vpp", "did you mean 'vp'?"),
        ("process={}", "bad document in a request (`process`)"),
        (r#"process={"kind":"custom","name":"mine"}"#, "a custom process cannot be read back"),
        ("moves='R", "not closed"),
        ("clamp=3,1", "min ≤ max"),
        ("map=blur", "hook:NAME"),
    ] {
        let error = text.parse::<Request>().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_request_that_cannot_be_compiled_names_its_words() {
    for (text, words) in [
        ("sigma-min=9 sigma-max=3", "(`sigma-min`, `sigma-max`): expected sigma-min below sigma-max, got 9 and 3"),
        ("grid=list:80,1,0 sigma-max=10", "(`grid`, `sigma-min`, `sigma-max`): expected a list or a range, got both"),
        ("grid=vp sigma-max=10", "expected a grid between two noise levels, got 'vp' on rectified-flow"),
        ("moves=L", "(`moves`): expected a word with an R, got 'L'"),
        ("moves=R(1)*3 eta=1", "`eta` has nothing to set"),
        ("moves='R R' nfe=9", "a word brings its own evaluations (`nfe`)"),
        ("grid=list:80,1,0 nfe=9", "got `grid` list:80,1,0"),
        ("sampler=annealed-langevin nfe=2", "no step fits (`nfe`)"),
        ("moves='R*10 F(0) R'", "no grid ends where the word ends (`moves`)"),
        ("grid=list:80,1,0 steps=5", "a list brings its own number of steps"),
        ("sampler=hun", "did you mean"),
        ("start-at=20", "fewer than 20 steps left out"),
    ] {
        let error = text.parse::<Request>().unwrap().plan().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

/// The plan of a request equals the plan that its parts compile to by hand.
#[test]
fn a_request_is_its_pieces() {
    for entry in Entry::all() {
        for (process, grid, steps) in
            [("rectified-flow", "karras", 20), ("vp", "uniform-lambda", 6), ("table:linear", "trailing", 8)]
        {
            let process = Process::parse(process).unwrap();
            let by_hand = || -> Result<Plan> {
                let [min, max] = usual_range(&process);
                let levels = Grid::parse(grid, Some(steps))?.levels(&process, min, max)?;
                crate::Sampler::parse(entry.name, None)?.compile(&process, None, &levels)
            };
            let mut request = Request::new().sampler(entry.name);
            if process != Process::rectified_flow() {
                request = request.process(process.clone()).grid(grid).steps(steps);
            }
            match (request.plan(), by_hand()) {
                (Ok(plan), Ok(wanted)) => {
                    assert_eq!(plan.to_json(), wanted.to_json());
                    assert_eq!(request.levels().unwrap().len(), steps + 1);
                }
                (Err(error), Err(wanted)) => assert_eq!(error.to_string(), wanted.to_string()),
                (plan, wanted) => panic!("{}: {plan:?} beside {wanted:?}", entry.name),
            }
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_constants() {
    let all = Request::new()
        .sampler(SAMPLER)
        .grid(GRID)
        .steps(STEPS)
        .process(Process::parse(PROCESS).unwrap())
        .range(0.002, 80.0);
    assert_eq!(Request::new().plan().unwrap().to_json(), all.plan().unwrap().to_json());
    let with_eta = Request::new().eta(0.5).plan().unwrap();
    assert_eq!(with_eta.to_json(), all.sampler(SAMPLER_WITH_ETA).eta(0.5).plan().unwrap().to_json());
    crate::Sampler::parse(SAMPLER_WITH_MASK, None).unwrap();
    Process::parse(REFERENCE_PROCESS).unwrap();
}

#[test]
fn a_share_of_the_steps_starts_from_an_image() {
    let plan = Request::new().strength(STRENGTH).plan().unwrap();
    let by_hand = Request::new().start(8, Start::Image).plan().unwrap();
    assert_eq!(plan.to_json(), by_hand.to_json());
    assert_eq!(Request::new().strength(1e-9).plan().unwrap().nfe(), 1);
}

#[test]
fn a_range_stays_within_the_training() {
    let network = Formulation::new(Process::vp(), Prediction::V);
    let network = network.with_range(LambdaRange::from_sigma_ve(0.01, 20.0).unwrap());
    let request = Request::new().network(network);
    let range = request.noise_range().unwrap();
    assert!(range.clipped && (range.min - 0.01).abs() < 1e-12 && (range.max - 20.0).abs() < 1e-12);
    request.plan().unwrap();
    let error = request.clone().range(30.0, 40.0).noise_range().unwrap_err();
    assert!(error.to_string().contains("levels within the trained range"), "{error}");
    let error = request.sigma_max(f64::INFINITY).noise_range().unwrap_err();
    assert!(error.to_string().contains("a network that was trained on pure noise"), "{error}");
}

//! Every task without a face: typed in, typed out, on a density whose answers are known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use langevin::Request;
use langevin_tasks::comparison::Evaluation;
use langevin_tasks::condition::Condition;
use langevin_tasks::data::Reading;
use langevin_tasks::diagnose::{self, Chosen};
use langevin_tasks::edit::Start;
use langevin_tasks::observe::{Note, Observer, Progress};
use langevin_tasks::rows::Wanted;
use langevin_tasks::sample::{self, Control, Draws};
use langevin_tasks::source::{Declared, Named, Source};
use langevin_tasks::{Error, Kind, Result, evaluate, invert, likelihood, recommend, words};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Keeps the notes, and ends the work after so many looks.
struct Recorder {
    notes: Mutex<Vec<Note>>,
    looks: AtomicUsize,
    most: usize,
}

impl Recorder {
    fn new(most: usize) -> Self {
        Self { notes: Mutex::default(), looks: AtomicUsize::new(0), most }
    }
}

impl Observer for Recorder {
    fn note(&self, note: &Note) {
        self.notes.lock().unwrap().push(note.clone());
    }

    fn progress(&self, progress: &Progress<'_>) {
        if let Progress::Done { done, all, .. } = progress {
            assert!(done < all);
        }
    }

    fn check(&self) -> Result<()> {
        match self.looks.fetch_add(1, Ordering::Relaxed) < self.most {
            true => Ok(()),
            false => Err(Error::interrupted("the test has seen enough")),
        }
    }
}

fn moons() -> Source<'static> {
    Source::open(Named::Exact("moons"), &()).unwrap()
}

fn plain(count: usize) -> Draws {
    Draws { count, seed: 1, batch: None, threads: Some(2) }
}

fn wanted(reading: &Reading) -> Wanted<'_> {
    Wanted { data: "moons", reading, held_out: false, count: Some(200), seed: 0 }
}

fn settings() -> diagnose::Settings {
    diagnose::Settings { samples: 256, rows: 64, seed: 0, threads: Some(2) }
}

#[test]
fn samples_do_not_depend_on_how_they_are_shared() {
    let source = moons();
    let (condition, start) = (Condition::default(), Start::default());
    let prepared =
        sample::prepare(&source, Some("ve"), Request::new().steps(6), &condition, &start, None, &()).unwrap();
    let draw = |draws: Draws| {
        let mut all = Vec::new();
        let mut take = |slice: Vec<f64>| {
            all.extend(slice);
            Ok(())
        };
        assert_eq!(sample::draw(draws, &prepared.ways[0], None, &prepared.reader, &(), &mut take).unwrap(), 6);
        all
    };
    let all = draw(plain(300));
    assert_eq!(all.len(), 600);
    assert_eq!(all, draw(Draws { batch: Some(7), threads: Some(1), ..plain(300) }));
    assert_eq!(prepared.reader.path(), "ve:D");
}

#[test]
fn steps_are_found_on_the_way_where_that_is_asked_for() {
    let source = moons();
    let control = Control { pair: "dpm23".to_owned(), relative: 0.05, absolute: 0.01, eta: 0.0 };
    let prepare = |control: &Control| {
        sample::prepare(&source, None, Request::new(), &Condition::default(), &Start::default(), Some(control), &())
            .map(|prepared| prepared.ways.into_iter().next().unwrap())
    };
    let how = prepare(&control).unwrap();
    assert_eq!((how.name(), how.draws()), ("adaptive", false));
    let text = prepare(&Control { relative: 0.0, absolute: 1e-20, ..control }).unwrap_err().to_string();
    assert!(text.contains("(‹rtol›, ‹atol›)"), "{text}");
    assert!(words::spelled(&text, |name| format!("--{name}")).contains("(--rtol, --atol)"));
}

#[test]
fn the_bound_lies_above_the_density_and_an_observer_can_end_it() {
    let (source, reading) = (moons(), Reading::default());
    let reader = source.read_as(None, &()).unwrap();
    let measure = |settings: &likelihood::Settings, observer: &dyn Observer| {
        likelihood::prepare(settings, &reader, None, &wanted(&reading), observer).unwrap().run(observer)
    };
    let recorder = Recorder::new(usize::MAX);
    let bound = measure(&likelihood::Settings { threads: Some(2), ..Default::default() }, &recorder).unwrap();
    let ode = likelihood::Settings { method: likelihood::Method::Ode, ..Default::default() };
    let density = measure(&ode, &()).unwrap();
    assert_eq!(bound.nats.len(), 200);
    assert!(bound.mean() > density.mean() - 3.0 * bound.standard_error());
    assert!(matches!(recorder.notes.lock().unwrap()[..], [Note::Read { .. }]));
    assert_eq!(measure(&ode, &Recorder::new(0)).unwrap_err().kind(), Kind::Interrupted);
    let both = likelihood::Settings { levels: Some(3), ..ode };
    let Err(error) = likelihood::prepare(&both, &reader, None, &wanted(&reading), &()) else { panic!("accepted") };
    assert_eq!(error.to_string(), "‹levels› is no option of this method (‹levels›): expected ‹method› bound");
}

#[test]
fn exact_samples_are_as_near_as_data_are() {
    let (source, reading, condition, request) =
        (moons(), Reading::default(), Condition::default(), Request::new().steps(30));
    let settings = evaluate::Settings {
        data: "moons",
        train: None,
        reading: &reading,
        count: Some(400),
        seed: 3,
        threads: None,
        request: &request,
        condition: &condition,
        given: None,
    };
    let Evaluation { found, floor, count, .. } = settings.run(&source, &()).unwrap();
    let floor = floor.unwrap().measured;
    assert_eq!(count, 400);
    // Both are distances of 400 rows from 400: they differ by sampling alone.
    assert!(found.energy < 3.0 * floor.energy, "{found:?} {floor:?}");
}

#[test]
fn a_recommendation_is_a_request_of_its_own() {
    let settings = recommend::Settings {
        nfe: 8,
        by: langevin_analysis::recommend::By::W2,
        samplers: Some(recommend::samplers("ddim,heun,dpmpp-2m").unwrap()),
        grids: Some(recommend::grids("karras,uniform-lambda").unwrap()),
        score_error: 0.0,
        neighbours: 0.25,
        measure: None,
        tune: false,
        seed: 0,
        threads: None,
    };
    let spectrum = langevin_analysis::Spectrum::parse("power:1:d=8").unwrap();
    let request = recommend::request(None, None).unwrap();
    let found = recommend::run(&request, None, &spectrum, &settings, &()).unwrap();
    assert_eq!(found.request.plan().unwrap().ops(), found.ranking.best().plan.ops());
    assert_eq!(found.plan(None).unwrap().nfe(), found.ranking.best().analysis.nfe);
    let measuring = recommend::Settings { measure: Some(2), ..settings };
    assert!(recommend::check_measure(&measuring, None).is_err());
}

#[test]
fn the_shares_of_a_diagnosis_are_a_whole() {
    let (source, reading) = (moons(), Reading::default());
    let request = Request::new().sampler("ddim").steps(8);
    let recorder = Recorder::new(usize::MAX);
    let chosen = Chosen::Request(&request);
    let prepared = diagnose::prepare(&source, None, chosen, &wanted(&reading), settings(), &recorder).unwrap();
    assert_eq!(prepared.units(), "the units of the data");
    let found = prepared.run(&recorder).unwrap();
    let shares: f64 = found.ranking().iter().map(|one| one.share).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
}

#[test]
fn an_inversion_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rows.csv");
    // Points of the density: elsewhere its flow spreads what is near, and no number of steps comes
    // back.
    let density = langevin_analysis::exact::named("moons").unwrap();
    let rows: Vec<_> = (0..3).map(|index| langevin::SampleId { seed: 5, index }).collect();
    let lines = density.sample(&rows).chunks(2).map(|row| format!("{},{}\n", row[0], row[1])).collect::<String>();
    std::fs::write(&file, format!("x,y\n{lines}")).unwrap();
    let (source, reading, condition) = (moons(), Reading::default(), Condition::default());
    let request = Request::new().sampler("ddim").steps(200);
    let settings = invert::Settings {
        from: &file,
        reading: &reading,
        count: None,
        between: Some(3),
        request: &request,
        condition: &condition,
        given: None,
        threads: None,
    };
    let found = invert::prepare(&source, &settings, &()).unwrap().run(&()).unwrap();
    assert_eq!((found.noise.len(), found.path.as_ref().unwrap().len()), (6, 2 * 3 * 2));
    assert!(found.error() < 0.05 * found.deviation, "{} of {}", found.error(), found.deviation);
}

#[test]
fn files_are_refused_in_words_that_any_face_can_spell() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("model.safetensors");
    std::fs::write(&file, [0x80, 2, b'}', b'q']).unwrap();
    let Err(error) = Source::open(Named::Model(&file), &()) else { panic!("accepted") };
    assert!(error.to_string().starts_with("the file is no model (‹model› "), "{error}");
    let missing = directory.path().join("net.onnx");
    let Err(error) = Source::open(Named::Onnx(&missing, &Declared::default()), &()) else { panic!("accepted") };
    assert!(error.to_string().starts_with("no such file (‹onnx› "), "{error}");
}

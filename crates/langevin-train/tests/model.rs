//! The network as a model, and its file.
#![allow(clippy::unwrap_used)]

use langevin::model::{At, Branch, InputLevel};
use langevin::{
    Formulation, Grid, Level, Model, Prediction, Process, Query, ReadAs, SampleId, Sampler, Sampling, SliceSpace,
};
use langevin_train::{Budget, Dataset, MlpConfig, Network, Normalization, Recipe, train};
use std::ops::ControlFlow;
use std::sync::OnceLock;

/// Returns a small network that was trained briefly on digits.
fn network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(5));
        let mut network = MlpConfig::new(48, 2);
        network.fourier = 8;
        (recipe.network, recipe.batch) = (network.into(), 64);
        train(&Dataset::digits(), &recipe, &mut |_| ControlFlow::Continue(())).unwrap()
    })
}

fn ids(indices: impl IntoIterator<Item = u64>) -> Vec<SampleId> {
    indices.into_iter().map(|index| SampleId { seed: 3, index }).collect()
}

/// Returns a state for each row, a function of its id.
fn states(rows: &[SampleId]) -> Vec<f32> {
    let mut x = vec![0.0; rows.len() * 64];
    langevin::noise::fill_normals(rows, 0, 64, &mut x);
    x
}

fn level(time: f64) -> Level {
    network().formulation().process.level(time).unwrap()
}

fn predict(rows: &[SampleId], time: f64) -> Vec<f32> {
    network().predict(&states(rows), &Query::new(level(time), rows)).unwrap()
}

#[test]
fn a_row_does_not_depend_on_its_company() {
    let all = ids(0..200);
    let whole = predict(&all, 0.4);
    for rows in [ids([7]), ids([199, 0, 63, 64]), ids(37..150), ids([5, 5, 69, 5]), ids((0..200).rev())] {
        let part = predict(&rows, 0.4);
        for (row, id) in rows.iter().enumerate() {
            let i = id.index as usize;
            assert_eq!(part[row * 64..(row + 1) * 64], whole[i * 64..(i + 1) * 64], "row {i}");
        }
    }
    assert!(predict(&[], 0.4).is_empty());
}

#[test]
fn levels_per_row_agree_with_one_level() {
    let rows = ids(0..70);
    let levels: Vec<Level> = (0..70).map(|i| level(0.1 + 0.8 * f64::from(i % 3) / 2.0)).collect();
    let mut query = Query::new(level(0.5), &rows);
    let told: Vec<InputLevel> = levels.iter().map(|level| (*level).into()).collect();
    query.at = At::PerRow(&told);
    let mixed = network().predict(&states(&rows), &query).unwrap();
    for (row, id) in rows.iter().enumerate() {
        let alone = network().predict(&states(&[*id]), &Query::new(levels[row], &[*id])).unwrap();
        assert_eq!(mixed[row * 64..(row + 1) * 64], alone);
    }
}

#[test]
fn threads_change_no_bit() {
    let rows = ids(0..150);
    let here = predict(&rows, 0.6);
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| predict(&rows, 0.6)), here);
    }
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..2).map(|_| scope.spawn(|| predict(&rows, 0.6))).collect();
        others.into_iter().for_each(|other| assert_eq!(other.join().unwrap(), here));
    });
}

#[test]
fn wide_networks_repeat_on_any_threads() {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
    (recipe.network, recipe.batch) = (MlpConfig::new(400, 1).into(), 2);
    let wide = train(&Dataset::digits(), &recipe, &mut |_| ControlFlow::Continue(())).unwrap();
    let rows = ids(0..100);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| wide.predict(&states(&rows), &Query::new(level(0.3), &rows)).unwrap())
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

#[test]
fn f64_rows_are_the_f32_computation() {
    let rows = ids(0..3);
    let x64: Vec<f64> = states(&rows).into_iter().map(f64::from).collect();
    let out: Vec<f64> = network().predict(&x64, &Query::new(level(0.4), &rows)).unwrap();
    assert_eq!(out.iter().map(|value| *value as f32).collect::<Vec<_>>(), predict(&rows, 0.4));
}

#[test]
fn samples_do_not_depend_on_chunks_or_threads() {
    let formulation = network().formulation();
    let process = &formulation.process;
    let levels = Grid::uniform_time(4).levels(process, 0.002, 80.0).unwrap();
    let plan = Sampler::ddim(0.0).compile(process, Some(formulation), &levels).unwrap();
    let run = |sampling: Sampling| sampling.seed(4).run::<f32>(&plan, network()).unwrap();
    let all = run(Sampling::new(100, 64));
    assert_eq!(run(Sampling::new(100, 64).chunk(7).threads(2)), all);
    assert_eq!(run(Sampling::new(30, 64).first(70)), all[70 * 64..]);
}

#[test]
fn read_as_another_formulation_agrees_with_d() {
    let rows = ids(0..5);
    let own = level(0.4);
    let x: Vec<f64> = states(&rows).into_iter().map(f64::from).collect();
    let velocity: Vec<f64> = network().predict(&x, &Query::new(own, &rows)).unwrap();
    let direct: Vec<f64> = x.iter().zip(&velocity).map(|(x, u)| x - 0.4 * u).collect();
    for name in ["vp", "ve", "vp-cosine"] {
        let process = Process::parse(name).unwrap();
        let there = process.match_level(&own).unwrap();
        let factor = own.scale_to(&there);
        let scaled: Vec<f64> = x.iter().map(|x| x * factor).collect();
        let epsilon =
            ReadAs::new(network(), Formulation::new(process, Prediction::Epsilon), SliceSpace::<f64>::new(64))
                .predict(&scaled, &Query::new(there, &rows))
                .unwrap();
        for ((e, x), d) in epsilon.iter().zip(&scaled).zip(&direct) {
            let got = (x - there.sigma * e) / there.alpha;
            // The states differ by a rounding of f64 before they are converted to f32.
            assert!((got - d).abs() < 1e-5, "{name}: {got} {d}");
        }
    }
}

#[test]
fn queries_that_do_not_fit_are_refused() {
    let rows = ids(0..2);
    let refused = |x: Vec<f32>, query: Query<'_>| {
        let error = network().predict(&x, &query).unwrap_err();
        assert!(error.is_model());
        std::error::Error::source(&error).unwrap().to_string()
    };
    assert!(refused(vec![0.0; 127], Query::new(level(0.5), &rows)).contains("127"));
    let mut query = Query::new(level(0.5), &rows);
    query.branch = Branch::Unconditional;
    assert!(refused(vec![0.0; 128], query).contains("unconditional"));
    let levels = [level(0.5)];
    let mut query = Query::new(level(0.5), &rows);
    let told: Vec<InputLevel> = levels.iter().map(|level| (*level).into()).collect();
    query.at = At::PerRow(&told);
    assert!(refused(vec![0.0; 128], query).contains("levels"));
}

#[test]
fn a_file_gives_back_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    network().save(&path).unwrap();
    let loaded = Network::load(&path).unwrap();
    assert_eq!(loaded.metadata(), network().metadata());
    assert_eq!(loaded.formulation(), network().formulation());
    let rows = ids(0..70);
    assert_eq!(loaded.predict(&states(&rows), &Query::new(level(0.2), &rows)).unwrap(), predict(&rows, 0.2));
    assert_eq!(loaded.to_bytes().unwrap(), network().to_bytes().unwrap());
    // A second save replaces the file, and leaves nothing beside it.
    network().save(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(Network::load(&folder.path().join("none")).unwrap_err().is_io());
    assert!(network().save(&folder.path().join("none/model")).unwrap_err().is_io());
    std::fs::write(&path, b"short").unwrap();
    let error = Network::load(&path).unwrap_err();
    assert!(error.is_checkpoint() && error.to_string().contains("model.safetensors"), "{error}");
}

/// Returns the file with its JSON header rewritten.
fn edited(edit: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let bytes = network().to_bytes().unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
    edit(&mut header);
    let text = serde_json::to_vec(&header).unwrap();
    [&(text.len() as u64).to_le_bytes()[..], &text, &bytes[8 + len..]].concat()
}

/// Returns the file with its langevin document rewritten.
fn described(edit: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    edited(|header| {
        let entry = &mut header["__metadata__"]["langevin"];
        let mut document: serde_json::Value = serde_json::from_str(entry.as_str().unwrap()).unwrap();
        edit(&mut document);
        *entry = document.to_string().into();
    })
}

#[track_caller]
fn refused(bytes: &[u8], words: &[&str]) {
    let error = Network::from_bytes(bytes).unwrap_err();
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert!(error.is_checkpoint() || error.core().is_some(), "{error:?}");
}

#[test]
fn files_that_cannot_be_served_are_refused_by_name() {
    let bytes = network().to_bytes().unwrap();
    assert!(Network::from_bytes(&edited(|_| {})).is_ok());
    refused(&[], &["too short"]);
    refused(&bytes[..100], &["truncated"]);
    refused(&bytes[..bytes.len() - 1], &["damaged"]);
    refused(&[&bytes[..], b"x"].concat(), &["damaged"]);
    refused(&[0xff; 64], &["header"]);
    refused(b"\x89PNG\r\n\x1a\n and more", &["header"]);
    refused(&edited(|h| h["__metadata__"] = serde_json::json!({"format": "pt"})), &["no langevin model"]);
    refused(&described(|d| d["langevin_version"] = 6.into()), &["version", "6", "newer"]);
    refused(&described(|d| d["langevin_version"] = 0.into()), &["version", "1 to 5"]);
    refused(&described(|d| d["langevin_version"] = 1.into()), &["moments", "none in version 1"]);
    refused(&described(|d| d["moments"] = serde_json::Value::Null), &["tensor 'data."]);
    refused(&described(|d| d["moments"]["kind"] = "spectrum".into()), &["tensor 'data."]);
    refused(&described(|d| d["moments"]["kind"] = "cumulants".into()), &["cumulants"]);
    refused(&described(|d| d["moments"]["rows"] = (-1).into()), &["-1"]);
    refused(&edited(|h| h["data.mean"]["dtype"] = "I64".into()), &["type", "data.mean", "F64", "I64"]);
    refused(&edited(|h| h["data.mean"]["shape"] = serde_json::json!([8, 8])), &["shape", "data.mean", "[64]"]);
    refused(&edited(|h| h["data.covariance"]["shape"] = serde_json::json!([4096])), &["shape", "[64, 64]"]);
    refused(&described(|d| d["langevin_version"] = serde_json::Value::Null), &["version"]);
    refused(&described(|d| d["surprise"] = 1.into()), &["surprise"]);
    refused(&described(|d| d["network"]["width"] = 49.into()), &["shape", "in.x"]);
    refused(&described(|d| d["network"]["width"] = 99_999_999_999u64.into()), &["width"]);
    refused(&described(|d| d["network"]["depth"] = 3.into()), &["missing", "block.2"]);
    refused(&described(|d| d["network"]["depth"] = 1.into()), &["tensor 'block.1"]);
    refused(&described(|d| d["network"]["kind"] = "transformer".into()), &["transformer"]);
    refused(&described(|d| d["data"]["shape"] = serde_json::json!([])), &["data.shape"]);
    refused(&described(|d| d["data"]["shape"] = serde_json::json!([u64::MAX, 2])), &["data.shape"]);
    refused(&described(|d| d["normalization"]["scale"][0] = 0.0.into()), &["normalization"]);
    refused(&described(|d| d["normalization"]["shift"] = serde_json::json!([1, 2])), &["normalization"]);
    let custom = serde_json::json!({"kind": "custom", "name": "mine"});
    refused(&described(|d| d["formulation"]["process"] = custom.clone()), &["custom"]);
    refused(
        &edited(|h| {
            let mut entry = h["out.t"].clone();
            let end = entry["data_offsets"][1].as_u64().unwrap();
            entry["dtype"] = "I32".into();
            entry["data_offsets"][1] = end.into();
            h["out.t"] = entry;
        }),
        &["type", "out.t", "I32"],
    );
    refused(
        &edited(|h| {
            let map = h.as_object_mut().unwrap();
            let entry = map.remove("in.x").unwrap();
            map.insert("other".into(), entry);
        }),
        &["tensor 'other'"],
    );
    refused(&edited(|h| h["in.x"]["shape"] = serde_json::json!([48, 64])), &["shape", "in.x"]);
    let mut infinite = bytes.clone();
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    refused(&infinite, &["not finite"]);
}

/// Returns the file as in version 1: only the weights.
fn first_version() -> Vec<u8> {
    let bytes = network().to_bytes().unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut document: serde_json::Value =
        serde_json::from_str(&header.metadata().as_ref().unwrap()["langevin"]).unwrap();
    document["langevin_version"] = 1.into();
    for key in ["moments", "checksum"] {
        document.as_object_mut().unwrap().remove(key).unwrap();
    }
    let weights = tensors.iter().filter(|(name, _)| !name.starts_with("data."));
    let metadata = std::collections::HashMap::from([("langevin".to_owned(), document.to_string())]);
    safetensors::serialize(weights, Some(metadata)).unwrap()
}

#[test]
fn a_file_of_version_1_is_read_and_written_as_it_was() {
    let old = Network::from_bytes(&first_version()).unwrap();
    assert!(old.moments().is_none() && old.metadata().moments.is_none());
    assert_eq!(old.metadata().langevin_version, 1);
    let rows = ids(0..70);
    assert_eq!(old.predict(&states(&rows), &Query::new(level(0.2), &rows)).unwrap(), predict(&rows, 0.2));
    let again = old.to_bytes().unwrap();
    assert_eq!(Network::from_bytes(&again).unwrap().metadata(), old.metadata());
    assert!(!String::from_utf8_lossy(&again[..4096]).contains("moments"));
}

/// The exact error of a sampler can be computed from the model file alone.
#[test]
fn a_model_knows_the_spectrum_of_its_data() {
    let digits = Dataset::digits();
    let mut values = digits.values().unwrap();
    network().normalization().normalize(&mut values, 64);
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    let truth = langevin_analysis::Spectrum::from_data(&values, 64).unwrap();
    let loaded = Network::from_bytes(&network().to_bytes().unwrap()).unwrap();
    assert_eq!(loaded.moments(), network().moments());
    assert_eq!(loaded.metadata().moments.unwrap().rows, 1797);
    let found = loaded.moments().unwrap().spectrum().unwrap();
    // Three pixels are always white.
    let last =
        |spectrum: &langevin_analysis::Spectrum| spectrum.eigenvalues().last().map(|c| (c.value, c.count)).unwrap();
    assert_eq!((last(&found), last(&truth)), ((0.0, 3), (0.0, 3)));
    let largest = truth.eigenvalues()[0].value;
    for (a, b) in found.eigenvalues().iter().zip(truth.eigenvalues()) {
        // Tolerance for the rounding of a symmetric matrix and of its 1,797 sums.
        assert!((a.value - b.value).abs() < 1e-13 * largest, "{a:?} {b:?}");
    }
    // A covariance that no data can have.
    let mut bytes = network().to_bytes().unwrap();
    let (length, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let start = 8 + length + header.info("data.covariance").unwrap().data_offsets.0;
    bytes[start + 8..start + 16].copy_from_slice(&7.0f64.to_le_bytes());
    refused(&bytes, &["not symmetric", "data.covariance"]);
    bytes[start..start + 8].copy_from_slice(&f64::NAN.to_le_bytes());
    refused(&bytes, &["not finite", "data.covariance"]);
}

/// A flipped bit in the weights, the moments or the description must be detected.
#[test]
fn a_turned_bit_is_refused() {
    let bytes = network().to_bytes().unwrap();
    let own = network().to_bytes().unwrap();
    for place in (8..bytes.len()).step_by(bytes.len() / 997) {
        let mut turned = bytes.clone();
        turned[place] ^= 1 << (place % 8);
        match Network::from_bytes(&turned) {
            Err(_) => {}
            // A letter in the header's own syntax may have two forms.
            Ok(loaded) => assert_eq!(loaded.to_bytes().unwrap(), own, "byte {place}"),
        }
    }
    let mut weight = bytes.clone();
    *weight.last_mut().unwrap() ^= 1;
    refused(&weight, &["the model file is damaged", "checksum"]);
    refused(&described(|d| d["training"]["steps"] = 6.into()), &["the model file is damaged"]);
    refused(&described(|d| d["checksum"] = serde_json::Value::Null), &["damaged", "got none"]);
    // Older files have no checksum.
    let older = described(|d| {
        d["langevin_version"] = 3.into();
        d.as_object_mut().unwrap().remove("checksum");
    });
    assert!(Network::from_bytes(&older).is_ok());
}

#[test]
fn damaged_files_never_panic() {
    let bytes = network().to_bytes().unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for cut in (0..header + 200).step_by(7).chain((header..bytes.len()).step_by(4001)) {
        assert!(Network::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    // A flipped bit of a weight or of a name may leave a valid model; anything else is an error.
    let mut random = vec![0.0; 3000];
    langevin::noise::fill_uniforms(SampleId { seed: 11, index: 0 }, 0, &mut random);
    for pair in random.chunks(2) {
        let mut damaged = bytes.clone();
        let range = if pair[1] < 0.9 { header } else { bytes.len() };
        let bit = (pair[0] * (8 * range) as f64) as usize;
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(network) = Network::from_bytes(&damaged) {
            let rows = ids([0]);
            let width = network.width();
            let process = network.formulation().process.clone();
            if let Ok(level) = process.level_at_lambda(0.0) {
                let _ = network.predict(&vec![0.0f32; width], &Query::new(level, &rows));
            }
            if random_use(pair[0]) {
                let _ = network.moments().map(|moments| moments.spectrum());
            }
        }
    }
}

/// Selects one in ten, because an eigen-decomposition costs more than the rest of the test.
fn random_use(u: f64) -> bool {
    ((u * 1000.0) as u32).is_multiple_of(10)
}

#[test]
fn digits_are_what_they_are() {
    let digits = Dataset::digits();
    assert_eq!((digits.rows(), digits.width(), digits.shape(), digits.name()), (1797, 64, &[8, 8][..], "digits"));
    assert_eq!(digits.labels().unwrap().len(), 1797);
    assert!(digits.values().unwrap().iter().all(|pixel| (0.0..=16.0).contains(pixel)));
    assert_eq!(digits.labels().unwrap()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(digits.row(0).unwrap()[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
}

#[test]
fn bad_data_are_refused() {
    for (values, shape) in
        [(vec![], &[2][..]), (vec![1.0; 3], &[2]), (vec![1.0], &[]), (vec![1.0], &[0]), (vec![1.0, f32::NAN], &[1])]
    {
        let error = Dataset::new("bad", values, shape).unwrap_err();
        assert!(error.is_data() && error.to_string().contains("bad"), "{error}");
    }
}

#[test]
fn normalization_makes_tables_standard_and_keeps_constants() {
    let data = Dataset::new("table", vec![1.0, 0.1, 10.0, 3.0, 0.1, 30.0], &[3]).unwrap();
    let map = Normalization::fit(&data).unwrap();
    assert_eq!(map.scale[1], 1.0);
    let mut values = data.values().unwrap();
    map.normalize(&mut values, 3);
    for (got, want) in values.iter().zip([-1.0, 0.0, -1.0, 1.0, 0.0, 1.0]) {
        assert!((got - want).abs() < 1e-6);
    }
    let mut back: Vec<f64> = values.into_iter().map(f64::from).collect();
    map.denormalize(&mut back, 3);
    assert!(back.iter().zip(&data.values().unwrap()).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-5));
}

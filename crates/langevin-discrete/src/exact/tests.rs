//! Every density against its table, by enumeration.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::level;
use crate::space::Noise;
use langevin::Query;

fn noises(vocab: usize) -> Vec<Noise> {
    let sum = (1..=vocab).sum::<usize>() as f64;
    vec![Noise::Masked, Noise::Uniform, Noise::Prior((1..=vocab).map(|v| v as f64 / sum).collect())]
}

/// Compares a density with its table: the sum of the probabilities, every leave-one-out prediction,
/// the entropy and the law of the samples.
fn judge(density: &dyn Density) {
    let name = format!("{}, {}", density.name(), density.space());
    // The table refuses probabilities whose sum is not 1.
    let table = Table::of(density).unwrap();
    let (letters, length) = (density.space().letters(), density.space().length());
    let count = enumerable(letters, length).unwrap();
    let mut x = Vec::new();
    each_sequence(letters, length, |tokens| x.extend_from_slice(tokens));
    let rows = vec![SampleId::default(); count];
    for alpha in [0.1, 0.7] {
        let query = Query::new(level(alpha), &rows);
        let [a, b] = [density.predict(&x, &query).unwrap(), table.predict(&x, &query).unwrap()];
        for (number, (a, b)) in a.iter().zip(&b).enumerate() {
            assert!((a - b).abs() < 1e-12, "{name}, number {number}: {a} {b}");
        }
    }
    let entropy = table.entropy().unwrap();
    assert!((density.entropy().unwrap() - entropy).abs() < 1e-12, "{name}");

    let ids: Vec<SampleId> = (0..20_000).map(|index| SampleId { seed: 5, index }).collect();
    let law = probabilities(density).unwrap();
    let mut seen = vec![0.0; law.len()];
    for tokens in density.sample(&ids).chunks(length) {
        seen[crate::plan::index(tokens, letters)] += 1.0 / ids.len() as f64;
    }
    let distance: f64 = 0.5 * seen.iter().zip(&law).map(|(a, b)| (a - b).abs()).sum::<f64>();
    // The mean distance of n samples is at most ½ Σ √(2p/πn).
    let floor: f64 = 0.4 * law.iter().map(|p| (p / ids.len() as f64).sqrt()).sum::<f64>();
    assert!(distance < 1.5 * floor, "{name}: {distance} {floor}");
    // A row's sample is its own.
    assert_eq!(density.sample(&ids[7..8]), density.sample(&ids[..8])[7 * length..]);
}

#[test]
fn densities_are_their_tables() {
    for noise in noises(3) {
        judge(&Chain::example(3, 4, noise.clone()).unwrap());
        judge(&Hmm::example(3, 4, noise.clone()).unwrap());
        judge(&Tree::example(3, 5, noise.clone()).unwrap());
        let space = StateSpace::new(noise.clone(), 3, 4).unwrap();
        // A forest: two roots, one of them with three children.
        let small = space.with_length(5).unwrap();
        let parents = vec![None, Some(0), Some(0), None, Some(0)];
        let next = random_rows(9, 3, 3);
        judge(&Tree::new(small, parents, vec![0.2, 0.5, 0.3], next).unwrap());
        judge(&Products::new(space.clone(), vec![0.3, 0.7], random_rows(11, 8, 3)).unwrap());
        judge(&Products::new(space.clone(), vec![1.0], random_rows(11, 4, 3)).unwrap());
        // Impossible contexts, impossible letters and a component of weight 0.
        let mut theta = random_rows(12, 12, 3);
        theta[..3].copy_from_slice(&[0.0, 1.0, 0.0]);
        theta[12..15].copy_from_slice(&[0.5, 0.5, 0.0]);
        judge(&Products::new(space.clone(), vec![0.5, 0.5, 0.0], theta).unwrap());
        judge(&DataSet::new(space, vec![0, 1, 2, 0, 0, 1, 1, 1, 2, 2, 2, 2, 0, 1, 2, 0]).unwrap());
    }
    for noise in noises(2) {
        judge(&Chain::ising(0.4, 5, noise.clone()).unwrap());
        judge(&Chain::ising(-1.1, 5, noise.clone()).unwrap());
        judge(&BlockModel::known(noise.clone(), vec![0, 1, 0, 0], vec![0.7, 0.2, 0.2, 0.4]).unwrap());
        judge(&BlockModel::latent(noise, 4, vec![0.3, 0.7], vec![0.9, 0.2, 0.2, 0.6]).unwrap());
    }
}

#[test]
fn a_chain_is_a_tree_and_a_hidden_chain() {
    let space = StateSpace::new(Noise::Uniform, 3, 40).unwrap();
    let next = random_rows(9, 3, 3);
    let first = vec![0.2, 0.5, 0.3];
    let chain = Chain::new(space.clone(), first.clone(), next.clone()).unwrap();
    let parents = (0..40_usize).map(|token| token.checked_sub(1)).collect();
    let tree = Tree::new(space.clone(), parents, first.clone(), next.clone()).unwrap();
    let identity = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let hmm = Hmm::new(space, first, next, identity).unwrap();
    let rows: Vec<SampleId> = (0..20).map(|index| SampleId { seed: 1, index }).collect();
    let x = chain.sample(&rows);
    assert_eq!(x, tree.sample(&rows));
    let query = Query::new(level(0.6), &rows);
    let wanted = chain.predict(&x, &query).unwrap();
    for found in [tree.predict(&x, &query).unwrap(), hmm.predict(&x, &query).unwrap()] {
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12));
    }
    for own in x.chunks(40) {
        let wanted = chain.log_probability(own);
        assert!((tree.log_probability(own) - wanted).abs() < 1e-11);
        assert!((hmm.log_probability(own) - wanted).abs() < 1e-11);
    }
    assert!((tree.entropy().unwrap() - chain.entropy().unwrap()).abs() < 1e-11);
}

#[test]
fn shidoku_grids_are_all_valid_and_different() {
    let grids = shidoku(Noise::Masked).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for grid in grids.tokens().chunks(16) {
        for k in 0..4 {
            let groups: [Vec<usize>; 3] = [
                (0..4).map(|i| 4 * k + i).collect(),
                (0..4).map(|i| 4 * i + k).collect(),
                (0..4).map(|i| 8 * (k / 2) + 2 * (k % 2) + 4 * (i / 2) + i % 2).collect(),
            ];
            for group in groups {
                assert_eq!(group.iter().fold(0, |set, cell| set | 1 << grid[*cell]), 15, "{grid:?}");
            }
        }
        assert!((grids.log_probability(grid) + 288_f64.ln()).abs() < 1e-14);
        seen.insert(grid.to_vec());
    }
    assert_eq!(seen.len(), 288);
    // A grid without one cell determines it.
    let mut x = grids.tokens()[..16].to_vec();
    x[5] = 4;
    let d = grids.predict(&x, &Query::new(level(0.9), &[SampleId::default()])).unwrap();
    assert_eq!(d[20 + grids.tokens()[5] as usize], 1.0);
}

#[test]
fn names_are_parsed_and_returned() {
    for name in ["chain:3x7", "ising:9:0.25", "ising:4:-1", "hmm:4x6", "tree:2x9", "shidoku", "blocks:4:2"] {
        assert_eq!(named(name, Noise::Masked).unwrap().name(), name);
    }
    assert_eq!(named("ising:9", Noise::Uniform).unwrap().name(), "ising:9:0.5");
    let text = |name: &str| named(name, Noise::Masked).map(|_| ()).unwrap_err().to_string();
    for bad in
        ["chain", "chain:3", "chain:3x", "chain:ax3", "chain:3x4:5", "ising", "ising:3:a", "shidoku:4", "blocks:4"]
    {
        let found = text(bad);
        assert!(found.contains("bad name") && found.contains(bad), "{found}");
    }
    assert!(named("", Noise::Masked).map(|_| ()).unwrap_err().is_unknown_name());
    for (bad, words) in [
        ("chain:0x4", "vocab"),
        ("chain:4000x4", "at most 1024"),
        ("ising:0", "length"),
        ("ising:4:nan", "finite"),
        ("blocks:9:2", "at most 8 nodes"),
        ("blocks:8:5", "65536"),
        ("blocks:1:2", "nodes"),
        ("blocks:4:0", "blocks"),
        ("blocks:99999999999999999999:2", "bad name"),
    ] {
        assert!(text(bad).contains(words), "{bad}: {}", text(bad));
    }
    // The prior must fit the letters.
    assert!(named("chain:3x4", Noise::Prior(vec![0.5, 0.5])).is_err());
}

#[test]
fn bad_densities_are_refused() {
    let space = StateSpace::new(Noise::Masked, 2, 2).unwrap();
    let half = vec![0.5, 0.5];
    assert!(Products::new(space.clone(), vec![], vec![]).is_err());
    assert!(Products::new(space.clone(), vec![1.0], vec![0.5; 3]).unwrap_err().to_string().contains("theta"));
    assert!(Products::new(space.clone(), vec![f64::NAN], vec![0.5; 4]).is_err());
    assert!(DataSet::new(space.clone(), vec![0, 2]).unwrap_err().to_string().contains("masked"));
    assert!(DataSet::new(space.clone(), vec![]).is_err());
    assert!(Hmm::new(space.clone(), vec![], vec![], vec![]).is_err());
    assert!(Hmm::new(space.clone(), half.clone(), vec![0.5; 4], vec![0.6; 4]).is_err());
    let tree = Tree::new(space.clone(), vec![None, Some(1)], half.clone(), vec![0.5; 4]);
    assert!(tree.unwrap_err().to_string().contains("token 1"));
    assert!(Tree::new(space, vec![None], half, vec![0.5; 4]).is_err());
    assert!(BlockModel::known(Noise::Masked, vec![0, 2], vec![0.5; 4]).unwrap_err().to_string().contains("node 1"));
    assert!(BlockModel::known(Noise::Masked, vec![0, 1], vec![0.5, 0.1, 0.2, 0.5]).is_err());
    assert!(BlockModel::known(Noise::Masked, vec![0, 0], vec![1.5]).is_err());
    assert!(BlockModel::known(Noise::Masked, vec![0, 0], vec![0.5; 3]).is_err());
    assert!(BlockModel::known(Noise::Masked, vec![0], vec![0.5]).is_err());
}

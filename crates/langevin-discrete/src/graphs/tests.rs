use super::*;

fn complete(nodes: usize) -> Adjacency {
    let edges: Vec<(usize, usize)> = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b))).collect();
    Adjacency::new(nodes, &edges).unwrap()
}

fn cycle(nodes: usize) -> Adjacency {
    let edges: Vec<(usize, usize)> = (0..nodes).map(|a| (a, (a + 1) % nodes)).collect();
    Adjacency::new(nodes, &edges).unwrap()
}

fn star(leaves: usize) -> Adjacency {
    let edges: Vec<(usize, usize)> = (1..=leaves).map(|leaf| (0, leaf)).collect();
    Adjacency::new(leaves + 1, &edges).unwrap()
}

/// Eigenvalues of families of graphs in closed form.
#[test]
fn spectra_are_those_of_known_graphs() {
    let check = |graph: &Adjacency, mut want: Vec<f64>| {
        want.sort_by(f64::total_cmp);
        for (own, want) in graph.spectrum().iter().zip(&want) {
            // Rounding of n numbers of size 1.
            assert!((own - want).abs() < 1e-12, "{own} {want}");
        }
        assert_eq!(graph.nodes(), want.len());
    };
    for nodes in [2, 5, 20, 64] {
        let n = nodes as f64;
        check(&complete(nodes), (0..nodes).map(|k| if k == 0 { 0.0 } else { n / (n - 1.0) }).collect());
    }
    for nodes in [3, 8, 33] {
        let angle = |k: usize| 2.0 * std::f64::consts::PI * k as f64 / nodes as f64;
        check(&cycle(nodes), (0..nodes).map(|k| 1.0 - angle(k).cos()).collect());
    }
    check(&star(6), vec![0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
    // A node on its own adds a zero.
    check(&Adjacency::new(3, &[(0, 1)]).unwrap(), vec![0.0, 0.0, 2.0]);
}

#[test]
fn orbits_are_those_of_known_graphs() {
    let at = |pairs: &[(usize, u64)]| {
        let mut counts = [0; 15];
        pairs.iter().for_each(|(orbit, count)| counts[*orbit] = *count);
        counts
    };
    // In the complete graph on six nodes: 5 edges, C(5, 2) triangles and C(5, 3) complete graphs.
    assert_eq!(complete(6).orbits()[3], at(&[(0, 5), (3, 10), (14, 10)]));
    assert_eq!(cycle(4).orbits()[1], at(&[(0, 2), (1, 2), (2, 1), (8, 1)]));
    // In a long cycle each node is at either end, and in both middles, of a path of four.
    assert_eq!(cycle(9).orbits()[0], at(&[(0, 2), (1, 2), (2, 1), (4, 2), (5, 2)]));
    let star = star(4).orbits();
    assert_eq!(star[0], at(&[(0, 4), (2, 6), (7, 4)]));
    assert_eq!(star[1], at(&[(0, 1), (1, 3), (6, 3)]));
    let paw = Adjacency::new(4, &[(0, 1), (1, 2), (2, 0), (2, 3)]).unwrap().orbits();
    assert_eq!(paw[3], at(&[(0, 1), (1, 2), (9, 1)]));
    assert_eq!(paw[0], at(&[(0, 2), (1, 1), (3, 1), (10, 1)]));
    assert_eq!(paw[2], at(&[(0, 3), (2, 2), (3, 1), (11, 1)]));
    let diamond = Adjacency::new(4, &[(0, 1), (1, 2), (2, 0), (2, 3), (1, 3)]).unwrap().orbits();
    assert_eq!(diamond[0], at(&[(0, 2), (1, 2), (3, 1), (12, 1)]));
    assert_eq!(diamond[1], at(&[(0, 3), (2, 1), (3, 2), (13, 1)]));
    // Two edges that do not touch are no graphlet.
    let apart = Adjacency::new(4, &[(0, 1), (2, 3)]).unwrap().orbits();
    assert_eq!(apart[0], at(&[(0, 1)]));
}

#[test]
fn a_discrepancy_is_its_formula() {
    let a = [complete(4), cycle(4)];
    let b = [star(3)];
    for statistic in Statistic::ALL {
        assert!(discrepancy(&a, &a, statistic, Distance::TotalVariation).unwrap().abs() < 1e-15);
        let both = |x: &[Adjacency], y: &[Adjacency]| discrepancy(x, y, statistic, Distance::TotalVariation).unwrap();
        assert!(both(&a, &b) > 0.0 && (both(&a, &b) - both(&b, &a)).abs() < 1e-15);
    }
    // Degrees 3, 2 and {1, 1, 1, 3}: distances 1 between the first two, 1/4 of the first from the
    // star becomes 3/4, and 1 of the second.
    let k = |d: f64| (-d * d / 2.0).exp();
    let want = (1.0 + k(1.0)) / 2.0 + 1.0 - (k(0.75) + k(1.0));
    let own = discrepancy(&a, &b, Statistic::Degree, Distance::TotalVariation).unwrap();
    assert!((own - want).abs() < 1e-15, "{own} {want}");
    // The earth is moved by 3 − 2 = 1 bin between the first two, by 3/4 · 2, and by 3/4 + 1/4.
    let want = (1.0 + k(1.0)) / 2.0 + 1.0 - (k(1.5) + k(1.0));
    let own = discrepancy(&a, &b, Statistic::Degree, Distance::EarthMover).unwrap();
    assert!((own - want).abs() < 1e-15, "{own} {want}");
    assert!(discrepancy(&a, &[], Statistic::Degree, Distance::TotalVariation).is_err());
}

#[test]
fn histograms_have_every_value() {
    assert_eq!(histogram(&[0.0, 0.49, 0.5, 1.0], 2, 1.0), [0.5, 0.5]);
    assert_eq!(histogram(&[-1e-17, 2.0 + 1e-15], 2, 2.0), [0.5, 0.5]);
    assert_eq!(Statistic::Clustering.of(&complete(3))[CLUSTERING_BINS - 1], 1.0);
}

#[test]
fn bad_graphs_are_refused() {
    let refused = |nodes: usize, edges: &[(usize, usize)], words: &str| {
        let error = Adjacency::new(nodes, edges).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(0, &[], "1 to 64");
    refused(65, &[], "1 to 64");
    refused(3, &[(1, 1)], "1-1");
    refused(3, &[(0, 3)], "0-3");
    assert!(!Adjacency::new(3, &[(0, 1)]).unwrap().is_connected());
    assert!(cycle(64).is_connected());
}

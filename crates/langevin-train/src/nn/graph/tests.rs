use super::*;
use crate::nn::check::{check_gradient, check_token_gradients, letters_in_turn, normals, sorts};
use crate::nn::kernels::softmax;
use crate::nn::net::Rows;
use crate::{Device, NetworkSpec};

const SMALL: GraphConfig = GraphConfig {
    width: 12,
    depth: 2,
    heads: 3,
    fourier: 4,
    classes: 3,
    nodes: 4,
    node_labels: 2,
    edge_labels: 2,
    letters: 4,
};

fn shape(config: GraphConfig) -> GraphShape {
    GraphShape::new(config.nodes, config.node_labels, config.edge_labels).unwrap()
}

fn net(config: GraphConfig) -> GraphNet {
    GraphNet::new(config, &[shape(config).length()]).unwrap()
}

fn weights(net: &GraphNet) -> Vec<f32> {
    // No weight is zero, and none dominates.
    Parameter::normals(net.parameters(), 3, |parameter| match parameter.shape[0] {
        _ if matches!(parameter.name.as_str(), "node" | "edge") => 0.7,
        1 => 0.35,
        // Far from zero, where the normalised queries and keys bend.
        inputs if parameter.name.ends_with("qkv.w") => 1.5 / (inputs as f32).sqrt(),
        inputs => 0.7 / (inputs as f32).sqrt(),
    })
}

fn logits(net: &GraphNet, weights: &[f32], tokens: &[u32], count: usize) -> Vec<f32> {
    let (f, labels) = sorts(net, count);
    let rows = Rows { labels: &labels, ..Rows::of_tokens(tokens, &f) };
    net.pass(count).forward(weights, rows, count, false).unwrap().to_vec()
}

#[test]
fn the_way_back_is_the_gradient() {
    for (fourier, classes, nodes, node_labels, edge_labels) in
        [(4, 3, 4, 2, 2), (0, 0, 3, 1, 1), (0, 2, 5, 0, 1), (3, 0, 9, 0, 2)]
    {
        let letters = node_labels.max(edge_labels) + 2;
        let config = GraphConfig { fourier, classes, nodes, node_labels, edge_labels, letters, ..SMALL };
        let net = net(config);
        check_token_gradients(&net, &weights(&net), letters, shape(config).length(), 3, 5e-3).unwrap();
    }
}

/// Checks the gradient where nodes and edges have different letters, and some logits are −∞.
#[test]
fn letters_that_are_not_valid_have_probability_zero_and_no_gradient() {
    for (node_labels, edge_labels) in [(3, 1), (1, 3)] {
        let config = GraphConfig { node_labels, edge_labels, letters: 5, ..SMALL };
        let (net, shape) = (net(config), shape(config));
        let (weights, tokens) = (weights(&net), letters_in_turn(5, 3 * shape.length()));
        let out = logits(&net, &weights, &tokens, 3);
        let mut p = vec![0.0; out.len()];
        softmax(&out, 4, &mut p);
        for (token, (z, p)) in out.chunks(4).zip(p.chunks(4)).enumerate() {
            let valid = shape.letters_at(token % shape.length());
            for letter in 0..4 {
                assert_eq!(z[letter] == f32::NEG_INFINITY, letter >= valid);
                assert_eq!(p[letter] == 0.0, letter >= valid);
            }
        }
        let (f, labels) = sorts(&net, 3);
        let rows = Rows { labels: &labels, ..Rows::of_tokens(&tokens, &f) };
        let g = normals(out.len(), 1);
        let value = |weights: &[f32]| {
            let out = logits(&net, weights, &tokens, 3);
            let valid = out.iter().zip(&g).filter(|(z, _)| z.is_finite());
            valid.map(|(z, g)| f64::from(*z) * f64::from(*g)).sum::<f64>()
        };
        let (mut pass, mut gradient) = (net.pass(3), vec![0.0; weights.len()]);
        pass.forward(&weights, rows, 3, true).unwrap();
        pass.back(&weights, rows, &g, Some(&mut gradient), None).unwrap();
        check_gradient("weights", &weights, &gradient, 5e-3, value).unwrap();
    }
}

/// Renumbers the nodes of a graph's tokens, or of what belongs to each token: node i becomes
/// `to[i]`.
fn renumbered<T: Copy>(shape: GraphShape, values: &[T], width: usize, to: &[usize]) -> Vec<T> {
    let mut out = values.to_vec();
    let mut put = |from: usize, to: usize| {
        out[to * width..(to + 1) * width].copy_from_slice(&values[from * width..(from + 1) * width]);
    };
    for i in 0..shape.nodes() {
        if shape.node_labels() > 0 {
            put(i, to[i]);
        }
        for j in i + 1..shape.nodes() {
            put(shape.edge(i, j).unwrap(), shape.edge(to[i], to[j]).unwrap());
        }
    }
    out
}

#[test]
fn renumbered_nodes_have_renumbered_outputs() {
    for (nodes, node_labels) in [(4, 2), (6, 0), (11, 1)] {
        let config = GraphConfig { nodes, node_labels, classes: 0, ..SMALL };
        let (net, shape) = (net(config), shape(config));
        let (weights, length) = (weights(&net), shape.length());
        let tokens: Vec<u32> = (0..length).map(|i| (i * i + i / 3) as u32 % 4).collect();
        let before = logits(&net, &weights, &tokens, 1);
        let to: Vec<usize> = (0..nodes).map(|i| (i * (nodes / 2 + 1) + 2 + i / 4) % nodes).collect();
        let mut seen = to.clone();
        seen.sort_unstable();
        seen.dedup();
        let to = if seen.len() == nodes { to } else { (0..nodes).map(|i| nodes - 1 - i).collect() };
        let after = logits(&net, &weights, &renumbered(shape, &tokens, 1, &to), 1);
        let want = renumbered(shape, &before, 3, &to);
        assert_ne!(before, after);
        for (own, want) in after.iter().zip(&want) {
            // Only the order of sums over nodes differs: some roundings of 6e-8 of numbers of
            // size 1 to 10 through two blocks.
            assert!(own == want || (own - want).abs() < 2e-5 * want.abs().max(1.0), "{own} {want}");
        }
    }
}

/// Checks that the network tells apart what a sum over neighbours cannot: two triangles from a
/// hexagon.
#[test]
fn two_triangles_are_no_hexagon() {
    let config = GraphConfig { nodes: 6, node_labels: 0, edge_labels: 1, letters: 3, classes: 0, ..SMALL };
    let (net, shape) = (net(config), shape(config));
    let row = |edges: [(usize, usize); 6]| {
        let mut tokens = vec![0; shape.length()];
        edges.iter().for_each(|(a, b)| tokens[shape.edge(*a, *b).unwrap()] = 1);
        tokens
    };
    let hexagon = row([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]);
    let triangles = row([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]);
    let weights = weights(&net);
    let edge = shape.edge(0, 1).unwrap();
    let [a, b] = [hexagon, triangles].map(|tokens| logits(&net, &weights, &tokens, 1)[2 * edge]);
    assert!((a - b).abs() > 1e-3, "{a} {b}");
}

#[test]
fn a_row_does_not_depend_on_its_company() {
    for (nodes, node_labels) in [(2, 1), (6, 0), (17, 2)] {
        let config = GraphConfig { width: 24, nodes, node_labels, classes: 0, ..SMALL };
        let (net, length) = (net(config), shape(config).length());
        let (weights, tokens) = (weights(&net), letters_in_turn(4, 7 * length));
        let f = normals(7 * net.features(), 2);
        let part = |first: usize, count: usize| {
            let f = &f[first * net.features()..][..count * net.features()];
            let rows = Rows::of_tokens(&tokens[first * length..][..count * length], f);
            net.pass(count).forward(&weights, rows, count, false).unwrap().to_vec()
        };
        let all = part(0, 7);
        for (first, count) in [(0, 2), (3, 2), (2, 4)] {
            assert_eq!(part(first, count), all[first * length * 3..][..count * length * 3], "{nodes} {first}");
        }
    }
}

#[test]
fn the_first_prediction_is_uniform() {
    let config = GraphConfig { fourier: 0, classes: 0, ..SMALL };
    let net = net(config);
    let tokens = letters_in_turn(4, 30);
    assert_eq!(logits(&net, &net.init(1), &tokens, 3), vec![0.0; 90]);
}

#[test]
fn rows_that_are_no_graphs_are_refused() {
    let net = net(GraphConfig { fourier: 0, classes: 0, ..SMALL });
    let weights = weights(&net);
    let refused = |rows: Rows<'_>, words: &str| {
        let error = net.pass(2).forward(&weights, rows, 2, false).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let mut tokens = letters_in_turn(4, 20);
    tokens[13] = 4;
    refused(Rows::of_tokens(&tokens, &[]), "row 1, position 3");
    refused(Rows::of_tokens(&tokens[..9], &[]), "2 × 10 tokens");
    refused(Rows::new(&[0.0; 20], &[]), "not of numbers");
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let refused = |config: GraphConfig, shape: &[usize], words: &str| {
        let error = NetworkSpec::from(config).build(shape, &Device::default()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let good = GraphConfig::new(GraphShape::new(6, 0, 1).unwrap(), 32, 3, 4);
    assert!(NetworkSpec::from(good).build(&[15], &Device::default()).is_ok());
    refused(good, &[21], "shape [15], for 6 nodes, got [21]");
    refused(good, &[3, 5], "[3 × 5]");
    refused(GraphConfig { heads: 3, ..good }, &[15], "a divisor of the width 32");
    refused(GraphConfig { nodes: 33, ..good }, &[15], "nodes");
    refused(GraphConfig { nodes: 1, ..good }, &[0], "2 to 32");
    refused(GraphConfig { letters: 4, ..good }, &[15], "letters");
    refused(GraphConfig { letters: 1, ..good }, &[15], "letters");
    refused(GraphConfig { edge_labels: usize::MAX, ..good }, &[15], "edge labels");
    refused(GraphConfig { classes: 1 << 20, width: 1 << 12, ..good }, &[15], "too large");
}

#[test]
fn the_document_names_what_differs_from_the_default() {
    let spec = NetworkSpec::from(GraphConfig::new(GraphShape::new(6, 0, 1).unwrap(), 32, 3, 4));
    let text = serde_json::to_string(&spec).unwrap();
    let want =
        r#"{"kind":"graph","width":32,"depth":3,"heads":4,"nodes":6,"node_labels":0,"edge_labels":1,"letters":3}"#;
    assert_eq!(text, want);
    assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec);
    assert!(serde_json::from_str::<NetworkSpec>(&text.replace("letters", "lettres")).is_err());
    let spec = NetworkSpec::from(SMALL);
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec);
}

use super::*;
use crate::nn::check::{check_gradient, normals, sorts};
use crate::nn::net::Rows;

fn config(numbers: usize, categories: &[usize], fourier: usize, classes: usize) -> TableConfig {
    TableConfig { width: 12, depth: 2, heads: 3, fourier, classes, numbers, categories: categories.to_vec() }
}

fn net(config: &TableConfig) -> TableNet {
    TableNet::new(config.clone(), &[config.numbers + config.categories.len()]).unwrap()
}

fn weights(net: &TableNet) -> Vec<f32> {
    // No weight is zero, and none dominates.
    Parameter::normals(net.parameters(), 3, |parameter| match parameter.shape[0] {
        _ if matches!(parameter.name.as_str(), "number" | "category") => 0.7,
        1 => 0.35,
        // Far from zero, where the normalised queries and keys bend.
        inputs if parameter.name.ends_with("qkv.w") => 1.5 / (inputs as f32).sqrt(),
        inputs => 0.7 / (inputs as f32).sqrt(),
    })
}

/// Letters of each column in turn, with masks.
fn letters(config: &TableConfig, count: usize) -> Vec<u32> {
    let d = config.categories.len();
    let letter = |place: usize| {
        let size = config.categories[place % d];
        let letter = place % (size + 1);
        if letter == size { config.vocab() as u32 } else { letter as u32 }
    };
    (0..count * d).map(letter).collect()
}

#[test]
fn the_way_back_is_the_gradient() {
    for (numbers, categories, fourier, classes) in
        [(2, &[3, 2][..], 4, 3), (0, &[4, 1, 2], 0, 0), (3, &[2], 2, 0), (1, &[5, 5], 3, 2)]
    {
        let config = config(numbers, categories, fourier, classes);
        let (net, count) = (net(&config), 3);
        let weights = weights(&net);
        let mut x = normals(count * numbers, 5);
        if let Some(last) = x.last_mut() {
            *last = f32::NAN;
        }
        let tokens = letters(&config, count);
        let (f, labels) = sorts(&net, count);
        let rows = Rows { labels: &labels, x: &x, ..Rows::of_tokens(&tokens, &f) };
        let size = numbers + categories.len() * config.vocab();
        let g = normals(count * size, 1);
        let value = |weights: &[f32]| {
            let mut pass = net.pass(count);
            let out = pass.forward(weights, rows, count, false).unwrap();
            let valid = out.iter().zip(&g).filter(|(z, _)| z.is_finite());
            valid.map(|(z, g)| f64::from(*z) * f64::from(*g)).sum::<f64>()
        };
        let (mut pass, mut gradient) = (net.pass(count), vec![0.0; weights.len()]);
        pass.forward(&weights, rows, count, true).unwrap();
        pass.back(&weights, rows, &g, Some(&mut gradient), None).unwrap();
        check_gradient("weights", &weights, &gradient, 5e-3, value).unwrap();
    }
}

#[test]
fn letters_of_other_columns_have_probability_zero() {
    let config = config(1, &[3, 2], 2, 0);
    let (net, tokens) = (net(&config), [0, 1, 3, 3]);
    let (weights, (f, _)) = (weights(&net), sorts(&net, 2));
    let rows = Rows { x: &[0.5, f32::NAN], ..Rows::of_tokens(&tokens, &f) };
    let mut pass = net.pass(2);
    let out = pass.forward(&weights, rows, 2, false).unwrap();
    let valid: Vec<bool> = out.iter().map(|z| z.is_finite()).collect();
    assert_eq!(valid[..7], [true, true, true, true, true, true, false]);
    // A number that is missing has an output too, which no loss reads.
    assert!(out[7].is_finite());
    let refused = |x: &[f32], tokens: &[u32], words: &str| {
        let mut pass = net.pass(2);
        let rows = Rows { x, ..Rows::of_tokens(tokens, &f) };
        let error = pass.forward(&weights, rows, 2, false).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&[0.5], &tokens, "2 numbers and 4 letters");
    refused(&[0.5, 0.5], &[0, 2, 0, 0], "column 1 of categories");
    refused(&[0.5, 0.5], &[4, 0, 0, 0], "the mask 3");
}

#[test]
fn bad_sizes_are_refused() {
    let refused = |config: TableConfig, shape: &[usize], words: &str| {
        let error = TableNet::new(config, shape).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(config(1, &[], 2, 0), &[1], "column of categories");
    refused(config(1, &[2], 0, 0), &[2], "fourier");
    refused(config(0, &[2, 0], 0, 0), &[2], "categories");
    refused(config(0, &[2, 3], 0, 0), &[3], "shape [2]");
}

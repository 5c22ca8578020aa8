use super::*;
use crate::nn::check::{check_token_gradients, letters_in_turn, sorts};
use crate::nn::kernels::Dropout;
use crate::nn::net::Rows;
use crate::{Device, NetworkSpec};

const SMALL: SequenceConfig = SequenceConfig {
    width: 12,
    depth: 2,
    heads: 3,
    fourier: 4,
    classes: 3,
    letters: 6,
    vocab: 5,
    causal: false,
    rotary: true,
    near: 2,
    pairs: 2,
};

fn weights(net: &Sequence) -> Vec<f32> {
    // No weight is zero, and none dominates.
    let tables = ["token", "position", "near", "pair"];
    Parameter::normals(net.parameters(), 3, |parameter| match parameter.shape[0] {
        _ if tables.contains(&parameter.name.as_str()) => 0.7,
        1 => 0.35,
        // Far from zero, where the normalised queries and keys bend.
        inputs if parameter.name.ends_with("qkv.w") => 1.5 / (inputs as f32).sqrt(),
        inputs => 0.7 / (inputs as f32).sqrt(),
    })
}

fn logits(net: &Sequence, weights: &[f32], tokens: &[u32], count: usize) -> Vec<f32> {
    let (f, labels) = sorts(net, count);
    let rows = Rows { labels: &labels, ..Rows::of_tokens(tokens, &f) };
    net.pass(count).forward(weights, rows, count, false).unwrap().to_vec()
}

#[test]
fn the_way_back_is_the_gradient() {
    for (fourier, classes, causal) in [(4, 3, false), (0, 0, false), (0, 2, true), (3, 0, true)] {
        let net = Sequence::new(SequenceConfig { fourier, classes, causal, ..SMALL }, &[7]).unwrap();
        check_token_gradients(&net, &weights(&net), 6, 7, 5, 5e-3).unwrap();
    }
    // More than a tile of the attention, the last of them partial.
    let net = Sequence::new(SequenceConfig { depth: 1, causal: true, ..SMALL }, &[70]).unwrap();
    check_token_gradients(&net, &weights(&net), 6, 70, 2, 5e-3).unwrap();
}

/// Checks every bit: a causal network cannot read the letters that it is to predict.
#[test]
fn only_a_causal_network_does_not_see_what_follows() {
    for (length, causal) in [(9, true), (9, false), (100, true)] {
        let net = Sequence::new(SequenceConfig { causal, ..SMALL }, &[length]).unwrap();
        let (weights, tokens) = (weights(&net), letters_in_turn(6, 2 * length));
        let before = logits(&net, &weights, &tokens, 2);
        for place in [1, length / 2, length - 1] {
            let mut other = tokens.clone();
            other[place] = (other[place] + 1) % 6;
            let after = logits(&net, &weights, &other, 2);
            assert_eq!(before[..place * 5] == after[..place * 5], causal, "{length} {place}");
            assert_ne!(before[place * 5..length * 5], after[place * 5..length * 5]);
            // The second row is another one.
            assert_eq!(before[length * 5..], after[length * 5..]);
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_company() {
    for length in [1, 12, 70] {
        let config = SequenceConfig { width: 48, classes: 0, ..SMALL };
        let net = Sequence::new(config, &[length]).unwrap();
        let (weights, tokens) = (weights(&net), letters_in_turn(6, 9 * length));
        let f = crate::nn::check::normals(9 * net.features(), 2);
        let part = |first: usize, count: usize| {
            let f = &f[first * net.features()..][..count * net.features()];
            let rows = Rows::of_tokens(&tokens[first * length..][..count * length], f);
            net.pass(count).forward(&weights, rows, count, false).unwrap().to_vec()
        };
        let all = part(0, 9);
        for (first, count) in [(0, 2), (3, 2), (2, 5), (4, 5)] {
            assert_eq!(part(first, count), all[first * length * 5..][..count * length * 5], "{length} {first}");
        }
    }
}

#[test]
fn the_first_prediction_is_uniform_and_learns() {
    let config = SequenceConfig { fourier: 0, classes: 0, ..SMALL };
    let net = Sequence::new(config, &[8]).unwrap();
    let (weights, tokens) = (net.init(1), letters_in_turn(6, 24));
    assert_eq!(net.features(), 0);
    assert_eq!(logits(&net, &weights, &tokens, 3), vec![0.0; 24 * 5]);
    // Without a noise level the condition is not zero either, or no modulation would learn.
    let mut moved = weights.clone();
    let parameters = net.parameters();
    let named = |name: &str| parameters.iter().find(|parameter| parameter.name == name).unwrap();
    named("out.w").of_mut(&mut moved).fill(0.1);
    named("block.0.mod.w").of_mut(&mut moved).fill(0.01);
    named("out.mod.w").of_mut(&mut moved).copy_from_slice(&crate::nn::check::normals(12 * 24, 5));
    let mut pass = net.pass(3);
    let rows = Rows::of_tokens(&tokens, &[]);
    let out = pass.forward(&moved, rows, 3, true).unwrap().to_vec();
    let mut gradient = vec![0.0; moved.len()];
    pass.back(&moved, rows, &out, Some(&mut gradient), None).unwrap();
    for name in ["token", "position", "time.b", "block.0.mod.w", "block.0.qkv.w", "out.mod.w", "out.w"] {
        assert!(named(name).of(&gradient).iter().any(|g| *g != 0.0), "{name}");
    }
}

#[test]
fn rows_that_are_no_tokens_are_refused() {
    let net = Sequence::new(SequenceConfig { fourier: 0, classes: 0, ..SMALL }, &[3]).unwrap();
    let weights = weights(&net);
    let refused = |rows: Rows<'_>, words: &str| {
        let error = net.pass(2).forward(&weights, rows, 2, false).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(Rows::of_tokens(&[0, 1, 2, 3, 6, 5], &[]), "row 1, position 1");
    refused(Rows::of_tokens(&[0, 1, 2, 3], &[]), "2 × 3 tokens");
    refused(Rows::new(&[0.0; 6], &[]), "not of numbers");
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let refused = |config: SequenceConfig, shape: &[usize], words: &str| {
        let error = NetworkSpec::from(config).build(shape, &Device::default()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let good = SequenceConfig::new(27, 28, 64, 4, 4);
    assert!(NetworkSpec::from(good).build(&[12], &Device::default()).is_ok());
    refused(good, &[8, 8], "[8 × 8]");
    refused(good, &[0], "at least 1 token");
    refused(good, &[], "shape [length]");
    refused(good, &[1 << 15], "too long");
    refused(SequenceConfig { heads: 3, ..good }, &[12], "a divisor of the width 64");
    refused(SequenceConfig { width: 0, ..good }, &[12], "width");
    refused(SequenceConfig { letters: 1, ..good }, &[12], "letters");
    refused(SequenceConfig { vocab: usize::MAX, ..good }, &[12], "vocab");
    refused(SequenceConfig { letters: 1 << 20, width: 1 << 12, ..good }, &[12], "too large");
    refused(SequenceConfig { classes: 1 << 20, width: 1 << 12, ..good }, &[12], "too large");
}

#[test]
fn the_document_names_what_differs_from_the_default() {
    let spec = NetworkSpec::from(SequenceConfig::new(27, 28, 64, 4, 4));
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(
        text,
        r#"{"kind":"sequence","width":64,"depth":4,"heads":4,"letters":28,"vocab":27,"rotary":true,"near":4,"pairs":3}"#
    );
    assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec);
    let spec = NetworkSpec::from(SequenceConfig { causal: true, fourier: 16, classes: 2, ..SMALL });
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec);
    assert!(serde_json::from_str::<NetworkSpec>(&text.replace("causal", "casual")).is_err());
}

/// The elements that a row loses follow from its key alone.
#[test]
fn dropout_is_a_function_of_the_keys() {
    let net = Sequence::new(SequenceConfig { classes: 0, fourier: 0, ..SMALL }, &[7]).unwrap();
    let (weights, tokens) = (weights(&net), letters_in_turn(6, 7).repeat(3));
    let out = |keys: &[u64], rate: f32| {
        let rows = Rows { dropout: Dropout::new(rate, keys), ..Rows::of_tokens(&tokens, &[]) };
        net.pass(3).forward(&weights, rows, 3, false).unwrap().to_vec()
    };
    let part = |out: &[f32], row: usize| out[row * 35..][..35].to_vec();
    let (whole, some) = (out(&[], 0.5), out(&[4, 5, 4], 0.5));
    assert_eq!(out(&[4, 5, 4], 0.0), whole);
    assert!(part(&some, 0) == part(&some, 2) && part(&some, 0) != part(&some, 1));
    assert!(part(&some, 0) != part(&whole, 0));
    assert_eq!(part(&out(&[5, 5, 9], 0.5), 0), part(&some, 1));
}

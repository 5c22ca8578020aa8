//! Operations on a data set, independent of the source of its rows.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin::SampleId;
use langevin_data::{Augment, Dataset, Statistics};

/// Order of 10 rows with seed 7.
const SEVEN: [usize; 10] = [5, 0, 8, 7, 4, 6, 1, 9, 3, 2];
/// Order of 9 rows with seed 0.
const ZERO: [usize; 9] = [6, 3, 5, 0, 7, 1, 8, 4, 2];
/// First two uniforms of seed 1, draw 5, samples 0, 1 and 2.
const UNIFORMS: [[f64; 2]; 3] = [[0.793_825, 0.662_302_5], [0.798_620_7, 0.809_809_3], [0.590_109_2, 0.667_538_6]];

fn numbered(rows: usize, shape: &[usize]) -> Dataset {
    let width: usize = shape.iter().product();
    Dataset::new("numbered", (0..rows * width).map(|i| i as f32).collect(), shape).unwrap()
}

fn first_numbers(data: &Dataset) -> Vec<usize> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut out = vec![0.0; data.rows() * data.width()];
    data.read(&rows, &mut out).unwrap();
    out.chunks_exact(data.width()).map(|row| row[0] as usize / data.width()).collect()
}

/// The expected order was computed by another program from the definition of the noise and of the
/// split.
#[test]
fn a_split_is_that_of_the_training_crate() {
    let (train, held) = numbered(10, &[2]).split(0.3, 7);
    assert_eq!([first_numbers(&held), first_numbers(&train)].concat(), SEVEN);
    assert_eq!((held.rows(), train.rows()), (3, 7));
    let (train, held) = numbered(9, &[1]).split(0.5, 0);
    assert_eq!([first_numbers(&held), first_numbers(&train)].concat(), ZERO);
    assert_eq!(held.rows(), 5, "4.5 is rounded away from 0");
}

#[test]
fn a_collection_is_shared_among_threads() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    shared(&numbered(2, &[1]));
    assert!(format!("{:?}", numbered(9999, &[9])).len() < 200);
}

#[test]
fn both_parts_of_a_split_have_a_row() {
    for share in [-1.0, 0.0, f64::NAN, 0.5, 1.0, 7.0] {
        let (train, held) = numbered(2, &[1]).split(share, 3);
        assert_eq!((train.rows(), held.rows()), (1, 1));
        let (one, same) = train.split(share, 3);
        assert_eq!((first_numbers(&one), first_numbers(&same)), (first_numbers(&train), first_numbers(&train)));
    }
}

#[test]
fn labels_follow_their_rows() {
    let of: Vec<u32> = (0..10).map(|i| i % 3).collect();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    let data = Dataset::new("ten", (0..10).map(|i| i as f32).collect(), &[1]).unwrap().labeled(of, classes).unwrap();
    let (train, held) = data.split(0.4, 1);
    let (deeper, _) = train.split(0.5, 2);
    for part in [train, held, deeper] {
        let expected: Vec<u32> = first_numbers(&part).iter().map(|row| *row as u32 % 3).collect();
        assert_eq!((part.labels().unwrap(), part.classes().len()), (&expected[..], 3));
    }
}

#[test]
fn rows_in_memory_are_checked() {
    let text = |values: Vec<f32>, shape: &[usize], labels: Option<(Vec<u32>, Vec<String>)>| {
        let data = Dataset::new("bad", values, shape);
        let error = match labels {
            Some((of, classes)) => data.unwrap().labeled(of, classes),
            None => data,
        }
        .unwrap_err();
        assert!(error.is_data());
        error.to_string()
    };
    assert!(text(vec![0.0; 4], &[], None).starts_with("a sample has no element (bad)"));
    assert!(text(vec![0.0; 4], &[2, 0], None).contains("got [2, 0]"));
    assert!(text(vec![0.0; 4], &[usize::MAX, 2], None).starts_with("a sample has no element"));
    assert!(text(vec![0.0; 5], &[2], None).contains("expected a positive multiple of 2 (shape [2]), got 5"));
    assert!(text(vec![], &[2], None).ends_with("got 0"));
    assert!(text(vec![0.0; 2], &[1], Some((vec![0], vec!["a".into()]))).contains("expected 2 labels, got 1"));
    assert!(text(vec![0.0; 2], &[1], Some((vec![0, 1], vec!["a".into()]))).contains("row 2"));
}

#[test]
fn a_read_is_checked() {
    let data = numbered(3, &[2]);
    for (rows, room) in [(vec![3], 2), (vec![0], 3), (vec![0, 1], 2), (vec![usize::MAX], 2)] {
        assert!(data.read(&rows, &mut vec![0.0; room]).unwrap_err().is_argument());
    }
    data.read(&[], &mut []).unwrap();
}

#[test]
fn statistics_are_those_of_the_training_crate() {
    // The expected values follow the formulas in the same order of summation.
    let values: Vec<f32> = (0..3000).map(|i| ((i * 7919) % 1013) as f32 / 7.0 - 50.0).collect();
    let data = Dataset::new("columns", values.clone(), &[3]).unwrap();
    let column = |j: usize| values.iter().skip(j).step_by(3).map(|value| f64::from(*value));
    let mean: Vec<f64> = (0..3).map(|j| column(j).sum::<f64>() / 1000.0).collect();
    let deviation: Vec<f64> =
        (0..3).map(|j| (column(j).map(|value| (value - mean[j]).powi(2)).sum::<f64>() / 1000.0).sqrt()).collect();
    assert_eq!(data.statistics().unwrap(), Statistics::Columns { mean, deviation });
    assert_eq!(numbered(5, &[2, 3]).statistics().unwrap(), Statistics::Range { low: 0.0, high: 29.0 });
    // The rounded mean of 0.1 is not 0.1, which must not count as a spread.
    let constant = Dataset::new("constant", vec![0.1; 7], &[1]).unwrap();
    assert!(matches!(constant.statistics().unwrap(), Statistics::Columns { deviation, .. } if deviation == [0.0]));
}

#[test]
fn augmentation_is_a_function_of_the_sample_alone() {
    let data = numbered(40, &[5, 7, 3]);
    let augment = Augment::default().crop(3, 4).flip(true);
    let ids: Vec<SampleId> = (0..40).map(|index| SampleId { seed: 1, index }).collect();
    let rows: Vec<usize> = (0..40).map(|row| row * 7 % 40).collect();
    let width = 3 * 4 * 3;
    let mut all = vec![0.0; 40 * width];
    data.read_augmented(&rows, &ids, 5, &augment, &mut all).unwrap();
    let (mut flips, mut tops) = (0, [0; 3]);
    for i in (0..40).rev() {
        let mut one = vec![0.0; width];
        data.read_augmented(&rows[i..=i], &ids[i..=i], 5, &augment, &mut one).unwrap();
        assert_eq!(one, all[i * width..(i + 1) * width]);
        // Every value encodes its origin.
        let origin = |k: usize| (one[k] as usize - rows[i] * 105) / 3;
        let (start, next) = (origin(0), origin(3));
        let flipped = next < start;
        flips += usize::from(flipped);
        let (top, left) = (start / 7, start % 7 - if flipped { 3 } else { 0 });
        tops[top] += 1;
        for line in 0..3 {
            for x in 0..4 {
                let from = if flipped { 3 - x } else { x };
                for channel in 0..3 {
                    let expected = rows[i] * 105 + ((top + line) * 7 + left + from) * 3 + channel;
                    assert_eq!(one[(line * 4 + x) * 3 + channel], expected as f32);
                }
            }
        }
    }
    assert!((8..32).contains(&flips) && tops.iter().all(|count| *count > 3), "{flips} {tops:?}");
    let mut other = vec![0.0; 40 * width];
    data.read_augmented(&rows, &ids, 6, &augment, &mut other).unwrap();
    assert_ne!(all, other);
    // Flips do not change the crops.
    data.read_augmented(&rows, &ids, 5, &Augment::default().crop(3, 4), &mut other).unwrap();
    let sum = |values: &[f32]| values.chunks_exact(width).map(|v| v.iter().sum::<f32>()).collect::<Vec<_>>();
    assert_eq!(sum(&all), sum(&other));
}

/// The uniforms of the first three samples were computed by another program.
#[test]
fn a_crop_begins_where_the_noise_says() {
    let data = numbered(3, &[100, 1000]);
    for (index, [top, left]) in UNIFORMS.into_iter().enumerate() {
        let mut one = [0.0];
        let id = SampleId { seed: 1, index: index as u64 };
        data.read_augmented(&[0], &[id], 5, &Augment::default().crop(1, 1), &mut one).unwrap();
        assert_eq!(one[0], ((top * 100.0).floor() * 1000.0 + (left * 1000.0).floor()) as f32);
    }
}

#[test]
fn what_cannot_be_augmented_is_said() {
    let (ids, mut out) = ([SampleId::default()], [0.0; 6]);
    let flip = Augment::default().flip(true);
    let text = |shape: &[usize], augment: &Augment, ids: &[SampleId]| {
        let error = numbered(2, shape).read_augmented(&[0], ids, 0, augment, &mut [0.0; 6]).unwrap_err();
        assert!(error.is_argument());
        error.to_string()
    };
    assert!(text(&[6], &flip, &ids).starts_with("only pictures can be cropped and flipped: expected samples of shape"));
    assert!(text(&[1, 2, 3, 1], &flip, &ids).contains("got [1, 2, 3, 1]"));
    assert!(
        text(&[2, 3], &Augment::default().crop(3, 3), &ids).contains("expected 1 to 2 high and 1 to 3 wide, got 3 × 3")
    );
    assert!(text(&[2, 3], &Augment::default().crop(0, 3), &ids).starts_with("the crop does not fit"));
    assert!(text(&[2, 3], &flip, &[]).starts_with("every row needs an id"));
    numbered(2, &[6]).read_augmented(&[1], &ids, 0, &Augment::default(), &mut out).unwrap();
    assert_eq!(out[0], 6.0);
}

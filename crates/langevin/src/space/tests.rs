use super::*;

fn ids(count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed: 9, index }).collect()
}

#[test]
fn combine_multiplies_then_adds_in_the_listed_order() {
    let space = SliceSpace::<f32>::new(2);
    let (x, y) = (vec![0.1_f32, 0.2, 0.3, 0.4], vec![1e8_f32, -1e8, 3.0, 7.0]);
    let rows = ids(2);
    let mut z = vec![0.0; 4];
    crate::noise::fill_normals(&rows, 3, 2, &mut z);
    let out = space
        .combine(Some((Coef::All(0.7), x.clone())), &[(Coef::All(1.0 / 3.0), &y)], &[(Coef::All(0.25), 3)], &rows)
        .unwrap();
    for i in 0..4 {
        assert_eq!(out[i], 0.7_f32 * x[i] + (1.0 / 3.0) as f32 * y[i] + 0.25 * z[i]);
    }
    let fresh = space
        .combine(None, &[(Coef::All(0.7), &x), (Coef::All(1.0 / 3.0), &y)], &[(Coef::All(0.25), 3)], &rows)
        .unwrap();
    assert_eq!(out, fresh, "in place or not is the same");
    assert_eq!(space.combine(None, &[], &[], &rows).unwrap(), [0.0; 4]);
}

#[test]
fn recycled_memory_carries_nothing_over() {
    let space = SliceSpace::<f64>::new(1);
    space.recycle(vec![f64::NAN; 8]);
    assert_eq!(space.combine(None, &[], &[], &ids(3)).unwrap(), [0.0; 3]);
}

#[test]
fn per_row_coefficients() {
    let space = SliceSpace::<f64>::new(2);
    let x = vec![1.0, 2.0, 3.0, 4.0];
    let rows = ids(2);
    let coefs = [10.0, 100.0];
    assert_eq!(space.combine(None, &[(Coef::PerRow(&coefs), &x)], &[], &rows).unwrap(), [10.0, 20.0, 300.0, 400.0]);
    let same = space.combine(None, &[(Coef::All(2.0), &x)], &[(Coef::PerRow(&[0.5, 0.5]), 1)], &rows).unwrap();
    assert_eq!(same, space.combine(None, &[(Coef::All(2.0), &x)], &[(Coef::All(0.5), 1)], &rows).unwrap());
}

#[test]
fn wrong_sizes_are_refused() {
    let space = SliceSpace::<f64>::new(2);
    let x = vec![1.0; 3];
    assert!(space.combine(None, &[(Coef::All(1.0), &x)], &[], &ids(2)).unwrap_err().is_shape());
    assert!(space.combine(Some((Coef::All(1.0), x.clone())), &[], &[], &ids(2)).unwrap_err().is_shape());
    assert!(space.combine(None, &[(Coef::PerRow(&[1.0]), &vec![1.0; 4])], &[], &ids(2)).unwrap_err().is_shape());
    assert!(space.map(&Map::Mul, &[&x]).unwrap_err().is_shape());
    assert!(space.map(&Map::Mul, &[&x, &vec![1.0]]).unwrap_err().is_shape());
    assert!(space.map(&Map::Hook { name: "mask".into() }, &[&x]).unwrap_err().to_string().contains("mask"));
    let tolerance = Tolerance { absolute: 1.0, relative: 0.0 };
    assert!(space.error_norms(&x, &vec![1.0], &x, tolerance).unwrap_err().is_shape());
    assert!(space.error_norms(&x, &x, &vec![1.0], tolerance).unwrap_err().is_shape());
}

#[test]
fn maps() {
    let space = SliceSpace::<f64>::new(4);
    let x = vec![-3.0, -0.5, 0.5, 2.0];
    assert_eq!(space.map(&Map::Clamp { min: -1.0, max: 1.0 }, &[&x]).unwrap(), [-1.0, -0.5, 0.5, 1.0]);
    assert_eq!(space.map(&Map::Mul, &[&x, &x]).unwrap(), [9.0, 0.25, 0.25, 4.0]);
    // The largest absolute value, 3, is beyond max: s = 2.
    assert_eq!(space.map(&Map::Threshold { ratio: 1.0, max: 2.0 }, &[&x]).unwrap(), [-1.0, -0.25, 0.25, 1.0]);
    // s is never below 1.
    assert_eq!(space.map(&Map::Threshold { ratio: 0.01, max: 2.0 }, &[&x]).unwrap(), [-1.0, -0.5, 0.5, 1.0]);
    let std = space.map(&Map::LearnedStd { small: 0.5, large: 2.0 }, &[&vec![-1.0, 1.0, 0.0, 0.0]]).unwrap();
    for (got, expected) in std.iter().zip([0.5, 2.0, 1.0, 1.0]) {
        assert!((got - expected).abs() < 1e-15);
    }
    let (low, high, previous) = (vec![3.0, 4.0, 0.0, 10.0], vec![0.0, 0.0, 0.0, 8.0], vec![0.0, 0.0, 0.0, 20.0]);
    let tolerance = Tolerance { absolute: 1.0, relative: 0.1 };
    // The scaled errors are 3, 4, 0 and 2/(0.1·20) = 1.
    assert_eq!(space.error_norms(&low, &high, &previous, tolerance).unwrap(), [(26.0_f64 / 4.0).sqrt()]);
}

/// A space on which only the required row-wise methods are defined.
struct Minimal(SliceSpace<f64>);

impl Space for Minimal {
    type State = Vec<f64>;
    fn combine(
        &self,
        own: Option<(Coef<'_>, Vec<f64>)>,
        terms: &[(Coef<'_>, &Vec<f64>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Vec<f64>> {
        self.0.combine(own, terms, noise, rows)
    }
    fn map(&self, map: &Map, args: &[&Vec<f64>]) -> Result<Vec<f64>> {
        self.0.map(map, args)
    }
}

impl RowWise for Minimal {
    fn width(&self) -> usize {
        self.0.width()
    }
    fn upload(&self, values: &[f64]) -> Result<Vec<f64>> {
        self.0.upload(values)
    }
    fn download(&self, state: &Vec<f64>) -> Result<Vec<f64>> {
        self.0.download(state)
    }
}

#[test]
fn provided_row_wise_methods_have_the_bits_of_the_slices_own() {
    let (slices, minimal) = (SliceSpace::<f64>::new(2), Minimal(SliceSpace::new(2)));
    let x = vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    let y = vec![1.5, -2.5, 3.5, 0.25, -0.125, 9.0];
    assert_eq!(minimal.dots(&x, &y).unwrap(), slices.dots(&x, &y).unwrap());
    let floor = [1.0, 2.0, 3.0];
    let norms = slices.relative_norms(&x, &y, &x, &floor).unwrap();
    assert_eq!(minimal.relative_norms(&x, &y, &x, &floor).unwrap(), norms);
    let first: f64 = (0.1_f64 / 2.5).powi(2) + (0.2_f64 / 3.5).powi(2);
    assert_eq!(norms[0], (first / 2.0).sqrt());
    assert_eq!(minimal.take_rows(&x, &[2, 0]).unwrap(), [0.5, 0.6, 0.1, 0.2]);
    assert_eq!(slices.take_rows(&x, &[2, 0]).unwrap(), [0.5, 0.6, 0.1, 0.2]);
    for put in [minimal.put_rows(x.clone(), &y, &[[0, 2]]), slices.put_rows(x.clone(), &y, &[[0, 2]])] {
        assert_eq!(put.unwrap(), [0.1, 0.2, 0.3, 0.4, 1.5, -2.5]);
    }
    assert!(slices.dots(&x, &vec![1.0]).unwrap_err().is_shape());
    assert!(slices.upload(&[1.0]).unwrap_err().is_shape());
    assert!(slices.take_rows(&x, &[3]).unwrap_err().is_shape());
    assert!(slices.put_rows(x.clone(), &y, &[[0, 3]]).unwrap_err().is_shape());
    assert!(slices.relative_norms(&x, &y, &x, &floor[..2]).unwrap_err().is_shape());
}

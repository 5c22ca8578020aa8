//! Conversion between f64 and the tensor types of ONNX.

use half::{bf16, f16};
use ort::session::SessionInputValue;
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorElementType};
use std::fmt::Debug;

/// Returns NumPy's name of a type.
pub(crate) fn name(kind: TensorElementType) -> String {
    use TensorElementType::{Bfloat16, Float8E4M3FN, Float8E5M2};
    match kind {
        Bfloat16 => "bfloat16".to_owned(),
        Float8E4M3FN => "float8_e4m3fn".to_owned(),
        Float8E5M2 => "float8_e5m2".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The numbers of the types in ONNX files (`TensorProto.DataType`).
const NUMBERS: [(i32, TensorElementType); 14] = {
    use TensorElementType::{
        Bfloat16, Bool, Float16, Float32, Float64, Int8, Int16, Int32, Int64, String, Uint8, Uint16, Uint32, Uint64,
    };
    [
        (1, Float32),
        (2, Uint8),
        (3, Int8),
        (4, Uint16),
        (5, Int16),
        (6, Int32),
        (7, Int64),
        (8, String),
        (9, Bool),
        (10, Float16),
        (11, Float64),
        (12, Uint32),
        (13, Uint64),
        (16, Bfloat16),
    ]
};

/// Returns the type of a number in ONNX files; `Undefined` for types that are not read.
pub(crate) fn of_number(number: i32) -> TensorElementType {
    let found = NUMBERS.iter().find(|(own, _)| *own == number);
    found.map_or(TensorElementType::Undefined, |(_, kind)| *kind)
}

/// Returns the number of a type in ONNX files; 0 for types that are not read.
pub(crate) fn number(kind: TensorElementType) -> i32 {
    NUMBERS.iter().find(|(_, own)| *own == kind).map_or(0, |(number, _)| *number)
}

/// Returns the bytes of a number in an ONNX file, for the types that a time may have. Values of
/// half precision are rounded from single precision, as in [`tensor`].
pub(crate) fn bytes(kind: TensorElementType, value: f64) -> Vec<u8> {
    use TensorElementType as E;
    match kind {
        E::Float16 => f16::from_f32(value as f32).to_le_bytes().to_vec(),
        E::Bfloat16 => bf16::from_f32(value as f32).to_le_bytes().to_vec(),
        E::Float64 => value.to_le_bytes().to_vec(),
        E::Int32 => (value as i32).to_le_bytes().to_vec(),
        E::Int64 => (value as i64).to_le_bytes().to_vec(),
        _ => (value as f32).to_le_bytes().to_vec(),
    }
}

/// Returns true for the floating-point types that are read and written.
pub(crate) fn is_float(kind: TensorElementType) -> bool {
    use TensorElementType::{Bfloat16, Float16, Float32, Float64};
    matches!(kind, Float16 | Bfloat16 | Float32 | Float64)
}

/// Returns true for integer types and for booleans.
fn is_whole(kind: TensorElementType) -> bool {
    whole_range(kind).is_some()
}

/// Returns true if tensors of this type can be made.
pub(crate) fn is_supported(kind: TensorElementType) -> bool {
    is_float(kind) || is_whole(kind)
}

/// Returns the smallest and the largest value of an integer type, limited to the range that a
/// float64 represents exactly.
fn whole_range(kind: TensorElementType) -> Option<(f64, f64)> {
    use TensorElementType::{Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
    const EXACT: f64 = 9_007_199_254_740_992.0;
    Some(match kind {
        Bool => (0.0, 1.0),
        Int8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
        Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        Int64 => (-EXACT, EXACT),
        Uint8 => (0.0, f64::from(u8::MAX)),
        Uint16 => (0.0, f64::from(u16::MAX)),
        Uint32 => (0.0, f64::from(u32::MAX)),
        Uint64 => (0.0, EXACT),
        _ => return None,
    })
}

/// Returns the largest finite value of a floating-point type.
fn largest(kind: TensorElementType) -> f64 {
    match kind {
        TensorElementType::Float16 => f16::MAX.to_f64(),
        TensorElementType::Bfloat16 => bf16::MAX.to_f64(),
        TensorElementType::Float32 => f64::from(f32::MAX),
        _ => f64::MAX,
    }
}

/// Returns the first value that a type cannot hold, together with a description of the values that
/// it can hold. Infinities are accepted for floating-point types, because attention masks use them;
/// NaN is refused.
pub(crate) fn misfit(kind: TensorElementType, values: &[f64]) -> Option<(f64, String)> {
    if let Some((low, high)) = whole_range(kind) {
        let fits = |value: &f64| value.fract() == 0.0 && (low..=high).contains(value);
        let value = values.iter().find(|value| !fits(value))?;
        return Some((*value, format!("whole numbers from {low} to {high}")));
    }
    let most = largest(kind);
    let value = values.iter().find(|value| value.is_nan() || (value.is_finite() && value.abs() > most))?;
    Some((*value, format!("numbers up to {most:e}")))
}

fn made<T>(shape: Vec<i64>, values: &[f64], cast: impl Fn(f64) -> T) -> ort::Result<SessionInputValue<'static>>
where
    T: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    let values: Vec<T> = values.iter().map(|value| cast(*value)).collect();
    Ok(Tensor::from_array((shape, values))?.into())
}

/// Builds a tensor of a [supported](is_supported) type. Values of half precision are rounded from
/// single precision, as NumPy and torch do.
pub(crate) fn tensor(
    kind: TensorElementType,
    shape: Vec<i64>,
    values: &[f64],
) -> ort::Result<SessionInputValue<'static>> {
    use TensorElementType as E;
    match kind {
        E::Float16 => made(shape, values, |value| f16::from_f32(value as f32)),
        E::Bfloat16 => made(shape, values, |value| bf16::from_f32(value as f32)),
        E::Float64 => made(shape, values, |value| value),
        E::Bool => made(shape, values, |value| value != 0.0),
        E::Int8 => made(shape, values, |value| value as i8),
        E::Int16 => made(shape, values, |value| value as i16),
        E::Int32 => made(shape, values, |value| value as i32),
        E::Int64 => made(shape, values, |value| value as i64),
        E::Uint8 => made(shape, values, |value| value as u8),
        E::Uint16 => made(shape, values, |value| value as u16),
        E::Uint32 => made(shape, values, |value| value as u32),
        E::Uint64 => made(shape, values, |value| value as u64),
        _ => made(shape, values, |value| value as f32),
    }
}

/// Returns the shape and the values of a floating-point tensor.
pub(crate) fn numbers(kind: TensorElementType, value: &DynValue) -> ort::Result<(Vec<i64>, Vec<f64>)> {
    use TensorElementType as E;
    Ok(match kind {
        E::Float16 => {
            let (shape, values) = value.try_extract_tensor::<f16>()?;
            (shape.to_vec(), values.iter().map(|value| value.to_f64()).collect())
        }
        E::Bfloat16 => {
            let (shape, values) = value.try_extract_tensor::<bf16>()?;
            (shape.to_vec(), values.iter().map(|value| value.to_f64()).collect())
        }
        E::Float64 => {
            let (shape, values) = value.try_extract_tensor::<f64>()?;
            (shape.to_vec(), values.to_vec())
        }
        _ => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            (shape.to_vec(), values.iter().map(|value| f64::from(*value)).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use TensorElementType as E;

    #[test]
    fn numbers_that_a_type_cannot_hold_are_found() {
        assert_eq!(misfit(E::Float16, &[1.0, -65504.0, f64::NEG_INFINITY]), None);
        assert!(misfit(E::Float16, &[65505.0]).is_some() && misfit(E::Bfloat16, &[65505.0]).is_none());
        assert!(misfit(E::Float32, &[f64::NAN]).is_some());
        assert_eq!(misfit(E::Int64, &[3.0, 0.5]).map(|(value, _)| value), Some(0.5));
        assert!(misfit(E::Uint8, &[-1.0]).is_some() && misfit(E::Uint8, &[255.0]).is_none());
        assert!(misfit(E::Bool, &[2.0]).is_some() && misfit(E::Int32, &[f64::INFINITY]).is_some());
    }

    #[test]
    fn types_have_the_names_of_numpy() {
        assert_eq!([E::Float16, E::Bfloat16, E::Int64, E::Bool].map(name), ["float16", "bfloat16", "int64", "bool"]);
    }
}

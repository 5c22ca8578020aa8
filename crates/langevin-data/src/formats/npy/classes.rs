//! An array that holds the class of each row.
//!
//! | shape | elements | class |
//! |---|---|---|
//! | (rows), (rows, 1), (1, rows) | integers, also of a float type; bool; texts | the element |
//! | (rows, classes) | one-hot rows: a single 1, 0 elsewhere | the position of the 1, from 0 |

use super::header::Layout;
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::labels::{Gather, Labels};
use std::io::Read;

/// Length limit of a class name, in characters.
const LONGEST: usize = 1024;
/// Length limit of a one-hot row.
const WIDEST: usize = 1 << 16;
/// Limit 2⁵³, below which float64 represents all integers exactly.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Storage type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Number(Dtype),
    /// Byte string of this length.
    Bytes(usize),
    /// String of four-byte characters.
    Text {
        length: usize,
        big_endian: bool,
    },
}

impl Element {
    pub(super) fn parse(descr: &str) -> Option<Self> {
        if let Some(dtype) = Dtype::parse(descr) {
            return Some(Self::Number(dtype));
        }
        let plain = descr.trim_start_matches(['<', '>', '|', '=']);
        let length = plain.get(1..)?.parse().ok().filter(|length| (1..=LONGEST).contains(length))?;
        match plain.as_bytes().first()? {
            b'S' | b'a' => Some(Self::Bytes(length)),
            b'U' => Some(Self::Text { length, big_endian: descr.starts_with('>') }),
            _ => None,
        }
    }

    pub(super) fn size(self) -> usize {
        match self {
            Self::Number(dtype) => dtype.size(),
            Self::Bytes(length) => length,
            Self::Text { length, .. } => 4 * length,
        }
    }

    /// Returns the name of a class; `None` if the element is a number that is not an integer.
    pub(super) fn name(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Number(dtype) => match dtype.whole(bytes) {
                Some(whole) => Some(whole.to_string()),
                None => {
                    let value = dtype.value(bytes);
                    (value.fract() == 0.0 && value.abs() < WHOLE).then(|| (value as i64).to_string())
                }
            },
            Self::Bytes(_) => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
            }
            Self::Text { big_endian, .. } => {
                let character = |four: &[u8; 4]| {
                    let code = if big_endian { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) };
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                };
                let text: String = bytes.as_chunks::<4>().0.iter().map(character).collect();
                Some(text.trim_end_matches('\0').to_owned())
            }
        }
    }
}

/// Reads the classes of `rows` rows from a `.npy` array.
pub(crate) fn classes(reader: &mut impl Read, rows: usize) -> Result<Labels> {
    let about = Layout::read(reader)?;
    let Some(element) = Element::parse(&about.descr) else {
        return Err(Error::data("the labels are neither whole numbers nor texts")
            .expected(format!("a number for each row, or a text of at most {LONGEST} characters"))
            .got(about.dtype())
            .hinting("save labels.astype(int), or labels.astype(str) for names"));
    };
    // Axes of size 1 are ignored: (rows, 1) and (1, rows) hold one label for each row.
    let wide = match about.shape[..] {
        [first, wide] if first == rows && wide > 1 && !(rows == 1 && about.descr.contains(['U', 'S'])) => Some(wide),
        _ => None,
    };
    if about.count() != rows.checked_mul(wide.unwrap_or(1)) || about.shape.is_empty() {
        let got = match about.shape[..] {
            [labels, ..] => format!("{labels} labels, shape {:?}", about.shape),
            [] => "a single number".to_owned(),
        };
        return Err(Error::data("the labels do not fit the rows")
            .expected(format!("{rows} labels, one for each row"))
            .got(got));
    }
    let mut gather = Gather::default();
    match (wide, element) {
        (None, _) => {
            let mut bytes = vec![0; element.size()];
            for row in 0..rows {
                fill(reader, &mut bytes)?;
                let name = element.name(&bytes).ok_or_else(|| {
                    let Element::Number(dtype) = element else { return not_whole(row, f64::NAN) };
                    not_whole(row, dtype.value(&bytes))
                })?;
                gather.push(&name);
            }
        }
        (Some(wide), Element::Number(dtype)) if wide <= WIDEST => {
            one_of(reader, dtype, (rows, wide), about.fortran)?
                .iter()
                .for_each(|place| gather.push(&place.to_string()));
        }
        (Some(wide), _) => {
            return Err(Error::data("the labels do not fit the rows")
                .expected(format!("{rows} labels, one for each row"))
                .got(format!("{wide} for each row, shape {:?}", about.shape)));
        }
    }
    if reader.read(&mut [0]).map_err(|error| Error::io("cannot read the file", error))? > 0 {
        return Err(Error::data("the .npy file does not hold what its header says").got("more bytes"));
    }
    Ok(gather.finish())
}

/// Finds the position of the 1 in each row.
fn one_of(reader: &mut impl Read, dtype: Dtype, (rows, wide): (usize, usize), fortran: bool) -> Result<Vec<usize>> {
    let mut bytes = vec![0; dtype.size()];
    let mut places: Vec<Option<usize>> = Vec::new();
    let (outer, inner) = if fortran { (wide, rows) } else { (rows, wide) };
    for i in 0..outer {
        for j in 0..inner {
            fill(reader, &mut bytes)?;
            let (row, place) = if fortran { (j, i) } else { (i, j) };
            if places.len() <= row {
                places.push(None);
            }
            let value = dtype.value(&bytes);
            if value == 1.0 && places[row].is_none() {
                places[row] = Some(place);
            } else if value != 0.0 {
                return Err(several(row, wide));
            }
        }
    }
    places.into_iter().enumerate().map(|(row, place)| place.ok_or_else(|| several(row, wide))).collect()
}

fn several(row: usize, wide: usize) -> Error {
    Error::data("the labels are not one for each row")
        .at(format!("row {}", row + 1))
        .expected("one label, or zeros and a single 1")
        .got(format!("{wide} numbers"))
        .hinting("save one number or text for each row")
}

pub(super) fn not_whole(row: usize, value: f64) -> Error {
    Error::data("the labels are not whole numbers")
        .at(format!("row {}", row + 1))
        .expected("whole numbers or texts")
        .got(value.to_string())
        .hinting("classes are needed; leave numbers to be predicted out of the file")
}

fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::data("the .npy file does not hold what its header says").got("fewer bytes")
        }
        _ => Error::io("cannot read the file", error),
    })
}

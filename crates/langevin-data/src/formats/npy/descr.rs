//! Parser of structured dtypes, as Python writes them.
//!
//! ```text
//! 'descr': [('a', '<f4'), ('b', '<i8'), ('', '|V4'), ('c', '<f4', (2, 3)), ('d', [('x', '<f8')])]
//! ```

use super::classes::Element;
use crate::dtype::Dtype;

/// Largest depth of nested records.
const DEEPEST: usize = 8;

/// Type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number(Dtype),
    Text(Element),
    /// Any other type, as it is written.
    Other(String),
}

/// Field that is not padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Shape of a sub-array; empty for one value.
    pub(super) shape: Vec<usize>,
    /// Offset in a record.
    pub(super) offset: usize,
}

impl Field {
    /// Returns the number of values of the field.
    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns true if the field is a single integer.
    pub(super) fn is_whole(&self) -> bool {
        self.shape.is_empty() && matches!(&self.kind, Kind::Number(dtype) if !dtype.can_be_infinite())
    }
}

/// Parses the fields of a structured dtype; also returns the bytes of a record.
///
/// Returns `None` if the dtype is not understood.
pub(super) fn fields(descr: &str) -> Option<(Vec<Field>, usize)> {
    let mut parser = Parser { rest: descr };
    let (mut fields, mut size) = (Vec::new(), 0);
    parser.fields("", DEEPEST, &mut size, &mut fields)?;
    parser.rest.trim().is_empty().then_some((fields, size))
}

/// Parser of Python's notation for a structured dtype.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn take(&mut self, token: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn is_next(&self, token: char) -> bool {
        self.rest.trim_start().starts_with(token)
    }

    /// Parses a list of fields, whose names are prefixed by `parent`.
    fn fields(&mut self, parent: &str, depth: usize, size: &mut usize, out: &mut Vec<Field>) -> Option<()> {
        self.take('[')?;
        while !self.is_next(']') {
            self.field(parent, depth, size, out)?;
            if !self.is_next(']') {
                self.take(',')?;
            }
        }
        self.take(']')
    }

    fn field(&mut self, parent: &str, depth: usize, size: &mut usize, out: &mut Vec<Field>) -> Option<()> {
        self.take('(')?;
        let name = if self.is_next('(') {
            // A title and a name.
            self.take('(')?;
            self.text()?;
            self.take(',')?;
            let name = self.text()?;
            self.take(')')?;
            name
        } else {
            self.text()?
        };
        self.take(',')?;
        let name = if parent.is_empty() { name } else { format!("{parent}.{name}") };
        if self.is_next('[') {
            let (mut inner, mut length) = (Vec::new(), 0);
            self.fields(&name, depth.checked_sub(1)?, &mut length, &mut inner)?;
            let shape = self.shape()?;
            let begin = *size;
            *size = size.checked_add(length.checked_mul(product(&shape)?)?)?;
            if shape.is_empty() {
                out.extend(inner.into_iter().map(|field| Field { offset: begin + field.offset, ..field }));
            } else {
                out.push(Field { name, kind: Kind::Other("records".to_owned()), shape, offset: begin });
            }
        } else {
            let descr = self.text()?;
            let (kind, length) = kind(&descr)?;
            let shape = self.shape()?;
            let count = product(&shape)?;
            // Padding between fields has no name.
            let is_padding = name.rsplit('.').next() == Some("") && descr.contains('V');
            if !is_padding && count > 0 {
                out.push(Field { name, kind, shape, offset: *size });
            }
            *size = size.checked_add(length.checked_mul(count)?)?;
        }
        self.take(')')
    }

    /// Parses the shape of a sub-array, if the field has one.
    fn shape(&mut self) -> Option<Vec<usize>> {
        if !self.is_next(',') {
            return Some(vec![]);
        }
        self.take(',')?;
        if !self.is_next('(') {
            return if self.is_next(')') { Some(vec![]) } else { Some(vec![self.number()?]) };
        }
        self.take('(')?;
        let mut shape = Vec::new();
        while !self.is_next(')') {
            shape.push(self.number()?);
            if !self.is_next(')') {
                self.take(',')?;
            }
        }
        self.take(')')?;
        Some(shape)
    }

    fn number(&mut self) -> Option<usize> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        self.rest = rest[end..].strip_prefix('L').unwrap_or(&rest[end..]);
        rest[..end].parse().ok()
    }

    /// Parses a quoted text.
    fn text(&mut self) -> Option<String> {
        let mut chars = self.rest.trim_start().chars();
        let quote = chars.next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let mut text = String::new();
        loop {
            match chars.next()? {
                c if c == quote => break,
                '\\' => text.push(match chars.next()? {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    mark @ ('x' | 'u' | 'U') => {
                        let digits = match mark {
                            'x' => 2,
                            'u' => 4,
                            _ => 8,
                        };
                        let digits: String = chars.by_ref().take(digits).collect();
                        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                    }
                    c @ ('\\' | '\'' | '"') => c,
                    _ => return None,
                }),
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }
}

fn product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))
}

/// Returns the type of a field, and its size in bytes.
///
/// Returns `None` for Python objects, which are not data, and for unknown types.
fn kind(descr: &str) -> Option<(Kind, usize)> {
    if let Some(dtype) = Dtype::parse(descr) {
        return Some((Kind::Number(dtype), dtype.size()));
    }
    if let Some(element) = Element::parse(descr) {
        return Some((Kind::Text(element), element.size()));
    }
    let plain = descr.trim_start_matches(['<', '>', '|', '=']);
    let letter = plain.chars().next()?;
    let digits = plain.get(letter.len_utf8()..)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let length: usize = digits[..end].parse().ok()?;
    let size = match letter {
        'S' | 'a' | 'V' | 'c' | 'f' | 'M' | 'm' => length,
        'U' => length.checked_mul(4)?,
        _ => return None,
    };
    Some((Kind::Other(descr.to_owned()), size))
}

//! The first pass over a document: it keeps the version, counts the rest, and locates syntax
//! errors.

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The largest number of leaves (numbers, strings and so on) in a plan's instructions.
const MAX_LEAVES: usize = 1 << 20;
/// The largest number of leaves in a header field. A table of β is the longest one.
const MAX_HEADER: usize = 1 << 17;

/// The fields that the first pass keeps.
#[derive(Deserialize)]
#[serde(expecting = "a plan, which is a JSON object")]
pub(super) struct Head {
    pub(super) version: u64,
    #[serde(default, rename = "process")]
    _process: Counted<MAX_HEADER>,
    #[serde(default, rename = "network")]
    _network: Counted<MAX_HEADER>,
    #[serde(default, rename = "inputs")]
    _inputs: Counted<MAX_HEADER>,
    #[serde(default, rename = "ops")]
    _ops: Counted<MAX_LEAVES>,
    #[serde(default, rename = "moves")]
    _moves: Counted<MAX_LEAVES>,
}

/// Any value with a limited number of leaves: numbers, strings, booleans, nulls and empty lists.
#[derive(Default)]
struct Counted<const MOST: usize>(usize);

impl<'de, const MOST: usize> Deserialize<'de> for Counted<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountedVisitor::<MOST>)
    }
}

struct CountedVisitor<const MOST: usize>;

impl<'de, const MOST: usize> Visitor<'de> for CountedVisitor<MOST> {
    type Value = Counted<MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of at most {MOST} parts")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Counted(1))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Counted(1))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Counted(1))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Counted(1))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Counted(1))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Counted(1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut count = 1;
        while let Some(Counted::<MOST>(more)) = items.next_element()? {
            count = add::<MOST, A::Error>(count, more)?;
        }
        Ok(Counted(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut count = 1;
        while let Some((IgnoredAny, Counted::<MOST>(more))) = items.next_entry()? {
            count = add::<MOST, A::Error>(count, more)?;
        }
        Ok(Counted(count))
    }
}

fn add<const MOST: usize, E: de::Error>(count: usize, more: usize) -> Result<usize, E> {
    if count + more > MOST { Err(E::custom(format!("more than {MOST} numbers"))) } else { Ok(count + more) }
}

/// Returns the byte at which a text stops being JSON.
fn position(text: &str, error: &serde_json::Error) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (line_start + error.column()).min(text.len())
}

/// Returns the number of the instruction, from 0, in which a text stops being JSON. Other errors
/// name their instruction themselves.
pub(super) fn broken_op(text: &str, error: &serde_json::Error) -> Option<usize> {
    let before = text.as_bytes().get(..position(text, error)).filter(|_| error.is_syntax())?;
    // `quote` is the opening quote of the present string; `in_ops` is true if the plan's last key
    // is `ops`.
    let (mut quote, mut escaped, mut in_ops) = (None, false, false);
    let (mut depth, mut count) = (0_usize, 0_usize);
    for (place, byte) in before.iter().enumerate() {
        match (byte, quote) {
            _ if escaped => escaped = false,
            (b'\\', Some(_)) => escaped = true,
            (b'"', None) => quote = Some(place),
            (b'"', Some(start)) => {
                in_ops = if depth == 1 { &before[start + 1..place] == b"ops" } else { in_ops };
                quote = None;
            }
            (b'{' | b'[', None) => {
                count += usize::from(in_ops && depth == 2);
                depth += 1;
            }
            (b'}' | b']', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    count.checked_sub(1).filter(|_| in_ops && depth > 2)
}

/// Returns whether a text stops being JSON at a number that is not finite: NaN or Infinity, as
/// Python writes them, or a number beyond the range of `f64`.
pub(super) fn is_not_finite(text: &str, error: &serde_json::Error) -> bool {
    let end = position(text, error);
    let word = |c: char| c.is_ascii_alphanumeric();
    let start = text.get(..end).map_or(end, |before| before.trim_end_matches(word).len());
    let found = text.get(start..).map_or("", |rest| &rest[..rest.find(|c| !word(c)).unwrap_or(rest.len())]);
    error.is_syntax()
        && (error.to_string().starts_with("number out of range")
            || ["nan", "inf", "infinity"].iter().any(|name| found.eq_ignore_ascii_case(name)))
}

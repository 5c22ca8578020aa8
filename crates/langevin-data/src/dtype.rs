//! Number types of NumPy.

use half::f16;

/// Kinds of numbers that are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

/// Storage type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dtype {
    kind: Kind,
    size: usize,
    big_endian: bool,
}

impl Dtype {
    /// Type that this crate writes to temporary files; the next constants are further common types.
    pub(crate) const F64: Self = Self { kind: Kind::Float, size: 8, big_endian: false };
    const F32: Self = Self { kind: Kind::Float, size: 4, big_endian: false };

    /// Parses a type description such as `<f4`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let (first, rest) = (chars.next()?, chars.as_str());
        let (big_endian, rest) = match first {
            '<' | '|' => (false, rest),
            '>' => (true, rest),
            '=' => (cfg!(target_endian = "big"), rest),
            _ => (false, text),
        };
        let mut chars = rest.chars();
        let (kind, sizes): (Kind, &[usize]) = match chars.next()? {
            'b' => (Kind::Bool, &[1]),
            'i' => (Kind::Signed, &[1, 2, 4, 8]),
            'u' => (Kind::Unsigned, &[1, 2, 4, 8]),
            'f' => (Kind::Float, &[2, 4, 8]),
            _ => return None,
        };
        let size = chars.as_str().parse().ok().filter(|size| sizes.contains(size))?;
        Some(Self { kind, size, big_endian })
    }

    /// Returns the number of bytes of a number.
    pub(crate) fn size(self) -> usize {
        self.size
    }

    /// Returns true if the type has more digits than float32.
    pub(crate) fn is_wide(self) -> bool {
        match self.kind {
            Kind::Float => self.size > 4,
            Kind::Bool | Kind::Signed | Kind::Unsigned => self.size > 2,
        }
    }

    /// Returns true if the type is an unsigned byte or a bool, which images are stored in.
    pub(crate) fn is_bytes(self) -> bool {
        matches!(self.kind, Kind::Bool | Kind::Unsigned) && self.size == 1
    }

    /// Returns NumPy's name of the type: `float64`.
    pub(crate) fn name(self) -> String {
        match self.kind {
            Kind::Bool => "bool".to_owned(),
            Kind::Signed => format!("int{}", 8 * self.size),
            Kind::Unsigned => format!("uint{}", 8 * self.size),
            Kind::Float => format!("float{}", 8 * self.size),
        }
    }

    /// Converts numbers to float64; `bytes` holds `size` bytes for each element of `out`.
    pub(crate) fn widen(self, bytes: &[u8], out: &mut [f64]) {
        match self {
            Self::F64 => {
                for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *out = f64::from_le_bytes(*bytes);
                }
            }
            _ => {
                for (out, bytes) in out.iter_mut().zip(bytes.chunks_exact(self.size)) {
                    *out = self.value(bytes);
                }
            }
        }
    }

    /// Returns true if a value of the type may not be a finite float32.
    pub(crate) fn can_be_infinite(self) -> bool {
        self.kind == Kind::Float
    }

    /// Returns the bits of the number in `bytes`, which has `size` bytes.
    fn word(self, bytes: &[u8]) -> u64 {
        let mut raw = [0_u8; 8];
        raw[..self.size].copy_from_slice(bytes);
        if self.big_endian {
            raw[..self.size].reverse();
        }
        u64::from_le_bytes(raw)
    }

    /// Sign-extends the bits, for a signed type.
    fn signed(self, word: u64) -> i64 {
        let unused = 64 - 8 * self.size as u32;
        (word << unused) as i64 >> unused
    }

    /// Returns the number in `bytes`, which has `size` bytes.
    pub(crate) fn value(self, bytes: &[u8]) -> f64 {
        let word = self.word(bytes);
        match (self.kind, self.size) {
            (Kind::Float, 2) => f16::from_bits(word as u16).to_f64(),
            (Kind::Float, 4) => f64::from(f32::from_bits(word as u32)),
            (Kind::Float, _) => f64::from_bits(word),
            (Kind::Signed, _) => self.signed(word) as f64,
            (Kind::Bool | Kind::Unsigned, _) => word as f64,
        }
    }

    /// Returns the integer in `bytes`; `None` for a float type.
    pub(crate) fn whole(self, bytes: &[u8]) -> Option<i128> {
        let word = self.word(bytes);
        match self.kind {
            Kind::Float => None,
            Kind::Signed => Some(i128::from(self.signed(word))),
            Kind::Bool | Kind::Unsigned => Some(i128::from(word)),
        }
    }

    /// Returns true if the type has integers that float64 cannot represent.
    pub(crate) fn can_be_rounded(self) -> bool {
        self.size == 8 && self.kind != Kind::Float
    }

    /// Returns true if float64 cannot represent the number in `bytes`.
    pub(crate) fn is_rounded(self, bytes: &[u8]) -> bool {
        self.can_be_rounded() && self.whole(bytes).is_some_and(|whole| whole as f64 as i128 != whole)
    }

    /// Converts numbers to float32; `bytes` holds `size` bytes for each element of `out`.
    pub(crate) fn narrow(self, bytes: &[u8], out: &mut [f32]) {
        match self {
            Self::F32 => {
                for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *out = f32::from_le_bytes(*bytes);
                }
            }
            Self { kind: Kind::Unsigned, size: 1, .. } => {
                for (out, byte) in out.iter_mut().zip(bytes) {
                    *out = f32::from(*byte);
                }
            }
            _ => {
                for (out, bytes) in out.iter_mut().zip(bytes.chunks_exact(self.size)) {
                    *out = self.value(bytes) as f32;
                }
            }
        }
    }
}

//! The arguments with which an ONNX file is opened.

/// An array of numbers of any shape, in C order: the value of a further input.
///
/// # Examples
///
/// ```
/// use langevin_onnx::Array;
/// let labels = Array { shape: vec![2], dtype: "int64".to_owned(), values: vec![3.0, 7.0] };
/// assert_eq!(labels.values.len(), labels.shape.iter().product::<usize>());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The shape; empty for a single number.
    pub shape: Vec<usize>,
    /// The name of the type in which the numbers were stored, such as `float32`. Messages show it.
    pub dtype: String,
    /// The numbers.
    pub values: Vec<f64>,
}

/// The syntax in which messages name the arguments.
///
/// ```
/// use langevin_onnx::{Options, Style};
/// let options = Options::default().style(Style::Keywords);
/// assert!(format!("{options:?}").contains("Keywords"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// Flags of the command line: `--input NAME=FILE.npy`.
    #[default]
    Flags,
    /// Keyword arguments of Python: `inputs={"NAME": array}`.
    Keywords,
}

/// The arguments of [`OnnxNetwork::open`](crate::OnnxNetwork::open).
///
/// # Examples
///
/// A network with class labels. Sampling with guidance evaluates the unconditional branch with
/// label 10.
///
/// ```
/// use langevin_onnx::{Array, Options};
/// let label =
///     |value: f64| Array { shape: vec![1], dtype: "int64".to_owned(), values: vec![value] };
/// let options = Options::default()
///     .shape(&[1, 28, 28])
///     .input("class_labels", label(3.0))
///     .unconditional_input("class_labels", label(10.0))
///     .output("sample");
/// assert!(format!("{options:?}").contains("class_labels"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) shape: Option<Vec<usize>>,
    pub(crate) inputs: Vec<(String, Array)>,
    pub(crate) unconditional: Vec<(String, Array)>,
    pub(crate) output: Option<String>,
    pub(crate) style: Style,
}

impl Options {
    /// Sets the shape of one sample, for files that leave it open.
    ///
    /// ```
    /// use langevin_onnx::Options;
    /// let options = Options::default().shape(&[4, 64, 64]);
    /// assert!(format!("{options:?}").contains("[4, 64, 64]"));
    /// ```
    #[must_use]
    pub fn shape(mut self, shape: &[usize]) -> Self {
        self.shape = Some(shape.to_vec());
        self
    }

    /// Sets the value of a further input: one row for all samples, or one row for each sample. Row
    /// i belongs to the sample with global index i.
    ///
    /// ```
    /// use langevin_onnx::{Array, Options};
    /// let text = Array { shape: vec![1, 2], dtype: "float32".to_owned(), values: vec![0.1, 0.2] };
    /// let options = Options::default().input("encoder_hidden_states", text);
    /// assert!(format!("{options:?}").contains("encoder_hidden_states"));
    /// ```
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, value: Array) -> Self {
        self.inputs.push((name.into(), value));
        self
    }

    /// Sets the value of a further input on the unconditional branch, which guidance evaluates.
    /// Inputs without such a value keep the value of [`input`](Self::input).
    ///
    /// ```
    /// use langevin_onnx::{Array, Options};
    /// let no_class = Array { shape: vec![1], dtype: "int64".to_owned(), values: vec![10.0] };
    /// let options = Options::default().unconditional_input("class_labels", no_class);
    /// assert!(format!("{options:?}").contains("unconditional: [(\"class_labels\""));
    /// ```
    #[must_use]
    pub fn unconditional_input(mut self, name: impl Into<String>, value: Array) -> Self {
        self.unconditional.push((name.into(), value));
        self
    }

    /// Sets the name of the output to read.
    ///
    /// ```
    /// use langevin_onnx::Options;
    /// assert!(format!("{:?}", Options::default().output("sample")).contains("Some(\"sample\")"));
    /// ```
    #[must_use]
    pub fn output(mut self, name: impl Into<String>) -> Self {
        self.output = Some(name.into());
        self
    }

    /// Sets the syntax in which messages name the arguments.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

impl Style {
    /// Names the argument of a further input.
    pub(crate) fn input(self, name: &str) -> String {
        match self {
            Self::Flags => format!("--input {name}=FILE.npy"),
            Self::Keywords => format!("inputs={{\"{name}\": array}}"),
        }
    }

    /// Names the argument of a further input on the unconditional branch.
    pub(crate) fn unconditional(self, name: &str) -> String {
        match self {
            Self::Flags => format!("--uncond-input {name}=FILE.npy"),
            Self::Keywords => format!("uncond_inputs={{\"{name}\": array}}"),
        }
    }

    /// Names the place of a further input's value in messages.
    pub(crate) fn place(self, name: &str, unconditional: bool) -> String {
        match (self, unconditional) {
            (Self::Flags, false) => format!("--input {name}"),
            (Self::Flags, true) => format!("--uncond-input {name}"),
            (Self::Keywords, false) => format!("inputs[\"{name}\"]"),
            (Self::Keywords, true) => format!("uncond_inputs[\"{name}\"]"),
        }
    }

    /// Names the argument of the output.
    pub(crate) fn output(self, name: &str) -> String {
        match self {
            Self::Flags => format!("--output {name}"),
            Self::Keywords => format!("output=\"{name}\""),
        }
    }

    /// Names the argument of the mask's identifier.
    pub(crate) fn mask(self) -> &'static str {
        match self {
            Self::Flags => "--mask-id N",
            Self::Keywords => "mask=N",
        }
    }

    /// Names the argument of the number of tokens.
    pub(crate) fn length(self, length: &str) -> String {
        match self {
            Self::Flags => format!("--shape {length}"),
            Self::Keywords => format!("length={length}"),
        }
    }

    /// Names the argument of the shape.
    pub(crate) fn shape(self, shape: &str) -> String {
        match self {
            Self::Flags => format!("--shape {shape}"),
            Self::Keywords => format!("shape=({shape})"),
        }
    }

    /// Names the values of several further inputs at once.
    pub(crate) fn all(self, names: &[&str]) -> String {
        match self {
            Self::Flags => names.iter().map(|name| self.input(name)).collect::<Vec<_>>().join(" "),
            Self::Keywords => {
                let items: Vec<String> = names.iter().map(|name| format!("\"{name}\": array")).collect();
                format!("inputs={{{}}}", items.join(", "))
            }
        }
    }
}

//! Reading and writing model files.
//!
//! A model file is one safetensors file. Its metadata map holds the [`Metadata`] as JSON under the
//! key `langevin`.
//!
//! A weight is a little-endian F32 matrix of shape inputs × outputs. Its name is that of the
//! architecture: `in.x`, `in.t`, `block.0.h`, `block.0.t`, …, `out.h`, `out.t`. From version 2 on
//! the file also holds the [`Moments`] of the training data in F64, as `moments` in the document
//! describes.
//!
//! A file is either loaded completely or rejected with an error that names the problem. Nothing is
//! guessed, skipped or filled in.

use super::device::Device;
use super::net::MAX_PARAMETERS;
use super::network::Network;
use super::spec::{Architecture, NetworkSpec};
use crate::error::{Error, Result};
use crate::metadata::{MODEL_VERSION, Metadata, TOKENS, TokenSpec};
use crate::moments::{self, Moments, MomentsKind};
use langevin::Formulation;
use langevin::process::ProcessSpec;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Key of the JSON document in the metadata map.
const KEY: &str = "langevin";
/// Key of the checksum; the next constant is the first version that has one.
const SUM: &str = "checksum";
const CHECKED: u32 = 4;
/// Longest accepted header, 16 MiB; a header written by this crate has some tens of kilobytes.
const MAX_HEADER: u64 = 1 << 24;
/// Longest accepted file: the header, [`MAX_PARAMETERS`] weights, and the moments.
const MAX_FILE: u64 = 8 + MAX_HEADER + 4 * MAX_PARAMETERS as u64 + moments::MAX_BYTES;

/// Number of temporary names that are tried.
///
/// A name may be taken by a process that died and had the same process id.
const NAMES: usize = 10_000;

/// Creates a new file beside `path`, under an unused name.
///
/// An existing file is not overwritten, and an existing link is not followed. The command line
/// removes such files if their process has ended.
fn beside(path: &Path) -> std::io::Result<(PathBuf, File)> {
    for number in 0..NAMES {
        let part = path.with_file_name(format!(".langevin-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (part, file)),
        }
    }
    Err(std::io::Error::other("every temporary name beside it is taken"))
}

impl Network {
    /// Writes a model file.
    ///
    /// The file is written under a temporary name beside `path` and then renamed, so `path` never
    /// holds half a file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or if [`to_bytes`](Self::to_bytes) fails.
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// use langevin_train::Network;
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let name = format!("langevin-save-{}.safetensors", std::process::id());
    /// let path = std::env::temp_dir().join(name);
    /// network.save(&path)?;
    /// let again = Network::load(&path)?;
    /// assert_eq!(again.weights(), network.weights());
    /// # let _ = std::fs::remove_file(&path);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes()?;
        let (part, file) = beside(path).map_err(|error| Error::io("cannot write the model", path, error))?;
        let write = |mut file: File| {
            // The new file keeps the permissions of the old one.
            #[cfg(unix)]
            if let Ok(known) = std::fs::metadata(path) {
                file.set_permissions(known.permissions())?;
            }
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&part, path)
        };
        write(file).map_err(|error| {
            let _ = std::fs::remove_file(&part);
            Error::io("cannot write the model", path, error)
        })
    }

    /// Reads a model file.
    ///
    /// Sizes are checked before memory is allocated.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or if [`from_bytes`](Self::from_bytes) rejects
    /// it.
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_known(path, Ok)
    }

    /// Reads a model file whose network may have an [`Architecture`] defined outside this crate.
    ///
    /// ```no_run
    /// # use langevin_train::nn::{Architecture, Net};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Gated { width: usize }
    /// # impl Architecture for Gated {
    /// #     const NAME: &'static str = "gated";
    /// #     fn build(&self, _: &[usize]) -> langevin_train::Result<Box<dyn Net>> {
    /// #         Err(langevin_train::Error::argument("no network in this example"))
    /// #     }
    /// # }
    /// let network = langevin_train::Network::load_with::<Gated>("moons.safetensors".as_ref())?;
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`load`](Self::load) would, if the network has another name, or if its
    /// description cannot be read.
    pub fn load_with<A: Architecture>(path: &Path) -> Result<Self> {
        Self::load_known(path, NetworkSpec::known::<A>)
    }

    /// Reads the description of a model file without its weights.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("langevin-about-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let path = folder.join("m.safetensors");
    /// use langevin_train::{Budget, Dataset, MlpConfig, Network, Recipe, train};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(3));
    /// recipe.network = MlpConfig::new(16, 1).into();
    /// train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?.save(&path)?;
    /// assert_eq!(Network::about(&path)?.data.name, "two points");
    /// # let _ = std::fs::remove_dir_all(&folder);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is no model file.
    pub fn about(path: &Path) -> Result<Metadata> {
        let io = |error| Error::io("cannot read the model", path, error);
        let mut file = File::open(path).map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let mut bytes = Vec::new();
        (&mut file).take(8).read_to_end(&mut bytes).map_err(io)?;
        check_sizes(&bytes, len).map_err(|error| error.in_file(path))?;
        let header = bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        bytes.clear();
        file.take(header).read_to_end(&mut bytes).map_err(io)?;
        let none = || Error::checkpoint("the file holds no langevin model").in_file(path);
        let header: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| none())?;
        let json = header["__metadata__"][KEY].as_str().ok_or_else(none)?;
        read_metadata(json, Ok).map(|(metadata, _)| metadata).map_err(|error| error.in_file(path))
    }

    fn load_known(path: &Path, known: impl FnOnce(NetworkSpec) -> Result<NetworkSpec>) -> Result<Self> {
        let io = |error| Error::io("cannot read the model", path, error);
        let mut file = File::open(path).map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let mut bytes = Vec::new();
        (&mut file).take(8).read_to_end(&mut bytes).map_err(io)?;
        check_sizes(&bytes, len).map_err(|error| error.in_file(path))?;
        // A file that grows during reading is cut off here and rejected below.
        file.take(len - bytes.len() as u64).read_to_end(&mut bytes).map_err(io)?;
        Self::read(&bytes, known).map_err(|error| error.in_file(path))
    }

    /// Returns the contents of a model file.
    ///
    /// # Errors
    /// Returns an error if the process is custom, because a document cannot name it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let metadata = self.metadata();
        if let ProcessSpec::Custom { name } = &metadata.formulation.process {
            return Err(Error::checkpoint("a network of a custom process cannot be saved")
                .expected("a process that a document can name")
                .got(format!("'{name}'"))
                .hinting("keep it in the program that defines the process"));
        }
        let fail = |error: &dyn std::fmt::Display| {
            Error::checkpoint("the model cannot be written down").got(error.to_string())
        };
        let weights = self.layout().iter().map(|parameter| {
            let bytes = parameter.of(self.values()).iter().flat_map(|value| value.to_le_bytes()).collect();
            (parameter.name.as_str(), Dtype::F32, parameter.shape.to_vec(), bytes)
        });
        let moments = self.moments().map(Moments::tensors).unwrap_or_default();
        let moments = moments.into_iter().map(|(name, shape, numbers)| {
            (name, Dtype::F64, shape, numbers.iter().flat_map(|value| value.to_le_bytes()).collect())
        });
        let data: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = moments.chain(weights).collect();
        let mut document = serde_json::to_value(metadata).map_err(|error| fail(&error))?;
        if metadata.langevin_version >= CHECKED {
            let tensors = data.iter().map(|(name, .., bytes)| (*name, &bytes[..]));
            let sum = checksum(metadata, tensors).map_err(|error| fail(&error))?;
            document[SUM] = sum.into();
        }
        let json = document.to_string();
        let views = data
            .iter()
            .map(|(name, dtype, shape, data)| Ok((*name, TensorView::new(*dtype, shape.clone(), data)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|error| fail(&error))?;
        serialize(views, Some(HashMap::from([(KEY.to_owned(), json)]))).map_err(|error| fail(&error))
    }

    /// Parses the contents of a model file.
    ///
    /// # Errors
    /// Returns an error that names the problem if
    ///
    /// - the file is truncated or damaged, is another kind of safetensors file, or has a newer
    ///   version,
    /// - the document is inconsistent,
    /// - a tensor is missing, unknown, of the wrong shape or type, or not finite.
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// use langevin_train::Network;
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let bytes = network.to_bytes()?;
    /// assert_eq!(Network::from_bytes(&bytes)?.metadata(), network.metadata());
    /// assert!(Network::from_bytes(&bytes[..bytes.len() - 1]).unwrap_err().is_checkpoint());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, Ok)
    }

    /// Parses the contents of a model file whose network may have an [`Architecture`] defined
    /// outside this crate.
    ///
    /// # Errors
    /// Returns an error if [`from_bytes`](Self::from_bytes) would, if the network has another name,
    /// or if its description cannot be read.
    pub fn from_bytes_with<A: Architecture>(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, NetworkSpec::known::<A>)
    }

    fn read(bytes: &[u8], known: impl FnOnce(NetworkSpec) -> Result<NetworkSpec>) -> Result<Self> {
        check_sizes(bytes, bytes.len() as u64)?;
        let damaged = |error: safetensors::SafeTensorError| {
            Error::checkpoint("the file is damaged")
                .expected("a safetensors file")
                .got(error.to_string())
                .hinting("it may have been cut short while it was copied")
                .caused_by(error)
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let json = header.metadata().as_ref().and_then(|map| map.get(KEY)).ok_or_else(|| {
            Error::checkpoint("the file holds no langevin model")
                .expected(format!("the key '{KEY}' in the safetensors metadata"))
                .got(format!("a safetensors file of {} tensors without it", tensors.len()))
                .hinting("only files that Network::save wrote can be loaded")
        })?;
        let (metadata, sum) = read_metadata(json, known)?;
        let net = metadata.network.build(&metadata.data.shape, &Device::default())?;
        let (parameters, width) = (net.parameters(), metadata.data.shape.iter().product());
        let extra: &[&str] = match metadata.moments.map(|spec| spec.kind) {
            None => &[],
            Some(MomentsKind::Covariance) => &[moments::MEAN, moments::COVARIANCE],
            Some(MomentsKind::Spectrum) => &[moments::SPECTRUM],
        };
        let known = |name: &str| extra.contains(&name) || parameters.iter().any(|parameter| parameter.name == name);
        if let Some(name) = tensors.names().into_iter().find(|name| !known(name)) {
            return Err(Error::checkpoint("the file has a tensor that the network has not")
                .at(format!("tensor '{name}'"))
                .expected(format!("{} tensors", parameters.len() + extra.len()))
                .got(tensors.len().to_string()));
        }
        let moments = metadata.moments.map(|spec| read_moments(&tensors, spec.kind, width)).transpose()?;
        let mut values = Vec::new();
        for parameter in parameters {
            let bytes =
                tensor(&tensors, &parameter.name, Dtype::F32, &[Some(parameter.shape[0]), Some(parameter.shape[1])])?;
            for (element, bytes) in bytes.as_chunks::<4>().0.iter().enumerate() {
                let value = f32::from_le_bytes(*bytes);
                if !value.is_finite() {
                    return Err(Error::checkpoint("a weight is not finite")
                        .at(format!("tensor '{}', element {element}", parameter.name))
                        .expected("a finite number")
                        .got(value.to_string()));
                }
                values.push(value);
            }
        }
        // The checksum comes last, so that the earlier checks can report more specific errors.
        Formulation::from_spec(&metadata.formulation)?;
        if metadata.langevin_version >= CHECKED {
            check_sum(&metadata, sum, &tensors)?;
        }
        Self::assemble(metadata, moments, values)
    }
}

/// Computes the CRC-32 of the document without its checksum, and of the tensors sorted by name.
///
/// The tensors are sorted because the library that writes the file orders them by type.
fn checksum<'a>(
    metadata: &Metadata,
    tensors: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<u32, serde_json::Error> {
    let mut tensors: Vec<(&str, &[u8])> = tensors.collect();
    tensors.sort_unstable_by_key(|(name, _)| *name);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(serde_json::to_string(metadata)?.as_bytes());
    for (name, bytes) in tensors {
        hasher.update(name.as_bytes());
        hasher.update(bytes);
    }
    Ok(hasher.finalize())
}

/// Checks that the contents match the stored checksum.
fn check_sum(metadata: &Metadata, sum: Option<u32>, tensors: &SafeTensors<'_>) -> Result<()> {
    let damaged = |got: String| {
        Error::checkpoint("the model file is damaged")
            .expected(
                sum.map_or_else(|| "a checksum".to_owned(), |sum| format!("contents with the checksum {sum:08x}")),
            )
            .got(got)
            .hinting("some of its bits have changed: copy it again, or train anew")
    };
    let all = tensors.tensors();
    let found = checksum(metadata, all.iter().map(|(name, tensor)| (name.as_str(), tensor.data())));
    match (found, sum) {
        (Ok(found), Some(sum)) if found == sum => Ok(()),
        (Ok(found), Some(_)) => Err(damaged(format!("{found:08x}"))),
        (Ok(_), None) => Err(damaged("none".into())),
        (Err(error), _) => Err(damaged(error.to_string())),
    }
}

/// Builds a safetensors file of flat F32 lists, each given as its bytes, with a document under
/// `key`.
pub(crate) fn flat_lists<'a>(
    key: &str,
    json: String,
    lists: impl Iterator<Item = (&'a str, &'a Vec<u8>)>,
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let view =
        |(name, bytes): (&'a str, &'a Vec<u8>)| Ok((name, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?));
    let views = lists.map(view).collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    serialize(views, Some(HashMap::from([(key.to_owned(), json)])))
}

/// Returns the bytes of a tensor of this type and shape; `None` stands for any size.
fn tensor<'a>(tensors: &SafeTensors<'a>, name: &str, dtype: Dtype, shape: &[Option<usize>]) -> Result<&'a [u8]> {
    let place = || format!("tensor '{name}'");
    let sizes: Vec<String> = shape.iter().map(|size| size.map_or_else(|| "any".into(), |s| s.to_string())).collect();
    let sizes = format!("[{}]", sizes.join(", "));
    let tensor = tensors
        .tensor(name)
        .map_err(|_| Error::checkpoint("a tensor is missing").at(place()).expected(sizes.clone()).got("none"))?;
    if tensor.dtype() != dtype {
        return Err(Error::checkpoint("a tensor has the wrong type")
            .at(place())
            .expected(format!("{dtype:?}"))
            .got(format!("{:?}", tensor.dtype())));
    }
    let found = tensor.shape();
    if found.len() != shape.len() || found.iter().zip(shape).any(|(found, size)| size.is_some_and(|s| s != *found)) {
        return Err(Error::checkpoint("a tensor has the wrong shape")
            .at(place())
            .expected(sizes)
            .got(format!("{found:?}")));
    }
    Ok(tensor.data())
}

/// Reads the moments for samples of `width` elements.
///
/// The memory used is bounded by the size of the file.
fn read_moments(tensors: &SafeTensors<'_>, kind: MomentsKind, width: usize) -> Result<Moments> {
    let numbers = |name: &str, shape: &[Option<usize>]| {
        let bytes = tensor(tensors, name, Dtype::F64, shape)?;
        let numbers: Vec<f64> = bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        match numbers.iter().position(|value| !value.is_finite()) {
            None => Ok(numbers),
            Some(element) => Err(Error::checkpoint("a moment of the data is not finite")
                .at(format!("tensor '{name}', element {element}"))
                .expected("a finite number")
                .got(numbers[element].to_string())),
        }
    };
    match kind {
        MomentsKind::Covariance => {
            if width > moments::MAX_WIDTH {
                return Err(Error::checkpoint("the model's description does not hold together")
                    .at("moments")
                    .expected(format!("a spectrum where samples have more than {} elements", moments::MAX_WIDTH))
                    .got(format!("a covariance for {width} elements")));
            }
            let mean = numbers(moments::MEAN, &[Some(width)])?;
            Moments::from_covariance(mean, numbers(moments::COVARIANCE, &[Some(width), Some(width)])?)
        }
        MomentsKind::Spectrum => Moments::from_spectrum(&numbers(moments::SPECTRUM, &[None, Some(3)])?, width),
    }
}

/// Checks that the first bytes and the length can be those of a model file.
///
/// `start` holds at least the first 8 bytes, or the whole file if it is shorter.
pub(crate) fn check_sizes(start: &[u8], len: u64) -> Result<()> {
    let Some(header) = start.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes)) else {
        return Err(Error::checkpoint("the file is too short")
            .expected("at least 8 bytes")
            .got(format!("{len} bytes")));
    };
    if header > MAX_HEADER {
        return Err(Error::checkpoint("the file is no safetensors file, or is damaged")
            .at("bytes 0 to 7, the length of the header")
            .expected(format!("at most {MAX_HEADER}"))
            .got(header.to_string()));
    }
    if header + 8 > len {
        return Err(Error::checkpoint("the file is truncated, or no safetensors file")
            .at("its header")
            .expected(format!("at least {} bytes", header + 8))
            .got(format!("{len} bytes")));
    }
    if len > MAX_FILE {
        return Err(Error::checkpoint("the file is too large")
            .expected(format!("at most {MAX_FILE} bytes"))
            .got(format!("{len} bytes")));
    }
    Ok(())
}

/// Parses the document and checks that its parts are consistent.
///
/// `known` attaches the constructor of a network defined outside this crate.
/// Checks that a network on tokens has letters, and that they fit.
fn check_tokens(metadata: &Metadata) -> Result<()> {
    let bad = |at: &str, expected: String, got: String| {
        Err(Error::checkpoint("the model's description does not hold together").at(at).expected(expected).got(got))
    };
    let (tokens, version) = (&metadata.data.tokens, metadata.langevin_version);
    match (tokens, metadata.network.letters()) {
        (None, Some(_)) => bad("data.tokens", "the letters of a network on tokens".into(), "none".into()),
        (None, None) if version >= TOKENS => {
            bad("data.tokens", format!("the letters of a network on tokens, in version {version}"), "none".into())
        }
        (None, _) => Ok(()),
        (Some(_), _) if version < TOKENS => bad("data.tokens", format!("none in version {version}"), "some".into()),
        (Some(TokenSpec { space, vocabulary }), Some([vocab, letters])) => {
            let wanted = (vocab, letters, vec![vocabulary.numbers().saturating_add(space.length())]);
            let got = (vocabulary.len(), space.letters(), metadata.data.shape.clone());
            if wanted == got && space.vocab() == vocabulary.len() {
                vocabulary
                    .check()
                    .map_err(|error| Error::checkpoint("bad letters").at("data.tokens").got(error.to_string()))?;
                return metadata.network.check_places(vocabulary);
            }
            bad("data.tokens", format!("the sizes of the network, {wanted:?}"), format!("{got:?}"))
        }
        (Some(_), None) => bad("network", "a network on tokens".into(), "a network on numbers".into()),
    }
}

fn read_metadata(
    json: &str,
    known: impl FnOnce(NetworkSpec) -> Result<NetworkSpec>,
) -> Result<(Metadata, Option<u32>)> {
    let bad = |error: serde_json::Error| {
        Error::checkpoint("the model's description cannot be read")
            .at(format!("key '{KEY}'"))
            .got(error.to_string())
            .caused_by(error)
    };
    // The version is checked first, because everything else may have another meaning in another
    // version.
    let mut document: serde_json::Value = serde_json::from_str(json).map_err(bad)?;
    match document.get("langevin_version").and_then(serde_json::Value::as_u64) {
        Some(version) if (1..=u64::from(MODEL_VERSION)).contains(&version) => {}
        Some(version) => {
            let error = Error::checkpoint("the model file has another version")
                .at("langevin_version")
                .expected(format!("1 to {MODEL_VERSION}"))
                .got(version.to_string());
            return Err(if version > u64::from(MODEL_VERSION) {
                error.hinting("a newer langevin wrote it; update")
            } else {
                error
            });
        }
        None => {
            return Err(Error::checkpoint("the model's description has no version")
                .at(format!("key '{KEY}'"))
                .expected(format!("\"langevin_version\": 1 to {MODEL_VERSION}")));
        }
    }
    let sum = document.as_object_mut().and_then(|document| document.remove(SUM));
    let sum = sum.and_then(|sum| u32::try_from(sum.as_u64()?).ok());
    let mut metadata: Metadata = serde_json::from_value(document).map_err(bad)?;
    metadata.network = known(metadata.network)?;
    let shape = &metadata.data.shape;
    let width = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size)).filter(|width| *width > 0);
    let Some(width) = width.filter(|_| !shape.is_empty()) else {
        return Err(Error::checkpoint("the model's description does not hold together")
            .at("data.shape")
            .expected("positive sizes")
            .got(format!("{shape:?}")));
    };
    metadata.network.build(shape, &Device::default()).map_err(|error| match metadata.network {
        // An error of a custom network is passed on unchanged, in its author's words.
        NetworkSpec::Custom(_) => error,
        _ => Error::checkpoint("the model's description does not hold together").at("network").got(error.to_string()),
    })?;
    if !metadata.normalization.fits(width) {
        return Err(Error::checkpoint("the model's description does not hold together")
            .at("normalization")
            .expected(format!("1 or {width} finite shifts and as many positive scales"))
            .got(format!(
                "{} shifts, {} scales",
                metadata.normalization.shift.len(),
                metadata.normalization.scale.len()
            )));
    }
    let data = &metadata.data;
    let framed = data.frame.as_ref().is_none_or(|frame| frame.check().is_ok() && frame.model_shape() == *shape);
    // A network trained on crops has a smaller shape than the rows of the file.
    let cropped = data.frame.as_ref().is_some_and(|frame| frame.check().is_ok() && frame.constants.is_empty());
    if !(framed || cropped) {
        return Err(Error::checkpoint("the model's description does not hold together")
            .at("data.frame")
            .expected(format!("a frame of rows of shape {shape:?}"))
            .got("another"));
    }
    if data.lattice.as_ref().is_some_and(|lattice| !lattice.fits(width)) {
        return Err(Error::checkpoint("the model's description does not hold together")
            .at("data.lattice")
            .expected(format!("1 or {width} finite spacings"))
            .got("others"));
    }
    if let Some([low, high]) = metadata.data.range.filter(|[low, high]| low >= high) {
        return Err(Error::checkpoint("the model's description does not hold together")
            .at("data.range")
            .expected("a least and a greatest value")
            .got(format!("{low} and {high}")));
    }
    check_tokens(&metadata)?;
    if metadata.langevin_version == 1 && metadata.moments.is_some() {
        return Err(Error::checkpoint("the model's description does not hold together")
            .at("moments")
            .expected("none in version 1")
            .got("some"));
    }
    Ok((metadata, sum))
}

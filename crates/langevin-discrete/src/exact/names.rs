//! Densities by name.

use super::{BlockModel, Chain, ConnectedGraphs, Density, Hmm, Tree, shidoku};
use crate::space::Noise;
use langevin::{Error, Result};

/// Forms of the names that [`named`] accepts, each with a description.
///
/// ```
/// use langevin_discrete::exact::FORMS;
/// assert!(FORMS.iter().any(|(form, _)| *form == "chain:VxD"));
/// ```
pub const FORMS: [(&str, &str); 7] = [
    ("chain:VxD", "Markov chain of V letters and D tokens"),
    ("ising:D[:J]", "Ising chain of D spins with coupling J, 0.5 by default"),
    ("hmm:VxD", "hidden Markov chain of three states, V letters and D tokens"),
    ("tree:VxD", "Markov field on a binary tree of D tokens and V letters"),
    ("shidoku", "the 288 grids of 4 × 4 cells"),
    ("connected:N", "connected graphs of N nodes, N at most 6"),
    ("blocks:N:K", "graphs of N nodes in K blocks with latent labels, N at most 8"),
];

/// Coupling of an Ising chain without one.
const COUPLING: f64 = 0.5;
/// Largest number of letters of a named density, which has V × V probabilities.
const MOST_LETTERS: usize = 1024;

/// Returns the density with this name, for example `chain:8x64`.
///
/// [`FORMS`] lists the names.
///
/// ```
/// use langevin_discrete::{Denoiser, Noise, exact::{self, Density}};
/// let chain = exact::named("chain:8x64", Noise::Masked)?;
/// assert_eq!((chain.space().vocab(), chain.space().length()), (8, 64));
/// assert!(chain.entropy().is_some_and(|nats| nats > 0.0));
/// let error = exact::named("chian:8x64", Noise::Masked).map(|_| ()).unwrap_err();
/// assert_eq!(error.hint(), Some("did you mean 'chain'?"));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the name is unknown, if its numbers do not fit its form, or if the noise
/// does not fit the letters.
pub fn named(name: &str, noise: Noise) -> Result<Box<dyn Density + Send + Sync>> {
    let kind = |form: &'static str| form.split(':').next().unwrap_or_default();
    let mut parts = name.split(':');
    let head = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let Some((form, _)) = FORMS.iter().find(|(form, _)| kind(form) == head) else {
        let known: Vec<&str> = FORMS.iter().map(|(form, _)| kind(form)).collect();
        return Err(Error::unknown("density", head, &known));
    };
    let bad = || Error::argument("bad name of a density").expected(*form).got(format!("'{name}'"));
    let number = |text: &str| text.parse::<usize>().map_err(|_| bad());
    let sizes = |text: &str| -> Result<[usize; 2]> {
        let (vocab, length) = text.split_once('x').ok_or_else(bad)?;
        let vocab = number(vocab)?;
        if vocab > MOST_LETTERS {
            return Err(Error::argument("too many letters of a density")
                .at(name)
                .expected(format!("at most {MOST_LETTERS}"))
                .got(vocab.to_string()));
        }
        Ok([vocab, number(length)?])
    };
    Ok(match (head, &rest[..]) {
        ("chain", [text]) => {
            let [vocab, length] = sizes(text)?;
            Box::new(Chain::example(vocab, length, noise)?)
        }
        ("ising", [length]) => Box::new(Chain::ising(COUPLING, number(length)?, noise)?),
        ("ising", [length, coupling]) => {
            let coupling = coupling.parse().map_err(|_| bad())?;
            Box::new(Chain::ising(coupling, number(length)?, noise)?)
        }
        ("hmm", [text]) => {
            let [vocab, length] = sizes(text)?;
            Box::new(Hmm::example(vocab, length, noise)?)
        }
        ("tree", [text]) => {
            let [vocab, length] = sizes(text)?;
            Box::new(Tree::example(vocab, length, noise)?)
        }
        ("shidoku", []) => Box::new(shidoku(noise)?),
        ("connected", [nodes]) => Box::new(ConnectedGraphs::new(number(nodes)?, noise)?),
        ("blocks", [nodes, blocks]) => Box::new(BlockModel::example(number(nodes)?, number(blocks)?, noise)?),
        _ => return Err(bad()),
    })
}

//! Grids by name.

use super::{Ays, Grid, Spacing, bad, check_exponent};
use crate::error::{Error, Result};

/// The number of steps of a grid if none is given.
const STEPS: usize = 20;

impl Grid {
    /// The names that [`parse`](Self::parse) knows, in the order in which they are shown.
    pub const NAMES: &[&str] = &[
        "karras",
        "uniform-lambda",
        "exponential",
        "lu",
        "poly-exponential",
        "beta",
        "uniform-t",
        "linspace",
        "leading",
        "trailing",
        "flow-shift",
        "flow-shift-mu",
        "vp",
        "ays",
        "list",
        "times",
    ];

    /// Returns whether a grid with this name has its own number of steps: `list` and `times`.
    ///
    /// ```
    /// use langevin::Grid;
    /// assert!(Grid::brings_steps("list:80,10,1,0") && Grid::brings_steps("times:1,0.5,0"));
    /// assert!(!Grid::brings_steps("karras"));
    /// ```
    #[must_use]
    pub fn brings_steps(name: &str) -> bool {
        name.split(':').next().is_some_and(|name| ["list", "times"].iter().any(|own| name.eq_ignore_ascii_case(own)))
    }

    /// Parses the name of a grid, one of [`NAMES`](Self::NAMES). Without `steps` the grid has 20
    /// steps.
    ///
    /// Numbers follow a colon: `karras:5`, `poly-exponential:2`, `beta:0.6,0.6`, `leading:1`,
    /// `flow-shift:3`, `flow-shift-mu:1.15,terminal=0.1`, `ays:sdxl`, `list:80,10,1,0`,
    /// `times:1,0.5,0`. The numbers are required for `flow-shift`, `flow-shift-mu` and `ays`.
    /// `list` and `times` have their own number of steps.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let grid = Grid::parse("flow-shift:3,terminal=0.1", Some(28))?;
    /// let levels = grid.levels(&Process::rectified_flow(), 0.002, f64::INFINITY)?;
    /// assert_eq!(levels.len(), 29);
    /// assert!((levels[27].time - 0.1).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name is unknown, with the nearest known one; if a number is invalid;
    /// or if `steps` contradicts a list.
    pub fn parse(text: &str, steps: Option<usize>) -> Result<Self> {
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let count = steps.unwrap_or(STEPS);
        let number = |text: &str| {
            text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
                Error::argument("not a number")
                    .at(format!("grid '{name}'"))
                    .expected("a finite number")
                    .got(format!("'{text}'"))
            })
        };
        match (name, argument) {
            ("karras", argument) => {
                let rho = check_exponent("karras", argument.map_or(Ok(7.0), number)?)?;
                Ok(Self::new(Spacing::Karras { rho }, count))
            }
            ("uniform-lambda" | "exponential" | "lu", None) => Ok(Self::uniform_lambda(count)),
            ("poly-exponential", argument) => Self::poly_exponential(count, argument.map_or(Ok(1.0), number)?),
            ("beta", None) => Self::beta(count, 0.6, 0.6),
            ("beta", Some(exponents)) => match exponents.split_once(',') {
                Some((a, b)) => Self::beta(count, number(a)?, number(b)?),
                None => Err(bad("beta", "two exponents, as in beta:0.6,0.6", format!("'{exponents}'"))),
            },
            ("uniform-t", None) => Ok(Self::uniform_time(count)),
            ("linspace", None) => Ok(Self::linspace(count)),
            ("leading", argument) => match argument.map_or(Ok(0), |offset| offset.trim().parse()) {
                Ok(offset) => Ok(Self::leading(count, offset)),
                Err(_) => Err(bad(
                    "leading",
                    "an offset in entries, as in leading:1",
                    format!("'{}'", argument.unwrap_or_default()),
                )),
            },
            ("trailing", None) => Ok(Self::trailing(count)),
            ("flow-shift" | "flow-shift-mu", Some(argument)) => {
                let (shift, option) = argument.split_once(',').map_or((argument, None), |(a, b)| (a, Some(b.trim())));
                let grid = match name {
                    "flow-shift" => Self::flow_shift(count, number(shift)?)?,
                    _ => Self::flow_shift_mu(count, number(shift)?)?,
                };
                match option.map(|option| option.split_once('=')) {
                    None => Ok(grid),
                    Some(Some((key, terminal))) if key.trim() == "terminal" => grid.with_terminal(number(terminal)?),
                    Some(_) => {
                        Err(bad(name, "an option terminal=τ, as in flow-shift:3,terminal=0.1", format!("'{argument}'")))
                    }
                }
            }
            ("flow-shift", None) => Err(bad("flow-shift", "a shift, as in flow-shift:3", "none".into())),
            ("flow-shift-mu", None) => Err(bad("flow-shift-mu", "μ, as in flow-shift-mu:1.15", "none".into())),
            ("vp", None) => Ok(Self::vp(count)),
            ("ays", Some(family)) => {
                let known = Ays::parse(family).ok_or_else(|| Error::unknown("ays grid", family, &Ays::NAMES))?;
                Ok(Self::ays(count, known))
            }
            ("ays", None) => Err(bad("ays", "a family: ays:sd, ays:sdxl or ays:svd", "none".into())),
            ("list" | "times", Some(list)) => {
                let numbers = list.split(',').map(number).collect::<Result<_>>()?;
                let grid = if name == "list" { Self::list(numbers) } else { Self::times(numbers) };
                if steps.is_some_and(|steps| steps != grid.steps) {
                    return Err(Error::argument("the list has another number of steps")
                        .at(format!("grid '{name}'"))
                        .expected(count.to_string())
                        .got(grid.steps.to_string())
                        .hinting("a list brings its own number of steps"));
                }
                Ok(grid)
            }
            ("list", None) => Err(bad("list", "noise levels, as in list:80,10,1,0", "none".into())),
            ("times", None) => Err(bad("times", "times of the process, as in times:1,0.5,0", "none".into())),
            (name, Some(argument)) if Self::NAMES.contains(&name) => {
                Err(Error::argument("this grid takes no number").at(name.to_owned()).got(format!("'{argument}'")))
            }
            _ => Err(Error::unknown("grid", name, Self::NAMES)),
        }
    }
}

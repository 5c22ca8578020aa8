//! A plan as an aligned table.

use super::{By, Filling, How, Op, Plan, Read, Slot, Step, Take};
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nfe = self.nfe();
        writeln!(f, "{}: {}, {nfe} network evaluation{}", self.name, self.space, if nfe == 1 { "" } else { "s" })?;
        let rows: Vec<[String; 3]> = self.ops.iter().map(row).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [name, into] = [width(0), width(1)];
        let digits = rows.len().to_string().len().max(2);
        for (number, [op, target, rest]) in rows.iter().enumerate() {
            writeln!(f, "{number:>digits$}  {op:<name$}  {target:<into$} = {rest}")?;
        }
        Ok(())
    }
}

fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() || short == "-" { "0".to_owned() } else { short.to_owned() }
}

fn slot(slot: Slot) -> String {
    format!("s{slot}")
}

/// Returns the name, the target and the rest of one line.
pub(super) fn row(op: &Op) -> [String; 3] {
    let targets: Vec<String> = op.writes().into_iter().map(slot).collect();
    let rest = match op {
        Op::Fill { with: Filling::Letter(letter), .. } => format!("letter {letter} everywhere"),
        Op::Fill { with: Filling::Prior(draw), .. } => format!("letters of the prior, draw {draw}"),
        Op::Eval { from, alpha, .. } => format!("D of {} at survival {}", slot(*from), number(*alpha)),
        Op::Blend { terms, how, read, shape, .. } => {
            let terms: Vec<String> = terms.iter().map(|(c, from)| format!("{} {}", number(*c), slot(*from))).collect();
            let sum = match how {
                How::Linear => terms.join(" + "),
                How::Log => format!("log: {}", terms.join(" + ")),
            };
            let read = match read {
                Read::Plain => String::new(),
                Read::Posterior { x, alpha } => {
                    format!(", posterior of {} at survival {}", slot(*x), number(*alpha))
                }
                Read::Conditional { alpha } => format!(", conditional at survival {}", number(*alpha)),
                Read::Rates { x, alpha, eta } => {
                    format!(", rates from {} at survival {}, h/g {}", slot(*x), number(*alpha), number(*eta))
                }
            };
            let shape = [
                shape.temperature.map(|t| format!(", temperature {}", number(t))),
                shape.top_k.map(|k| format!(", top {k}")),
                shape.top_p.map(|p| format!(", top-p {}", number(p))),
            ];
            format!("{sum}{read}{}", shape.into_iter().flatten().collect::<String>())
        }
        Op::Draw { from, draw, .. } => format!("letters of {}, draw {draw}", slot(*from)),
        Op::Jump { from, step: Step::Numbers { clean, jump, .. }, draw, .. } => {
            let masses: Vec<String> =
                jump.masses().into_iter().map(|(name, mass)| format!("{name} {}", number(mass))).collect();
            format!("{} to {}: {}, draw {draw}", slot(*from), slot(*clean), masses.join(", "))
        }
        Op::Jump { from, step: Step::Rates { rates, length }, draw, .. } => {
            format!("{} along {} for {}, draw {draw}", slot(*from), slot(*rates), number(*length))
        }
        Op::Select { yes, no, by, take, among, noise, .. } => {
            let take = match take {
                Take::Count(count) => format!("{count} tokens"),
                Take::Bound(bound) => format!("tokens within {} nats", number(*bound)),
                Take::Above(above) => format!("tokens of probability {} or more", number(*above)),
            };
            let by = match by {
                By::Random(draw) => format!("at random, draw {draw}"),
                By::Order(order) => {
                    let shown: Vec<String> = order.iter().take(8).map(u32::to_string).collect();
                    format!("in the order {}{}", shown.join(" "), if order.len() > 8 { " …" } else { "" })
                }
                By::Entropy(belief) => format!("by entropy of {}", slot(*belief)),
                By::Margin(belief) => format!("by margin of {}", slot(*belief)),
                By::Confidence(belief) => format!("by confidence in {}", slot(*belief)),
            };
            let among = among.map_or_else(String::new, |[first, end]| format!(" among places {first} to {}", end - 1));
            let noise = noise.map_or_else(String::new, |(t, draw)| {
                format!(", Gumbel noise of temperature {}, draw {draw}", number(t))
            });
            format!("{} with {take} of {} {by}{among}{noise}", slot(*no), slot(*yes))
        }
    };
    [op.name().to_owned(), targets.join(","), rest]
}

//! The measurements as tables.

use super::{Model, OnGaussian, Report, Trained};
use crate::progress::thousands;
use crate::words::plural;
use langevin::text::{Column, columns};
use langevin_analysis::metrics::Estimate;
use langevin_theory::duality::{LAMBDA, Layers, Terms};

/// Returns the whole text.
pub(super) fn text(report: &Report) -> String {
    let Report { gaussian: first, trained: second, layers: third } = report;
    [
        "Everything is in nats. E[−ELBO] = H(data) + KL(data‖model) + posterior gap.\n".to_owned(),
        gaussian(first),
        trained(second),
        layers(third),
    ]
    .join("\n")
}

/// Formats a term in nats: the decimals depend on its size, and rounding errors are written as 0.
fn nats(value: f64) -> String {
    match value.abs() {
        size if size < 5e-8 => "0".into(),
        size if size < 0.001 => format!("{value:.1e}"),
        size if size < 1.0 => format!("{value:.5}"),
        size if size < 10.0 => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    }
}

fn line(name: &str, cells: &[String]) -> String {
    let row = [&[format!("  {name}")], cells].concat();
    columns(&[row], &[Column::Left(26), Column::Right(19)])
}

fn heads(name: &str, heads: &[&str]) -> String {
    line(name, &heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>())
}

const TERMS: [&str; 4] = ["E[−ELBO] − H", "KL(data‖model)", "posterior gap", "prior gap"];

fn terms(terms: &Terms) -> Vec<String> {
    [terms.excess(), terms.divergence, terms.posterior_gap, terms.prior_gap].map(nats).to_vec()
}

fn gaussian(found: &OnGaussian) -> String {
    let vae = &found.linear_vae;
    let mut text = format!(
        "1. Linear-Gaussian data, N(0, {}), H = {:.4}: closed forms, the exact denoiser, λ from −{LAMBDA} to {LAMBDA}\n\n",
        found.variance, found.linear_vae_terms.entropy
    );
    text.push_str(&heads("model", &TERMS));
    text.push_str(&line("linear VAE, 1 latent", &terms(&found.linear_vae_terms)));
    for chain in &found.chains {
        text.push_str(&line(&format!("diffusion, {} steps", chain.steps), &terms(&chain.terms)));
    }
    text.push_str(&format!(
        "\n  The linear VAE: p(x|z) = N({:.4} z, {}), q(z|x) = N({:.4} x, {}), E[−ELBO] = {:.6} = H.\n",
        vae.decoder_weight,
        vae.decoder_variance,
        vae.encoder_weight,
        vae.encoder_variance,
        found.linear_vae_terms.bound
    ));
    text.push_str("  The VAE wins: it is exact, and no finite chain is.\n");
    text
}

fn estimate(found: &Estimate, less: f64) -> String {
    let mean = nats(found.mean - less);
    match found.standard_error {
        // If both errors are rounding errors, only the mean is shown.
        Some(error) if nats(error) == "0" => mean,
        Some(error) => format!("{mean} ± {}", nats(error)),
        None => mean,
    }
}

fn trained(found: &Trained) -> String {
    let Trained { entropy, vae, diffusion, endless_mean, .. } = found;
    let error = if found.seeds > 1 { ", mean ± standard error" } else { "" };
    let mut text = format!(
        "2. Two modes on the line, H = {entropy:.5}: trained networks, {} of {} s each{error}\n\n",
        plural(found.seeds, "seed"),
        found.seconds
    );
    let means = |model: &Model| {
        let mean = &model.mean;
        let gaps = [&mean.divergence, &mean.posterior_gap, &mean.prior_gap].map(|gap| estimate(gap, 0.0));
        [vec![estimate(&mean.bound, *entropy)], gaps.to_vec()].concat()
    };
    text.push_str(&heads("model", &TERMS));
    text.push_str(&line("VAE, 1 latent", &means(vae)));
    text.push_str(&line(&format!("diffusion, {}", plural(found.steps as u64, "step")), &means(diffusion)));
    let dash = || "–".to_owned();
    text.push_str(&line("diffusion, endless", &[estimate(endless_mean, *entropy), dash(), dash(), dash()]));
    let three = [dash(), dash(), dash()];
    text.push_str(&line(&format!("exact D, {}", plural(found.steps as u64, "step")), &terms(&found.exact)));
    text.push_str(&line("exact D, endless", &[vec![nats(found.exact_endless - entropy)], three.to_vec()].concat()));
    let sizes = |name: &str, model: &Model, nets: &str| {
        let steps = model.training_steps.iter().sum::<u64>() / found.seeds;
        format!(
            "  {name}: {} parameters ({nets}width {}, depth {}), {} training steps on average.\n",
            thousands(model.parameters as u64),
            model.width,
            model.depth,
            thousands(steps)
        )
    };
    text.push('\n');
    text.push_str(&sizes("VAE", vae, "two networks, "));
    text.push_str(&sizes("Diffusion", diffusion, ""));
    let largest = |models: [&Model; 2], of: fn(&Terms) -> f64| {
        models.iter().flat_map(|model| &model.runs).map(of).fold(0.0, f64::max)
    };
    text.push_str(&format!(
        "  By quadrature: grids twice as coarse change no term by more than {:.1e}; the VAE's identity holds to {:.1e}.\n",
        largest([vae, diffusion], |terms| terms.grid_error),
        largest([vae, diffusion], |terms| terms.residual)
    ));
    let pairs = [
        ("E[−ELBO]", &vae.mean.bound, &diffusion.mean.bound),
        ("KL(data‖model)", &vae.mean.divergence, &diffusion.mean.divergence),
        ("the posterior gap", &vae.mean.posterior_gap, &diffusion.mean.posterior_gap),
        ("the prior gap", &vae.mean.prior_gap, &diffusion.mean.prior_gap),
    ];
    let better = |vae: &Estimate, diffusion: &Estimate| match (vae.is_below(diffusion), diffusion.is_below(vae)) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    };
    let verdicts = ["The VAE wins on", "Diffusion wins on", "No difference beyond two standard errors on"];
    for (who, verdict) in verdicts.iter().enumerate() {
        let own: Vec<&str> = pairs.iter().filter(|(_, a, b)| better(a, b) == who).map(|(name, ..)| *name).collect();
        if !own.is_empty() {
            text.push_str(&format!("  {verdict} {}.\n", own.join(", ")));
        }
    }
    let of_endless = [
        "The VAE's E[−ELBO] is below",
        "The VAE's E[−ELBO] is above",
        "The VAE's E[−ELBO] is within two standard errors of",
    ];
    text.push_str(&format!("  {} that of endless steps.\n", of_endless[better(&vae.mean.bound, endless_mean)]));
    text
}

fn layers(found: &[Layers]) -> String {
    let row = |cells: &[String]| columns(&[cells], &[Column::Right(16), Column::Right(14)]);
    let mut text = format!(
        "3. The chain of n steps is a VAE of n layers with a fixed encoder: the same mixture, the exact denoiser\n\n{:>32}{:>48}\n",
        "steps even in λ", "best steps"
    );
    let heads = ["steps", "E[−ELBO] − H", "KL", "posterior gap", "E[−ELBO] − H", "KL", "posterior gap"];
    text.push_str(&row(&heads.map(String::from)));
    for Layers { steps, even, best, .. } in found {
        let three = |terms: &Terms| [terms.excess(), terms.divergence, terms.posterior_gap].map(nats);
        text.push_str(&row(&[vec![steps.to_string()], three(even).to_vec(), three(best).to_vec()].concat()));
    }
    text.push_str("\n  Nothing here was trained. Where steps are many, twice as many halve the gap.\n");
    text
}

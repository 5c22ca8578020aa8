//! The sources of the samplers, as citations and as BibTeX.

/// (key, authors, title, year). A key with a point is an arXiv number; any other key is a
/// repository.
const SOURCES: &[(&str, &str, &str, u16)] = &[
    (
        "1907.05600",
        "Song, Yang and Ermon, Stefano",
        "Generative Modeling by Estimating Gradients of the Data Distribution",
        2019,
    ),
    ("2006.11239", "Ho, Jonathan and Jain, Ajay and Abbeel, Pieter", "Denoising Diffusion Probabilistic Models", 2020),
    ("2010.02502", "Song, Jiaming and Meng, Chenlin and Ermon, Stefano", "Denoising Diffusion Implicit Models", 2020),
    (
        "2011.13456",
        "Song, Yang and Sohl-Dickstein, Jascha and Kingma, Diederik P. and Kumar, Abhishek and Ermon, Stefano and Poole, Ben",
        "Score-Based Generative Modeling through Stochastic Differential Equations",
        2020,
    ),
    ("2102.09672", "Nichol, Alex and Dhariwal, Prafulla", "Improved Denoising Diffusion Probabilistic Models", 2021),
    (
        "2201.09865",
        "Lugmayr, Andreas and Danelljan, Martin and Romero, Andres and Yu, Fisher and Timofte, Radu and Van Gool, Luc",
        "RePaint: Inpainting using Denoising Diffusion Probabilistic Models",
        2022,
    ),
    (
        "2202.09778",
        "Liu, Luping and Ren, Yi and Lin, Zhijie and Zhao, Zhou",
        "Pseudo Numerical Methods for Diffusion Models on Manifolds",
        2022,
    ),
    (
        "2204.13902",
        "Zhang, Qinsheng and Chen, Yongxin",
        "Fast Sampling of Diffusion Models with Exponential Integrator",
        2022,
    ),
    (
        "2206.00364",
        "Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli",
        "Elucidating the Design Space of Diffusion-Based Generative Models",
        2022,
    ),
    (
        "2206.00927",
        "Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun",
        "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps",
        2022,
    ),
    (
        "2209.03003",
        "Liu, Xingchao and Gong, Chengyue and Liu, Qiang",
        "Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow",
        2022,
    ),
    (
        "2210.02747",
        "Lipman, Yaron and Chen, Ricky T. Q. and Ben-Hamu, Heli and Nickel, Maximilian and Le, Matt",
        "Flow Matching for Generative Modeling",
        2022,
    ),
    (
        "2211.01095",
        "Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun",
        "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
        2022,
    ),
    (
        "2302.04867",
        "Zhao, Wenliang and Bai, Lujia and Rao, Yongming and Zhou, Jie and Lu, Jiwen",
        "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models",
        2023,
    ),
    ("2303.01469", "Song, Yang and Dhariwal, Prafulla and Chen, Mark and Sutskever, Ilya", "Consistency Models", 2023),
    (
        "2305.14267",
        "Gonzalez, Martin and Fernandez, Nelson and Tran, Thuy and Gherbi, Elies and Hajri, Hatem and Masmoudi, Nader",
        "SEEDS: Exponential SDE Solvers for Fast High-Quality Sampling from Diffusion Models",
        2023,
    ),
    (
        "2306.04848",
        "Permenter, Frank and Yuan, Chenyang",
        "Interpreting and Improving Diffusion Models from an Optimization Perspective",
        2023,
    ),
    (
        "2306.14878",
        "Xu, Yilun and Deng, Mingyang and Cheng, Xiang and Tian, Yonglong and Liu, Ziming and Jaakkola, Tommi",
        "Restart Sampling for Improving Generative Processes",
        2023,
    ),
    (
        "2308.02157",
        "Zhang, Qinsheng and Song, Jiaming and Chen, Yongxin",
        "Improved Order Analysis and Design of Exponential Integrator for Diffusion Models Sampling",
        2023,
    ),
    (
        "2309.05019",
        "Xue, Shuchen and Yi, Mingyang and Luo, Weijian and Zhang, Shifeng and Sun, Jiacheng and Li, Zhenguo and Ma, Zhi-Ming",
        "SA-Solver: Stochastic Adams Solver for Fast Sampling of Diffusion Models",
        2023,
    ),
    (
        "2309.06169",
        "Cui, Qinpeng and Zhang, Xinyi and Lu, Zongqing and Liao, Qingmin",
        "Elucidating the Solution Space of Extended Reverse-Time SDE for Diffusion Models",
        2023,
    ),
    (
        "2310.04378",
        "Luo, Simian and Tan, Yiqin and Huang, Longbo and Li, Jian and Zhao, Hang",
        "Latent Consistency Models: Synthesizing High-Resolution Images with Few-Step Inference",
        2023,
    ),
    (
        "2402.19159",
        "Zheng, Jianbin and Hu, Minghui and Fan, Zhongyi and Wang, Chaoyue and Ding, Changxing and Tao, Dacheng and Cham, Tat-Jen",
        "Trajectory Consistency Distillation",
        2024,
    ),
    (
        "2403.03206",
        "Esser, Patrick and others",
        "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis",
        2024,
    ),
    (
        "2406.08070",
        "Chung, Hyungjin and Kim, Jeongsol and Park, Geon Yeong and Nam, Hyelin and Ye, Jong Chul",
        "CFG++: Manifold-constrained Classifier Free Guidance for Diffusion Models",
        2024,
    ),
    ("2604.10465", "Zheng and Lan", "Rethinking the Diffusion Model from a Langevin Perspective", 2026),
    ("k-diffusion", "Crowson, Katherine", "k-diffusion", 2022),
    ("comfyui", "Comfy Org", "ComfyUI", 2023),
];

/// Returns a short citation, such as `Lu et al. 2022, arXiv 2211.01095`.
pub(super) fn short(key: &str) -> String {
    let Some((key, authors, _, year)) = SOURCES.iter().find(|source| source.0 == key) else {
        return key.to_owned();
    };
    let family = authors.split(',').next().unwrap_or_default();
    let others = if authors.contains(" and ") { " et al." } else { "" };
    if key.contains('.') { format!("{family}{others} {year}, arXiv {key}") } else { format!("{key} (software)") }
}

/// Returns the BibTeX entry of a source.
pub(super) fn bibtex(key: &str) -> String {
    let Some((key, authors, title, year)) = SOURCES.iter().find(|source| source.0 == key) else {
        return String::new();
    };
    let label: String = authors
        .split(',')
        .next()
        .unwrap_or_default()
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let label = format!("{label}{year}{}", key.replace('.', ""));
    if key.contains('.') {
        format!(
            "@article{{{label},\n  title = {{{title}}},\n  author = {{{authors}}},\n  journal = {{arXiv preprint arXiv:{key}}},\n  year = {{{year}}}\n}}"
        )
    } else {
        format!("@software{{{label},\n  title = {{{title}}},\n  author = {{{authors}}},\n  year = {{{year}}}\n}}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Entry;

    #[test]
    fn every_source_is_known() {
        for entry in Entry::all() {
            assert!(!entry.sources.is_empty(), "{}", entry.name);
            assert_eq!(entry.bibtex().matches("title").count(), entry.sources.len(), "{}", entry.name);
        }
    }
}

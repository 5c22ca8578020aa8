//! Rust, as a module of its own.

use crate::program::{
    COS, EXP, INVERSE_LN_2, LN_2, LOG, Program, SIN, Statement, TWO_LN_2, number, reductions, single, sum,
};
use std::fmt::Write as _;

pub(crate) fn write(program: &Program<'_>) -> String {
    let mut text = String::new();
    for line in program.head() {
        let _ = writeln!(text, "//! {line}");
    }
    text += "\n#![allow(clippy::excessive_precision, unused_variables)]\n\n";
    text += "/// A call of the model: `x` is its input, with the factors of data and noise in it.\npub struct Query<'a> {\n    pub x: &'a [f64],\n    pub time: f64,\n    pub alpha: f64,\n    pub sigma: f64,\n    pub unconditional: bool,\n}\n\n";
    if program.has_noise() {
        text += &noise();
    }
    if program.has_clamp() {
        text += "fn kept(x: f64, low: f64, high: f64) -> f64 {\n    if x < low { low } else if x > high { high } else { x }\n}\n\n";
    }
    if program.has_threshold() {
        text += THRESHOLD;
    }
    if program.has_learned() {
        text += &exponential();
    }
    let inputs = if program.inputs.is_empty() { "" } else { ", inputs: &[&[f64]]" };
    let _ = writeln!(
        text,
        "/// Returns sample `index` of `seed`, of `width` elements.\npub fn sample(mut model: impl FnMut(Query<'_>) -> Vec<f64>, seed: u64, index: u64, width: usize{inputs}) -> Vec<f64> {{"
    );
    text += if program.reads { ASK_READ } else { ASK };
    text += "    let all = |of: &dyn Fn(usize) -> f64| (0..width).map(of).collect::<Vec<f64>>();\n";
    for slot in 0..program.slots {
        let _ = writeln!(text, "    let mut s{slot}: Vec<f64> = Vec::new();");
    }
    for (place, (_, slot)) in program.inputs.iter().enumerate() {
        let _ = writeln!(text, "    s{slot} = inputs[{place}].to_vec();");
    }
    for line in &program.statements {
        text += &statement(line);
    }
    let _ = writeln!(text, "    s{}\n}}", program.result);
    text
}

fn statement(line: &Statement) -> String {
    let each = |into: usize, value: String| format!("    s{into} = all(&|i| {value});\n");
    match line {
        Statement::Eval { number: index, from, into, level, net, unconditional } => {
            let (scale, time) = net.map_or((1.0, level.time), |net| (net.scale, net.time));
            let [scale, time, alpha, sigma] = [scale, time, scale * level.alpha, scale * level.sigma].map(number);
            let reading = net.map_or_else(String::new, |net| format!(", {}, {}", number(net.a), number(net.b)));
            format!(
                "    // {}\n    s{into} = ask(&s{from}, {scale}, {time}, {alpha}, {sigma}, {unconditional}{reading});\n",
                Program::remark(*index, level)
            )
        }
        Statement::Combine { into, terms, noise } => {
            let draw = |draw: u32| format!("normal(seed, index, {draw}, i as u64)");
            each(*into, sum(terms, noise, |slot| format!("s{slot}[i]"), draw))
        }
        Statement::Clamp { from, into, min, max } => {
            each(*into, format!("kept(s{from}[i], {}, {})", number(*min), number(*max)))
        }
        Statement::Threshold { from, into, ratio, max } => {
            format!("    s{into} = threshold(&s{from}, {}, {});\n", number(*ratio), number(*max))
        }
        Statement::Mul { from: [a, b], into } => each(*into, format!("s{a}[i] * s{b}[i]")),
        Statement::Learned { from, into, small, large } => each(
            *into,
            format!(
                "exponential(0.5 * (1.0 + s{from}[i]) * {} + 0.5 * (1.0 - s{from}[i]) * {})",
                number(*large),
                number(*small)
            ),
        ),
    }
}

fn noise() -> String {
    let list = |values: &[f32]| values.iter().map(|value| single(*value)).collect::<Vec<_>>().join(", ");
    format!(
        "/// Philox 4x32-10: four words of a counter and a key.
fn philox([mut w0, mut w1, mut w2, mut w3]: [u32; 4], [mut k0, mut k1]: [u32; 2]) -> [u32; 4] {{
    for _ in 0..10 {{
        let (p0, p1) = (u64::from(w0) * 0xD251_1F53, u64::from(w2) * 0xCD9E_8D57);
        (w0, w1, w2, w3) = ((p1 >> 32) as u32 ^ w1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ w3 ^ k1, p0 as u32);
        (k0, k1) = (k0.wrapping_add(0x9E37_79B9), k1.wrapping_add(0xBB67_AE85));
    }}
    [w0, w1, w2, w3]
}}

fn polynomial(c: &[f32], x: f32) -> f32 {{
    c[1..].iter().fold(c[0], |sum, next| sum * x + next)
}}

/// Element `element` of draw `draw` of sample `index`: a standard normal.
/// By Box and Muller, in single precision.
fn normal(seed: u64, index: u64, draw: u32, element: u64) -> f64 {{
    let key = [seed as u32, (seed >> 32) as u32];
    let words = philox([(element / 4) as u32, draw, index as u32, (index >> 32) as u32], key);
    let half = (element % 4 / 2 * 2) as usize;
    let shifted = (words[half] as f32 + 0.5).to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (shifted as i32) >> 23;
    let f = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let log = f * polynomial(&[{}], f);
    let radius = ((32 - exponent) as f32 * {} + log).sqrt();
    let turned = words[half + 1].wrapping_add(1 << 29);
    let quarter = turned >> 30;
    let t = ((turned & 0x3fff_ffff) as i32 - (1 << 29)) as f32 * (1.0 / 4_294_967_296.0);
    let s = polynomial(&[{}], t * t) * t;
    let c = polynomial(&[{}], t * t);
    let even = element % 2 == 0;
    let value = if (quarter & 1 == 1) == even {{ s }} else {{ c }};
    let negative = if even {{ (quarter + 1) & 2 }} else {{ quarter & 2 }} != 0;
    f64::from(radius * if negative {{ -value }} else {{ value }})
}}

",
        list(&LOG),
        single(TWO_LN_2),
        list(&SIN),
        list(&COS)
    )
}

fn exponential() -> String {
    let [reduced, far] = reductions();
    let p = EXP.map(number);
    format!(
        "/// exp(x) for |x| < 700, by the algorithm of fdlibm.
fn exponential(mut x: f64) -> f64 {{
    let (mut high, mut low, mut k) = (x, 0.0, 0i32);
    if x.abs() >= {reduced} {{
        k = match x.abs() >= {far} {{
            true => ({} * x + if x < 0.0 {{ -0.5 }} else {{ 0.5 }}) as i32,
            false => if x < 0.0 {{ -1 }} else {{ 1 }},
        }};
        high = x - f64::from(k) * {};
        low = f64::from(k) * {};
        x = high - low;
    }} else if x.abs() < 3.7252902984619140625e-9 {{
        return 1.0 + x;
    }}
    let xx = x * x;
    let c = x - xx * ({} + xx * ({} + xx * ({} + xx * ({} + xx * {}))));
    (1.0 + (x * c / (2.0 - c) - low + high)) * f64::from_bits(((1023 + k) as u64) << 52)
}}

",
        number(INVERSE_LN_2),
        number(LN_2[0]),
        number(LN_2[1]),
        p[0],
        p[1],
        p[2],
        p[3],
        p[4]
    )
}

const THRESHOLD: &str = "/// Clamps to the quantile of |x|, kept in [1, most], and divides by it.
fn threshold(x: &[f64], ratio: f64, most: f64) -> Vec<f64> {
    let mut sizes: Vec<f64> = x.iter().map(|x| x.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let place = ratio * (sizes.len() - 1) as f64;
    let low = place.floor() as usize;
    let high = (low + 1).min(sizes.len() - 1);
    let s = kept(sizes[low] + (place - low as f64) * (sizes[high] - sizes[low]), 1.0, most);
    x.iter().map(|x| kept(*x, -s, s) / s).collect()
}

";

const ASK: &str =
    "    let mut ask = |x: &[f64], scale: f64, time: f64, alpha: f64, sigma: f64, unconditional: bool| -> Vec<f64> {
        let input: Vec<f64> = x.iter().map(|x| scale * x).collect();
        model(Query { x: &input, time, alpha, sigma, unconditional })
    };
";

const ASK_READ: &str = "    // The network's output, as D = a x + b out.
    let mut ask = |x: &[f64], scale: f64, time: f64, alpha: f64, sigma: f64, unconditional: bool, a: f64, b: f64| -> Vec<f64> {
        let input: Vec<f64> = x.iter().map(|x| scale * x).collect();
        let out = model(Query { x: &input, time, alpha, sigma, unconditional });
        x.iter().zip(&out).map(|(x, out)| a * x + b * out).collect()
    };
";

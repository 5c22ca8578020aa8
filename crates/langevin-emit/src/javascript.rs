//! JavaScript, as a module.

use crate::program::{
    COS, EXP, INVERSE_LN_2, LN_2, LOG, Program, SIN, Statement, TWO_LN_2, number, reductions, single, sum,
};
use std::fmt::Write as _;

pub(crate) fn write(program: &Program<'_>) -> String {
    let mut text = String::new();
    for line in program.head() {
        let _ = writeln!(text, "// {line}");
    }
    text += "//\n// model(x, time, { alpha, sigma, unconditional }) returns an array of the length of x. States are Float64Array.\n\n";
    if program.has_noise() {
        text += &noise();
    }
    if program.has_clamp() {
        text += "const kept = (x, low, high) => (x < low ? low : x > high ? high : x);\n\n";
    }
    if program.has_threshold() {
        text += THRESHOLD;
    }
    if program.has_learned() {
        text += &exponential();
    }
    text += if program.reads { ASK_READ } else { ASK };
    let inputs = if program.inputs.is_empty() { "" } else { ", inputs" };
    let _ = writeln!(
        text,
        "// Returns sample `index` of `seed`, whole numbers below 2 to the power 53, as a Float64Array of `width` elements.\nexport function sample(model, seed, index, width{inputs}) {{\n  const all = (of) => Float64Array.from({{ length: width }}, (_, i) => of(i));"
    );
    let slots = (0..program.slots).map(|slot| format!("s{slot}")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "  let {slots};");
    for (place, (_, slot)) in program.inputs.iter().enumerate() {
        let _ = writeln!(text, "  s{slot} = Float64Array.from(inputs[{place}]);");
    }
    for line in &program.statements {
        text += &statement(line);
    }
    let _ = writeln!(text, "  return s{};\n}}", program.result);
    text
}

fn statement(line: &Statement) -> String {
    let each = |into: usize, value: String| format!("  s{into} = all((i) => {value});\n");
    match line {
        Statement::Eval { number: index, from, into, level, net, unconditional } => {
            let (scale, time) = net.map_or((1.0, level.time), |net| (net.scale, net.time));
            let [scale, time, alpha, sigma] = [scale, time, scale * level.alpha, scale * level.sigma].map(number);
            let reading = net.map_or_else(String::new, |net| format!(", {}, {}", number(net.a), number(net.b)));
            format!(
                "  // {}\n  s{into} = ask(model, s{from}, {scale}, {time}, {{ alpha: {alpha}, sigma: {sigma}, unconditional: {unconditional} }}{reading});\n",
                Program::remark(*index, level)
            )
        }
        Statement::Combine { into, terms, noise } => {
            let draw = |draw: u32| format!("normal(seed, index, {draw}, i)");
            each(*into, sum(terms, noise, |slot| format!("s{slot}[i]"), draw))
        }
        Statement::Clamp { from, into, min, max } => {
            each(*into, format!("kept(s{from}[i], {}, {})", number(*min), number(*max)))
        }
        Statement::Threshold { from, into, ratio, max } => {
            format!("  s{into} = threshold(s{from}, {}, {});\n", number(*ratio), number(*max))
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
        "const f32 = Math.fround;
const LOG = [{}];
const SIN = [{}];
const COS = [{}];

// The high 32 bits of the product of two words.
function high(a, b) {{
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(((middle % 65536) + a0 * b1) / 65536)) >>> 0;
}}

// Philox 4x32-10: four words of a counter and a key.
function philox(counter, k0, k1) {{
  let [w0, w1, w2, w3] = counter;
  for (let round = 0; round < 10; round++) {{
    const [h0, l0] = [high(w0, 0xd2511f53), Math.imul(w0, 0xd2511f53) >>> 0];
    const [h1, l1] = [high(w2, 0xcd9e8d57), Math.imul(w2, 0xcd9e8d57) >>> 0];
    [w0, w1, w2, w3] = [(h1 ^ w1 ^ k0) >>> 0, l1, (h0 ^ w3 ^ k1) >>> 0, l0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }}
  return [w0, w1, w2, w3];
}}

const polynomial = (c, x) => c.reduce((sum, next) => f32(f32(sum * x) + f32(next)), 0);
const view = new DataView(new ArrayBuffer(4));

// Element `element` of draw `draw` of sample `index`: a standard normal.
// By Box and Muller, in single precision.
function normal(seed, index, draw, element) {{
  const split = (whole) => [whole % 4294967296, Math.floor(whole / 4294967296)];
  const [low, up] = split(index);
  const words = philox([Math.floor(element / 4) >>> 0, draw, low, up], ...split(seed));
  const [first, second] = element % 4 < 2 ? [words[0], words[1]] : [words[2], words[3]];
  view.setFloat32(0, f32(f32(first) + 0.5));
  const bits = (view.getUint32(0) - 0x3f3504f3) | 0;
  view.setUint32(0, (bits & 0x007fffff) + 0x3f3504f3);
  const f = f32(view.getFloat32(0) - 1);
  const log = f32(f * polynomial(LOG, f));
  const radius = f32(Math.sqrt(f32(f32((32 - (bits >> 23)) * f32({})) + log)));
  const shifted = (second + 0x20000000) >>> 0;
  const quarter = shifted >>> 30;
  const t = f32(f32((shifted & 0x3fffffff) - 0x20000000) / 4294967296);
  const square = f32(t * t);
  const s = f32(polynomial(SIN, square) * t);
  const c = polynomial(COS, square);
  const even = element % 2 === 0;
  const value = (quarter & 1) === (even ? 1 : 0) ? s : c;
  const negative = even ? (quarter + 1) & 2 : quarter & 2;
  return f32(radius * (negative ? -value : value));
}}

",
        list(&LOG),
        list(&SIN),
        list(&COS),
        single(TWO_LN_2)
    )
}

fn exponential() -> String {
    let [reduced, far] = reductions();
    let p = EXP.map(number);
    format!(
        "// exp(x) for |x| < 700, by the algorithm of fdlibm.
function exponential(x) {{
  let [high, low, k] = [x, 0, 0];
  if (Math.abs(x) >= {reduced}) {{
    k = Math.abs(x) >= {far} ? Math.trunc({} * x + (x < 0 ? -0.5 : 0.5)) : x < 0 ? -1 : 1;
    high = x - k * {};
    low = k * {};
    x = high - low;
  }} else if (Math.abs(x) < 3.7252902984619140625e-9) {{
    return 1 + x;
  }}
  const xx = x * x;
  const c = x - xx * ({} + xx * ({} + xx * ({} + xx * ({} + xx * {}))));
  return (1 + ((x * c) / (2 - c) - low + high)) * 2 ** k;
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

const THRESHOLD: &str = "// Clamps to the quantile of |x|, kept in [1, most], and divides by it.
function threshold(x, ratio, most) {
  const sizes = x.map(Math.abs).sort();
  const place = ratio * (sizes.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sizes.length - 1);
  const s = kept(sizes[low] + (place - low) * (sizes[high] - sizes[low]), 1, most);
  return x.map((value) => kept(value, -s, s) / s);
}

";

const ASK: &str = "// Asks the model for D.
function ask(model, x, scale, time, query) {
  return Float64Array.from(model(x.map((value) => scale * value), time, query));
}

";

const ASK_READ: &str = "// Asks the network for its output, and returns D = a x + b out.
function ask(model, x, scale, time, query, a, b) {
  const out = model(x.map((value) => scale * value), time, query);
  return x.map((value, i) => a * value + b * out[i]);
}

";

//! Swift.

use crate::program::{
    COS, EXP, INVERSE_LN_2, LN_2, LOG, Program, SIN, Statement, TWO_LN_2, number, reductions, single, sum,
};
use std::fmt::Write as _;

pub(crate) fn write(program: &Program<'_>) -> String {
    let mut text = String::new();
    for line in program.head() {
        let _ = writeln!(text, "// {line}");
    }
    text += "\n/// A call of the model: `x` is its input, with the factors of data and noise in it.\npublic struct Query {\n    public let x: [Double], time: Double, alpha: Double, sigma: Double, unconditional: Bool\n}\n\n";
    if program.has_noise() {
        text += &noise();
    }
    if program.has_clamp() {
        text += "func kept(_ x: Double, _ low: Double, _ high: Double) -> Double { x < low ? low : x > high ? high : x }\n\n";
    }
    if program.has_threshold() {
        text += THRESHOLD;
    }
    if program.has_learned() {
        text += &exponential();
    }
    let inputs = if program.inputs.is_empty() { "" } else { ", inputs: [[Double]]" };
    let _ = writeln!(
        text,
        "/// Returns sample `index` of `seed`, of `width` elements.\npublic func sample(model: (Query) -> [Double], seed: UInt64, index: UInt64, width: Int{inputs}) -> [Double] {{"
    );
    text += if program.reads { ASK_READ } else { ASK };
    text += "    func all(_ of: (Int) -> Double) -> [Double] { (0..<width).map(of) }\n";
    for slot in 0..program.slots {
        let _ = writeln!(text, "    var s{slot}: [Double] = []");
    }
    for (place, (_, slot)) in program.inputs.iter().enumerate() {
        let _ = writeln!(text, "    s{slot} = inputs[{place}]");
    }
    for line in &program.statements {
        text += &statement(line);
    }
    let _ = writeln!(text, "    return s{}\n}}", program.result);
    text
}

fn statement(line: &Statement) -> String {
    // Long sums of literals are slow to type-check, so each state is built from named parts.
    let each = |into: usize, value: String| format!("    s{into} = all {{ (i: Int) -> Double in return {value} }}\n");
    match line {
        Statement::Eval { number: index, from, into, level, net, unconditional } => {
            let (scale, time) = net.map_or((1.0, level.time), |net| (net.scale, net.time));
            let [scale, time, alpha, sigma] = [scale, time, scale * level.alpha, scale * level.sigma].map(number);
            let reading = net.map_or_else(String::new, |net| format!(", {}, {}", number(net.a), number(net.b)));
            format!(
                "    // {}\n    s{into} = ask(s{from}, {scale}, {time}, {alpha}, {sigma}, {unconditional}{reading})\n",
                Program::remark(*index, level)
            )
        }
        Statement::Combine { into, terms, noise } => {
            let draw = |draw: u32| format!("normal(seed, index, {draw}, UInt64(i))");
            each(*into, sum(terms, noise, |slot| format!("s{slot}[i]"), draw))
        }
        Statement::Clamp { from, into, min, max } => {
            each(*into, format!("kept(s{from}[i], {}, {})", number(*min), number(*max)))
        }
        Statement::Threshold { from, into, ratio, max } => {
            format!("    s{into} = threshold(s{from}, {}, {})\n", number(*ratio), number(*max))
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
func philox(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {{
    var w = counter, k = key
    for _ in 0..<10 {{
        let p0 = UInt64(w[0]) * 0xD2511F53, p1 = UInt64(w[2]) * 0xCD9E8D57
        w = [UInt32(p1 >> 32) ^ w[1] ^ k[0], UInt32(truncatingIfNeeded: p1), UInt32(p0 >> 32) ^ w[3] ^ k[1], UInt32(truncatingIfNeeded: p0)]
        k = [k[0] &+ 0x9E3779B9, k[1] &+ 0xBB67AE85]
    }}
    return w
}}

func polynomial(_ c: [Float], _ x: Float) -> Float {{
    var sum = c[0]
    for next in c.dropFirst() {{
        let product = sum * x
        sum = product + next
    }}
    return sum
}}

/// Element `element` of draw `draw` of sample `index`: a standard normal.
/// By Box and Muller, in single precision.
func normal(_ seed: UInt64, _ index: UInt64, _ draw: UInt32, _ element: UInt64) -> Double {{
    let low = {{ (whole: UInt64) -> UInt32 in UInt32(truncatingIfNeeded: whole) }}
    let words = philox([low(element / 4), draw, low(index), UInt32(index >> 32)], [low(seed), UInt32(seed >> 32)])
    let half = Int(element % 4 / 2 * 2)
    let x: Float = Float(words[half]) + 0.5
    let shifted = x.bitPattern &- 0x3f3504f3
    let exponent = Int32(bitPattern: shifted) >> 23
    let f = Float(bitPattern: (shifted & 0x007fffff) &+ 0x3f3504f3) - 1
    let log: Float = f * polynomial([{}], f)
    let whole: Float = Float(32 - exponent) * {}
    let radius: Float = (whole + log).squareRoot()
    let turned = words[half + 1] &+ (1 << 29)
    let quarter = turned >> 30
    let t: Float = Float(Int32(turned & 0x3fffffff) - (1 << 29)) * {}
    let square: Float = t * t
    let s: Float = polynomial([{}], square) * t
    let c: Float = polynomial([{}], square)
    let even = element % 2 == 0
    let value = (quarter & 1 == 1) == even ? s : c
    let negative = (even ? (quarter + 1) & 2 : quarter & 2) != 0
    return Double(radius * (negative ? -value : value))
}}

",
        list(&LOG),
        single(TWO_LN_2),
        single(1.0 / 4_294_967_296.0),
        list(&SIN),
        list(&COS)
    )
}

fn exponential() -> String {
    let [reduced, far] = reductions();
    let p = EXP.map(number);
    format!(
        "/// exp(x) for |x| < 700, by the algorithm of fdlibm.
func exponential(_ argument: Double) -> Double {{
    var x = argument, high = argument, low = 0.0, k = 0
    if abs(x) >= {reduced} {{
        k = abs(x) >= {far} ? Int({} * x + (x < 0 ? -0.5 : 0.5)) : x < 0 ? -1 : 1
        high = x - Double(k) * {}
        low = Double(k) * {}
        x = high - low
    }} else if abs(x) < 3.7252902984619140625e-9 {{
        return 1 + x
    }}
    let xx = x * x
    var c = {} + xx * {}
    c = {} + xx * c
    c = {} + xx * c
    c = {} + xx * c
    c = x - xx * c
    return (1 + (x * c / (2 - c) - low + high)) * Double(sign: .plus, exponent: k, significand: 1)
}}

",
        number(INVERSE_LN_2),
        number(LN_2[0]),
        number(LN_2[1]),
        p[3],
        p[4],
        p[2],
        p[1],
        p[0]
    )
}

const THRESHOLD: &str = "/// Clamps to the quantile of |x|, kept in [1, most], and divides by it.
func threshold(_ x: [Double], _ ratio: Double, _ most: Double) -> [Double] {
    let sizes = x.map { abs($0) }.sorted()
    let place = ratio * Double(sizes.count - 1)
    let low = Int(place.rounded(.down))
    let high = min(low + 1, sizes.count - 1)
    let s = kept(sizes[low] + (place - Double(low)) * (sizes[high] - sizes[low]), 1, most)
    return x.map { kept($0, -s, s) / s }
}

";

const ASK: &str = "    func ask(_ x: [Double], _ scale: Double, _ time: Double, _ alpha: Double, _ sigma: Double, _ unconditional: Bool) -> [Double] {
        return model(Query(x: x.map { scale * $0 }, time: time, alpha: alpha, sigma: sigma, unconditional: unconditional))
    }
";

const ASK_READ: &str = "    // The network's output, as D = a x + b out.
    func ask(_ x: [Double], _ scale: Double, _ time: Double, _ alpha: Double, _ sigma: Double, _ unconditional: Bool, _ a: Double, _ b: Double) -> [Double] {
        let out = model(Query(x: x.map { scale * $0 }, time: time, alpha: alpha, sigma: sigma, unconditional: unconditional))
        return zip(x, out).map { a * $0 + b * $1 }
    }
";

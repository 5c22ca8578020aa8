//! Python with numpy.

use crate::program::{
    COS, EXP, INVERSE_LN_2, LN_2, LOG, Program, SIN, Statement, TWO_LN_2, number, reductions, single, sum,
};
use std::fmt::Write as _;

pub(crate) fn write(program: &Program<'_>) -> String {
    let mut text = String::from("\"\"\"");
    let head: Vec<String> = program.head().into_iter().map(|line| line.replace('\\', "/").replace('"', "'")).collect();
    let _ = writeln!(text, "{}\n", head[0]);
    for line in &head[1..] {
        let _ = writeln!(text, "{line}");
    }
    text += "\nmodel(x, time, alpha, sigma, unconditional) takes and returns arrays of shape (rows, width).\n\"\"\"\nimport numpy as np\n\n\n";
    if program.has_noise() {
        text += &noise();
    }
    if program.has_threshold() {
        text += THRESHOLD;
    }
    if program.has_learned() {
        text += &exponential();
    }
    let inputs = if program.inputs.is_empty() { "" } else { ", inputs" };
    let _ = writeln!(
        text,
        "def sample(model, seed, indices, width{inputs}):\n    \"\"\"Returns samples `indices` of `seed`, an array of shape (rows, width).\"\"\""
    );
    text += if program.reads { ASK_READ } else { ASK };
    if program.has_noise() {
        text += "    z = lambda draw: normal(seed, indices, draw, width)\n";
    }
    for (place, (_, slot)) in program.inputs.iter().enumerate() {
        let _ = writeln!(text, "    s{slot} = np.asarray(inputs[{place}], np.float64)");
    }
    for line in &program.statements {
        text += &statement(line);
    }
    let _ = writeln!(text, "    return s{}", program.result);
    text
}

fn statement(line: &Statement) -> String {
    match line {
        Statement::Eval { number: index, from, into, level, net, unconditional } => {
            let (scale, time) = net.map_or((1.0, level.time), |net| (net.scale, net.time));
            let [scale, time, alpha, sigma] = [scale, time, scale * level.alpha, scale * level.sigma].map(number);
            let reading = net.map_or_else(String::new, |net| format!(", {}, {}", number(net.a), number(net.b)));
            let branch = if *unconditional { "True" } else { "False" };
            format!(
                "    # {}\n    s{into} = ask(s{from}, {scale}, {time}, {alpha}, {sigma}, {branch}{reading})\n",
                Program::remark(*index, level)
            )
        }
        Statement::Combine { into, terms, noise } => {
            format!("    s{into} = {}\n", sum(terms, noise, |slot| format!("s{slot}"), |draw| format!("z({draw})")))
        }
        Statement::Clamp { from, into, min, max } => {
            format!("    s{into} = np.clip(s{from}, {}, {})\n", number(*min), number(*max))
        }
        Statement::Threshold { from, into, ratio, max } => {
            format!("    s{into} = threshold(s{from}, {}, {})\n", number(*ratio), number(*max))
        }
        Statement::Mul { from: [a, b], into } => format!("    s{into} = s{a} * s{b}\n"),
        Statement::Learned { from, into, small, large } => format!(
            "    s{into} = exponential(0.5 * (1.0 + s{from}) * {} + 0.5 * (1.0 - s{from}) * {})\n",
            number(*large),
            number(*small)
        ),
    }
}

fn noise() -> String {
    let list = |values: &[f32]| values.iter().map(|value| single(*value)).collect::<Vec<_>>().join(", ");
    format!(
        "LOG = np.array([{}], np.float32)
SIN = np.array([{}], np.float32)
COS = np.array([{}], np.float32)


def philox(words, k0, k1):
    \"\"\"Philox 4x32-10: four words of a counter and a key, as uint64.\"\"\"
    low = np.uint64(0xFFFFFFFF)
    w0, w1, w2, w3 = words
    for _ in range(10):
        p0, p1 = w0 * np.uint64(0xD2511F53), w2 * np.uint64(0xCD9E8D57)
        w0, w1, w2, w3 = (p1 >> 32) ^ w1 ^ k0, p1 & low, (p0 >> 32) ^ w3 ^ k1, p0 & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    return w0, w1, w2, w3


def polynomial(c, x):
    total = np.full_like(x, c[0])
    for value in c[1:]:
        total = total * x + value
    return total


def normal(seed, indices, draw, width):
    \"\"\"Standard normals of a draw, by Box and Muller in single precision.\"\"\"
    u64, f32 = np.uint64, np.float32
    index, block = (np.asarray(indices, u64)[:, None], np.arange(-(-width // 4), dtype=u64)[None, :])
    index, block = np.broadcast_arrays(index, block)
    key = u64(seed & 0xFFFFFFFF), u64(seed >> 32)
    words = philox((block, np.full_like(block, draw), index & u64(0xFFFFFFFF), index >> u64(32)), *key)
    out = np.empty((*block.shape, 4), f32)
    for half in (0, 2):
        x = words[half].astype(f32) + f32(0.5)
        bits = (x.view(np.uint32) - np.uint32(0x3F3504F3)).view(np.int32)
        f = ((bits & np.int32(0x007FFFFF)) + np.int32(0x3F3504F3)).view(f32) - f32(1)
        log = f * polynomial(LOG, f)
        radius = np.sqrt((32 - (bits >> 23)).astype(f32) * f32({}) + log)
        turned = (words[half + 1] + u64(1 << 29)) & u64(0xFFFFFFFF)
        quarter = (turned >> u64(30)).astype(np.int64)
        t = ((turned & u64(0x3FFFFFFF)).astype(np.int64) - (1 << 29)).astype(f32) * f32({})
        s, c = polynomial(SIN, t * t) * t, polynomial(COS, t * t)
        odd = quarter & 1 == 1
        cos, sin = np.where(odd, s, c), np.where(odd, c, s)
        out[..., half] = radius * np.where((quarter + 1) & 2, -cos, cos)
        out[..., half + 1] = radius * np.where(quarter & 2, -sin, sin)
    return out.reshape(len(out), -1)[:, :width].astype(np.float64)


",
        list(&LOG),
        list(&SIN),
        list(&COS),
        single(TWO_LN_2),
        single(1.0 / 4_294_967_296.0)
    )
}

fn exponential() -> String {
    let [reduced, far] = reductions();
    let p = EXP.map(number);
    format!(
        "def exponential(x):
    \"\"\"exp(x) for |x| < 700, by the algorithm of fdlibm.\"\"\"
    far = np.trunc({} * x + np.where(x < 0, -0.5, 0.5))
    k = np.where(np.abs(x) >= {far}, far, np.where(x < 0, -1.0, 1.0)) * (np.abs(x) >= {reduced})
    high, low = x - k * {}, k * {}
    y = high - low
    yy = y * y
    c = y - yy * ({} + yy * ({} + yy * ({} + yy * ({} + yy * {}))))
    return np.where(np.abs(x) < 3.7252902984619140625e-9, 1.0 + x, np.ldexp(1.0 + (y * c / (2.0 - c) - low + high), k.astype(int)))


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

const THRESHOLD: &str = "def threshold(x, ratio, most):
    \"\"\"Clamps each row to the quantile of |x|, kept in [1, most], and divides by it.\"\"\"
    sizes = np.sort(np.abs(x), axis=1)
    place = ratio * (x.shape[1] - 1)
    low = int(np.floor(place))
    high = min(low + 1, x.shape[1] - 1)
    s = np.clip(sizes[:, low] + (place - low) * (sizes[:, high] - sizes[:, low]), 1.0, most)[:, None]
    return np.clip(x, -s, s) / s


";

const ASK: &str =
    "    ask = lambda x, scale, time, alpha, sigma, unconditional: model(scale * x, time, alpha, sigma, unconditional)
";

const ASK_READ: &str = "    def ask(x, scale, time, alpha, sigma, unconditional, a, b):
        return a * x + b * model(scale * x, time, alpha, sigma, unconditional)  # D from the network's output

";

//! C99.

use crate::program::{
    COS, EXP, INVERSE_LN_2, LN_2, LOG, Program, SIN, Statement, TWO_LN_2, number, reductions, single, sum,
};
use std::fmt::Write as _;

pub(crate) fn write(program: &Program<'_>) -> String {
    let mut text = String::from("/*\n");
    for line in program.head() {
        let _ = writeln!(text, " * {line}");
    }
    text += " *\n * Compile with -ffp-contract=off. `work` holds WORK(width) doubles, `result` width doubles.\n */\n";
    text += "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdlib.h>\n#include <string.h>\n\n";
    let _ = writeln!(text, "#define LANGEVIN_WORK(width) ({} * (size_t)(width))\n", program.slots + 2);
    text += "/* out[i] = network(x, time), of width elements; alpha and sigma are those of x. */\n";
    text += "typedef void (*langevin_model)(void *self, const double *x, double time, double alpha, double sigma,\n                               int unconditional, double *out, size_t width);\n\n";
    if program.has_noise() {
        text += &noise();
    }
    if program.has_clamp() {
        text +=
            "static double kept(double x, double low, double high) { return x < low ? low : x > high ? high : x; }\n\n";
    }
    if program.has_threshold() {
        text += THRESHOLD;
    }
    if program.has_learned() {
        text += &exponential();
    }
    text += if program.reads { ASK_READ } else { ASK };
    let inputs = if program.inputs.is_empty() { "" } else { ", const double *const *inputs" };
    let _ = writeln!(
        text,
        "/* Writes sample `index` of `seed` into `result`. */\nvoid langevin_sample(langevin_model model, void *self, uint64_t seed, uint64_t index{inputs}, size_t width,\n                     double *work, double *result) {{"
    );
    for slot in 0..program.slots {
        let _ = writeln!(text, "    double *s{slot} = work + {slot} * width;");
    }
    let _ = writeln!(
        text,
        "    double *in = work + {} * width, *out = work + {} * width;",
        program.slots,
        program.slots + 1
    );
    text += "    (void)seed; (void)index;\n";
    for (place, (name, slot)) in program.inputs.iter().enumerate() {
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let _ = writeln!(text, "    memcpy(s{slot}, inputs[{place}], width * sizeof(double)); /* {name} */");
    }
    for line in &program.statements {
        text += &statement(line);
    }
    let _ = writeln!(text, "    memcpy(result, s{}, width * sizeof(double));\n}}", program.result);
    text
}

fn statement(line: &Statement) -> String {
    let each = |into: usize, value: String| format!("    for (size_t i = 0; i < width; i++) s{into}[i] = {value};\n");
    match line {
        Statement::Eval { number: index, from, into, level, net, unconditional } => {
            let remark = Program::remark(*index, level);
            let (scale, time) = net.map_or((1.0, level.time), |net| (net.scale, net.time));
            let [scale, time, alpha, sigma] = [scale, time, scale * level.alpha, scale * level.sigma].map(number);
            let reading = net.map_or_else(String::new, |net| format!(", {}, {}", number(net.a), number(net.b)));
            let branch = u8::from(*unconditional);
            format!(
                "    /* {remark} */\n    ask(model, self, s{from}, {scale}, {time}, {alpha}, {sigma}, {branch}{reading}, in, out, s{into}, width);\n"
            )
        }
        Statement::Combine { into, terms, noise } => {
            let draw = |draw: u32| format!("normal(seed, index, {draw}u, i)");
            each(*into, sum(terms, noise, |slot| format!("s{slot}[i]"), draw))
        }
        Statement::Clamp { from, into, min, max } => {
            each(*into, format!("kept(s{from}[i], {}, {})", number(*min), number(*max)))
        }
        Statement::Threshold { from, into, ratio, max } => {
            format!("    threshold(s{from}, {}, {}, in, s{into}, width);\n", number(*ratio), number(*max))
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
    let list =
        |values: &[f32]| values.iter().map(|value| format!("{}f", single(*value))).collect::<Vec<_>>().join(", ");
    format!(
        "/* Philox 4x32-10: four words of a counter and a key. */
static void philox(const uint32_t counter[4], uint32_t k0, uint32_t k1, uint32_t word[4]) {{
    memcpy(word, counter, 4 * sizeof(uint32_t));
    for (int round = 0; round < 10; round++) {{
        uint64_t p0 = (uint64_t)word[0] * 0xD2511F53u, p1 = (uint64_t)word[2] * 0xCD9E8D57u;
        uint32_t w1 = word[1], w3 = word[3];
        word[0] = (uint32_t)(p1 >> 32) ^ w1 ^ k0;
        word[1] = (uint32_t)p1;
        word[2] = (uint32_t)(p0 >> 32) ^ w3 ^ k1;
        word[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }}
}}

static float polynomial(const float *c, int count, float x) {{
    float sum = c[0];
    for (int i = 1; i < count; i++) sum = sum * x + c[i];
    return sum;
}}

/* Element `element` of draw `draw` of sample `index`: a standard normal, by Box and Muller in single precision. */
static double normal(uint64_t seed, uint64_t index, uint32_t draw, uint64_t element) {{
    static const float log_c[9] = {{{}}};
    static const float sin_c[4] = {{{}}};
    static const float cos_c[5] = {{{}}};
    uint32_t word[4];
    const uint32_t counter[4] = {{(uint32_t)(element / 4), draw, (uint32_t)index, (uint32_t)(index >> 32)}};
    philox(counter, (uint32_t)seed, (uint32_t)(seed >> 32), word);
    const uint32_t *pair = word + (element % 4 / 2) * 2;
    float x = (float)pair[0] + 0.5f, f;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits -= 0x3f3504f3u;
    int exponent = (int32_t)bits >> 23;
    bits = (bits & 0x007fffffu) + 0x3f3504f3u;
    memcpy(&f, &bits, sizeof f);
    f -= 1.0f;
    float log_part = f * polynomial(log_c, 9, f);
    float radius = sqrtf((float)(32 - exponent) * {}f + log_part);
    uint32_t shifted = pair[1] + (1u << 29), quarter = shifted >> 30;
    float t = (float)((int32_t)(shifted & 0x3fffffffu) - (1 << 29)) * {}f, square = t * t;
    float s = polynomial(sin_c, 4, square) * t, c = polynomial(cos_c, 5, square);
    float value;
    if (element % 2 == 0) {{
        value = quarter & 1 ? s : c;
        if ((quarter + 1) & 2) value = -value;
    }} else {{
        value = quarter & 1 ? c : s;
        if (quarter & 2) value = -value;
    }}
    return (double)(radius * value);
}}

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
        "/* exp(x) for |x| < 700, by the algorithm of fdlibm. */
static double exponential(double x) {{
    double high = x, low = 0.0;
    int k = 0;
    if (fabs(x) >= {reduced}) {{
        k = fabs(x) >= {far} ? (int)({} * x + (x < 0 ? -0.5 : 0.5)) : x < 0 ? -1 : 1;
        high = x - k * {};
        low = k * {};
        x = high - low;
    }} else if (fabs(x) < 3.7252902984619140625e-9) {{
        return 1.0 + x;
    }}
    double xx = x * x;
    double c = x - xx * ({} + xx * ({} + xx * ({} + xx * ({} + xx * {}))));
    double y = 1.0 + (x * c / (2.0 - c) - low + high);
    return k == 0 ? y : ldexp(y, k);
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

const THRESHOLD: &str = "static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Clamps to the quantile of |x|, kept in [1, most], and divides by it. */
static void threshold(const double *x, double ratio, double most, double *sizes, double *into, size_t width) {
    for (size_t i = 0; i < width; i++) sizes[i] = fabs(x[i]);
    qsort(sizes, width, sizeof(double), ascending);
    double place = ratio * (double)(width - 1);
    size_t low = (size_t)floor(place), high = low + 1 < width ? low + 1 : width - 1;
    double s = sizes[low] + (place - (double)low) * (sizes[high] - sizes[low]);
    s = s < 1.0 ? 1.0 : s > most ? most : s;
    for (size_t i = 0; i < width; i++) into[i] = kept(x[i], -s, s) / s;
}

";

const ASK: &str = "/* Asks the model for D. */
static void ask(langevin_model model, void *self, const double *x, double scale, double time, double alpha, double sigma,
                int unconditional, double *in, double *out, double *into, size_t width) {
    for (size_t i = 0; i < width; i++) in[i] = scale * x[i];
    model(self, in, time, alpha, sigma, unconditional, out, width);
    memcpy(into, out, width * sizeof(double));
}

";

const ASK_READ: &str = "/* Asks the network for its output, and writes D = a x + b out. */
static void ask(langevin_model model, void *self, const double *x, double scale, double time, double alpha, double sigma,
                int unconditional, double a, double b, double *in, double *out, double *into, size_t width) {
    for (size_t i = 0; i < width; i++) in[i] = scale * x[i];
    model(self, in, time, alpha, sigma, unconditional, out, width);
    for (size_t i = 0; i < width; i++) into[i] = a * x[i] + b * out[i];
}

";

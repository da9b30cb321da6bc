/* Exponentials, logarithms and what is made of them. Argument reduction after Cody and Waite;
 * polynomials are Taylor's, or interpolate in Chebyshev's nodes; where one double is not enough,
 * pairs of doubles after Dekker ("A floating-point technique for extending the available
 * precision", 1971). Each function is a fixed sequence of IEEE operations: do not reorder them. */
#include "core/math.h"

#include <string.h>

static const double INV_LN2 = 0x1.71547652b82fep+0;
/* ln 2 in two parts; the high one has 32 bits, so that its product with an exponent is exact. */
static const double LN2_HIGH = 0x1.62e42fee00000p-1;
static const double LN2_LOW = 0x1.a39ef35793c76p-33;
/* Added and taken away again, it rounds to an integer, which stands in the low bits between. */
static const double ROUNDER = 0x1.8p52;

enum { MANTISSA_BITS = 52, BIAS = 1023 };

static inline uint64_t to_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for -1022 <= k <= 1023. */
static inline double power_of_two(int64_t k)
{
    return from_bits((uint64_t)(k + BIAS) << MANTISSA_BITS);
}

/* A number as the sum of two doubles, the second below half a unit in the last place of the first
 * (or nearly so). */
struct pair {
    double high;
    double low;
};

/* a + b exactly, for |a| >= |b|. */
static inline struct pair sum_ordered(double a, double b)
{
    const double high = a + b;
    return (struct pair){high, (a - high) + b};
}

/* a + b exactly (Knuth). */
static inline struct pair sum_exact(double a, double b)
{
    const double high = a + b;
    const double b_seen = high - a;
    return (struct pair){high, (a - (high - b_seen)) + (b - b_seen)};
}

/* a * b exactly, for magnitudes far from overflow and underflow (Dekker, Veltkamp). */
static inline struct pair product_exact(double a, double b)
{
    static const double SPLITTER = 0x1p27 + 1.0;
    const double a_scaled = a * SPLITTER;
    const double b_scaled = b * SPLITTER;
    const double a_high = a_scaled - (a_scaled - a);
    const double b_high = b_scaled - (b_scaled - b);
    const double a_low = a - a_high;
    const double b_low = b - b_high;
    const double high = a * b;
    return (struct pair){high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) +
                                   a_low * b_low};
}

static inline struct pair product_of_pairs(struct pair a, struct pair b)
{
    const struct pair product = product_exact(a.high, b.high);
    return sum_ordered(product.high, product.low + (a.high * b.low + a.low * b.high));
}

/* x = k ln 2 + r with |r| <= ln(2) / 2; r as a pair. */
struct reduced {
    double k;
    int64_t k_integer;
    struct pair r;
};

static inline struct reduced reduce_exp(double x)
{
    const double rounded = x * INV_LN2 + ROUNDER;
    const double k = rounded - ROUNDER;
    const double high = x - k * LN2_HIGH; /* exact */
    const double low = k * LN2_LOW;
    const double r = high - low;
    return (struct reduced){.k = k,
                            .k_integer = (int64_t)(to_bits(rounded) - to_bits(ROUNDER)),
                            .r = {r, (high - r) - low}};
}

/* (exp(r) - 1 - r) / r^2 for |r| <= 0.347: Taylor to r^13 / 13!, the rest is below 2^-57. */
static inline double exp_tail(double r)
{
    const double r2 = r * r;
    const double r4 = r2 * r2;
    const double c01 = 1.0 / 2 + r * (1.0 / 6);
    const double c23 = 1.0 / 24 + r * (1.0 / 120);
    const double c45 = 1.0 / 720 + r * (1.0 / 5040);
    const double c67 = 1.0 / 40320 + r * (1.0 / 362880);
    const double c89 = 1.0 / 3628800 + r * (1.0 / 39916800);
    const double c1011 = 1.0 / 479001600 + r * (1.0 / 6227020800);
    return (c01 + r2 * c23) + r4 * ((c45 + r2 * c67) + r4 * (c89 + r2 * c1011));
}

/* exp(r) for a pair r, in [0.7, 1.42]; its high part alone is so good that exact powers come out
 * exact. */
static inline struct pair exp_reduced(struct pair r)
{
    const struct pair sum = sum_ordered(1.0, r.high);
    return sum_ordered(sum.high, sum.low + (r.high * r.high * exp_tail(r.high) + r.low));
}

/* y * 2^k where the result may be subnormal or infinite, -1100 <= k <= 1100. */
static double scale_far(double y, int64_t k)
{
    const int64_t half = k / 2;
    return y * power_of_two(half) * power_of_two(k - half);
}

/* |x| >= 708, where results leave the normal range, and NaN. */
static double exp_far(double x)
{
    if (isnan(x))
        return x + x;
    if (x > 710.0)
        return HUGE_VAL;
    if (x < -746.0)
        return 0.0;
    const struct reduced reduced = reduce_exp(x);
    return scale_far(exp_reduced(reduced.r).high, reduced.k_integer);
}

double mer_exp(double x)
{
    if (!(fabs(x) < 708.0))
        return exp_far(x);
    const struct reduced reduced = reduce_exp(x);
    return exp_reduced(reduced.r).high * power_of_two(reduced.k_integer);
}

/* exp(x) - 1 = high + low for -40 < x <= 709.8, scaled by 2^-k. */
static inline struct pair expm1_scaled(struct reduced reduced)
{
    const struct pair r = reduced.r;
    const double tail = r.high * r.high * exp_tail(r.high) + (r.low + r.low * r.high);
    if (reduced.k_integer == 0)
        return (struct pair){r.high, tail};
    /* 2^k (exp(r) - 2^-k); 1 - 2^-k is exact or 1 and at least as large as r. */
    const double rest = reduced.k > 60.0 ? 1.0 : 1.0 - power_of_two(-reduced.k_integer);
    struct pair sum = sum_ordered(rest, r.high);
    sum.low += tail;
    return sum;
}

double mer_expm1(double x)
{
    if (isnan(x))
        return x + x;
    if (x > 710.0)
        return HUGE_VAL;
    if (x < -40.0)
        return -1.0;
    if (fabs(x) < 0x1p-54)
        return x;
    const struct reduced reduced = reduce_exp(x);
    const struct pair parts = expm1_scaled(reduced);
    return scale_far(parts.high + parts.low, reduced.k_integer);
}

/* x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for positive normal x. */
static inline double split_logarithm(double x, double *ret_k)
{
    static const uint64_t SQRT_HALF_BITS = 0x3fe6a09e667f3bcd;
    const uint64_t above = to_bits(x) - SQRT_HALF_BITS;
    const int64_t k = (int64_t)above >> MANTISSA_BITS;
    *ret_k = (double)k;
    return from_bits(to_bits(x) - ((uint64_t)k << MANTISSA_BITS)) - 1.0;
}

/* k ln 2 + ln(1 + f) + correction, |correction| small. With s = f / (2 + f), ln(1 + f) is
 * 2 atanh(s) = 2s + s R and, rearranged so that the leading term f is exact,
 * f - (f^2/2 - s (f^2/2 + R)); R / s^2 is a polynomial in s^2 with error below 2^-57. */
static inline double logarithm(double k, double f, double correction)
{
    const double s = f / (2.0 + f);
    const double z = s * s;
    const double z2 = z * z;
    const double even =
        0x1.5555555555558p-1 +
        z2 * (0x1.2492492e09d1ap-2 + z2 * (0x1.7462bd8e53c17p-3 + z2 * 0x1.2b6686d1072f3p-3));
    const double odd =
        0x1.9999999995204p-2 + z2 * (0x1.c71c62c63e016p-3 + z2 * 0x1.39fd39474ad34p-3);
    const double r = z * (even + z * odd);
    const double half_square = 0.5 * f * f;
    const double low = s * (half_square + r) + (k * LN2_LOW + correction);
    return k * LN2_HIGH - ((half_square - low) - f);
}

/* Not a positive normal number. */
static double ln_far(double x)
{
    if (isnan(x) || (isinf(x) && x > 0.0))
        return x + x;
    if (x == 0.0)
        return -HUGE_VAL;
    if (x < 0.0)
        return (double)NAN;
    double k;
    const double f = split_logarithm(x * 0x1p54, &k);
    return logarithm(k - 54.0, f, 0.0);
}

static inline bool is_positive_normal(double x)
{
    return x >= 0x1p-1022 && x < HUGE_VAL;
}

double mer_ln(double x)
{
    if (!is_positive_normal(x))
        return ln_far(x);
    double k;
    const double f = split_logarithm(x, &k);
    return logarithm(k, f, 0.0);
}

double mer_ln1p(double x)
{
    if (!(x > -1.0 && x < HUGE_VAL))
        return x == -1.0 ? -HUGE_VAL : (x < -1.0 ? (double)NAN : x + x);
    if (fabs(x) < 0x1p-54)
        return x;
    if (x > -0.29 && x < 0.41)
        return logarithm(0.0, x, 0.0);
    /* What 1 + x loses by rounding is put back to first order. */
    const double sum = 1.0 + x;
    const double lost = x >= 1.0 ? 1.0 - (sum - x) : x - (sum - 1.0);
    double k;
    const double f = split_logarithm(sum, &k);
    return logarithm(k, f, lost / sum);
}

/* ln(x) for a positive normal x with a relative error below 2^-64: 2 atanh(s) as
 * s (2 + z 2/3 + z^2 P(z)), z = s^2, P from Taylor; all but P in pairs. */
static struct pair ln_pair(double x)
{
    static const struct pair TWO_THIRDS = {0x1.5555555555555p-1, 0x1.5555555555555p-55};
    double k;
    const double f = split_logarithm(x, &k);

    const struct pair divisor = sum_ordered(2.0, f);
    const double quotient = f / divisor.high;
    const struct pair product = product_exact(quotient, divisor.high);
    const double remainder = ((f - product.high) - product.low) - quotient * divisor.low;
    const struct pair s = {quotient, remainder / divisor.high};

    const struct pair z = product_of_pairs(s, s);
    double p = 0.0;
    for (int n = 27; n >= 5; n -= 2)
        p = p * z.high + 2.0 / n;
    const struct pair cubic = product_of_pairs(z, TWO_THIRDS);
    struct pair factor = sum_ordered(2.0, cubic.high);
    factor = sum_ordered(factor.high, factor.low + (cubic.low + z.high * z.high * p));
    const struct pair ln_f = product_of_pairs(s, factor);

    const struct pair sum = sum_exact(k * LN2_HIGH, ln_f.high);
    return sum_ordered(sum.high, sum.low + (ln_f.low + k * LN2_LOW));
}

double mer_pow(double x, double y)
{
    if (y == 0.0 || x == 1.0)
        return 1.0;
    if (isnan(x) || isnan(y) || x < 0.0)
        return (double)NAN;
    if (x == 0.0 || isinf(x))
        return (x == 0.0) == (y < 0.0) ? HUGE_VAL : 0.0;
    const bool subnormal = x < 0x1p-1022;
    struct pair ln_x = ln_pair(subnormal ? x * 0x1p54 : x);
    if (subnormal) {
        const struct pair sum = sum_exact(ln_x.high, -54.0 * LN2_HIGH);
        ln_x = sum_ordered(sum.high, sum.low + (ln_x.low - 54.0 * LN2_LOW));
    }
    const double rough = y * ln_x.high;
    if (rough > 710.0)
        return HUGE_VAL;
    if (rough < -746.0)
        return 0.0;
    if (fabs(rough) < 0x1p-60)
        return 1.0;
    const struct pair product = product_exact(y, ln_x.high);
    struct reduced reduced = reduce_exp(product.high);
    reduced.r = sum_ordered(reduced.r.high, reduced.r.low + (product.low + y * ln_x.low));
    return scale_far(exp_reduced(reduced.r).high, reduced.k_integer);
}

/* With t = exp(-2|x|) - 1: -t / (t + 2), the quotient corrected by its remainder. */
double mer_tanh(double x)
{
    const double magnitude = fabs(x);
    if (isnan(x) || magnitude < 0x1p-28)
        return x;
    if (magnitude > 22.0)
        return copysign(1.0, x);
    const struct reduced reduced = reduce_exp(-2.0 * magnitude);
    const struct pair parts = expm1_scaled(reduced);
    const double scale = power_of_two(reduced.k_integer);
    const struct pair t = sum_ordered(parts.high * scale, parts.low * scale);
    struct pair divisor = sum_ordered(2.0, t.high);
    divisor.low += t.low;
    const double quotient = t.high / divisor.high;
    const struct pair product = product_exact(quotient, divisor.high);
    const double remainder =
        ((t.high - product.high) - product.low) + (t.low - quotient * divisor.low);
    return copysign(quotient + remainder / divisor.high, x);
}

/* With e = exp(-|x|) as a pair: 1 / (1 + e) or e / (1 + e), the quotient corrected by what was
 * rounded away in the divisor and in e. */
double mer_sigmoid(double x)
{
    const double magnitude = fabs(x);
    if (!(magnitude < 708.0))
        return x > 0.0 ? 1.0 : exp_far(x);
    const struct reduced reduced = reduce_exp(-magnitude);
    struct pair e = exp_reduced(reduced.r);
    const double scale = power_of_two(reduced.k_integer);
    e.high *= scale;
    e.low *= scale;
    struct pair divisor = sum_ordered(1.0, e.high);
    divisor.low += e.low;
    const bool positive = x >= 0.0;
    const double quotient = (positive ? 1.0 : e.high) / divisor.high;
    /* 1 / divisor is the quotient itself or 1 less it: near enough for a correction. */
    const double inverse = positive ? quotient : 1.0 - quotient;
    return quotient + ((positive ? 0.0 : e.low) - quotient * divisor.low) * inverse;
}

double mer_softplus(double x)
{
    const double rest = mer_ln1p(mer_exp(-fabs(x)));
    return x > 0.0 ? x + rest : rest;
}

double mer_softmax(double *x, size_t n)
{
    double maximum = -HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        maximum = x[i] > maximum ? x[i] : maximum;
    for (size_t i = 0; i < n; i++)
        x[i] = mer_exp(x[i] - maximum);
    const double sum = mer_sum(x, n);
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
    return maximum + mer_ln(sum);
}

/* Eight running sums, so that vector registers may hold them. */
static double sum_leaf(const double *x, size_t n)
{
    double lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t lane = 0; lane < 8; lane++)
            lanes[lane] += x[i + lane];
    for (size_t lane = 0; i + lane < n; lane++)
        lanes[lane] += x[i + lane];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

double mer_sum(const double *x, size_t n)
{
    enum { LEAF = 256 };
    if (n <= LEAF)
        return sum_leaf(x, n);
    size_t half = LEAF;
    while (half < n - half)
        half *= 2;
    return mer_sum(x, half) + mer_sum(x + half, n - half);
}

/* The functions of core/math.h against long double ones of the C library (64 bits of mantissa: the
 * reference's own error is far below the 2 units that are allowed). */
#include "core/math.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/rng.h"

enum { N_POINTS = 1000000 };

typedef double function_of_one(double x);
typedef long double reference_of_one(long double x);

/* The distance in units of the last place of the double nearest to the reference. */
static double distance(double value, long double reference)
{
    const double nearest = (double)reference;
    if (isnan(nearest) || isnan(value))
        return isnan(nearest) && isnan(value) ? 0.0 : HUGE_VAL;
    if (isinf(nearest) || isinf(value))
        return nearest == value ? 0.0 : HUGE_VAL;
    const double magnitude = fabs(nearest);
    const double unit = nextafter(magnitude, HUGE_VAL) - magnitude;
    return (double)(fabsl((long double)value - reference) / unit);
}

/* Random points of [low, high]; with `log_scale` of that range of exponents of two, in both signs
 * where `both`. */
struct range {
    double low;
    double high;
    bool log_scale;
    bool both;
};

static double draw(mer_rng *rng, const struct range *range)
{
    const double u = mer_rng_uniform(rng);
    if (!range->log_scale)
        return range->low + u * (range->high - range->low);
    const double x = (double)exp2l(range->low + u * (range->high - range->low));
    return range->both && (mer_rng_u32(rng) & 1) ? -x : x;
}

static void check(const char *name, function_of_one *function, reference_of_one *reference,
                  const struct range *range, double allowed)
{
    mer_rng rng;
    double worst = 0.0;
    double worst_x = 0.0;
    mer_rng_init(&rng, 1, mer_rng_stream(name, 0));
    for (int i = 0; i < N_POINTS; i++) {
        const double x = draw(&rng, range);
        const double d = distance(function(x), reference(x));
        if (d > worst) {
            worst = d;
            worst_x = x;
        }
    }
    print_message("%-9s [%g, %g]%s: at most %.3f units, at %a\n", name, range->low, range->high,
                  range->log_scale ? " (exponents)" : "", worst, worst_x);
    assert_true(worst <= allowed);
}

static const double UNITS = 2.0;

static void exp_is_right_to_two_units(void **state)
{
    (void)state;
    check("exp", mer_exp, expl, &(struct range){-745.2, 709.8, false, false}, UNITS);
    check("exp", mer_exp, expl, &(struct range){-1.0, 1.0, false, false}, UNITS);
    check("exp", mer_exp, expl, &(struct range){-60.0, 9.0, true, true}, UNITS);
}

static void expm1_is_right_to_two_units(void **state)
{
    (void)state;
    check("expm1", mer_expm1, expm1l, &(struct range){-45.0, 709.8, false, false}, UNITS);
    check("expm1", mer_expm1, expm1l, &(struct range){-2.0, 2.0, false, false}, UNITS);
    check("expm1", mer_expm1, expm1l, &(struct range){-70.0, 9.0, true, true}, UNITS);
}

static void ln_is_right_to_two_units(void **state)
{
    (void)state;
    check("ln", mer_ln, logl, &(struct range){-1074.0, 1024.0, true, false}, UNITS);
    check("ln", mer_ln, logl, &(struct range){0.5, 2.0, false, false}, UNITS);
    check("ln", mer_ln, logl, &(struct range){0.999, 1.001, false, false}, UNITS);
}

static void ln1p_is_right_to_two_units(void **state)
{
    (void)state;
    check("ln1p", mer_ln1p, log1pl, &(struct range){-70.0, 1023.0, true, false}, UNITS);
    check("ln1p", mer_ln1p, log1pl, &(struct range){-1.0, 2.0, false, false}, UNITS);
    check("ln1p", mer_ln1p, log1pl, &(struct range){-60.0, -0.01, true, true}, UNITS);
}

static void sine_and_cosine_are_right_to_two_units(void **state)
{
    (void)state;
    check("sin", mer_sin, sinl, &(struct range){-0x1p20, 0x1p20, false, false}, UNITS);
    check("sin", mer_sin, sinl, &(struct range){-7.0, 7.0, false, false}, UNITS);
    check("sin", mer_sin, sinl, &(struct range){-60.0, 20.0, true, true}, UNITS);
    check("cos", mer_cos, cosl, &(struct range){-0x1p20, 0x1p20, false, false}, UNITS);
    check("cos", mer_cos, cosl, &(struct range){-7.0, 7.0, false, false}, UNITS);
    check("cos", mer_cos, cosl, &(struct range){-60.0, 20.0, true, true}, UNITS);
}

static void sine_and_cosine_are_right_next_to_their_zeros(void **state)
{
    (void)state;
    double worst = 0.0;
    for (int n = 1; n < 600000; n++) {
        const double x = n * 1.57079632679489661923;
        const double sine = distance(mer_sin(x), sinl(x));
        const double cosine = distance(mer_cos(x), cosl(x));
        worst = fmax(worst, fmax(sine, cosine));
    }
    print_message("next to zeros: at most %.3f units\n", worst);
    assert_true(worst <= UNITS);
}

static void tanh_is_right_to_two_units(void **state)
{
    (void)state;
    check("tanh", mer_tanh, tanhl, &(struct range){-25.0, 25.0, false, false}, UNITS);
    check("tanh", mer_tanh, tanhl, &(struct range){-1.0, 1.0, false, false}, UNITS);
    check("tanh", mer_tanh, tanhl, &(struct range){-60.0, 6.0, true, true}, UNITS);
}

static long double reference_sigmoid(long double x)
{
    return x >= 0 ? 1.0L / (1.0L + expl(-x)) : expl(x) / (1.0L + expl(x));
}

static long double reference_softplus(long double x)
{
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

static void sigmoid_and_softplus_are_right_to_two_units(void **state)
{
    (void)state;
    const struct range wide = {-745.0, 745.0, false, false};
    const struct range narrow = {-8.0, 8.0, false, false};
    check("sigmoid", mer_sigmoid, reference_sigmoid, &wide, UNITS);
    check("sigmoid", mer_sigmoid, reference_sigmoid, &narrow, UNITS);
    check("softplus", mer_softplus, reference_softplus, &wide, UNITS);
    check("softplus", mer_softplus, reference_softplus, &narrow, UNITS);
}

static void lgamma_is_right_to_ten_digits_and_four(void **state)
{
    (void)state;
    static const struct range ranges[] = {{0.0, 3.0, false, false},
                                          {0.9, 1.1, false, false},
                                          {1.9, 2.1, false, false},
                                          {0.0, 200.0, false, false},
                                          {-1000.0, 1014.0, true, false}};
    mer_rng rng;
    mer_rng_init(&rng, 1, mer_rng_stream("lgamma", 0));
    double worst = 0.0;
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
        for (int i = 0; i < N_POINTS / 5; i++) {
            const double x = draw(&rng, &ranges[r]);
            const long double reference = lgammal(x);
            if (x <= 0.0 || reference == 0.0L)
                continue;
            const double error = (double)fabsl((mer_lgamma(x) - reference) / reference);
            worst = error > worst ? error : worst;
        }
    }
    print_message("lgamma: relative error at most %.3g\n", worst);
    assert_true(worst <= 1e-14);
    assert_true(mer_lgamma(1.0) == 0.0);
    assert_true(mer_lgamma(2.0) == 0.0);
}

/* Against the distribution itself: erfc of the quantile. */
static void normal_quantiles_are_right(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 1, mer_rng_stream("normal quantile", 0));
    for (int i = 0; i < N_POINTS; i++) {
        const double u = mer_rng_uniform(&rng);
        const double p = i % 2 ? u : u * exp(-300 * mer_rng_uniform(&rng));
        if (p <= 0 || p >= 1)
            continue;
        const long double z = mer_normal_quantile(p), half_square = 0.5L * z * z;
        const long double is = 0.5L * erfcl(-z / sqrtl(2));
        /* The density turns an error of p into one of the quantile. */
        const long double density = expl(-half_square) / 2.5066282746310002L;
        assert_true(fabsl(is - p) <= 4e-15L * density * (1 + fabsl(z)) + 2e-16L * p);
    }
    assert_true(mer_normal_quantile(0.5) == 0);
    assert_true(mer_normal_quantile(0) == -INFINITY && mer_normal_quantile(1) == INFINITY);
    assert_true(isnan(mer_normal_quantile(-0.1)) && isnan(mer_normal_quantile(NAN)));
}

static void pow_is_right_to_two_units(void **state)
{
    (void)state;
    mer_rng rng;
    mer_rng_init(&rng, 1, mer_rng_stream("pow", 0));
    double worst = 0.0;
    for (int i = 0; i < N_POINTS; i++) {
        const double x = (double)exp2l(2098.0 * mer_rng_uniform(&rng) - 1074.0);
        const double y_limit = 1075.0 / fabs((double)log2l(x));
        const double y = (2.0 * mer_rng_uniform(&rng) - 1.0) * y_limit;
        worst = fmax(worst, distance(mer_pow(x, y), powl(x, y)));
        const double near_one = 1.0 + 0.5 * (mer_rng_uniform(&rng) - 0.5);
        const double z = 2000.0 * (mer_rng_uniform(&rng) - 0.5);
        worst = fmax(worst, distance(mer_pow(near_one, z), powl(near_one, z)));
    }
    print_message("pow: at most %.3f units\n", worst);
    assert_true(worst <= UNITS);
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Infinities and zeros with their signs; for NaN any payload. */
static void special_values_are_those_of_annex_f(void **state)
{
    (void)state;
    static const struct {
        function_of_one *function;
        double x;
        double result;
    } cases[] = {
        {mer_exp, 0.0, 1.0},
        {mer_exp, -0.0, 1.0},
        {mer_exp, INFINITY, INFINITY},
        {mer_exp, -INFINITY, 0.0},
        {mer_exp, 710.0, INFINITY},
        {mer_exp, -746.0, 0.0},
        {mer_exp, 1e300, INFINITY},
        {mer_exp, -1e300, 0.0},
        {mer_exp, NAN, NAN},
        {mer_expm1, 0.0, 0.0},
        {mer_expm1, -0.0, -0.0},
        {mer_expm1, INFINITY, INFINITY},
        {mer_expm1, -INFINITY, -1.0},
        {mer_expm1, NAN, NAN},
        {mer_expm1, 1e300, INFINITY},
        {mer_expm1, -1e300, -1.0},
        {mer_ln, 1.0, 0.0},
        {mer_ln, 0.0, -INFINITY},
        {mer_ln, -0.0, -INFINITY},
        {mer_ln, -1.0, NAN},
        {mer_ln, INFINITY, INFINITY},
        {mer_ln, -INFINITY, NAN},
        {mer_ln, NAN, NAN},
        {mer_ln1p, 0.0, 0.0},
        {mer_ln1p, -0.0, -0.0},
        {mer_ln1p, -1.0, -INFINITY},
        {mer_ln1p, -1.5, NAN},
        {mer_ln1p, INFINITY, INFINITY},
        {mer_ln1p, -INFINITY, NAN},
        {mer_ln1p, NAN, NAN},
        {mer_sin, 0.0, 0.0},
        {mer_sin, -0.0, -0.0},
        {mer_sin, INFINITY, NAN},
        {mer_sin, NAN, NAN},
        {mer_sin, 0x1.1p20, NAN},
        {mer_cos, 0.0, 1.0},
        {mer_cos, INFINITY, NAN},
        {mer_cos, NAN, NAN},
        {mer_cos, 0x1.1p20, NAN},
        {mer_tanh, 0.0, 0.0},
        {mer_tanh, -0.0, -0.0},
        {mer_tanh, INFINITY, 1.0},
        {mer_tanh, -INFINITY, -1.0},
        {mer_tanh, NAN, NAN},
        {mer_sigmoid, 0.0, 0.5},
        {mer_sigmoid, INFINITY, 1.0},
        {mer_sigmoid, -INFINITY, 0.0},
        {mer_sigmoid, NAN, NAN},
        {mer_softplus, -INFINITY, 0.0},
        {mer_softplus, INFINITY, INFINITY},
        {mer_softplus, NAN, NAN},
        {mer_lgamma, INFINITY, INFINITY},
        {mer_lgamma, 0.0, INFINITY},
        {mer_lgamma, -1.0, NAN},
        {mer_lgamma, NAN, NAN},
        {mer_lgamma, 1e306, INFINITY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double result = cases[i].function(cases[i].x);
        if (isnan(cases[i].result) ? !isnan(result) : bits_of(result) != bits_of(cases[i].result))
            fail_msg("case %zu: x = %g gave %g, not %g", i, cases[i].x, result, cases[i].result);
    }
}

static void pow_knows_its_special_values(void **state)
{
    (void)state;
    assert_true(mer_pow(NAN, 0.0) == 1.0 && mer_pow(1.0, NAN) == 1.0);
    assert_true(isnan(mer_pow(NAN, 2.0)) && isnan(mer_pow(2.0, NAN)) && isnan(mer_pow(-2.0, 2.0)));
    assert_true(mer_pow(0.0, 2.0) == 0.0 && isinf(mer_pow(0.0, -2.0)));
    assert_true(isinf(mer_pow(INFINITY, 2.0)) && mer_pow(INFINITY, -2.0) == 0.0);
    assert_true(isinf(mer_pow(2.0, INFINITY)) && mer_pow(2.0, -INFINITY) == 0.0);
    assert_true(mer_pow(0.5, INFINITY) == 0.0 && isinf(mer_pow(0.5, -INFINITY)));
    assert_true(isinf(mer_pow(2.0, 1024.0)) && mer_pow(2.0, -1075.0) == 0.0);
    assert_true(mer_pow(2.0, 1023.0) == 0x1p1023 && mer_pow(2.0, -1074.0) == 0x1p-1074);
    assert_true(mer_pow(10.0, 2.0) == 100.0 && mer_pow(3.0, 4.0) == 81.0);
    assert_true(isinf(mer_pow(2.0, DBL_MAX)) && mer_pow(2.0, 1e-300) == 1.0);
}

/* A digest over many results of every function: any build, compiler and processor must give it. A
 * change of it changes the bytes of models. */
static void the_bits_are_the_same_in_every_build(void **state)
{
    (void)state;
    static function_of_one *const functions[] = {mer_exp,     mer_expm1,   mer_ln,   mer_ln1p,
                                                 mer_sin,     mer_cos,     mer_tanh, mer_lgamma,
                                                 mer_sigmoid, mer_softplus};
    uint64_t digest = 0xcbf29ce484222325u; /* FNV-1a over words */
    mer_rng rng;
    mer_rng_init(&rng, 1, mer_rng_stream("bits", 0));
    for (int i = 0; i < 20000; i++) {
        const double scale = (double)((uint64_t)1 << mer_rng_below(&rng, 20));
        const double x = (mer_rng_uniform(&rng) - 0.25) * scale / 1024.0;
        for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
            const double y = functions[f](x);
            digest = (digest ^ (isnan(y) ? 0 : bits_of(y))) * 0x100000001b3u;
        }
        digest = (digest ^ bits_of(mer_pow(fabs(x), x))) * 0x100000001b3u;
    }
    if (digest != 0x4e5fa9d4cd50f8e9u)
        fail_msg("the digest is 0x%016llx", (unsigned long long)digest);
}

static void softmax_gives_probabilities_and_the_log_of_their_denominator(void **state)
{
    (void)state;
    double x[] = {1000.0, 1001.0, 999.0};
    const double log_sum = mer_softmax(x, 3);
    const long double sum = 1.0L + expl(-1.0L) + expl(-2.0L);
    assert_true(distance(log_sum, 1001.0L + logl(sum)) <= 1.0);
    assert_true(distance(x[0], expl(-1.0L) / sum) <= 3.0);
    assert_true(distance(x[1], 1.0L / sum) <= 3.0);
    assert_true(distance(x[2], expl(-2.0L) / sum) <= 3.0);
}

static void sums_are_accurate_and_do_not_depend_on_alignment(void **state)
{
    (void)state;
    enum { N = 100003 };
    static double x[N + 1];
    static double shifted[N + 1];
    mer_rng rng;
    long double exact = 0.0L;
    mer_rng_init(&rng, 7, 0);
    for (size_t i = 0; i < N; i++) {
        x[i] = mer_rng_normal(&rng) + 1.0;
        exact += x[i];
    }
    memcpy(shifted + 1, x, N * sizeof *x);
    assert_true(fabsl(mer_sum(x, N) - exact) < 1e-9L);
    assert_true(mer_sum(x, N) == mer_sum(shifted + 1, N));
    assert_true(mer_sum(x, 0) == 0.0);
    assert_true(mer_sum(x, 1) == x[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_right_to_two_units),
        cmocka_unit_test(expm1_is_right_to_two_units),
        cmocka_unit_test(ln_is_right_to_two_units),
        cmocka_unit_test(ln1p_is_right_to_two_units),
        cmocka_unit_test(sine_and_cosine_are_right_to_two_units),
        cmocka_unit_test(sine_and_cosine_are_right_next_to_their_zeros),
        cmocka_unit_test(tanh_is_right_to_two_units),
        cmocka_unit_test(sigmoid_and_softplus_are_right_to_two_units),
        cmocka_unit_test(lgamma_is_right_to_ten_digits_and_four),
        cmocka_unit_test(pow_is_right_to_two_units),
        cmocka_unit_test(special_values_are_those_of_annex_f),
        cmocka_unit_test(normal_quantiles_are_right),
        cmocka_unit_test(pow_knows_its_special_values),
        cmocka_unit_test(the_bits_are_the_same_in_every_build),
        cmocka_unit_test(softmax_gives_probabilities_and_the_log_of_their_denominator),
        cmocka_unit_test(sums_are_accurate_and_do_not_depend_on_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The logarithm of the gamma function for positive arguments. */
#include "core/math.h"

/* ln gamma(2 + z) for |z| <= 1/2: (1 - euler) z + sum over k >= 2 of (zeta(k) - 1) (-z)^k / k
 * (Abramowitz and Stegun 6.1.33). Exact zero at 0, so that the relative error stays small. */
static double around_two(double z)
{
    static const double c[] = {
        0.42278433509846713939,     0.32246703342411321824,    -0.067352301053198095133,
        0.020580808427784547879,    -0.0073855510286739852663, 0.0028905103307415232858,
        -0.0011927539117032609771,  0.00050966952474304242234, -0.00022315475845357937976,
        0.000099457512781808533715, -0.0000449262367381331417, 0.000020507212775670691553,
        -9.439488275268395904e-6,   4.3748667899074878042e-6,  -2.0392157538013662368e-6,
        9.5514121304074198329e-7,   -4.4924691987645660433e-7, 2.1207184805554665869e-7,
        -1.0043224823968099609e-7,  4.7698101693639805658e-8,  -2.271109460894316491e-8,
        1.0838659214896954091e-8,   -5.1834750419700466551e-9, 2.4836745438024783172e-9,
        -1.1921401405860912074e-9,  5.7313672416788620133e-10, -2.7595228851242331452e-10,
        1.3304764374244489481e-10,
    };
    double p = 0.0;
    for (size_t k = sizeof c / sizeof *c; k-- > 0;)
        p = p * z + c[k];
    return z * p;
}

/* Stirling's series (Abramowitz and Stegun 6.1.40) for x >= 12. */
static double stirling(double x)
{
    static const double HALF_LN_TWO_PI = 0x1.d67f1c864beb5p-1;
    /* B(2k) / (2k (2k - 1)) */
    static const double c[] = {1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                               1.0 / 1188, -691.0 / 360360, 1.0 / 156};
    const double inverse = 1.0 / x;
    const double z = inverse * inverse;
    double p = 0.0;
    for (size_t k = sizeof c / sizeof *c; k-- > 0;)
        p = p * z + c[k];
    return (x - 0.5) * (mer_ln(x) - 1.0) + ((HALF_LN_TWO_PI - 0.5) + inverse * p);
}

double mer_lgamma(double x)
{
    if (!(x > 0.0))
        return x == 0.0 ? HUGE_VAL : (double)NAN;
    if (isinf(x))
        return x;
    if (x >= 12.0)
        return stirling(x);
    if (x < 0.5)
        return (around_two(x) - mer_ln1p(x)) - mer_ln(x);
    if (x < 1.5) /* x - 1 is exact */
        return around_two(x - 1.0) - mer_ln1p(x - 1.0);
    double product = 1.0;
    while (x > 2.5) {
        x -= 1.0;
        product *= x;
    }
    return around_two(x - 2.0) + mer_ln(product);
}

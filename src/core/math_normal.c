/* Quantiles of the standard normal distribution (M. J. Wichura, "Algorithm AS 241: The percentage
 * points of the normal distribution", Applied Statistics 37, 1988): three quotients of polynomials.
 */
#include "core/math.h"

enum { DEGREE = 7 };

static double quotient(const double above[DEGREE + 1], const double below[DEGREE + 1], double x)
{
    double p = above[DEGREE], q = below[DEGREE];
    for (size_t i = DEGREE; i-- > 0;) {
        p = p * x + above[i];
        q = q * x + below[i];
    }
    return p / q;
}

static double near_the_middle(double x)
{
    static const double above[] = {3.3871328727963666080,   1.3314166789178437745e2,
                                   1.9715909503065514427e3, 1.3731693765509461125e4,
                                   4.5921953931549871457e4, 6.7265770927008700853e4,
                                   3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double below[] = {1,
                                   4.2313330701600911252e1,
                                   6.8718700749205790830e2,
                                   5.3941960214247511077e3,
                                   2.1213794301586595867e4,
                                   3.9307895800092710610e4,
                                   2.8729085735721942674e4,
                                   5.2264952788528545610e3};
    return quotient(above, below, x);
}

static double in_the_tail(double r)
{
    static const double above[] = {1.42343711074968357734,    4.63033784615654529590,
                                   5.76949722146069140550,    3.64784832476320460504,
                                   1.27045825245236838258,    2.41780725177450611770e-1,
                                   2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double below[] = {1,
                                   2.05319162663775882187,
                                   1.67638483018380384940,
                                   6.89767334985100004550e-1,
                                   1.48103976427480074590e-1,
                                   1.51986665636164571966e-2,
                                   5.47593808499534494600e-4,
                                   1.05075007164441684324e-9};
    return quotient(above, below, r - 1.6);
}

static double far_in_the_tail(double r)
{
    static const double above[] = {6.65790464350110377720,    5.46378491116411436990,
                                   1.78482653991729133580,    2.96560571828504891230e-1,
                                   2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                   2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double below[] = {1,
                                   5.99832206555887937690e-1,
                                   1.36929880922735805310e-1,
                                   1.48753612908506148525e-2,
                                   7.86869131145613259100e-4,
                                   1.84631831751005468180e-5,
                                   1.42151175831644588870e-7,
                                   2.04426310338993978564e-15};
    return quotient(above, below, r - 5);
}

double mer_normal_quantile(double p)
{
    const double from_half = p - 0.5;
    if (!(p >= 0 && p <= 1))
        return (double)NAN;
    if (fabs(from_half) <= 0.425)
        return from_half * near_the_middle(0.180625 - from_half * from_half);
    const double tail = from_half < 0 ? p : 1 - p;
    if (tail == 0)
        return from_half < 0 ? -(double)INFINITY : (double)INFINITY;
    const double r = sqrt(-mer_ln(tail));
    const double z = r <= 5 ? in_the_tail(r) : far_in_the_tail(r);
    return from_half < 0 ? -z : z;
}

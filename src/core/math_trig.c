/* Sine and cosine, by the methods of FDLIBM: reduction by a multiple of pi/2 that is subtracted in
 * parts, then Taylor polynomials on [-pi/4, pi/4] with the reduced argument's low part to first
 * order. */
#include "core/math.h"

static const double TWO_OVER_PI = 0x1.45f306dc9c883p-1;
/* pi/2: three parts of 33 bits, whose products with a quotient below 2^20 are exact, and the rest.
 */
static const double HALF_PI_PARTS[3] = {0x1.921fb54400000p+0, 0x1.0b4611a600000p-34,
                                        0x1.3198a2e000000p-69};
static const double HALF_PI_REST = 0x1.b839a252049c1p-104;
static const double LIMIT = 0x1p20;

/* x = n pi/2 + high + low. */
struct angle {
    int quadrant; /* n modulo 4 */
    double high;
    double low;
};

static struct angle reduce(double x)
{
    const double n = rint(x * TWO_OVER_PI);
    double high = x - n * HALF_PI_PARTS[0]; /* exact: the two are close to each other */
    double low = 0.0;
    for (int part = 1; part < 3; part++) {
        const double subtrahend = n * HALF_PI_PARTS[part];
        const double sum = high - subtrahend;
        const double seen = high - sum;
        low += (high - (sum + seen)) + (seen - subtrahend);
        high = sum;
    }
    low -= n * HALF_PI_REST;
    const double sum = high + low;
    return (struct angle){
        .quadrant = (int)((int64_t)n & 3), .high = sum, .low = (high - sum) + low};
}

/* Taylor to r^17; the rest is below 2^-62. */
static double sine(double r, double low)
{
    const double z = r * r;
    double p = 0.0;
    p = p * z + 1.0 / 355687428096000;
    p = p * z - 1.0 / 1307674368000;
    p = p * z + 1.0 / 6227020800;
    p = p * z - 1.0 / 39916800;
    p = p * z + 1.0 / 362880;
    p = p * z - 1.0 / 5040;
    p = p * z + 1.0 / 120;
    p = p * z - 1.0 / 6;
    return r + (r * z * p + low * (1.0 - 0.5 * z));
}

/* Taylor to r^18; the rest is below 2^-68. */
static double cosine(double r, double low)
{
    const double z = r * r;
    double p = 0.0;
    p = p * z - 1.0 / 6402373705728000;
    p = p * z + 1.0 / 20922789888000;
    p = p * z - 1.0 / 87178291200;
    p = p * z + 1.0 / 479001600;
    p = p * z - 1.0 / 3628800;
    p = p * z + 1.0 / 40320;
    p = p * z - 1.0 / 720;
    p = p * z + 1.0 / 24;
    const double half = 0.5 * z;
    const double rough = 1.0 - half;
    return rough + (((1.0 - rough) - half) + (z * z * p - r * low));
}

static double of_quadrant(int quadrant, const struct angle *angle)
{
    const double value =
        quadrant & 1 ? cosine(angle->high, angle->low) : sine(angle->high, angle->low);
    return quadrant & 2 ? -value : value;
}

double mer_sin(double x)
{
    if (!(fabs(x) <= LIMIT))
        return (double)NAN;
    if (fabs(x) < 0x1p-28)
        return x; /* keeps the sign of zero */
    const struct angle angle = reduce(x);
    return of_quadrant(angle.quadrant, &angle);
}

double mer_cos(double x)
{
    if (!(fabs(x) <= LIMIT))
        return (double)NAN;
    const struct angle angle = reduce(x);
    return of_quadrant((angle.quadrant + 1) & 3, &angle);
}

#include "automl/tpe.h"

#include <math.h>

#include "core/math.h"

enum { DRAWS = 24, GOOD_MAX = 25, GOOD_MIN = 4 };
/* The part of what was tried that is good. */
#define GOOD_PART 0.15
/* Half the width of a kernel, for one point; it falls with their number as a density of so many
 * dimensions allows. */
#define WIDTH 0.6
#define WIDTH_MIN 0.05
/* The chance that a choice is drawn, and not that of the point a kernel is of. */
#define OTHER_CHOICE 0.25

size_t mer_tpe_n_good(size_t n_points)
{
    const size_t n = (size_t)ceil(GOOD_PART * (double)n_points);
    return n < GOOD_MIN ? (n_points < GOOD_MIN ? n_points : GOOD_MIN) : n > GOOD_MAX ? GOOD_MAX : n;
}

/* Half the width of the kernels of so many points of a family. */
static double width_of(size_t n, size_t n_dims)
{
    const double width = WIDTH * mer_pow((double)(n > 0 ? n : 1), -1.0 / (double)(n_dims + 4));
    return width > WIDTH_MIN ? width : WIDTH_MIN;
}

/* A triangle of area 1 around 0. */
static double triangle(double x, double width)
{
    const double far = fabs(x) / width;
    return far < 1 ? (1 - far) / width : 0;
}

/* What of a triangle lies outside of the unit interval is put back by mirroring. */
static double density_of(const struct mer_space_dim *dim, double x, double centre, double width)
{
    if (dim->n_choices > 1) {
        const double n = (double)dim->n_choices;
        return floor(x * n) == floor(centre * n) ? (1 - OTHER_CHOICE) * n + OTHER_CHOICE
                                                 : OTHER_CHOICE;
    }
    return triangle(x - centre, width) + triangle(-x - centre, width) +
           triangle(2 - x - centre, width);
}

static size_t count_family(const struct mer_tpe *tpe, size_t from, size_t to, size_t family)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++)
        n += tpe->points[i].family == family;
    return n;
}

static size_t n_usable(const struct mer_tpe *tpe)
{
    return (size_t)__builtin_popcountll(tpe->usable);
}

/* The density at a point, of the points [from, to) and one more that stands for all of the space.
 */
static double density_at(const struct mer_tpe *tpe, size_t from, size_t to,
                         const struct mer_point *point)
{
    const struct mer_space_family *own = &tpe->space->families[point->family];
    const double width = width_of(count_family(tpe, from, to, point->family), own->n_dims);
    double sum = 1.0 / (double)n_usable(tpe);

    for (size_t i = from; i < to; i++) {
        if (tpe->points[i].family != point->family)
            continue;
        double product = 1;
        for (size_t d = 0; d < own->n_dims && product > 0; d++)
            product *= density_of(&own->dims[d], point->x[d], tpe->points[i].x[d], width);
        sum += product;
    }
    return sum / (double)(to - from + 1);
}

/* A number around `centre`, mirrored into the unit interval. */
static double draw_near(double centre, double width, mer_rng *rng)
{
    const double x = centre + width * (mer_rng_uniform(rng) - mer_rng_uniform(rng));
    const double inside = x < 0 ? -x : x > 1 ? 2 - x : x;
    return inside < 0 ? 0 : inside > 1 ? 1 : inside;
}

/* From the density of the good ones. */
static void draw_good(const struct mer_tpe *tpe, size_t n_good, mer_rng *rng,
                      struct mer_point *ret_point)
{
    const size_t i = (size_t)mer_rng_below(rng, n_good + 1);

    if (i == n_good || !((tpe->usable >> tpe->points[i].family) & 1)) {
        mer_space_draw(tpe->space, tpe->usable, rng, ret_point);
        return;
    }
    const struct mer_point *centre = &tpe->points[i];
    const struct mer_space_family *own = &tpe->space->families[centre->family];
    const double width = width_of(count_family(tpe, 0, n_good, centre->family), own->n_dims);
    *ret_point = *centre;
    for (size_t d = 0; d < own->n_dims; d++) {
        if (own->dims[d].n_choices == 0)
            ret_point->x[d] = draw_near(centre->x[d], width, rng);
        else if (mer_rng_uniform(rng) < OTHER_CHOICE)
            ret_point->x[d] = mer_rng_uniform(rng);
    }
}

void mer_tpe_suggest(const struct mer_tpe *tpe, mer_rng *rng, struct mer_point *ret_point)
{
    const size_t n_good = mer_tpe_n_good(tpe->n_points);
    double best = -1;

    for (size_t i = 0; i < DRAWS; i++) {
        struct mer_point point;
        draw_good(tpe, n_good, rng, &point);
        const double ratio =
            density_at(tpe, 0, n_good, &point) / density_at(tpe, n_good, tpe->n_points, &point);
        if (ratio > best) {
            best = ratio;
            *ret_point = point;
        }
    }
}

/* A search space: of some families, which parameters are searched, from where to where, and on
 * which scale; the others are fixed. The program's own, or one that the user wrote
 * (docs/search.md).
 *
 * A setting is a point: a family, and for each of its dimensions a number of the unit interval.
 */
#ifndef MER_AUTOML_SPACE_H
#define MER_AUTOML_SPACE_H

#include "core/ctx.h"
#include "core/rng.h"
#include "learn/family.h"

enum { MER_SPACE_FAMILIES_MAX = 16, MER_SPACE_DIMS_MAX = 16, MER_SPACE_CHOICES_MAX = 16 };
/* Bytes of a space that is read. */
enum { MER_SPACE_TEXT_MAX = 65536 };

struct mer_space_dim {
    size_t param; /* of the family */
    double low;   /* between which it is searched; */
    double high;
    bool log_scale;
    size_t n_choices; /* or among these values, where there are any */
    double choices[MER_SPACE_CHOICES_MAX];
};

struct mer_space_family {
    const struct mer_family *family;
    struct mer_params fixed; /* the values that are not searched */
    struct mer_space_dim dims[MER_SPACE_DIMS_MAX];
    size_t n_dims;
    /* Rounds of boosting are not said: as many as the learning rate wants, at most. */
    bool rounds_by_rate;
};

struct mer_space {
    struct mer_space_family families[MER_SPACE_FAMILIES_MAX];
    size_t n_families;
};

struct mer_point {
    size_t family; /* of the space */
    double x[MER_SPACE_DIMS_MAX];
};

/* The program's own space: the families among `families` (bits by their place in the registry) that
 * have something to search. */
void mer_space_default(uint64_t families, struct mer_space *ret_space);

/* Reads {"FAMILY": {"PARAMETER": VALUE or {"low": L, "high": H, "log": true} or {"choices": [...]},
 * ...}, ...}. Strict: unknown names, values that the parameter cannot have, ranges that are empty
 * or that a choice has, and anything else that is not understood are MER_ERR_DATA. Bounded by
 * MER_SPACE_TEXT_MAX. */
MER_MUST_CHECK mer_status mer_space_read(const struct mer_ctx *ctx, const char *text, size_t n,
                                         struct mer_space *ret_space, mer_err *err);

/* Whether so many rounds of boosting are tried, when nobody says how many, as the rate wants. */
bool mer_space_follows_rate(const struct mer_family *family);
/* NULL: the space does not have the family. */
const struct mer_space_family *mer_space_find(const struct mer_space *space,
                                              const struct mer_family *family);
/* The setting at a point. */
struct mer_params mer_space_params(const struct mer_space_family *family, const double *x);
/* The point that is nearest to a setting of the family. */
void mer_space_locate(const struct mer_space_family *family, const struct mer_params *params,
                      double *ret_x);
/* A point of one of the families among `usable` (bits by their place in the space), by chance; of
 * each with the same. */
void mer_space_draw(const struct mer_space *space, uint64_t usable, mer_rng *rng,
                    struct mer_point *ret_point);

#endif

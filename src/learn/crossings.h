/* Pairs of categories as categories of their own: a level for each pair of levels. Those pairs are
 * crossed whose cells tell most of what both categories leave open; learned from the training rows,
 * saved with the model, and added behind the groups of a design.
 */
#ifndef MER_LEARN_CROSSINGS_H
#define MER_LEARN_CROSSINGS_H

#include "core/bundle.h"
#include "learn/design.h"

enum { MER_CROSSINGS_MAX = 32, MER_CROSSING_LEVELS_MAX = 1024 };

/* The row of a family's table of parameters. */
#define MER_PARAM_CROSSINGS                                                                        \
    {                                                                                              \
        .name = "crossings", .type = MER_PARAM_INTEGER, .maximum = MER_CROSSINGS_MAX,              \
        .help = "Pairs of categories that are added as categories: those that say most of what "   \
                "the categories alone leave open."                                                 \
    }

struct mer_crossings {
    size_t n_groups; /* of the design that it takes */
    size_t n;
    uint32_t *pairs;       /* [n][2] groups, the lower one first; NULL: none */
    uint32_t *group_start; /* [n_groups + n + 1] */
};
void mer_crossings_release(const struct mer_ctx *ctx, struct mer_crossings *crossings);

/* Work units of learning them. */
uint64_t mer_crossings_cost(const struct mer_design *design);

/* Learns from the first n_rows rows at most n_wanted pairs, each of which tells many times what
 * noise would. */
MER_MUST_CHECK mer_status mer_crossings_learn(const struct mer_ctx *ctx,
                                              const struct mer_design *design,
                                              const struct mer_target *target, size_t n_rows,
                                              size_t n_wanted, struct mer_crossings *ret_crossings,
                                              mer_err *err);

/* Those of another one, for designs of that shape. */
MER_MUST_CHECK mer_status mer_crossings_copy(const struct mer_ctx *ctx,
                                             const struct mer_crossings *from,
                                             const struct mer_design *shape,
                                             struct mer_crossings *ret_crossings, mer_err *err);

/* A design with the crossings, which borrows all else of the one given; its codes are its own. */
struct mer_crossed {
    struct mer_design design;
    int32_t *codes;
};
/* The shape that it has; valid as long as the crossings. */
struct mer_design mer_crossings_shape(const struct mer_crossings *crossings,
                                      const struct mer_design *shape);
MER_MUST_CHECK mer_status mer_crossings_apply(const struct mer_ctx *ctx,
                                              const struct mer_crossings *crossings,
                                              const struct mer_design *design,
                                              struct mer_crossed *ret_crossed, mer_err *err);
void mer_crossed_release(const struct mer_ctx *ctx, struct mer_crossed *crossed);

/* The array "crossings" under `prefix`, none where there are none; and the reverse, which checks it
 * as hostile. Release what was loaded in any case. */
MER_MUST_CHECK mer_status mer_crossings_save(const struct mer_crossings *crossings,
                                             const char *prefix, struct mer_bundle *bundle,
                                             mer_err *err);
MER_MUST_CHECK mer_status mer_crossings_load(const struct mer_ctx *ctx,
                                             const struct mer_bundle *bundle, const char *prefix,
                                             const struct mer_design *shape,
                                             struct mer_crossings *ret_crossings, mer_err *err);

#endif

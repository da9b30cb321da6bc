/* Which features matter: those whose splits gain more than splits of columns that cannot matter.
 *
 * A forest is grown on the features and on copies of them whose rows are shuffled, which tell
 * nothing of the target but look like the features (Kursa, Rudnicki, "Feature selection with the
 * Boruta package", Journal of Statistical Software 36, 2010; here in one pass). A feature is kept
 * when all its splits together gain more than a given share of those copies. Where there is nothing
 * to tell them apart, all are kept.
 *
 * Features are those of a design: dense columns and groups. A column that says where another one
 * was imputed is kept with it; what texts became always is.
 */
#ifndef MER_LEARN_SELECT_H
#define MER_LEARN_SELECT_H

#include "core/bundle.h"
#include "learn/design.h"

/* The row of a family's table of parameters. */
#define MER_PARAM_SELECT                                                                           \
    {                                                                                              \
        .name = "select", .type = MER_PARAM_NUMBER, .maximum = 1,                                  \
        .help = "Features are used that matter more than this share of shuffled copies of them; "  \
                "0: all are."                                                                      \
    }

struct mer_selection {
    size_t n_dense; /* of the design that it takes */
    size_t n_groups;
    uint8_t *kept; /* [n_dense + n_groups]: 0 or 1; NULL: all are kept */
    size_t n_kept_dense;
    size_t n_kept_groups;
    uint32_t *group_start; /* [n_kept_groups + 1], for designs of the shape */
    uint32_t *indicators;  /* [n_kept_dense], or NULL */
};
void mer_selection_release(const struct mer_ctx *ctx, struct mer_selection *selection);

/* Work units of learning it. */
uint64_t mer_selection_cost(const struct mer_design *design);

/* Learns from the first n_rows rows; share is above 0, at most 1. The same for any number of
 * threads. */
MER_MUST_CHECK mer_status mer_selection_learn(const struct mer_ctx *ctx,
                                              const struct mer_design *design,
                                              const struct mer_target *target, size_t n_rows,
                                              double share, uint64_t seed,
                                              struct mer_selection *ret_selection, mer_err *err);
/* What another one keeps. */
MER_MUST_CHECK mer_status mer_selection_copy(const struct mer_ctx *ctx,
                                             const struct mer_selection *from,
                                             const struct mer_design *shape,
                                             struct mer_selection *ret_selection, mer_err *err);

/* A design of what is kept, which borrows all else of the one given; `dense` and `codes` are its
 * own. */
struct mer_selected {
    struct mer_design design;
    double *dense;
    int32_t *codes;
};
/* The shape that it has; valid as long as the selection. */
struct mer_design mer_selection_shape(const struct mer_selection *selection,
                                      const struct mer_design *shape);
MER_MUST_CHECK mer_status mer_selection_apply(const struct mer_ctx *ctx,
                                              const struct mer_selection *selection,
                                              const struct mer_design *design,
                                              struct mer_selected *ret_selected, mer_err *err);
void mer_selected_release(const struct mer_ctx *ctx, struct mer_selected *selected);

/* The array "selected" under `prefix`, none where all are kept; and the reverse, which checks it as
 * hostile. Release what was loaded in any case. */
MER_MUST_CHECK mer_status mer_selection_save(const struct mer_selection *selection,
                                             const char *prefix, struct mer_bundle *bundle,
                                             mer_err *err);
MER_MUST_CHECK mer_status mer_selection_load(const struct mer_ctx *ctx,
                                             const struct mer_bundle *bundle, const char *prefix,
                                             const struct mer_design *shape,
                                             struct mer_selection *ret_selection, mer_err *err);

#endif

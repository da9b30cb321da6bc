/* Columns with more levels than a group has room for: each level is told by how often training rows
 * have it, and by the target's mean over those rows.
 *
 * A training row must not see its own target. So rows are put into an order by chance, and each is
 * told the mean over the rows before it (Prokhorenkova et al., "CatBoost: unbiased boosting with
 * categorical features", 2018); rows that were not trained on are told the mean over all. Means are
 * drawn towards that of all rows, as if that had been seen ten times more. Levels are known by a
 * hash of their text; those that one row alone has are unknown.
 */
#ifndef MER_AUTOML_PREPARE_ENCODE_H
#define MER_AUTOML_PREPARE_ENCODE_H

#include "core/arena.h"
#include "frame/frame.h"
#include "learn/design.h"

enum {
    MER_ENCODED_TARGETS_MAX = 8, /* of more classes the first ones, which are the most frequent */
    MER_ENCODED_LEVELS_MAX = 1 << 17
};

struct mer_encoding {
    uint32_t column; /* index into the preprocessing's columns */
    size_t n_levels;
    uint64_t *hashes; /* [n_levels], rising */
    size_t n_targets; /* 1 for a number or two classes; 0: no target was given */
    double *values;   /* [n_levels][1 + n_targets]: ln(1 + rows), then means of the target */
    double *unknown;  /* [1 + n_targets]: of other levels, and of missing ones */
    /* [training rows][1 + n_targets], until it is forgotten: what the rows are told themselves. */
    double *training;
};

uint64_t mer_level_hash(struct mer_cell level);
/* The values of a level. */
const double *mer_encoding_find(const struct mer_encoding *encoding, uint64_t hash);

/* The targets that a column is encoded by: 0 .. MER_ENCODED_TARGETS_MAX. `target` may be NULL. */
size_t mer_encoded_targets(const struct mer_target *target);
/* Learns of rows (NULL: 0 .. n_rows - 1), visited in the order of `order`[n_rows], a permutation of
 * 0 .. n_rows - 1. The target's rows are the frame's. Arrays come from the arena, but `training`,
 * which comes from `alloc`. */
MER_MUST_CHECK mer_status mer_encoding_learn(struct mer_alloc *alloc, struct mer_arena *arena,
                                             const struct mer_column *column, const uint32_t *rows,
                                             size_t n_rows, const uint32_t *order,
                                             const struct mer_target *target,
                                             struct mer_encoding *ret, mer_err *err);

#endif

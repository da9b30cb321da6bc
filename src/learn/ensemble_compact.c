/* Making the layout for prediction: ensemble_compact.h says what it is. */
#include "learn/ensemble_compact.h"

#include <math.h>
#include <string.h>

/* ---- nodes to walk over ---- */

static void put_walk_node(const struct mer_ensemble *e, size_t root, size_t at,
                          struct mer_walk_node *node)
{
    const int32_t feature = e->features[at];
    node->left = (uint32_t)(root + (size_t)e->left[at]);
    node->feature = 0;
    if (feature == MER_ENSEMBLE_LEAF) {
        node->left = (uint32_t)at;
        node->threshold = INFINITY;
        node->feature = MER_WALK_MISSING_LEFT;
    } else if (mer_ensemble_splits_group(e, feature)) {
        node->set = (size_t)e->set_starts[at];
        node->feature = ((uint32_t)feature - (uint32_t)e->n_dense) | MER_WALK_GROUP;
    } else {
        node->threshold = e->thresholds[at];
        node->feature = (uint32_t)feature | (e->missing_left[at] ? MER_WALK_MISSING_LEFT : 0);
    }
}

static void put_walk(struct mer_ensemble_compact *compact)
{
    const struct mer_ensemble *e = compact->ensemble;
    for (size_t t = 0; t < e->n_trees; t++) {
        const size_t root = (size_t)e->tree_starts[t];
        for (size_t at = root; at < (size_t)e->tree_starts[t + 1]; at++) {
            put_walk_node(e, root, at, &compact->walk[at]);
            compact->trees[t].has_groups |= mer_ensemble_splits_group(e, e->features[at]);
        }
        compact->has_groups |= compact->trees[t].has_groups;
    }
}

/* ---- all of it ---- */

static mer_status fill(struct mer_alloc *alloc, struct mer_ensemble_compact *compact, mer_err *err)
{
    const struct mer_ensemble *e = compact->ensemble;
    if (mer_ensemble_features(e) > MER_WALK_FEATURE || e->n_outputs > MER_COMPACT_OUTPUTS)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(alloc, e->n_trees, sizeof *compact->trees, &compact->trees, err));
    MER_GUARD(mer_alloc_array(alloc, e->n_nodes, sizeof *compact->walk, &compact->walk, err));
    put_walk(compact);
    return mer_compact_bytes(alloc, compact, err);
}

mer_status mer_ensemble_compact_new(struct mer_alloc *alloc, const struct mer_ensemble *ensemble,
                                    struct mer_ensemble_compact **ret_compact, mer_err *err)
{
    struct mer_ensemble_compact *compact = NULL;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *compact, &compact, err));
    compact->ensemble = ensemble;
    const mer_status status = fill(alloc, compact, err);
    if (!mer_is_ok(status)) {
        mer_ensemble_compact_free(alloc, compact);
        return status;
    }
    *ret_compact = compact;
    return mer_ok();
}

void mer_ensemble_compact_free(struct mer_alloc *alloc, struct mer_ensemble_compact *compact)
{
    if (!compact)
        return;
    mer_free(alloc, compact->trees);
    mer_free(alloc, compact->features);
    mer_free(alloc, compact->groups);
    mer_free(alloc, compact->classes);
    mer_free(alloc, compact->thresholds_f32);
    mer_free(alloc, compact->thresholds_f64);
    mer_free(alloc, compact->pivots_f32);
    mer_free(alloc, compact->pivots_f64);
    mer_free(alloc, compact->ops);
    mer_free(alloc, compact->nodes);
    mer_free(alloc, compact->sets);
    mer_free(alloc, compact->values);
    mer_free(alloc, compact->walk);
    mer_free(alloc, compact);
}

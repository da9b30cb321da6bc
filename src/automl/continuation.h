/* Going on with a boosted model: more trees of the same kind, for a table with the same columns.
 *
 * The preprocessing, the classes and the objective stay the model's; nothing is searched and
 * nothing is held out, so that what was learned from held-out rows (calibration, the threshold
 * between two classes, how far predictions may be off) and the score are no longer known.
 */
#ifndef MER_AUTOML_CONTINUATION_H
#define MER_AUTOML_CONTINUATION_H

#include "automl/pipeline.h"

struct mer_continuation {
    /* What is asked for beside the model's own parameters: name and value. n_estimators are rounds
     * more; its own number of rounds where that is not among them. */
    const char *const (*settings)[2];
    size_t n_settings;
    const double *weights; /* [n_rows]; NULL: all ones */
    bool balance_classes;
    const struct mer_direction *directions; /* as for a search */
    size_t n_directions;
    const uint64_t *seed; /* NULL: the model's */
};

/* Whether the pipeline can be gone on with at all: MER_ERR_USAGE says why not. */
MER_MUST_CHECK mer_status mer_continuation_check(const struct mer_pipeline *pipeline, mer_err *err);

/* Goes on with it, in place. On failure it is as it was. MER_ERR_DATA for a table without its
 * columns, or with another target or a class that it does not know; MER_ERR_USAGE for another
 * objective. */
MER_MUST_CHECK mer_status mer_pipeline_continue(const struct mer_ctx *ctx,
                                                struct mer_pipeline *pipeline,
                                                const struct mer_frame *frame,
                                                const struct mer_continuation *how, mer_err *err);

#endif

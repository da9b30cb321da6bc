/* Fast scores: the layout of an ensemble that prediction works on, made once at load.
 *
 * The same bits as mer_ensemble_predict_plain, for any number of threads, instruction set and
 * number of rows asked for at a time. How it works is in ensemble_compact.h.
 */
#ifndef MER_LEARN_ENSEMBLE_PREDICT_H
#define MER_LEARN_ENSEMBLE_PREDICT_H

#include "learn/ensemble.h"

struct mer_ensemble_compact;

/* The ensemble is borrowed: it must stay as it is for as long as the layout lives. It must have
 * been built or loaded by the functions of ensemble.h. */
MER_MUST_CHECK mer_status mer_ensemble_compact_new(struct mer_alloc *alloc,
                                                   const struct mer_ensemble *ensemble,
                                                   struct mer_ensemble_compact **ret_compact,
                                                   mer_err *err);
void mer_ensemble_compact_free(struct mer_alloc *alloc, struct mer_ensemble_compact *compact);

/* Scores rows, over the threads of ctx->team. Polls for cancelling. */
MER_MUST_CHECK mer_status mer_ensemble_scores(const struct mer_ctx *ctx,
                                              const struct mer_ensemble_compact *compact,
                                              const struct mer_ensemble_rows *rows,
                                              double *ret_scores /* [n_rows][n_outputs] */,
                                              mer_err *err);

/* One row, in microseconds: allocates nothing. `scratch` has mer_ensemble_row_scratch(compact)
 * bytes, and belongs to one thread at a time. */
size_t mer_ensemble_row_scratch(const struct mer_ensemble_compact *compact);
void mer_ensemble_score_row(const struct mer_ensemble_compact *compact,
                            const struct mer_ensemble_rows *rows, size_t row, void *scratch,
                            double *ret_scores /* [n_outputs] */);

#endif

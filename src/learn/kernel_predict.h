/* What a kernel machine predicts: rows to waves, waves to scores, scores to outputs. */
#ifndef MER_LEARN_KERNEL_PREDICT_H
#define MER_LEARN_KERNEL_PREDICT_H

#include "learn/kernel_ridge.h"

struct mer_kernel_predictor {
    const struct mer_kernel_map *map;
    const struct mer_kernel_ridge *ridge;
    enum mer_task task;
    size_t n_classes;
};

/* Into ret_predictions[n_rows][outputs of the task]: the same bits whether the map holds its waves
 * or not. Memory beyond that is a tile of waves for each thread and some rows' waves. */
MER_MUST_CHECK mer_status mer_kernel_predict(const struct mer_ctx *ctx,
                                             const struct mer_kernel_predictor *predictor,
                                             const struct mer_design *design,
                                             double *ret_predictions, mer_err *err);

#endif

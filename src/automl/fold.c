#include "automl/fold.h"

#include "core/rng.h"

size_t mer_fold_count(size_t n_rows)
{
    return n_rows < 50 ? 5 : n_rows < 500 ? 10 : n_rows < 20000 ? 5 : n_rows <= 50000 ? 3 : 1;
}

/* Shuffled rows, ordered by class with the shuffled order kept inside a class (counting sort). */
static mer_status order_rows(const struct mer_ctx *ctx, const struct mer_target *target,
                             size_t n_rows, uint64_t seed, uint32_t *order, size_t *class_start,
                             mer_err *err)
{
    uint32_t *shuffled;
    mer_rng rng;

    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*shuffled), &shuffled, err));
    for (size_t i = 0; i < n_rows; i++)
        shuffled[i] = (uint32_t)i;
    mer_rng_init(&rng, seed, mer_rng_stream("folds", 0));
    mer_rng_shuffle(&rng, shuffled, n_rows);

    /* class_start[k + 1] counts class k, then is where class k begins, then where it ends. */
    for (size_t i = 0; i < n_rows; i++)
        class_start[target->classes ? target->classes[i] + 1 : 1]++;
    const size_t n_classes = target->classes ? target->n_classes : 1;
    for (size_t k = n_classes, begin = n_rows; k > 0; k--)
        class_start[k] = begin -= class_start[k];
    for (size_t i = 0; i < n_rows; i++)
        order[class_start[target->classes ? target->classes[shuffled[i]] + 1 : 1]++] = shuffled[i];
    mer_free(ctx->alloc, shuffled);
    return mer_ok();
}

mer_status mer_fold_assign(const struct mer_ctx *ctx, const struct mer_target *target,
                           size_t n_rows, size_t n_folds, uint64_t seed, uint8_t *ret_fold,
                           mer_err *err)
{
    const size_t n_classes = target->classes ? target->n_classes : 1;
    /* A holdout is the first of so many folds; the others are learned from. */
    const size_t n_parts = n_folds == 1 ? MER_HOLDOUT_PART : n_folds;
    size_t *class_start = NULL;
    uint32_t *order = NULL;
    mer_status status;

    MER_GUARD_GOTO(
        mer_alloc_zero(ctx->alloc, n_classes + 1, sizeof(*class_start), &class_start, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(*order), &order, err), out);
    MER_GUARD_GOTO(order_rows(ctx, target, n_rows, seed, order, class_start, err), out);
    /* Consecutive places get different folds, so a class of two rows or more is in two folds, and
     * every training part has it. */
    for (size_t k = 0, place = 0; k < n_classes; k++) {
        const bool lone = class_start[k + 1] == place + 1;
        for (; place < class_start[k + 1]; place++) {
            const size_t part = place % n_parts;
            ret_fold[order[place]] = lone || part >= n_folds ? MER_FOLD_NONE : (uint8_t)part;
        }
    }
out:
    mer_free(ctx->alloc, order);
    mer_free(ctx->alloc, class_start);
    return status;
}

static bool is_in_order(const struct mer_column *column, size_t n_rows)
{
    const int64_t *times = column->data.integers;
    size_t n_steps = 0;

    if ((column->type != MER_TYPE_DATE && column->type != MER_TYPE_DATETIME) ||
        column->n_missing > 0)
        return false;
    for (size_t i = 1; i < n_rows; i++) {
        if (times[i] < times[i - 1])
            return false;
        n_steps += times[i] > times[i - 1];
    }
    return n_steps >= MER_TIME_ORDER_STEPS;
}

size_t mer_fold_time_column(const struct mer_frame *frame, size_t target_column)
{
    for (size_t i = 0; i < frame->n_columns; i++)
        if (i != target_column && is_in_order(&frame->columns[i], frame->n_rows))
            return i;
    return SIZE_MAX;
}

mer_status mer_fold_hold_out_last(const struct mer_ctx *ctx, const struct mer_target *target,
                                  size_t n_rows, uint8_t *ret_fold, mer_err *err)
{
    const size_t n_train = n_rows - n_rows / MER_HOLDOUT_PART;
    uint8_t *is_learned;

    MER_GUARD(mer_alloc_zero(ctx->alloc, target->n_classes, 1, &is_learned, err));
    for (size_t i = 0; i < n_rows; i++) {
        bool train = i < n_train;
        if (target->classes) {
            train = train || !is_learned[target->classes[i]];
            is_learned[target->classes[i]] = 1;
        }
        ret_fold[i] = train ? MER_FOLD_NONE : 0;
    }
    mer_free(ctx->alloc, is_learned);
    return mer_ok();
}

size_t mer_fold_rows(const uint8_t *folds, size_t n_rows, size_t fold, uint32_t *ret_rows)
{
    size_t n = 0;

    for (size_t i = 0; i < n_rows; i++)
        if (folds[i] != fold)
            ret_rows[n++] = (uint32_t)i;
    const size_t n_train = n;
    for (size_t i = 0; i < n_rows; i++)
        if (folds[i] == fold)
            ret_rows[n++] = (uint32_t)i;
    return n_train;
}

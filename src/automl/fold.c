#include "automl/fold.h"

#include <stdio.h>

#include "core/log.h"
#include "core/rng.h"

size_t mer_fold_count(size_t n_rows)
{
    return n_rows < 50 ? 5 : n_rows < 500 ? 10 : n_rows < 20000 ? 5 : n_rows <= 50000 ? 3 : 1;
}

size_t mer_fold_repeats(size_t n_rows)
{
    (void)n_rows;
    return 1;
}

/* Shuffled rows, ordered by class with the shuffled order kept inside a class (counting sort). */
static mer_status order_rows(const struct mer_ctx *ctx, const struct mer_target *target,
                             size_t n_rows, uint64_t seed, size_t repetition, uint32_t *order,
                             size_t *class_start, mer_err *err)
{
    uint32_t *shuffled;
    mer_rng rng;

    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*shuffled), &shuffled, err));
    for (size_t i = 0; i < n_rows; i++)
        shuffled[i] = (uint32_t)i;
    mer_rng_init(&rng, seed, mer_rng_stream("folds", repetition));
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
                           size_t n_rows, size_t n_folds, uint64_t seed, size_t repetition,
                           uint8_t *ret_fold, mer_err *err)
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
    MER_GUARD_GOTO(order_rows(ctx, target, n_rows, seed, repetition, order, class_start, err), out);
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

void mer_fold_rows(const struct mer_folds *folds, size_t fold, uint32_t *ret_rows,
                   size_t *ret_n_train, size_t *ret_n_valid)
{
    const uint8_t *const held_out = folds->held_out + fold / folds->n_folds * folds->n_rows;
    const size_t own = fold % folds->n_folds;
    size_t n = 0;

    for (size_t i = 0; i < folds->n_rows; i++)
        if (held_out[i] != own && (!folds->first || folds->first[i] <= fold))
            ret_rows[n++] = (uint32_t)i;
    *ret_n_train = n;
    for (size_t i = 0; i < folds->n_rows; i++)
        if (held_out[i] == own)
            ret_rows[n++] = (uint32_t)i;
    *ret_n_valid = n - *ret_n_train;
}

const char *mer_fold_kind_name(enum mer_fold_kind kind)
{
    static const char *const names[MER_FOLD_KINDS] = {"shuffled", "last",   "groups",
                                                      "time",     "labels", "table"};
    return names[kind];
}

void mer_validation_describe(const struct mer_validation *validation, char *ret_text, size_t size)
{
    static const char *const ones[MER_FOLD_KINDS] = {
        "held-out rows",   "the last fifth of the rows", "held-out groups", "the latest rows",
        "one fold, given", "a validation table"};
    static const char *const ways[MER_FOLD_KINDS] = {
        "", "", " by groups", ", forward in time", " by given folds", ""};
    char repeats[32] = "";

    if (validation->n_repeats > 1)
        (void)snprintf(repeats, sizeof(repeats), ", %zu times", validation->n_repeats);
    if (validation->n_folds <= 1)
        (void)snprintf(ret_text, size, "%s%s", ones[validation->kind], repeats);
    else
        (void)snprintf(ret_text, size, "%zu-fold cross-validation%s%s", validation->n_folds,
                       ways[validation->kind], repeats);
}

void mer_folds_release(const struct mer_ctx *ctx, struct mer_folds *folds)
{
    mer_free(ctx->alloc, folds->held_out);
    mer_free(ctx->alloc, folds->first);
    *folds = (struct mer_folds){.held_out = NULL};
}

bool mer_folds_are_sound(const struct mer_folds *folds)
{
    if (folds->n_folds == 0 || folds->n_folds > MER_FOLDS_MAX || folds->n_repeats == 0 ||
        folds->n_repeats > MER_FOLDS_MAX || mer_folds_count(folds) > MER_FOLDS_MAX)
        return false;
    for (size_t r = 0; r < folds->n_repeats; r++) {
        const uint8_t *const held_out = folds->held_out + r * folds->n_rows;
        size_t n_learned[MER_FOLDS_MAX] = {0};
        for (size_t i = 0; i < folds->n_rows; i++) {
            if (held_out[i] >= folds->n_folds && held_out[i] != MER_FOLD_NONE)
                return false;
            for (size_t k = 0; k < folds->n_folds; k++) {
                const bool may = !folds->first || folds->first[i] <= r * folds->n_folds + k;
                n_learned[k] += may && held_out[i] != k ? 1 : 0;
            }
        }
        for (size_t k = 0; k < folds->n_folds; k++)
            if (n_learned[k] == 0)
                return false;
    }
    return true;
}

/* How, and how many. */
static mer_status choose(const struct mer_ctx *ctx, const struct mer_frame *frame,
                         size_t target_column, const struct mer_fold_options *options,
                         struct mer_folds *folds, mer_err *err)
{
    const size_t n_rows = frame->n_rows;

    folds->n_rows = n_rows;
    folds->n_folds = options->n_folds         ? options->n_folds
                     : options->n_folds_usual ? options->n_folds_usual
                                              : mer_fold_count(n_rows);
    folds->kind = options->groups         ? MER_FOLDS_GROUPS
                  : options->times        ? MER_FOLDS_TIME
                  : options->labels       ? MER_FOLDS_GIVEN
                  : options->n_valid_rows ? MER_FOLDS_TABLE
                                          : MER_FOLDS_SHUFFLED;
    const bool is_shuffled = folds->kind == MER_FOLDS_SHUFFLED || folds->kind == MER_FOLDS_GROUPS;
    if (folds->kind == MER_FOLDS_SHUFFLED && options->n_folds == 0 && options->n_repeats == 0) {
        /* Whoever asks for a number of folds gets them; else the order of time decides before the
         * size. */
        const size_t column = mer_fold_time_column(frame, target_column);
        if (column != SIZE_MAX) {
            folds->kind = MER_FOLDS_LAST;
            mer_log_info(ctx, "automl",
                         "rows are in the order of column %s: models are scored on the last fifth",
                         mer_quote(frame->columns[column].name).text);
        }
    }
    if (folds->kind == MER_FOLDS_LAST || folds->kind == MER_FOLDS_TABLE)
        folds->n_folds = 1;
    folds->n_repeats = options->n_repeats ? options->n_repeats
                       : folds->kind == MER_FOLDS_SHUFFLED && options->n_folds == 0
                           ? mer_fold_repeats(n_rows)
                           : 1;
    if (options->n_repeats > 1 && !is_shuffled)
        return mer_fail(err, MER_ERR_USAGE,
                        "folds that are not shuffled cannot be repeated: they would be the same");
    if (folds->n_folds > MER_FOLDS_MAX || folds->n_folds > n_rows)
        return mer_fail(err, MER_ERR_USAGE, "%zu folds are too many for %zu rows; at most %d",
                        folds->n_folds, n_rows, MER_FOLDS_MAX);
    if (folds->n_repeats > MER_FOLDS_MAX / folds->n_folds)
        return mer_fail(err, MER_ERR_USAGE, "%zu folds %zu times are more than %d", folds->n_folds,
                        folds->n_repeats, MER_FOLDS_MAX);
    return mer_ok();
}

/* The last rows are scored on alone. */
static void take_table(const struct mer_fold_options *options, struct mer_folds *folds)
{
    for (size_t i = 0; i < folds->n_rows; i++) {
        const bool is_own = i >= folds->n_rows - options->n_valid_rows;
        folds->held_out[i] = is_own ? 0 : MER_FOLD_NONE;
        folds->first[i] = is_own ? MER_FOLD_NONE : 0;
    }
}

static mer_status cut(const struct mer_ctx *ctx, const struct mer_target *target,
                      const struct mer_fold_options *options, struct mer_folds *folds, mer_err *err)
{
    const size_t n = folds->n_rows;

    switch (folds->kind) {
    case MER_FOLDS_LAST:
        return mer_fold_hold_out_last(ctx, target, n, folds->held_out, err);
    case MER_FOLDS_TIME:
        return mer_fold_by_time(ctx, target, options, folds->n_folds, n, folds->held_out,
                                folds->first, err);
    case MER_FOLDS_GIVEN:
        return mer_fold_by_label(ctx, target, options, n, &folds->n_folds, folds->held_out, err);
    case MER_FOLDS_TABLE:
        take_table(options, folds);
        return mer_ok();
    case MER_FOLDS_GROUPS:
    case MER_FOLDS_SHUFFLED:
    case MER_FOLD_KINDS:
        break;
    }
    for (size_t r = 0; r < folds->n_repeats; r++) {
        uint8_t *const own = folds->held_out + r * n;
        if (folds->kind == MER_FOLDS_GROUPS)
            MER_GUARD(mer_fold_by_group(ctx, target, options, folds->n_folds, r, n, own, err));
        else
            MER_GUARD(mer_fold_assign(ctx, target, n, folds->n_folds, options->seed, r, own, err));
    }
    return mer_ok();
}

mer_status mer_folds_make(const struct mer_ctx *ctx, const struct mer_frame *frame,
                          size_t target_column, const struct mer_target *target,
                          const struct mer_fold_options *options, struct mer_folds *ret_folds,
                          mer_err *err)
{
    struct mer_folds folds = {.held_out = NULL};
    mer_status status;

    MER_GUARD(choose(ctx, frame, target_column, options, &folds, err));
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, folds.n_rows, folds.n_repeats, &folds.held_out, err),
                   out);
    if (folds.kind == MER_FOLDS_TIME || folds.kind == MER_FOLDS_TABLE)
        MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, folds.n_rows, 1, &folds.first, err), out);
    MER_GUARD_GOTO(cut(ctx, target, options, &folds, err), out);
    if (!mer_folds_are_sound(&folds))
        status = mer_fail(err, MER_ERR_DATA, "a fold has no rows to learn from");
    if (mer_is_ok(status)) {
        *ret_folds = folds;
        return status;
    }
out:
    mer_folds_release(ctx, &folds);
    return status;
}

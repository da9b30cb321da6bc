/* Folds by a column: of groups, of time, of the folds' own labels. */
#include <math.h>
#include <string.h>

#include "automl/fold.h"
#include "core/order.h"
#include "core/rng.h"
#include "core/sort.h"

/* Of forward folds the first learns from at least so many parts of a hundred of the rows: the model
 * that is kept learns from all of them, and is to be judged by something like it. */
enum { FIRST_TRAINING_PERCENT = 50 };

/* A value of a column, equal to another's exactly when the cells are; missing ones are equal. */
struct cell_key {
    bool is_missing;
    uint64_t bits;
    const char *text; /* a text column's: its bytes, of which `bits` is the number */
    uint32_t row;
};

static struct cell_key key_of(const struct mer_column *column, size_t row)
{
    struct cell_key key = {.row = (uint32_t)row};
    double number;

    if (!mer_column_has(column, row)) {
        key.is_missing = true;
        return key;
    }
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        key.bits = (column->data.bits[row / 8] >> (row % 8)) & 1;
        break;
    case MER_TYPE_CATEGORICAL:
        key.bits = (uint64_t)column->data.codes[row];
        break;
    case MER_TYPE_NUMBER:
        number = column->data.numbers[row] + 0.0; /* -0 is 0 */
        memcpy(&key.bits, &number, sizeof(number));
        /* Rising with the number. */
        key.bits ^= number < 0 ? UINT64_MAX : (uint64_t)1 << 63;
        break;
    case MER_TYPE_TEXT:
        key.bits = (uint64_t)(column->data.offsets[row + 1] - column->data.offsets[row]);
        key.text = column->bytes + column->data.offsets[row];
        break;
    case MER_TYPE_INTEGER:
    case MER_TYPE_DATE:
    case MER_TYPE_TIME:
    case MER_TYPE_DATETIME:
    case MER_TYPE_COUNT:
        key.bits = (uint64_t)column->data.integers[row] ^ (uint64_t)1 << 63;
        break;
    }
    return key;
}

/* Missing ones first, then by value. */
static int compare_cells(const struct cell_key *a, const struct cell_key *b)
{
    if (a->is_missing != b->is_missing)
        return a->is_missing ? -1 : 1;
    if (a->bits != b->bits)
        return a->bits > b->bits ? 1 : -1;
    return a->text && a->bits > 0 ? memcmp(a->text, b->text, a->bits) : 0;
}

static int compare_keys(const void *a, const void *b)
{
    const struct cell_key *const left = a, *const right = b;
    const int by_cell = compare_cells(left, right);
    return by_cell ? by_cell : (left->row > right->row) - (left->row < right->row);
}

/* Numbers the distinct values of a column, in their order. ret_numbers[n_rows]; the first of them
 * is that of missing cells where there are any. */
static mer_status number_cells(const struct mer_ctx *ctx, const struct mer_column *column,
                               size_t n_rows, uint32_t *ret_numbers, size_t *ret_n, mer_err *err)
{
    struct cell_key *keys;
    size_t n = 0;

    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*keys), &keys, err));
    for (size_t i = 0; i < n_rows; i++)
        keys[i] = key_of(column, i);
    mer_sort(keys, n_rows, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < n_rows; i++) {
        n += i == 0 || compare_cells(&keys[i - 1], &keys[i]) != 0 ? 1 : 0;
        ret_numbers[keys[i].row] = (uint32_t)(n - 1);
    }
    mer_free(ctx->alloc, keys);
    *ret_n = n;
    return mer_ok();
}

/* Every training part has every class: where a fold alone has the rows of one, the bundles of rows
 * that they are in are scored in no fold and learned from in all. bundle[n_rows] tells which. */
static mer_status spare_classes(const struct mer_ctx *ctx, const struct mer_target *target,
                                const uint32_t *bundle, size_t n_rows, size_t n_bundles,
                                size_t n_folds, uint8_t *folds, mer_err *err)
{
    /* Of each class: the one fold that has all its rows so far; n_folds: several have. */
    size_t *only = NULL;
    uint8_t *is_spared = NULL;
    mer_status status;

    if (!target->classes)
        return mer_ok();
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, target->n_classes, sizeof(*only), &only, err), out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n_bundles, 1, &is_spared, err), out);
    for (size_t k = 0; k < target->n_classes; k++)
        only[k] = SIZE_MAX;
    for (size_t i = 0; i < n_rows; i++) {
        size_t *const fold = &only[target->classes[i]];
        *fold = *fold == SIZE_MAX || *fold == folds[i] ? folds[i] : n_folds;
    }
    for (size_t i = 0; i < n_rows; i++)
        if (only[target->classes[i]] < n_folds)
            is_spared[bundle[i]] = 1;
    for (size_t i = 0; i < n_rows; i++)
        if (is_spared[bundle[i]])
            folds[i] = MER_FOLD_NONE;
out:
    mer_free(ctx->alloc, only);
    mer_free(ctx->alloc, is_spared);
    return status;
}

/* The groups of a table, while they are dealt. */
struct dealing {
    const struct mer_target *target;
    size_t n_folds;
    size_t n_groups;
    size_t n_kinds;     /* classes; 1 for numbers */
    uint32_t *group;    /* [n_rows] */
    uint32_t *rows;     /* [n_rows], by group */
    size_t *begin;      /* [n_groups + 1]: where the rows of a group are */
    uint32_t *order;    /* [n_groups]: in which they are dealt */
    double *totals;     /* [n_kinds]: rows of the kind */
    double *counts;     /* [n_folds][n_kinds] */
    double *group_rows; /* [n_kinds]: of the group that is dealt */
    uint8_t *fold;      /* [n_groups] */
};

static void release_dealing(const struct mer_ctx *ctx, struct dealing *dealing)
{
    mer_free(ctx->alloc, dealing->group);
    mer_free(ctx->alloc, dealing->rows);
    mer_free(ctx->alloc, dealing->begin);
    mer_free(ctx->alloc, dealing->order);
    mer_free(ctx->alloc, dealing->totals);
    mer_free(ctx->alloc, dealing->counts);
    mer_free(ctx->alloc, dealing->group_rows);
    mer_free(ctx->alloc, dealing->fold);
}

static size_t kind_of(const struct dealing *dealing, size_t row)
{
    return dealing->target->classes ? (size_t)dealing->target->classes[row] : 0;
}

static mer_status gather_groups(const struct mer_ctx *ctx, const struct mer_column *column,
                                size_t n_rows, struct dealing *dealing, mer_err *err)
{
    struct mer_alloc *const alloc = ctx->alloc;

    MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(uint32_t), &dealing->group, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(uint32_t), &dealing->rows, err));
    MER_GUARD(number_cells(ctx, column, n_rows, dealing->group, &dealing->n_groups, err));
    if (dealing->n_groups < dealing->n_folds)
        return mer_fail(err, MER_ERR_DATA, "column %s: %zu groups are too few for %zu folds",
                        mer_quote(column->name).text, dealing->n_groups, dealing->n_folds);
    MER_GUARD(mer_alloc_zero(alloc, dealing->n_groups + 2, sizeof(size_t), &dealing->begin, err));
    for (size_t i = 0; i < n_rows; i++)
        dealing->begin[dealing->group[i] + 2]++;
    for (size_t g = 2; g < dealing->n_groups + 2; g++)
        dealing->begin[g] += dealing->begin[g - 1];
    for (size_t i = 0; i < n_rows; i++)
        dealing->rows[dealing->begin[dealing->group[i] + 1]++] = (uint32_t)i;
    MER_GUARD(mer_alloc_array(alloc, dealing->n_groups, sizeof(uint32_t), &dealing->order, err));
    MER_GUARD(mer_alloc_array(alloc, dealing->n_groups, 1, &dealing->fold, err));
    MER_GUARD(mer_alloc_zero(alloc, dealing->n_kinds, sizeof(double), &dealing->totals, err));
    MER_GUARD(mer_alloc_array(alloc, dealing->n_kinds, sizeof(double), &dealing->group_rows, err));
    MER_GUARD(mer_alloc_zero(alloc, dealing->n_folds, dealing->n_kinds * sizeof(double),
                             &dealing->counts, err));
    for (size_t i = 0; i < n_rows; i++)
        dealing->totals[kind_of(dealing, i)] += 1;
    return mer_ok();
}

/* Larger groups first, because later ones even out what they leave; equals in shuffled order. */
static mer_status order_groups(const struct mer_ctx *ctx, uint64_t seed, size_t repetition,
                               struct dealing *dealing, mer_err *err)
{
    const size_t n = dealing->n_groups;
    struct mer_order_item *scratch = NULL;
    uint32_t *shuffled = NULL, *by_size = NULL;
    double *sizes = NULL;
    mer_status status;
    mer_rng rng;

    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof(*shuffled), &shuffled, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof(*by_size), &by_size, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof(*sizes), &sizes, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, 2 * sizeof(*scratch), &scratch, err), out);
    for (size_t i = 0; i < n; i++)
        shuffled[i] = (uint32_t)i;
    mer_rng_init(&rng, seed, mer_rng_stream("group folds", repetition));
    mer_rng_shuffle(&rng, shuffled, n);
    for (size_t i = 0; i < n; i++)
        sizes[i] = -(double)(dealing->begin[shuffled[i] + 1] - dealing->begin[shuffled[i]]);
    mer_order_doubles(sizes, n, scratch, by_size);
    for (size_t i = 0; i < n; i++)
        dealing->order[i] = shuffled[by_size[i]];
out:
    mer_free(ctx->alloc, scratch);
    mer_free(ctx->alloc, sizes);
    mer_free(ctx->alloc, by_size);
    mer_free(ctx->alloc, shuffled);
    return status;
}

/* Deals one group to the fold that makes the shares of all classes, and so of all rows, most even:
 * the one that raises the sum of their squares least. The first of equals. */
static void deal(struct dealing *dealing, uint32_t group)
{
    const size_t begin = dealing->begin[group], end = dealing->begin[group + 1];
    double least = INFINITY;
    size_t best = 0;

    memset(dealing->group_rows, 0, dealing->n_kinds * sizeof(double));
    for (size_t i = begin; i < end; i++)
        dealing->group_rows[kind_of(dealing, dealing->rows[i])] += 1;
    for (size_t f = 0; f < dealing->n_folds; f++) {
        const double *const counts = dealing->counts + f * dealing->n_kinds;
        double rise = 0;
        for (size_t k = 0; k < dealing->n_kinds; k++) {
            const double own = dealing->group_rows[k];
            if (own > 0)
                rise += own * (2 * counts[k] + own) / (dealing->totals[k] * dealing->totals[k]);
        }
        if (rise < least) {
            least = rise;
            best = f;
        }
    }
    for (size_t k = 0; k < dealing->n_kinds; k++)
        dealing->counts[best * dealing->n_kinds + k] += dealing->group_rows[k];
    dealing->fold[group] = (uint8_t)best;
}

mer_status mer_fold_by_group(const struct mer_ctx *ctx, const struct mer_target *target,
                             const struct mer_fold_options *options, size_t n_folds,
                             size_t repetition, size_t n_rows, uint8_t *ret_fold, mer_err *err)
{
    /* A holdout is the first of so many folds; the others are learned from. */
    struct dealing dealing = {.target = target,
                              .n_folds = n_folds == 1 ? MER_HOLDOUT_PART : n_folds,
                              .n_kinds = target->classes ? target->n_classes : 1};
    mer_status status;

    MER_GUARD_GOTO(gather_groups(ctx, options->groups, n_rows, &dealing, err), out);
    MER_GUARD_GOTO(order_groups(ctx, options->seed, repetition, &dealing, err), out);
    for (size_t i = 0; i < dealing.n_groups; i++)
        deal(&dealing, dealing.order[i]);
    for (size_t i = 0; i < n_rows; i++) {
        const uint8_t fold = dealing.fold[dealing.group[i]];
        ret_fold[i] = fold < n_folds ? fold : MER_FOLD_NONE;
    }
    MER_GUARD_GOTO(
        spare_classes(ctx, target, dealing.group, n_rows, dealing.n_groups, n_folds, ret_fold, err),
        out);
out:
    release_dealing(ctx, &dealing);
    return status;
}

mer_status mer_fold_by_label(const struct mer_ctx *ctx, const struct mer_target *target,
                             const struct mer_fold_options *options, size_t n_rows,
                             size_t *ret_n_folds, uint8_t *ret_fold, mer_err *err)
{
    const struct mer_column *const column = options->labels;
    uint32_t *numbers = NULL, *bundle = NULL;
    size_t n;
    mer_status status;

    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(*numbers), &numbers, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(*bundle), &bundle, err), out);
    MER_GUARD_GOTO(number_cells(ctx, column, n_rows, numbers, &n, err), out);
    const size_t n_unlabelled = column->n_missing > 0 ? 1 : 0; /* number 0 is theirs */
    n -= n_unlabelled;
    if (n == 0 || n > MER_FOLDS_MAX || (n == 1 && n_unlabelled == 0)) {
        status = mer_hint(
            err,
            mer_fail(err, MER_ERR_DATA, "column %s has %zu labels of folds",
                     mer_quote(column->name).text, n),
            "it needs 2 to %d of them, or one and rows without any, which are learned from",
            MER_FOLDS_MAX);
        goto out;
    }
    for (size_t i = 0; i < n_rows; i++) {
        bundle[i] = (uint32_t)i;
        ret_fold[i] =
            mer_column_has(column, i) ? (uint8_t)(numbers[i] - n_unlabelled) : MER_FOLD_NONE;
    }
    MER_GUARD_GOTO(spare_classes(ctx, target, bundle, n_rows, n_rows, n, ret_fold, err), out);
    *ret_n_folds = n;
out:
    mer_free(ctx->alloc, bundle);
    mer_free(ctx->alloc, numbers);
    return status;
}

/* The time of each row, in seconds for dates and datetimes. */
static mer_status read_times(const struct mer_column *column, size_t n_rows, double *ret_times,
                             mer_err *err)
{
    const bool is_number = column->type == MER_TYPE_NUMBER;
    const double scale = column->type == MER_TYPE_DATE       ? 86400
                         : column->type == MER_TYPE_DATETIME ? 1e-6
                                                             : 1;

    if (!is_number && column->type != MER_TYPE_INTEGER && column->type != MER_TYPE_DATE &&
        column->type != MER_TYPE_DATETIME)
        return mer_fail(err, MER_ERR_USAGE,
                        "column %s tells no time: it holds neither dates nor numbers",
                        mer_quote(column->name).text);
    for (size_t i = 0; i < n_rows; i++) {
        if (!mer_column_has(column, i))
            return mer_fail(err, MER_ERR_DATA, "row %zu, column %s: the time is missing", i + 1,
                            mer_quote(column->name).text);
        ret_times[i] =
            is_number ? column->data.numbers[i] : (double)column->data.integers[i] * scale;
        if (!isfinite(ret_times[i]))
            return mer_fail(err, MER_ERR_DATA, "row %zu, column %s: the time is not finite", i + 1,
                            mer_quote(column->name).text);
    }
    return mer_ok();
}

/* Where the folds begin among the rows in order of time: starts[n_folds + 1]. No moment is in two
 * folds. False: the moments are too few. */
static bool cut_times(const double *times, const uint32_t *order, size_t n_rows, size_t n_folds,
                      size_t *starts)
{
    const size_t n_first =
        n_folds == 1 ? n_rows - n_rows / MER_HOLDOUT_PART : n_rows * FIRST_TRAINING_PERCENT / 100;

    starts[n_folds] = n_rows;
    for (size_t f = n_folds; f-- > 0;) {
        size_t at = n_first + (n_rows - n_first) * f / n_folds;
        while (at > 0 && at < n_rows && times[order[at]] == times[order[at - 1]])
            at--;
        starts[f] = at;
        if (at == 0 || at >= starts[f + 1])
            return false;
    }
    return true;
}

/* The first row of a class that a fold would have to name without having met it is learned from
 * from the beginning, and not scored. */
static mer_status meet_classes(const struct mer_ctx *ctx, const struct mer_target *target,
                               const uint32_t *order, size_t n_rows, uint8_t *folds, uint8_t *first,
                               mer_err *err)
{
    uint8_t *is_met;

    if (!target->classes)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(ctx->alloc, target->n_classes, 1, &is_met, err));
    for (size_t i = 0; i < n_rows; i++)
        if (first[i] == 0)
            is_met[target->classes[i]] = 1;
    for (size_t i = 0; i < n_rows; i++) {
        const uint32_t row = order[i];
        if (is_met[target->classes[row]])
            continue;
        is_met[target->classes[row]] = 1;
        folds[row] = MER_FOLD_NONE;
        first[row] = 0;
    }
    mer_free(ctx->alloc, is_met);
    return mer_ok();
}

static void deal_times(const double *times, const uint32_t *order, size_t n_rows,
                       const size_t *starts, size_t n_folds, double gap, uint8_t *ret_fold,
                       uint8_t *ret_first)
{
    for (size_t i = 0, own = 0; i < n_rows; i++) {
        while (own < n_folds && i >= starts[own])
            own++; /* the row is of fold own - 1, and stands before fold own */
        size_t first = own;
        while (first < n_folds && times[order[starts[first]]] - times[order[i]] <= gap)
            first++;
        ret_fold[order[i]] = own > 0 ? (uint8_t)(own - 1) : MER_FOLD_NONE;
        ret_first[order[i]] = first < n_folds ? (uint8_t)first : MER_FOLD_NONE;
    }
}

mer_status mer_fold_by_time(const struct mer_ctx *ctx, const struct mer_target *target,
                            const struct mer_fold_options *options, size_t n_folds, size_t n_rows,
                            uint8_t *ret_fold, uint8_t *ret_first, mer_err *err)
{
    struct mer_order_item *scratch = NULL;
    size_t starts[MER_FOLDS_MAX + 1];
    double *times = NULL;
    uint32_t *order = NULL;
    mer_status status;

    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(*times), &times, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(*order), &order, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, 2 * sizeof(*scratch), &scratch, err), out);
    MER_GUARD_GOTO(read_times(options->times, n_rows, times, err), out);
    mer_order_doubles(times, n_rows, scratch, order);
    if (!cut_times(times, order, n_rows, n_folds, starts)) {
        status = mer_fail(err, MER_ERR_DATA, "column %s has too few moments for %zu folds",
                          mer_quote(options->times->name).text, n_folds);
        goto out;
    }
    deal_times(times, order, n_rows, starts, n_folds, options->gap, ret_fold, ret_first);
    if (memchr(ret_first, 0, n_rows) == NULL) {
        status = mer_hint(
            err,
            mer_fail(err, MER_ERR_USAGE, "the gap leaves the first fold nothing to learn from"),
            "give a smaller one");
        goto out;
    }
    MER_GUARD_GOTO(meet_classes(ctx, target, order, n_rows, ret_fold, ret_first, err), out);
out:
    mer_free(ctx->alloc, scratch);
    mer_free(ctx->alloc, order);
    mer_free(ctx->alloc, times);
    return status;
}

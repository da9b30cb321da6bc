#include "automl/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "core/number.h"
#include "core/sort.h"

/* A label, how often and where it was seen first, and its class. */
struct label {
    const char *text;
    size_t n;
    size_t n_rows;
    size_t first_row;
    int32_t class;
};

/* Labels sorted by their bytes. */
struct label_set {
    struct label *labels;
    size_t n;
    size_t max;
};

static struct mer_quoted quoted_name(const struct mer_column *column)
{
    return mer_quote_n(column->name, column->n_name);
}

/* The text form of a present cell; `buffer` is where a number's goes. */
static struct mer_cell cell_label(const struct mer_column *column, size_t row,
                                  char buffer[MER_NUMBER_TEXT_MAX])
{
    switch (column->type) {
    case MER_TYPE_CATEGORICAL:
        return mer_column_level(column, (size_t)column->data.codes[row]);
    case MER_TYPE_TEXT:
        return mer_column_text(column, row);
    case MER_TYPE_BOOLEAN:
        return (column->data.bits[row / 8] >> (row % 8)) & 1 ? (struct mer_cell){"true", 4}
                                                             : (struct mer_cell){"false", 5};
    case MER_TYPE_NUMBER:
        return (struct mer_cell){buffer, mer_number_format(column->data.numbers[row], buffer)};
    default: /* integers, exactly */
        return (struct mer_cell){buffer, (size_t)snprintf(buffer, MER_NUMBER_TEXT_MAX, "%lld",
                                                          (long long)column->data.integers[row])};
    }
}

static int compare_texts(struct mer_cell a, struct mer_cell b)
{
    const int order = memcmp(a.bytes, b.bytes, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* The place of a text in the set, or where it would go. */
static size_t lower_bound(const struct label_set *set, struct mer_cell text, bool *ret_found)
{
    size_t low = 0, high = set->n;

    *ret_found = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct label *label = &set->labels[middle];
        const int order = compare_texts(text, (struct mer_cell){label->text, label->n});
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static mer_status set_init(struct label_set *set, struct mer_arena *arena, size_t max, mer_err *err)
{
    *set = (struct label_set){.max = max};
    return mer_arena_zero(arena, max, sizeof(*set->labels), &set->labels, err);
}

/* Collects the distinct labels of the column, all of whose cells are present. *ret_too_many instead
 * when they do not fit into the set. */
static mer_status collect_labels(const struct mer_column *column, size_t n_rows,
                                 struct mer_arena *arena, struct label_set *set, bool *ret_too_many,
                                 mer_err *err)
{
    char buffer[MER_NUMBER_TEXT_MAX];
    bool found;

    *ret_too_many = false;
    for (size_t i = 0; i < n_rows; i++) {
        const struct mer_cell text = cell_label(column, i, buffer);
        const size_t at = lower_bound(set, text, &found);
        if (found) {
            set->labels[at].n_rows++;
            continue;
        }
        if (set->n == set->max) {
            *ret_too_many = true;
            return mer_ok();
        }
        const char *copy;
        MER_GUARD(mer_arena_text(arena, text.bytes, text.n, &copy, err));
        memmove(set->labels + at + 1, set->labels + at, (set->n - at) * sizeof(*set->labels));
        set->labels[at] = (struct label){copy, text.n, 1, i, 0};
        set->n++;
    }
    return mer_ok();
}

/* More frequent first, then what the table shows first. */
static int compare_counts(const void *a, const void *b)
{
    const struct label *x = *(const struct label *const *)a, *y = *(const struct label *const *)b;
    if (x->n_rows != y->n_rows)
        return x->n_rows < y->n_rows ? 1 : -1;
    return (x->first_row > y->first_row) - (x->first_row < y->first_row);
}

static int compare_numbers(const void *a, const void *b)
{
    const struct label *x = *(const struct label *const *)a, *y = *(const struct label *const *)b;
    int64_t i, j;
    if (mer_integer_parse(x->text, x->n, &i) && mer_integer_parse(y->text, y->n, &j))
        return (i > j) - (i < j);
    double v = 0, w = 0;
    (void)mer_number_parse(x->text, x->n, true, &v);
    (void)mer_number_parse(y->text, y->n, true, &w);
    return (v > w) - (v < w);
}

/* Gives the labels their classes, and lists them in class order. Names have no say in it: a model
 * is the same whatever its classes are called. */
static mer_status number_classes(struct label_set *set, enum mer_type type, struct mer_arena *arena,
                                 const char *const **ret_labels, mer_err *err)
{
    struct label **order;
    const char **labels;

    MER_GUARD(mer_arena_zero(arena, set->n, sizeof(*order), &order, err));
    MER_GUARD(mer_arena_zero(arena, set->n, sizeof(*labels), &labels, err));
    for (size_t i = 0; i < set->n; i++)
        order[i] = &set->labels[i];
    if (type == MER_TYPE_INTEGER || type == MER_TYPE_NUMBER)
        mer_sort(order, set->n, sizeof(struct label *), compare_numbers);
    else if (type != MER_TYPE_BOOLEAN) /* whose two are sorted already */
        mer_sort(order, set->n, sizeof(struct label *), compare_counts);
    for (size_t i = 0; i < set->n; i++) {
        order[i]->class = (int32_t)i;
        labels[i] = order[i]->text;
    }
    *ret_labels = labels;
    return mer_ok();
}

/* Every cell must be there. */
static mer_status check_present(const struct mer_column *column, size_t n_rows, mer_err *err)
{
    size_t n = 0, first = 0;

    for (size_t i = n_rows; column->n_missing > 0 && i-- > 0;) {
        if (mer_column_has(column, i))
            continue;
        n++;
        first = i;
    }
    if (n == 0)
        return mer_ok();
    return mer_hint(err,
                    mer_fail(err, MER_ERR_DATA,
                             "the target %s is missing in %zu rows, first in data row %zu",
                             quoted_name(column).text, n, first + 1),
                    "remove the rows without a target, or fill it in");
}

static mer_status read_classes(const struct mer_ctx *ctx, const struct mer_column *column,
                               size_t n_rows, const struct label_set *set, int32_t **ret_classes,
                               mer_err *err)
{
    char buffer[MER_NUMBER_TEXT_MAX];
    int32_t *classes;
    bool found;

    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*classes), &classes, err));
    for (size_t i = 0; i < n_rows; i++) {
        const size_t at = lower_bound(set, cell_label(column, i, buffer), &found);
        if (!found) {
            mer_free(ctx->alloc, classes);
            return mer_fail(err, MER_ERR_DATA,
                            "the target %s in data row %zu has a label that the model does not "
                            "know",
                            quoted_name(column).text, i + 1);
        }
        classes[i] = set->labels[at].class;
    }
    *ret_classes = classes;
    return mer_ok();
}

mer_status mer_target_read_values(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                  size_t column_index, double **ret_values, mer_err *err)
{
    const struct mer_column *column = &frame->columns[column_index];
    double *values;

    if (!mer_type_is_number(column->type))
        return mer_fail(err, MER_ERR_DATA, "the target %s is of type %s, and not a number",
                        quoted_name(column).text, mer_type_name(column->type));
    MER_GUARD(check_present(column, frame->n_rows, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, frame->n_rows, sizeof(*values), &values, err));
    for (size_t i = 0; i < frame->n_rows; i++) {
        values[i] = mer_cell_number(column, i);
        if (!(fabs(values[i]) <= MER_TARGET_LARGEST)) {
            mer_free(ctx->alloc, values);
            return mer_fail(err, MER_ERR_DATA,
                            "the target %s in data row %zu is infinite or beyond 1e100",
                            quoted_name(column).text, i + 1);
        }
    }
    *ret_values = values;
    return mer_ok();
}

mer_status mer_target_read_classes(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                   size_t column_index, const char *const *labels, size_t n_labels,
                                   int32_t **ret_classes, mer_err *err)
{
    const struct mer_column *column = &frame->columns[column_index];
    struct mer_arena arena;
    struct label_set set;

    MER_GUARD(check_present(column, frame->n_rows, err));
    mer_arena_init(&arena, ctx->alloc);
    mer_status status = set_init(&set, &arena, n_labels, err);
    if (mer_is_ok(status)) {
        for (size_t i = 0; i < n_labels; i++) {
            bool found;
            const struct mer_cell text = {labels[i], strlen(labels[i])};
            const size_t at = lower_bound(&set, text, &found);
            memmove(set.labels + at + 1, set.labels + at, (set.n - at) * sizeof(*set.labels));
            set.labels[at] = (struct label){text.bytes, text.n, 0, 0, (int32_t)i};
            set.n++;
        }
        status = read_classes(ctx, column, frame->n_rows, &set, ret_classes, err);
    }
    mer_arena_release(&arena);
    return status;
}

static mer_status learn_classes(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                const struct mer_column *column, struct mer_arena *arena,
                                struct mer_learned_target *ret, mer_err *err)
{
    struct label_set set;
    bool too_many;

    MER_GUARD(set_init(&set, arena, MER_CLASSES_MAX, err));
    MER_GUARD(collect_labels(column, frame->n_rows, arena, &set, &too_many, err));
    if (too_many)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA, "the target %s has more than %d classes",
                                 quoted_name(column).text, MER_CLASSES_MAX),
                        "choose another target, or --task regression for a number");
    if (set.n < 2)
        return mer_fail(err, MER_ERR_DATA,
                        "the target %s has one class only: there is nothing to learn",
                        quoted_name(column).text);
    MER_GUARD(number_classes(&set, column->type, arena, &ret->labels, err));
    ret->n_classes = set.n;
    ret->task = set.n == 2 ? MER_TASK_BINARY : MER_TASK_MULTICLASS;
    return read_classes(ctx, column, frame->n_rows, &set, &ret->classes, err);
}

static mer_status learn_values(const struct mer_ctx *ctx, const struct mer_frame *frame,
                               size_t column_index, struct mer_learned_target *ret, mer_err *err)
{
    size_t i = 1;

    MER_GUARD(mer_target_read_values(ctx, frame, column_index, &ret->values, err));
    while (i < frame->n_rows && ret->values[i] == ret->values[0])
        i++;
    if (i == frame->n_rows)
        return mer_fail(err, MER_ERR_DATA,
                        "the target %s is the same in all rows: there is nothing to learn",
                        quoted_name(&frame->columns[column_index]).text);
    ret->task = MER_TASK_REGRESSION;
    return mer_ok();
}

/* Classes for labels and truth values, numbers for numbers; an integer may be either. */
static mer_status infer_is_class(const struct mer_ctx *ctx, const struct mer_column *column,
                                 size_t n_rows, bool *ret, mer_err *err)
{
    struct mer_arena arena;
    struct label_set set;
    bool too_many = true;

    if (column->type != MER_TYPE_INTEGER) {
        *ret = column->type != MER_TYPE_NUMBER;
        return mer_ok();
    }
    mer_arena_init(&arena, ctx->alloc);
    mer_status status = set_init(&set, &arena, MER_INTEGER_CLASSES_MAX, err);
    if (mer_is_ok(status))
        status = collect_labels(column, n_rows, &arena, &set, &too_many, err);
    *ret = !too_many && set.n * MER_INTEGER_CLASS_ROWS <= n_rows;
    mer_arena_release(&arena);
    return status;
}

mer_status mer_target_learn(const struct mer_ctx *ctx, const struct mer_frame *frame,
                            size_t column_index, const enum mer_task *task, struct mer_arena *arena,
                            struct mer_learned_target *ret, mer_err *err)
{
    const struct mer_column *column = &frame->columns[column_index];
    struct mer_learned_target learned = {0};
    bool is_class;

    if (frame->n_rows < MER_TRAIN_ROWS_MIN)
        return mer_fail(err, MER_ERR_DATA,
                        "the table has %zu rows; at least %d are needed to fit a model",
                        frame->n_rows, MER_TRAIN_ROWS_MIN);
    if (column->type == MER_TYPE_DATE || column->type == MER_TYPE_TIME ||
        column->type == MER_TYPE_DATETIME)
        return mer_fail(err, MER_ERR_DATA, "the target %s is a %s, which cannot be predicted",
                        quoted_name(column).text, mer_type_name(column->type));
    MER_GUARD(check_present(column, frame->n_rows, err));
    if (task)
        is_class = *task != MER_TASK_REGRESSION;
    else
        MER_GUARD(infer_is_class(ctx, column, frame->n_rows, &is_class, err));
    if (!is_class && !mer_type_is_number(column->type))
        return mer_fail(err, MER_ERR_USAGE,
                        "regression needs a number, but the target %s is of type %s",
                        quoted_name(column).text, mer_type_name(column->type));
    const mer_status status = is_class ? learn_classes(ctx, frame, column, arena, &learned, err)
                                       : learn_values(ctx, frame, column_index, &learned, err);
    if (!mer_is_ok(status)) {
        mer_learned_target_release(ctx, &learned);
        return status;
    }
    *ret = learned;
    return mer_ok();
}

/* The target of a validation table, whose rows come behind n_learned others. */
static mer_status check_validation(const struct mer_column *column,
                                   const struct mer_learned_target *learned, size_t n_learned,
                                   size_t n_rows, mer_err *err)
{
    char buffer[MER_NUMBER_TEXT_MAX];

    for (size_t i = n_learned; i < n_rows; i++) {
        if (!mer_column_has(column, i))
            return mer_hint(
                err,
                mer_fail(err, MER_ERR_DATA,
                         "the target %s is missing in data row %zu of the validation table",
                         quoted_name(column).text, i - n_learned + 1),
                "remove the rows without a target, or fill it in");
        if (!learned->classes)
            continue;
        const struct mer_cell text = cell_label(column, i, buffer);
        bool is_known = false;
        for (size_t k = 0; k < learned->n_classes && !is_known; k++)
            is_known = strlen(learned->labels[k]) == text.n &&
                       memcmp(learned->labels[k], text.bytes, text.n) == 0;
        if (!is_known)
            return mer_hint(
                err,
                mer_fail(err, MER_ERR_DATA,
                         "the target %s in data row %zu of the validation table has a label that "
                         "the training table does not have",
                         quoted_name(column).text, i - n_learned + 1),
                "no model can predict what it was never shown: take such rows out, or give "
                "training rows of that label");
    }
    return mer_ok();
}

mer_status mer_target_learn_from(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                 size_t n_learned, size_t column, const enum mer_task *task,
                                 struct mer_arena *arena, struct mer_learned_target *ret,
                                 mer_err *err)
{
    struct mer_frame first = *frame;
    struct mer_learned_target learned;
    double *values = NULL;
    int32_t *classes = NULL;

    first.n_rows = n_learned;
    MER_GUARD(mer_target_learn(ctx, &first, column, task, arena, &learned, err));
    if (n_learned == frame->n_rows) {
        *ret = learned;
        return mer_ok();
    }
    mer_status status =
        check_validation(&frame->columns[column], &learned, n_learned, frame->n_rows, err);
    if (mer_is_ok(status))
        status = learned.classes ? mer_target_read_classes(ctx, frame, column, learned.labels,
                                                           learned.n_classes, &classes, err)
                                 : mer_target_read_values(ctx, frame, column, &values, err);
    mer_learned_target_release(ctx, &learned);
    MER_GUARD(status);
    learned.values = values;
    learned.classes = classes;
    *ret = learned;
    return mer_ok();
}

void mer_learned_target_release(const struct mer_ctx *ctx, struct mer_learned_target *target)
{
    mer_free(ctx->alloc, target->values);
    mer_free(ctx->alloc, target->classes);
    target->values = NULL;
    target->classes = NULL;
}

mer_status mer_target_balance(const struct mer_ctx *ctx, const struct mer_learned_target *target,
                              const double *weights, size_t n_rows, size_t n_counted,
                              double **ret_weights, mer_err *err)
{
    double *balanced = NULL, *of_class = NULL, all = 0, n_present = 0;
    mer_status status;

    if (!target->classes)
        return mer_fail(err, MER_ERR_USAGE,
                        "classes can be balanced in classification, and this is regression");
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, target->n_classes, sizeof(double), &of_class, err),
                   out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(double), &balanced, err), out);
    for (size_t i = 0; i < n_counted; i++)
        of_class[target->classes[i]] += weights ? weights[i] : 1;
    for (size_t k = 0; k < target->n_classes; k++) {
        all += of_class[k];
        n_present += of_class[k] > 0;
    }
    for (size_t i = 0; i < n_rows; i++) {
        const double weight = weights ? weights[i] : 1;
        const double own = of_class[target->classes[i]];
        balanced[i] = weight > 0 && own > 0 ? weight * all / (n_present * own) : 0;
    }
    *ret_weights = balanced;
    balanced = NULL;
out:
    mer_free(ctx->alloc, of_class);
    mer_free(ctx->alloc, balanced);
    return status;
}

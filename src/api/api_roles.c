/* What a schema's roles, and columns that were named, mean for a fit: columns that are left out of
 * it, the target, the weights, how rows are cut.
 */
#include <math.h>
#include <string.h>

#include "api/handles.h"
#include "core/log.h"
#include "core/number.h"

static const struct mer_field *field_of(const struct mer_table *table, size_t c)
{
    unsigned part;
    return mer_schema_field_of_column(&table->schema, table->frame.columns[c].name, c, &part);
}

const char *mer_role_left_out(const struct mer_table *table, const struct mer_role_columns *roles,
                              size_t column)
{
    const struct mer_field *const field = field_of(table, column);
    if (field && field->role == MER_ROLE_FEATURE)
        return NULL;
    if (field && field->role == MER_ROLE_IDENTIFIER)
        return "the schema says that it identifies rows";
    if (field && field->role == MER_ROLE_IGNORE)
        return "the schema says to ignore it";
    if (field && (field->flags & MER_FIELD_WEIGHT))
        return "the schema says that it weighs rows";
    if (column == roles->group || (field && (field->flags & MER_FIELD_GROUP)))
        return "it groups rows";
    if (column == roles->time || (field && (field->flags & MER_FIELD_TIME)))
        return "it is the time of rows";
    return column == roles->folds ? "it tells the folds" : NULL;
}

/* The first column of the table whose field has a flag; SIZE_MAX: none has. */
static size_t flagged(const struct mer_table *table, unsigned flag)
{
    for (size_t c = 0; c < table->frame.n_columns; c++) {
        const struct mer_field *const field = field_of(table, c);
        if (field && (field->flags & flag))
            return c;
    }
    return SIZE_MAX;
}

/* A column that an option names; one that the table does not have is a mistake of whoever named it.
 */
static mer_status named(const struct mer_table *table, const char *name, const char *target,
                        size_t *ret_column, mer_err *err)
{
    if (!name)
        return mer_ok();
    const mer_status status = mer_frame_want(&table->frame, name, ret_column, err);
    if (status.code == MER_ERR_DATA) {
        if (err)
            err->code = MER_ERR_USAGE;
        return (mer_status){MER_ERR_USAGE};
    }
    MER_GUARD(status);
    if (strcmp(name, target) == 0)
        return mer_fail(err, MER_ERR_USAGE, "column %s is the target: rows cannot be cut by it",
                        mer_quote(name).text);
    return mer_ok();
}

/* By which columns rows are cut: what is named, else what the schema says. Of a group and a time
 * there the time counts, because looking into the future is what misleads most. */
static mer_status find_roles(const struct mer_ctx *ctx, const struct mer_table *table,
                             const struct mer_fit_options *options, struct mer_role_columns *ret,
                             mer_err *err)
{
    const bool is_named = options->group_column || options->time_column || options->folds_column;
    *ret = (struct mer_role_columns){SIZE_MAX, SIZE_MAX, SIZE_MAX};
    if (!!options->group_column + !!options->time_column + !!options->folds_column > 1)
        return mer_fail(err, MER_ERR_USAGE,
                        "rows are cut by one column: of groups, of time, or of folds");
    MER_GUARD(named(table, options->group_column, options->target, &ret->group, err));
    MER_GUARD(named(table, options->time_column, options->target, &ret->time, err));
    MER_GUARD(named(table, options->folds_column, options->target, &ret->folds, err));
    if (options->valid && (is_named || options->time_gap || options->n_folds || options->n_repeats))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "a validation table and %s exclude each other: its rows are the "
                                 "ones that are scored on",
                                 is_named || options->time_gap ? "a column that rows are cut by"
                                                               : "a number of folds"),
                        "take one of them away");
    if (!is_named && !options->valid) {
        ret->time = flagged(table, MER_FIELD_TIME);
        const size_t group = flagged(table, MER_FIELD_GROUP);
        if (ret->time == SIZE_MAX)
            ret->group = group;
        else if (group != SIZE_MAX)
            mer_log_info(ctx, "api",
                         "the schema tells a group and a time: rows are cut by the time");
    }
    if (options->time_gap && ret->time == SIZE_MAX)
        return mer_fail(err, MER_ERR_USAGE, "a gap belongs to a column of time");
    return mer_ok();
}

mer_status mer_role_gap(const char *text, const struct mer_column *time, double *ret_gap,
                        mer_err *err)
{
    static const struct {
        char name;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
    const bool is_number = time->type == MER_TYPE_NUMBER || time->type == MER_TYPE_INTEGER;
    size_t n = strlen(text);
    double factor = 1;
    for (size_t i = 0; !is_number && n > 0 && i < sizeof units / sizeof units[0]; i++) {
        if (text[n - 1] != units[i].name)
            continue;
        factor = units[i].seconds;
        n--;
        break;
    }
    if (!mer_number_parse(text, n, false, ret_gap) || !(*ret_gap >= 0 && *ret_gap <= 1e15))
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "%s is no gap", mer_quote(text).text),
                        is_number ? "the time is a number: the gap is one too"
                                  : "write it as 7d, 12h or 30m");
    *ret_gap *= factor;
    return mer_ok();
}

const char *mer_role_target(const struct mer_table *table)
{
    for (size_t c = 0; c < table->frame.n_columns; c++) {
        const struct mer_field *const field = field_of(table, c);
        if (field && field->role == MER_ROLE_TARGET)
            return table->frame.columns[c].name;
    }
    return NULL;
}

static bool weight_of(const struct mer_column *column, size_t row, double *ret)
{
    if (!mer_column_has(column, row))
        return false;
    *ret = column->type == MER_TYPE_INTEGER ? (double)column->data.integers[row]
                                            : column->data.numbers[row];
    return isfinite(*ret) && *ret >= 0;
}

static mer_status read_weights(struct mer_alloc *alloc, const struct mer_frame *frame,
                               const struct mer_column *column, double **ret_weights, mer_err *err)
{
    double *weights, total = 0;
    MER_GUARD(mer_alloc_array(alloc, frame->n_rows, sizeof *weights, &weights, err));
    mer_status status = mer_ok();
    for (size_t row = 0; row < frame->n_rows && mer_is_ok(status); row++) {
        if (!weight_of(column, row, &weights[row]))
            status =
                mer_fail(err, MER_ERR_DATA,
                         "row %zu, column %s: a weight is a finite number that is not negative",
                         row + 1, mer_quote(column->name).text);
        else
            total += weights[row];
    }
    if (mer_is_ok(status) && !(total > 0 && isfinite(total)))
        status = mer_fail(err, MER_ERR_DATA, "the weights in column %s add up to nothing usable",
                          mer_quote(column->name).text);
    if (mer_is_ok(status))
        *ret_weights = weights;
    else
        mer_free(alloc, weights);
    return status;
}

void mer_fit_view_release(struct mer_alloc *alloc, struct mer_fit_view *view)
{
    mer_free(alloc, view->frame.columns);
    mer_free(alloc, view->weights);
    *view = (struct mer_fit_view){.weights = NULL};
}

mer_status mer_fit_view_init(const struct mer_ctx *ctx, const struct mer_table *table,
                             const struct mer_frame *frame, const struct mer_fit_options *options,
                             struct mer_fit_view *ret_view, mer_err *err)
{
    struct mer_alloc *const alloc = ctx->alloc;
    struct mer_fit_view view = {.frame = *frame};
    view.frame.n_columns = 0;
    view.frame.columns = NULL;
    MER_GUARD(find_roles(ctx, table, options, &view.roles, err));
    MER_GUARD(mer_alloc_array(alloc, frame->n_columns, sizeof *view.frame.columns,
                              &view.frame.columns, err));
    mer_status status = mer_ok();
    for (size_t c = 0; c < frame->n_columns && mer_is_ok(status); c++) {
        const struct mer_column *const column = &frame->columns[c];
        const struct mer_field *const field = field_of(table, c);
        if (strcmp(column->name, options->target) == 0 || !mer_role_left_out(table, &view.roles, c))
            view.frame.columns[view.frame.n_columns++] = *column;
        else if (field && (field->flags & MER_FIELD_WEIGHT))
            status = read_weights(alloc, frame, column, &view.weights, err);
    }
    if (mer_is_ok(status))
        *ret_view = view;
    else
        mer_fit_view_release(alloc, &view);
    return status;
}

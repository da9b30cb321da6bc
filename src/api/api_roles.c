/* What a schema's roles mean for a fit: columns that are left out of it, the target, the weights.
 */
#include <math.h>
#include <string.h>

#include "api/handles.h"

static const struct mer_field *field_of(const struct mer_table *table, size_t c)
{
    unsigned part;
    return mer_schema_field_of_column(&table->schema, table->frame.columns[c].name, c, &part);
}

const char *mer_role_left_out(const struct mer_field *field)
{
    if (!field)
        return NULL;
    if (field->role == MER_ROLE_IDENTIFIER)
        return "the schema says that it identifies rows";
    if (field->role == MER_ROLE_IGNORE)
        return "the schema says to ignore it";
    return field->flags & MER_FIELD_WEIGHT ? "the schema says that it weighs rows" : NULL;
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

mer_status mer_fit_view_init(struct mer_alloc *alloc, const struct mer_table *table,
                             const char *target, struct mer_fit_view *ret_view, mer_err *err)
{
    struct mer_fit_view view = {.frame = table->frame};
    view.frame.n_columns = 0;
    view.frame.columns = NULL;
    MER_GUARD(mer_alloc_array(alloc, table->frame.n_columns, sizeof *view.frame.columns,
                              &view.frame.columns, err));
    mer_status status = mer_ok();
    for (size_t c = 0; c < table->frame.n_columns && mer_is_ok(status); c++) {
        const struct mer_column *const column = &table->frame.columns[c];
        const struct mer_field *const field = field_of(table, c);
        if (strcmp(column->name, target) == 0 || !mer_role_left_out(field))
            view.frame.columns[view.frame.n_columns++] = *column;
        else if (field->flags & MER_FIELD_WEIGHT)
            status = read_weights(alloc, &table->frame, column, &view.weights, err);
    }
    if (mer_is_ok(status))
        *ret_view = view;
    else
        mer_fit_view_release(alloc, &view);
    return status;
}

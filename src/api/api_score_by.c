/* Scores of the groups that a column makes of the rows: how a model does for each of them. */
#include <stdlib.h>
#include <string.h>

#include "api/api_pseudonyms.h"
#include "api/api_score.h"

/* Groups smaller than this are not told of: their scores mean nothing, and name people. */
enum { GROUP_ROWS_MIN = 5, GROUPS_MAX = 1000 };

/* What is scored, and a part of it. */
struct parts {
    const struct mer_scored *all;
    size_t n_outputs;
    double *values; /* each as long as that of all, or NULL where that is */
    int32_t *classes;
    double *predictions;
};

static void copy_row(struct parts *parts, size_t to, size_t from)
{
    const size_t n = parts->n_outputs;
    if (parts->values)
        parts->values[to] = parts->all->truth_values[from];
    if (parts->classes)
        parts->classes[to] = parts->all->truth_classes[from];
    memcpy(parts->predictions + to * n, parts->all->predictions + from * n, n * sizeof(double));
}

static mer_status parts_init(struct mer_alloc *alloc, const struct mer_scored *all,
                             size_t n_outputs, struct parts *parts, mer_err *err)
{
    size_t n_predictions;
    *parts = (struct parts){.all = all, .n_outputs = n_outputs};
    if (!mer_size_mul(all->n, n_outputs, &n_predictions))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    if (all->truth_values)
        MER_GUARD(mer_alloc_array(alloc, all->n, sizeof(double), &parts->values, err));
    if (all->truth_classes)
        MER_GUARD(mer_alloc_array(alloc, all->n, sizeof(int32_t), &parts->classes, err));
    return mer_alloc_array(alloc, n_predictions, sizeof(double), &parts->predictions, err);
}

static void parts_release(struct mer_alloc *alloc, struct parts *parts)
{
    mer_free(alloc, parts->values);
    mer_free(alloc, parts->classes);
    mer_free(alloc, parts->predictions);
}

/* The group of a row: a level, false and true; one past the last where it is missing. */
static size_t group_of(const struct mer_column *column, size_t n_groups, size_t row)
{
    if (!mer_column_has(column, row))
        return n_groups;
    if (column->type == MER_TYPE_CATEGORICAL)
        return (size_t)column->data.codes[row];
    return (column->data.bits[row / 8] >> (row % 8)) & 1;
}

/* A caller's function for one group. */
struct telling {
    mer_score_group_fn *each;
    void *self;
    const char *group;
    size_t n_rows;
};

static void tell(void *self, const char *metric, double value)
{
    const struct telling *const telling = self;
    telling->each(telling->self, telling->group, telling->n_rows, metric, value);
}

static mer_status score_group(const struct mer_fitted *model, const struct mer_column *column,
                              size_t n_groups, size_t group, struct parts *parts,
                              struct telling *telling, mer_err *err)
{
    char name[256] = "(missing)";
    size_t n = 0;
    for (size_t row = 0; row < parts->all->n; row++)
        if (group_of(column, n_groups, row) == group)
            copy_row(parts, n++, row);
    if (n < GROUP_ROWS_MIN)
        return mer_ok();
    if (group < n_groups && column->type == MER_TYPE_CATEGORICAL) {
        const struct mer_cell level = mer_column_level(column, group);
        const size_t length = level.n < sizeof name - 1 ? level.n : sizeof name - 1;
        memcpy(name, level.bytes, length);
        name[length] = '\0';
    } else if (group < n_groups) {
        memcpy(name, group ? "true" : "false", group ? 5 : 6);
    }
    telling->group = mer_model_name(model, name);
    telling->n_rows = n;
    const struct mer_scored scored = {.n = n,
                                      .n_classes = parts->all->n_classes,
                                      .truth_values = parts->values,
                                      .truth_classes = parts->classes,
                                      .predictions = parts->predictions};
    return mer_score_scored(model, &scored, tell, telling, err);
}

/* The column that makes the groups. */
static mer_status find_column(const struct mer_table *table, const char *name,
                              const struct mer_column **ret_column, size_t *ret_n_groups,
                              mer_err *err)
{
    struct mer_column_token token;
    const char *known;
    size_t index;
    MER_GUARD(mer_table_column_token(table, name, &token, &known, err));
    mer_status status = mer_frame_want(&table->frame, known, &index, err);
    if (status.code == MER_ERR_DATA)
        return mer_hint(err, status, "groups are made by a column that the model uses");
    MER_GUARD(status);
    const struct mer_column *const column = &table->frame.columns[index];
    *ret_column = column;
    *ret_n_groups = column->type == MER_TYPE_BOOLEAN ? 2 : column->n_levels;
    if (column->type != MER_TYPE_BOOLEAN && column->type != MER_TYPE_CATEGORICAL)
        return mer_fail(err, MER_ERR_USAGE,
                        "groups are made by a column of categories or truth values, and %s is one "
                        "of type %s",
                        mer_quote(name).text, mer_type_name(column->type));
    return *ret_n_groups <= GROUPS_MAX
               ? mer_ok()
               : mer_fail(err, MER_ERR_USAGE, "the column %s makes more than %d groups",
                          mer_quote(name).text, GROUPS_MAX);
}

/* Scores group after group of what was predicted. */
struct grouping {
    const struct mer_fitted *model;
    const struct mer_column *column;
    size_t n_groups;
    struct telling telling;
};

static mer_status score_groups(void *self, const struct mer_scored *scored, mer_err *err)
{
    struct grouping *const grouping = self;
    struct mer_alloc *const alloc = &grouping->model->context->alloc;
    struct parts parts;
    mer_status status =
        parts_init(alloc, scored, mer_facts_outputs(grouping->model->facts), &parts, err);
    for (size_t group = 0; mer_is_ok(status) && group <= grouping->n_groups; group++)
        status = score_group(grouping->model, grouping->column, grouping->n_groups, group, &parts,
                             &grouping->telling, err);
    parts_release(alloc, &parts);
    return status;
}

mer_status mer_score_by(const struct mer_fitted *model, const struct mer_table *table,
                        const char *column, mer_score_group_fn *each, void *self, mer_err *err)
{
    struct grouping grouping = {.model = model, .telling = {.each = each, .self = self}};
    MER_GUARD(find_column(table, column, &grouping.column, &grouping.n_groups, err));
    return mer_score_visit(model, table, score_groups, &grouping, err);
}

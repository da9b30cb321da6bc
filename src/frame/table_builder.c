#include "frame/table_builder.h"

#include <stdatomic.h>
#include <string.h>

#include "core/team.h"
#include "frame/text_check.h"

enum { FIRST_ROWS = 256 };

mer_status mer_table_builder_init(struct mer_table_builder *builder, const struct mer_ctx *ctx,
                                  const struct mer_csv_options *options, mer_err *err)
{
    const char *const *texts = MER_CSV_MISSING;
    size_t n_texts = MER_CSV_N_MISSING;
    if (options->schema) {
        texts = options->schema->missing_values;
        n_texts = options->schema->n_missing_values;
    } else if (options->missing_values) {
        texts = options->missing_values;
        n_texts = options->n_missing_values;
    }
    *builder = (struct mer_table_builder){.ctx = ctx, .options = options};
    mer_arena_init(&builder->arena, ctx->alloc);
    mer_dictionary_init(&builder->by_name, ctx->alloc);
    mer_dictionary_init(&builder->by_field, ctx->alloc);
    for (size_t f = 0; options->schema && f < options->schema->n_fields; f++) {
        int32_t code;
        MER_GUARD(mer_dictionary_add(&builder->by_field, options->schema->fields[f].name,
                                     options->schema->fields[f].n_name, &code, err));
    }
    return mer_missing_init(&builder->missing, texts, n_texts, err);
}

void mer_table_builder_release(struct mer_table_builder *builder)
{
    struct mer_alloc *const alloc = builder->ctx->alloc;
    for (size_t c = 0; c < builder->n_columns; c++) {
        struct mer_built_column *const column = builder->columns[c];
        mer_free(alloc, column->validity);
        mer_free(alloc, column->data.any);
        mer_buf_release(&column->bytes);
        mer_dictionary_release(&column->levels);
    }
    mer_free(alloc, builder->columns);
    mer_dictionary_release(&builder->by_name);
    mer_dictionary_release(&builder->by_field);
    mer_arena_release(&builder->arena);
}

static mer_status take_name(struct mer_table_builder *builder, const char *name, size_t n_name,
                            mer_err *err)
{
    int32_t code;
    if (builder->n_columns == MER_IMAGE_MAX_COLUMNS)
        return mer_fail(err, MER_ERR_DATA, "more columns than %zu", MER_IMAGE_MAX_COLUMNS);
    if (n_name == 0)
        return mer_fail(err, MER_ERR_DATA, "column %zu has no name", builder->n_columns + 1);
    if (mer_text_check(name, n_name) != n_name)
        return mer_fail(err, MER_ERR_DATA, "the name of column %zu is not valid UTF-8",
                        builder->n_columns + 1);
    MER_GUARD(mer_dictionary_add(&builder->by_name, name, n_name, &code, err));
    if ((size_t)code != builder->n_columns)
        return mer_fail(err, MER_ERR_DATA, "columns %d and %zu are both named %s", code + 1,
                        builder->n_columns + 1, mer_quote_n(name, n_name).text);
    return mer_ok();
}

mer_status mer_table_builder_add(struct mer_table_builder *builder, const char *name, size_t n_name,
                                 enum mer_type type, struct mer_built_column **ret_column,
                                 mer_err *err)
{
    const struct mer_schema *const schema = builder->options->schema;
    struct mer_built_column *column;
    MER_GUARD(take_name(builder, name, n_name, err));
    if (builder->n_columns == builder->capacity) {
        const size_t larger = builder->capacity ? builder->capacity * 2 : 16;
        MER_GUARD(mer_alloc_resize(builder->ctx->alloc, larger * sizeof(struct mer_built_column *),
                                   &builder->columns, err));
        builder->capacity = larger;
    }
    MER_GUARD(mer_arena_zero(&builder->arena, 1, sizeof *column, &column, err));
    MER_GUARD(mer_arena_text(&builder->arena, name, n_name, &column->name, err));
    column->ctx = builder->ctx;
    column->missing = &builder->missing;
    column->type = type;
    const int32_t field = mer_dictionary_find(&builder->by_field, name, n_name);
    column->field = field >= 0 ? &schema->fields[field] : NULL;
    mer_buf_init(&column->bytes, builder->ctx->alloc, SIZE_MAX / 2);
    mer_dictionary_init(&column->levels, builder->ctx->alloc);
    builder->columns[builder->n_columns++] = column;
    *ret_column = column;
    if (column->field && column->field->has_missing_values) {
        struct mer_missing *own;
        MER_GUARD(mer_arena_zero(&builder->arena, 1, sizeof *own, &own, err));
        MER_GUARD(mer_missing_init(own, column->field->missing_values.texts,
                                   column->field->missing_values.n, err));
        column->missing = own;
    }
    if (!schema || column->field)
        return mer_ok();
    column->skipped = builder->options->allow_extra;
    return column->skipped || mer_schema_infers_others(schema)
               ? mer_ok()
               : mer_fail(err, MER_ERR_DATA,
                          "the schema lacks the column %s of the "
                          "table",
                          mer_quote(column->name).text);
}

struct each {
    struct mer_table_builder *builder;
    mer_built_task *task;
    void *self;
    const char *phase;
    _Atomic size_t first_failed; /* SIZE_MAX: none */
    struct failure {
        size_t column; /* SIZE_MAX: none */
        mer_status status;
        mer_err err;
    } * failures; /* of each worker, the first */
};

/* A worker's tasks come in order, so its first failure is that of its first column that fails; what
 * comes behind a column that failed is not needed, and what comes before it is done by somebody. */
static void run_task(void *argument, size_t c, size_t worker)
{
    struct each *const each = argument;
    struct mer_built_column *const column = each->builder->columns[c];
    struct failure *const failure = &each->failures[worker];
    if (column->skipped || c > atomic_load(&each->first_failed))
        return;
    if (each->phase && worker == 0)
        mer_ctx_progress(each->builder->ctx, each->phase, c, each->builder->n_columns);
    const mer_status status = each->task(each->self, column, c, &failure->err);
    if (mer_is_ok(status))
        return;
    failure->column = c;
    failure->status = status;
    size_t first = atomic_load(&each->first_failed);
    while (c < first && !atomic_compare_exchange_weak(&each->first_failed, &first, c))
        continue;
}

mer_status mer_table_builder_each(struct mer_table_builder *builder, mer_built_task *task,
                                  void *self, const char *phase, mer_err *err)
{
    const size_t n_workers = mer_team_size(builder->ctx->team);
    struct each each = {.builder = builder, .task = task, .self = self, .phase = phase};
    mer_status status = mer_ok();
    MER_GUARD(
        mer_alloc_zero(builder->ctx->alloc, n_workers, sizeof *each.failures, &each.failures, err));
    atomic_init(&each.first_failed, SIZE_MAX);
    for (size_t i = 0; i < n_workers; i++)
        each.failures[i].column = SIZE_MAX;
    mer_team_run(builder->ctx->team, run_task, &each, builder->n_columns);
    for (size_t i = 0; i < n_workers; i++) {
        if (each.failures[i].column != each.first_failed || each.first_failed == SIZE_MAX)
            continue;
        status = each.failures[i].status;
        if (err)
            *err = each.failures[i].err;
    }
    mer_free(builder->ctx->alloc, each.failures);
    return status;
}

static size_t data_bytes(enum mer_type type, size_t n_rows)
{
    switch (type) {
    case MER_TYPE_BOOLEAN:
        return mer_bitmap_bytes(n_rows);
    case MER_TYPE_CATEGORICAL:
        return n_rows * sizeof(int32_t);
    default:
        return (n_rows + 1) * sizeof(int64_t);
    }
}

mer_status mer_built_reserve(struct mer_built_column *column, size_t n, mer_err *err)
{
    struct mer_alloc *const alloc = column->ctx->alloc;
    if (n <= column->capacity - column->n_rows && column->capacity > 0)
        return mer_ok();
    if (n > MER_IMAGE_MAX_ROWS - column->n_rows)
        return mer_fail(err, MER_ERR_DATA, "the table has more than %zu rows", MER_IMAGE_MAX_ROWS);
    size_t capacity = column->capacity ? column->capacity * 2 : FIRST_ROWS;
    if (capacity < column->n_rows + n)
        capacity = column->n_rows + n;
    capacity = (capacity + 7) & ~(size_t)7;
    const size_t n_old = column->capacity / 8, n_new = capacity / 8;
    MER_GUARD(mer_alloc_resize(alloc, n_new, &column->validity, err));
    MER_GUARD(mer_alloc_resize(alloc, data_bytes(column->type, capacity), &column->data.any, err));
    memset(column->validity + n_old, 0, n_new - n_old);
    if (column->type == MER_TYPE_BOOLEAN)
        memset(column->data.bits + n_old, 0, n_new - n_old);
    if (column->type == MER_TYPE_TEXT && column->capacity == 0)
        column->data.offsets[0] = 0;
    column->capacity = capacity;
    return mer_ok();
}

mer_status mer_built_fail(const struct mer_built_column *column, mer_err *err, const char *what)
{
    return mer_fail(err, MER_ERR_DATA, "row %zu, column %s: %s", column->n_rows + 1,
                    mer_quote(column->name).text, what);
}

void mer_built_put_missing(struct mer_built_column *column)
{
    const size_t row = column->n_rows++;
    column->n_missing++;
    if (column->type == MER_TYPE_CATEGORICAL)
        column->data.codes[row] = -1;
    else if (column->type == MER_TYPE_TEXT)
        column->data.offsets[row + 1] = column->data.offsets[row];
    else if (column->type != MER_TYPE_BOOLEAN)
        column->data.integers[row] = 0;
}

static void mark_all_present(struct mer_built_column *column, size_t n)
{
    const size_t end = column->n_rows + n;
    while (column->n_rows < end && column->n_rows % 8 != 0)
        mer_built_mark_present(column);
    const size_t n_bytes = (end - column->n_rows) / 8;
    memset(column->validity + column->n_rows / 8, 0xff, n_bytes);
    column->n_rows += n_bytes * 8;
    while (column->n_rows < end)
        mer_built_mark_present(column);
}

void mer_built_put_integers(struct mer_built_column *column, const void *values, size_t n)
{
    if (n == 0)
        return;
    memcpy(column->data.integers + column->n_rows, values, n * sizeof(int64_t));
    mark_all_present(column, n);
}

void mer_built_put_numbers(struct mer_built_column *column, const void *values, size_t n)
{
    double *const to = column->data.numbers + column->n_rows;
    unsigned n_missing = 0;
    if (n == 0)
        return;
    memcpy(to, values, n * sizeof *to);
    for (size_t i = 0; i < n; i++)
        n_missing |= (unsigned)(to[i] != to[i]);
    if (!n_missing) {
        mark_all_present(column, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        mer_built_put_number(column, to[i]);
}

/* Whether a text is a value; one that means missing is counted. */
static mer_status look_at_text(struct mer_built_column *column, const char *bytes, size_t n,
                               bool *ret_is_value, mer_err *err)
{
    const int which = mer_missing_find(column->missing, bytes, n);
    if (which < 0 && mer_text_check(bytes, n) != n)
        return mer_built_fail(column, err, "a text that is not valid UTF-8, or holds NUL");
    if (which >= 0)
        column->missing_counts[which]++;
    *ret_is_value = which < 0;
    return mer_ok();
}

mer_status mer_built_put_text(struct mer_built_column *column, const char *bytes, size_t n,
                              mer_err *err)
{
    bool is_value;
    MER_GUARD(look_at_text(column, bytes, n, &is_value, err));
    if (!is_value) {
        mer_built_put_missing(column);
        return mer_ok();
    }
    MER_GUARD(mer_buf_append(&column->bytes, bytes, n, err));
    column->data.offsets[column->n_rows + 1] = (int64_t)column->bytes.n;
    mer_built_mark_present(column);
    return mer_ok();
}

mer_status mer_built_level(struct mer_built_column *column, const char *bytes, size_t n,
                           int32_t *ret_code, mer_err *err)
{
    bool is_value;
    *ret_code = -1;
    MER_GUARD(look_at_text(column, bytes, n, &is_value, err));
    return is_value ? mer_dictionary_add(&column->levels, bytes, n, ret_code, err) : mer_ok();
}

/* The rows that every column has, and the fields that the schema wants. */
static mer_status check_whole(const struct mer_table_builder *builder, size_t *ret_n_rows,
                              mer_err *err)
{
    size_t n_rows = SIZE_MAX;
    const struct mer_csv_options *const options = builder->options;
    for (size_t f = 0; options->schema && f < options->schema->n_fields; f++) {
        const struct mer_field *const field = &options->schema->fields[f];
        if (mer_dictionary_find(&builder->by_name, field->name, field->n_name) < 0 &&
            !mer_schema_may_lack(options->schema, field, options->optional_field))
            return mer_fail(err, MER_ERR_DATA, "the table lacks the column %s of the schema",
                            mer_quote(field->name).text);
    }
    for (size_t c = 0; c < builder->n_columns; c++) {
        if (builder->columns[c]->skipped)
            continue;
        if (n_rows != SIZE_MAX && builder->columns[c]->n_rows != n_rows)
            return mer_fail(err, MER_ERR_INTERNAL, "columns of different lengths were read");
        n_rows = builder->columns[c]->n_rows;
    }
    if (n_rows == SIZE_MAX)
        return mer_fail(err, MER_ERR_DATA,
                        options->schema ? "the table has no column of the schema"
                                        : "the table has no columns");
    if (n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has no rows");
    *ret_n_rows = n_rows;
    return mer_ok();
}

static struct mer_image_column describe(const struct mer_built_column *column)
{
    struct mer_image_column stored = {
        .n_name = strlen(column->name), .type = column->type, .n_missing = column->n_missing};
    if (column->type == MER_TYPE_TEXT)
        stored.n_bytes = column->bytes.n;
    if (column->type == MER_TYPE_CATEGORICAL) {
        stored.n_levels = column->levels.n;
        stored.n_level_bytes = column->levels.n_bytes;
    }
    return stored;
}

struct placing {
    const struct mer_image_column *stored;
    const struct mer_region *region;
};

/* Copies a column to its place and frees it. */
static mer_status place(void *self, struct mer_built_column *column, size_t c, mer_err *err)
{
    const struct placing *const placing = self;
    const struct mer_image_column *const stored = &placing->stored[column->place];
    struct mer_alloc *const alloc = column->ctx->alloc;
    unsigned char *const image = placing->region->base;
    size_t n_data = 0;
    (void)c;
    (void)err;
    (void)mer_image_data_bytes(stored, column->n_rows, &n_data);
    memcpy(image + stored->name, column->name, stored->n_name);
    mer_region_bring_in(placing->region, stored->data, n_data);
    memcpy(image + stored->data, column->data.any, n_data);
    if (column->n_missing)
        memcpy(image + stored->validity, column->validity, mer_bitmap_bytes(column->n_rows));
    if (stored->n_bytes)
        memcpy(image + stored->bytes, column->bytes.bytes, stored->n_bytes);
    if (stored->n_levels) {
        memcpy(image + stored->level_offsets, column->levels.offsets,
               (column->levels.n + 1) * sizeof *column->levels.offsets);
        memcpy(image + stored->level_bytes, column->levels.bytes, column->levels.n_bytes);
    }
    mer_free(alloc, column->validity);
    mer_free(alloc, column->data.any);
    column->validity = NULL;
    column->data.any = NULL;
    mer_buf_release(&column->bytes);
    return mer_ok();
}

static mer_status write_image(struct mer_table_builder *builder, struct mer_image_column *stored,
                              size_t n_rows, struct mer_region *region, mer_err *err)
{
    size_t n_stored = 0, n_image, offset;
    for (size_t c = 0; c < builder->n_columns; c++) {
        builder->columns[c]->place = n_stored;
        if (!builder->columns[c]->skipped)
            stored[n_stored++] = describe(builder->columns[c]);
    }
    if (!mer_image_layout(stored, n_stored, n_rows, &n_image))
        return mer_fail(err, MER_ERR_MEMORY, "the table is too large for this machine");
    MER_GUARD(mer_region_extend(region, n_image, &offset, err));
    const struct mer_image_header header = {.magic = MER_IMAGE_MAGIC,
                                            .version = MER_IMAGE_VERSION,
                                            .n_image = n_image,
                                            .n_rows = n_rows,
                                            .n_columns = n_stored};
    memcpy(region->base, &header, sizeof header);
    memcpy(region->base + sizeof header, stored, n_stored * sizeof *stored);
    struct placing placing = {stored, region};
    return mer_table_builder_each(builder, place, &placing, NULL, err);
}

static mer_status conform(void *self, struct mer_built_column *column, size_t c, mer_err *err)
{
    const struct mer_table_builder *const builder = self;
    (void)c;
    MER_GUARD(mer_ctx_check_cancel(builder->ctx, err));
    return mer_built_conform(column, builder->options, err);
}

mer_status mer_table_builder_write(struct mer_table_builder *builder, struct mer_region *region,
                                   struct mer_csv_report *ret_report, mer_err *err)
{
    struct mer_image_column *stored;
    struct mer_csv_report report = {.n_columns = builder->n_columns};
    MER_GUARD(check_whole(builder, &report.n_rows, err));
    MER_GUARD(mer_table_builder_each(builder, conform, builder, NULL, err));
    for (size_t c = 0; c < builder->n_columns; c++)
        for (size_t m = 0; m < builder->missing.n; m++)
            report.missing_counts[m] += builder->columns[c]->missing_counts[m];
    MER_GUARD(
        mer_alloc_zero(builder->ctx->alloc, builder->n_columns, sizeof *stored, &stored, err));
    const mer_status status = write_image(builder, stored, report.n_rows, region, err);
    mer_free(builder->ctx->alloc, stored);
    if (mer_is_ok(status))
        *ret_report = report;
    return status;
}

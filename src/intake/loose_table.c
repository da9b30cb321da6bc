#include "intake/loose_table.h"

#include <stdio.h>

#include "core/number.h"
#include "frame/image.h"
#include "frame/infer.h"
#include "frame/text_check.h"
#include "intake/loose_text.h"

enum {
    /* As many as CSV's detection looks at: one that may be the header, and those below it. */
    WAITING_ROWS = 21,
    ROWS_PER_LOOK = 1024
};

struct mer_loose_row {
    struct mer_loose_cell *cells;
    size_t n;
    size_t place;
};

/* What a cell without a value can be written as, where a schema has no text that means missing. */
static const char *const nothing[] = {""};

static mer_status begin_missing(struct mer_loose_table *table, mer_err *err)
{
    const struct mer_csv_options *options = table->options;
    if (options->schema) {
        table->schema = *options->schema;
        if (table->schema.n_missing_values == 0) {
            table->schema.missing_values = nothing;
            table->schema.n_missing_values = 1;
        }
        return mer_missing_init(&table->missing, table->schema.missing_values,
                                table->schema.n_missing_values, err);
    }
    if (options->missing_values && options->n_missing_values == 0)
        return mer_missing_init(&table->missing, nothing, 1, err);
    if (options->missing_values)
        return mer_missing_init(&table->missing, options->missing_values, options->n_missing_values,
                                err);
    return mer_missing_init(&table->missing, MER_CSV_MISSING, MER_CSV_N_MISSING, err);
}

mer_status mer_loose_init(struct mer_loose_table *table, const struct mer_ctx *ctx,
                          const struct mer_csv_options *options, const char *place_word,
                          mer_err *err)
{
    *table = (struct mer_loose_table){.ctx = ctx, .options = options, .place_word = place_word};
    mer_arena_init(&table->arena, ctx->alloc);
    mer_buf_init(&table->text, ctx->alloc, SIZE_MAX / 2);
    return begin_missing(table, err);
}

void mer_loose_release(struct mer_loose_table *table)
{
    for (size_t c = 0; c < table->n_columns; c++)
        mer_dictionary_release(&table->columns[c].levels);
    mer_free(table->ctx->alloc, table->columns);
    mer_free(table->ctx->alloc, table->faults);
    mer_arena_release(&table->arena);
    mer_buf_release(&table->text);
}

void mer_loose_set_aside(struct mer_loose_table *table, struct mer_bad_rows *bad)
{
    table->bad = bad;
}

mer_status mer_loose_fail(const struct mer_loose_table *table, size_t column, mer_err *err,
                          const char *what)
{
    char place[64] = "";
    if (table->place_word)
        (void)snprintf(place, sizeof place, " (%s %zu)", table->place_word, table->place);
    return mer_fail(err, MER_ERR_DATA, "row %zu%s, column %s: %s", table->n_rows + 1, place,
                    mer_quote(table->columns[column].name).text, what);
}

/* The row that is next does not fit: the end, or noted, once. Column SIZE_MAX: the row as a whole.
 */
static mer_status object(struct mer_loose_table *table, size_t column, enum mer_value_fault fault,
                         const char *what, mer_err *err)
{
    const uint64_t row = table->n_rows + 1;
    if (!table->bad)
        return mer_loose_fail(table, column == SIZE_MAX ? table->n_columns - 1 : column, err, what);
    if (table->n_faults > 0 && table->faults[table->n_faults - 1].row == row)
        return mer_ok();
    if (table->n_faults == table->faults_capacity) {
        const size_t larger = table->faults_capacity ? table->faults_capacity * 2 : 64;
        MER_GUARD(mer_alloc_resize(table->ctx->alloc, larger * sizeof *table->faults,
                                   &table->faults, err));
        table->faults_capacity = larger;
    }
    table->faults[table->n_faults++] =
        (struct mer_known_fault){.row = row, .column = column, .fault = fault};
    return mer_ok();
}

static const char *absent_text(const struct mer_loose_table *table, struct mer_field *field)
{
    if (!field || !field->has_missing_values)
        return table->missing.empty >= 0 ? "" : table->missing.texts[0];
    struct mer_texts *own = &field->missing_values;
    if (own->n == 0)
        *own = (struct mer_texts){nothing, 1};
    for (size_t i = 0; i < own->n; i++)
        if (own->texts[i][0] == '\0')
            return "";
    return own->texts[0];
}

static bool means_missing(const struct mer_loose_table *table, const struct mer_field *field,
                          const struct mer_loose_cell *cell)
{
    if (!field || !field->has_missing_values)
        return mer_missing_find(&table->missing, cell->bytes, cell->n) >= 0;
    const struct mer_texts *own = &field->missing_values;
    for (size_t i = 0; i < own->n; i++)
        if (strlen(own->texts[i]) == cell->n && memcmp(own->texts[i], cell->bytes, cell->n) == 0)
            return true;
    return false;
}

/* Room for the schema's fields and for one more per column. */
static mer_status copy_fields(struct mer_loose_table *table, size_t n_columns, mer_err *err)
{
    struct mer_field *fields;
    const size_t n = table->schema.n_fields;
    if (!table->options->schema)
        return mer_ok();
    MER_GUARD(mer_arena_zero(&table->arena, n + n_columns, sizeof *fields, &fields, err));
    if (n > 0)
        memcpy(fields, table->schema.fields, n * sizeof *fields);
    table->schema.fields = fields;
    return mer_ok();
}

static struct mer_field *find_field(const struct mer_schema *schema, const char *name)
{
    const size_t n = strlen(name);
    for (size_t f = 0; f < schema->n_fields; f++)
        if (schema->fields[f].n_name == n && memcmp(schema->fields[f].name, name, n) == 0)
            return &schema->fields[f];
    return NULL;
}

/* Columns that the schema lacks are read as if there were none. */
static bool infers_others(const struct mer_loose_table *table)
{
    return !table->options->allow_extra &&
           (table->schema.match == MER_MATCH_SUBSET || table->schema.match == MER_MATCH_PARTIAL);
}

static mer_status begin_column(struct mer_loose_table *table, struct mer_loose_column *column,
                               const char *name, mer_err *err)
{
    MER_GUARD(mer_arena_text(&table->arena, name, strlen(name), &column->name, err));
    if (table->options->schema) {
        column->field = find_field(&table->schema, name);
        /* Or refused, by the reader of CSV. */
        column->skipped = !column->field && !infers_others(table);
    }
    column->candidates =
        MER_MAY(MER_TYPE_DATE) | MER_MAY(MER_TYPE_TIME) | MER_MAY(MER_TYPE_DATETIME);
    column->absent = absent_text(table, column->field);
    mer_dictionary_init(&column->levels, table->ctx->alloc);
    return mer_loose_put_text(&table->text, name, strlen(name), err);
}

static mer_status check_name(struct mer_dictionary *by_name, const char *name, size_t c,
                             mer_err *err)
{
    int32_t code;
    const size_t n = strlen(name);
    if (n == 0)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA, "column %zu has no name in the header", c + 1),
                        "name it, or state that the table has no header");
    if (mer_text_check(name, n) != n)
        return mer_fail(err, MER_ERR_DATA, "the name of column %zu is not UTF-8", c + 1);
    MER_GUARD(mer_dictionary_add(by_name, name, n, &code, err));
    if ((size_t)code != c)
        return mer_fail(err, MER_ERR_DATA, "columns %d and %zu are both named %s", code + 1, c + 1,
                        mer_quote(name).text);
    return mer_ok();
}

static mer_status check_names(const struct mer_loose_table *table, const char *const *names,
                              size_t n, mer_err *err)
{
    struct mer_dictionary by_name;
    mer_status status = mer_ok();
    mer_dictionary_init(&by_name, table->ctx->alloc);
    for (size_t c = 0; c < n && mer_is_ok(status); c++)
        status = check_name(&by_name, names[c], c, err);
    mer_dictionary_release(&by_name);
    return status;
}

mer_status mer_loose_set_names(struct mer_loose_table *table, const char *const *names, size_t n,
                               mer_err *err)
{
    if (n == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has no columns");
    if (n > MER_IMAGE_MAX_COLUMNS)
        return mer_fail(err, MER_ERR_DATA, "%zu columns; a table has at most %zu", n,
                        MER_IMAGE_MAX_COLUMNS);
    MER_GUARD(check_names(table, names, n, err));
    MER_GUARD(mer_alloc_zero(table->ctx->alloc, n, sizeof *table->columns, &table->columns, err));
    table->n_columns = n;
    MER_GUARD(copy_fields(table, n, err));
    for (size_t c = 0; c < n; c++) {
        if (c > 0)
            MER_GUARD(mer_buf_append(&table->text, ",", 1, err));
        MER_GUARD(begin_column(table, &table->columns[c], names[c], err));
    }
    return mer_buf_append(&table->text, "\n", 1, err);
}

/* What a cell is not that cannot stand in a field of this type. */
static enum mer_value_fault field_fault(enum mer_type type)
{
    static const enum mer_value_fault faults[MER_TYPE_COUNT] = {
        [MER_TYPE_BOOLEAN] = MER_VALUE_NOT_BOOLEAN, [MER_TYPE_INTEGER] = MER_VALUE_NOT_INTEGER,
        [MER_TYPE_NUMBER] = MER_VALUE_NOT_NUMBER,   [MER_TYPE_CATEGORICAL] = MER_VALUE_NOT_TEXT,
        [MER_TYPE_TEXT] = MER_VALUE_NOT_TEXT,       [MER_TYPE_DATE] = MER_VALUE_NOT_DATE,
        [MER_TYPE_TIME] = MER_VALUE_NOT_TIME,       [MER_TYPE_DATETIME] = MER_VALUE_NOT_DATETIME,
    };
    return faults[type];
}

/* Why a cell of this kind cannot stand in that field; NULL when it can, or when the reader of CSV
 * has to tell from its text. */
static const char *field_objection(enum mer_type type, enum mer_loose_kind kind)
{
    const bool is_date = kind == MER_LOOSE_DATE || kind == MER_LOOSE_DATETIME;
    if (kind == MER_LOOSE_TEXT)
        return NULL;
    switch (type) {
    case MER_TYPE_BOOLEAN:
        return kind == MER_LOOSE_BOOLEAN || kind == MER_LOOSE_INTEGER ? NULL : "not true or false";
    case MER_TYPE_INTEGER:
        return kind == MER_LOOSE_INTEGER || kind == MER_LOOSE_NUMBER
                   ? NULL
                   : "not an integer, which the schema asks for";
    case MER_TYPE_NUMBER:
        return kind == MER_LOOSE_INTEGER || kind == MER_LOOSE_NUMBER
                   ? NULL
                   : "not a number, which the schema asks for";
    case MER_TYPE_DATE:
        return is_date ? NULL : "not a date, which the schema asks for";
    case MER_TYPE_TIME:
        return kind == MER_LOOSE_TIME ? NULL : "not a time, which the schema asks for";
    case MER_TYPE_DATETIME:
        return is_date ? NULL : "not a date and time, which the schema asks for";
    case MER_TYPE_CATEGORICAL:
    case MER_TYPE_TEXT:
        return kind == MER_LOOSE_INTEGER ? NULL : "not a text, which the schema asks for";
    case MER_TYPE_COUNT:
        break;
    }
    return NULL;
}

static const char *kind_objection(enum mer_loose_kind kind)
{
    switch (kind) {
    case MER_LOOSE_BOOLEAN:
        return "a truth value, where the cells above hold something else";
    case MER_LOOSE_INTEGER:
    case MER_LOOSE_NUMBER:
        return "a number, where the cells above hold something else";
    case MER_LOOSE_TEXT:
        return "a text, where the cells above hold something else";
    case MER_LOOSE_DATE:
        return "a date, where the cells above hold something else";
    case MER_LOOSE_TIME:
        return "a time, where the cells above hold something else";
    case MER_LOOSE_DATETIME:
        return "a date and time, where the cells above hold something else";
    case MER_LOOSE_MISSING:
    case MER_LOOSE_BROKEN:
        break;
    }
    return NULL;
}

static bool is_numeric(enum mer_loose_kind kind)
{
    return kind == MER_LOOSE_INTEGER || kind == MER_LOOSE_NUMBER;
}

/* Holds a cell to the ones above it. */
static mer_status narrow(struct mer_loose_table *table, struct mer_loose_column *column,
                         const struct mer_loose_cell *cell, mer_err *err)
{
    const size_t c = (size_t)(column - table->columns);
    if (column->numbers_only && cell->kind == MER_LOOSE_TEXT)
        return object(table, c, MER_VALUE_NOT_NUMBER,
                      "a text, in a column declared to hold numbers", err);
    if (column->kind == MER_LOOSE_MISSING) {
        column->kind = cell->kind;
    } else if (is_numeric(column->kind) && is_numeric(cell->kind)) {
        if (cell->kind == MER_LOOSE_NUMBER)
            column->kind = MER_LOOSE_NUMBER;
    } else if (column->kind != cell->kind) {
        return mer_hint(err, mer_loose_fail(table, c, err, kind_objection(cell->kind)),
                        "a column holds one kind of value; correct the cell, or name a schema "
                        "(--schema) whose field can hold both");
    }
    column->n_present++;
    if (cell->kind != MER_LOOSE_TEXT)
        return mer_ok();
    column->n_bytes += cell->n;
    column->candidates =
        column->candidates ? mer_infer_narrow(column->candidates, cell->bytes, cell->n) : 0;
    if (column->many_levels)
        return mer_ok();
    int32_t code;
    MER_GUARD(mer_dictionary_add(&column->levels, cell->bytes, cell->n, &code, err));
    if (column->levels.n > MER_INFER_MAX_LEVELS) {
        column->many_levels = true;
        mer_dictionary_release(&column->levels);
    }
    return mer_ok();
}

/* Whether texts are written in a way that the schema tells. */
static bool has_format(const struct mer_field *field)
{
    return field->format != MER_FORMAT_DEFAULT || field->decimal_char || field->group_char ||
           field->decorated || field->true_values.n > 0 || field->false_values.n > 0;
}

static mer_status check_cell(struct mer_loose_table *table, struct mer_loose_column *column,
                             const struct mer_loose_cell *cell, mer_err *err)
{
    const size_t c = (size_t)(column - table->columns);
    const bool is_text = cell->kind == MER_LOOSE_TEXT;
    const size_t wrong = is_text ? mer_text_check(cell->bytes, cell->n) : cell->n;
    if (is_text && wrong != cell->n)
        return object(table, c, cell->bytes[wrong] ? MER_VALUE_NOT_UTF8 : MER_VALUE_NUL,
                      "the text holds a NUL byte or is not UTF-8", err);
    if (column->skipped)
        return mer_ok();
    if (cell->kind == MER_LOOSE_BROKEN)
        return object(table, c, MER_VALUE_UNREADABLE, "what stands there is no value", err);
    if (!column->field)
        return narrow(table, column, cell, err);
    const char *what = field_objection(column->field->type, cell->kind);
    if (what && !(table->is_typed && field_fault(column->field->type) == MER_VALUE_NOT_TEXT))
        return object(table, c, field_fault(column->field->type), what, err);
    if ((is_text ? column->has_values : column->has_written) && has_format(column->field))
        return object(table, c, MER_VALUE_NOT_IN_FORMAT,
                      "a text among values, or a value among texts, where the schema has a "
                      "format for texts",
                      err);
    *(is_text ? &column->has_written : &column->has_values) = true;
    return mer_ok();
}

static mer_status add_cell(struct mer_loose_table *table, size_t c,
                           const struct mer_loose_cell *cell, mer_err *err)
{
    struct mer_loose_column *column = &table->columns[c];
    const bool is_text = cell && cell->kind == MER_LOOSE_TEXT;
    const bool has_value = cell && cell->kind != MER_LOOSE_MISSING &&
                           !(is_text && means_missing(table, column->field, cell));
    if (has_value)
        MER_GUARD(check_cell(table, column, cell, err));
    if (c > 0)
        MER_GUARD(mer_buf_append(&table->text, ",", 1, err));
    if (!cell || cell->kind == MER_LOOSE_MISSING)
        return mer_loose_put_text(&table->text, column->absent, strlen(column->absent), err);
    return mer_loose_put(&table->text, cell, column->field ? column->field->type : MER_TYPE_COUNT,
                         err);
}

/* A cell behind the last column, where there may be none; with the row where that is kept. */
static mer_status add_stray(struct mer_loose_table *table, const struct mer_loose_cell *cell,
                            mer_err *err)
{
    if (cell->kind == MER_LOOSE_MISSING)
        return mer_ok();
    const mer_status status =
        object(table, SIZE_MAX, MER_VALUE_CELL_COUNT, "a value stands behind the last column", err);
    if (!mer_is_ok(status))
        return mer_hint(err, status,
                        table->has_header ? "every column with values needs a name"
                                          : "name the columns in the first row");
    MER_GUARD(mer_buf_append(&table->text, ",", 1, err));
    return mer_loose_put(&table->text, cell, MER_TYPE_COUNT, err);
}

static mer_status add_values(struct mer_loose_table *table, const struct mer_loose_cell *cells,
                             size_t n, size_t place, mer_err *err)
{
    table->place = place;
    if (table->n_rows == 0)
        table->first_place = place;
    if (table->n_rows % ROWS_PER_LOOK == 0)
        MER_GUARD(mer_ctx_check_cancel(table->ctx, err));
    for (size_t c = 0; c < table->n_columns; c++)
        MER_GUARD(add_cell(table, c, c < n ? &cells[c] : NULL, err));
    for (size_t c = table->n_columns; c < n; c++)
        MER_GUARD(add_stray(table, &cells[c], err));
    table->n_rows++;
    return mer_buf_append(&table->text, "\n", 1, err);
}

static bool is_value(const struct mer_loose_cell *cell)
{
    return cell->kind != MER_LOOSE_TEXT || mer_infer_narrow(MER_MAY_ANY, cell->bytes, cell->n) != 0;
}

static bool is_missing(const struct mer_loose_table *table, const struct mer_loose_row *row,
                       size_t c)
{
    if (c >= row->n || row->cells[c].kind == MER_LOOSE_MISSING)
        return true;
    const struct mer_loose_cell *cell = &row->cells[c];
    return cell->kind == MER_LOOSE_TEXT &&
           mer_missing_find(&table->missing, cell->bytes, cell->n) >= 0;
}

/* The vote of csv_dialect.h, over the rows that wait. */
static bool detect_header(const struct mer_loose_table *table)
{
    const struct mer_loose_row *rows = table->waiting;
    bool against = false;
    for (size_t c = 0; c < rows[0].n; c++) {
        bool other = is_missing(table, &rows[0], c), value = false;
        for (size_t i = 1; i < table->n_waiting && !other; i++) {
            if (is_missing(table, &rows[i], c))
                continue;
            if (is_value(&rows[i].cells[c]))
                value = true;
            else
                other = true;
        }
        if (other)
            continue;
        if (is_value(&rows[0].cells[c]))
            against = true;
        else if (value)
            return true;
    }
    return !against;
}

static size_t used_width(const struct mer_loose_row *row)
{
    size_t n = row->n;
    while (n > 0 && row->cells[n - 1].kind == MER_LOOSE_MISSING)
        n--;
    return n;
}

static mer_status name_by_header(struct mer_loose_table *table, const struct mer_loose_row *row,
                                 mer_err *err)
{
    const size_t n = used_width(row);
    const char **names;
    struct mer_buf text;
    mer_status status = mer_ok();
    MER_GUARD(mer_arena_zero(&table->arena, n, sizeof *names, &names, err));
    mer_buf_init(&text, table->ctx->alloc, SIZE_MAX / 2);
    for (size_t c = 0; c < n && mer_is_ok(status); c++) {
        mer_buf_clear(&text);
        status = mer_loose_plain(&text, &row->cells[c], MER_TYPE_COUNT, err);
        if (mer_is_ok(status))
            status =
                mer_arena_text(&table->arena, (const char *)text.bytes, text.n, &names[c], err);
    }
    mer_buf_release(&text);
    MER_GUARD(status);
    return mer_loose_set_names(table, names, n, err);
}

static mer_status name_by_number(struct mer_loose_table *table, mer_err *err)
{
    size_t n = 0;
    const char **names;
    for (size_t i = 0; i < table->n_waiting; i++)
        if (used_width(&table->waiting[i]) > n)
            n = used_width(&table->waiting[i]);
    MER_GUARD(mer_arena_zero(&table->arena, n, sizeof *names, &names, err));
    for (size_t c = 0; c < n; c++) {
        char name[40];
        const int length = snprintf(name, sizeof name, "column_%zu", c + 1);
        MER_GUARD(mer_arena_text(&table->arena, name, (size_t)length, &names[c], err));
    }
    return mer_loose_set_names(table, names, n, err);
}

/* Names the columns and lets the rows that waited for that in. */
static mer_status let_in(struct mer_loose_table *table, mer_err *err)
{
    const enum mer_csv_header header = table->options->header;
    if (table->n_waiting == 0)
        return mer_fail(err, MER_ERR_DATA, "the table is empty");
    /* A schema's fields are found by name. */
    table->has_header = header == MER_CSV_HEADER_YES || table->options->schema;
    if (header == MER_CSV_HEADER_NO)
        table->has_header = false;
    else if (!table->has_header)
        table->has_header = detect_header(table);
    if (table->has_header)
        MER_GUARD(name_by_header(table, &table->waiting[0], err));
    else
        MER_GUARD(name_by_number(table, err));
    for (size_t i = table->has_header; i < table->n_waiting; i++) {
        const struct mer_loose_row *row = &table->waiting[i];
        MER_GUARD(add_values(table, row->cells, row->n, row->place, err));
    }
    return mer_ok();
}

static mer_status wait(struct mer_loose_table *table, const struct mer_loose_cell *cells, size_t n,
                       size_t place, mer_err *err)
{
    struct mer_arena *arena = &table->arena;
    if (!table->waiting)
        MER_GUARD(
            mer_arena_zero(arena, WAITING_ROWS, sizeof *table->waiting, &table->waiting, err));
    struct mer_loose_row row = {.n = n, .place = place};
    MER_GUARD(mer_arena_zero(arena, n, sizeof *row.cells, &row.cells, err));
    for (size_t c = 0; c < n; c++) {
        row.cells[c] = cells[c];
        if (cells[c].n > 0)
            MER_GUARD(mer_arena_text(arena, cells[c].bytes, cells[c].n, &row.cells[c].bytes, err));
    }
    table->waiting[table->n_waiting++] = row;
    return table->n_waiting == WAITING_ROWS ? let_in(table, err) : mer_ok();
}

mer_status mer_loose_add_row(struct mer_loose_table *table, const struct mer_loose_cell *cells,
                             size_t n, size_t place, mer_err *err)
{
    return table->n_columns ? add_values(table, cells, n, place, err)
                            : wait(table, cells, n, place, err);
}

/* The type of a column that no schema states; texts are categorical where CSV's would be. */
static enum mer_type type_of(const struct mer_loose_column *column)
{
    switch (column->kind) {
    case MER_LOOSE_BOOLEAN:
        return MER_TYPE_BOOLEAN;
    case MER_LOOSE_INTEGER:
        return MER_TYPE_INTEGER;
    case MER_LOOSE_DATE:
        return MER_TYPE_DATE;
    case MER_LOOSE_TIME:
        return MER_TYPE_TIME;
    case MER_LOOSE_DATETIME:
        return MER_TYPE_DATETIME;
    case MER_LOOSE_TEXT:
        if (column->candidates)
            return mer_infer_type(column->candidates, column->n_present);
        return column->many_levels ||
                       mer_infer_is_text(column->levels.n, column->n_present, column->n_bytes)
                   ? MER_TYPE_TEXT
                   : MER_TYPE_CATEGORICAL;
    case MER_LOOSE_NUMBER:
    case MER_LOOSE_MISSING:
    case MER_LOOSE_BROKEN:
        break;
    }
    return MER_TYPE_NUMBER;
}

/* What was found, as a schema in JSON. */
static mer_status write_schema(const struct mer_loose_table *table, struct mer_buf *json,
                               mer_err *err)
{
    static const char *const words[] = {
        [MER_TYPE_BOOLEAN] = "boolean", [MER_TYPE_INTEGER] = "integer",
        [MER_TYPE_NUMBER] = "number",   [MER_TYPE_CATEGORICAL] = "string",
        [MER_TYPE_TEXT] = "string",     [MER_TYPE_DATE] = "date",
        [MER_TYPE_TIME] = "time",       [MER_TYPE_DATETIME] = "datetime"};
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, json, 0, err);
    mer_json_begin_object(&writer);
    mer_json_key(&writer, "fields");
    mer_json_begin_array(&writer);
    for (size_t c = 0; c < table->n_columns; c++) {
        const enum mer_type type = type_of(&table->columns[c]);
        mer_json_begin_object(&writer);
        mer_json_key(&writer, "name");
        mer_json_put_string(&writer, table->columns[c].name);
        mer_json_key(&writer, "type");
        mer_json_put_string(&writer, words[type]);
        if (type == MER_TYPE_CATEGORICAL) {
            mer_json_key(&writer, MER_SCHEMA_CATEGORICAL_KEY);
            mer_json_put_boolean(&writer, true);
        }
        mer_json_end_object(&writer);
    }
    mer_json_end_array(&writer);
    mer_json_key(&writer, "missingValues");
    mer_json_begin_array(&writer);
    for (size_t i = 0; i < table->missing.n; i++)
        mer_json_put_string(&writer, table->missing.texts[i]);
    mer_json_end_array(&writer);
    mer_json_end_object(&writer);
    return mer_json_writer_end(&writer);
}

/* The formats of fields whose values were no texts are of no use any more, and columns that the
 * schema leaves to inference have a type now. */
static void settle_schema(struct mer_loose_table *table)
{
    struct mer_schema *schema = &table->schema;
    bool any = false;
    for (size_t c = 0; c < table->n_columns; c++)
        any = any || table->columns[c].field;
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct mer_loose_column *column = &table->columns[c];
        struct mer_field *field = column->field;
        if (field && column->has_values && has_format(field)) {
            field->format = MER_FORMAT_DEFAULT;
            field->decimal_char = field->group_char = NULL;
            field->decorated = false;
            field->true_values = field->false_values = (struct mer_texts){.n = 0};
        }
        if (any && !field && !column->skipped)
            schema->fields[schema->n_fields++] = (struct mer_field){.name = column->name,
                                                                    .n_name = strlen(column->name),
                                                                    .type = type_of(column),
                                                                    .plain = true};
    }
}

static mer_status find_schema(const struct mer_loose_table *table, struct mer_schema *ret_schema,
                              mer_err *err)
{
    struct mer_buf json;
    mer_buf_init(&json, table->ctx->alloc, SIZE_MAX / 2);
    mer_status status = write_schema(table, &json, err);
    if (mer_is_ok(status))
        status = mer_schema_parse(table->ctx, (const char *)json.bytes, json.n, ret_schema, err);
    mer_buf_release(&json);
    return status;
}

/* "row 17 (line 18), ..." of the text that nobody sees becomes a place in what was read. */
static mer_status relocate(const struct mer_loose_table *table, mer_status status, mer_err *err)
{
    static const char words[] = " (line ";
    if (!err || strncmp(err->message, "row ", 4) != 0)
        return status;
    char *open = strstr(err->message, words);
    char *close = open ? strchr(open, ')') : NULL;
    int64_t row;
    if (!close || !mer_integer_parse(err->message + 4, (size_t)(open - err->message) - 4, &row))
        return status;
    mer_err moved = *err;
    char place[64] = "";
    if (table->place_word)
        (void)snprintf(place, sizeof place, " (%s %zu)", table->place_word,
                       table->first_place + (size_t)row - 1);
    (void)snprintf(moved.message, sizeof moved.message, "%.*s%s%s", (int)(open - err->message),
                   err->message, place, close + 1);
    *err = moved;
    return status;
}

/* The rows that fit. */
static mer_status write_rest(const struct mer_loose_table *table,
                             const struct mer_csv_options *options, struct mer_region *region,
                             struct mer_csv_report *ret_report, mer_err *err)
{
    const struct mer_known_faults known = {
        .items = table->faults, .n = table->n_faults, .first_line = table->first_place};
    struct mer_csv_options rest;
    MER_CLEANUP(mer_buf_release) struct mer_buf good;
    mer_buf_init(&good, table->ctx->alloc, SIZE_MAX / 2);
    MER_GUARD(mer_csv_sift(table->ctx, table->text.bytes, table->text.n, options, &known,
                           table->bad, &good, &rest, err));
    if (table->bad->n_rows == 0 || table->bad->mode == MER_ON_BAD_ROW_FAIL)
        return mer_fail(err, MER_ERR_DATA, "%llu rows do not fit",
                        (unsigned long long)table->bad->n_rows);
    return mer_csv_write_image(table->ctx, good.bytes, good.n, &rest, region, ret_report, err);
}

mer_status mer_loose_write_image(struct mer_loose_table *table, struct mer_region *region,
                                 struct mer_csv_report *ret_report, mer_err *err)
{
    struct mer_schema found;
    struct mer_csv_options options = *table->options;
    const bool given = options.schema != NULL;
    if (!table->n_columns)
        MER_GUARD(let_in(table, err));
    if (table->n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has columns but no rows");
    options.delimiter = ',';
    options.header = MER_CSV_HEADER_YES;
    if (given)
        settle_schema(table);
    else
        MER_GUARD(find_schema(table, &found, err));
    options.schema = given ? &table->schema : &found;
    const mer_status status =
        table->bad ? write_rest(table, &options, region, ret_report, err)
                   : mer_csv_write_image(table->ctx, table->text.bytes, table->text.n, &options,
                                         region, ret_report, err);
    if (!given)
        mer_schema_release(&found);
    if (!mer_is_ok(status))
        return table->bad ? status : relocate(table, status, err);
    if (ret_report) {
        ret_report->delimiter = 0; /* of the text that nobody sees */
        ret_report->has_header = table->has_header;
    }
    return mer_ok();
}

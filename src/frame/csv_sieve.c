/* Parts the rows of a CSV file that fit from those that do not, one after the other, in the order
 * of the file: what a table is read from when rows may be set aside, and what tells of all of them
 * when they may not. It is asked only after the readers have refused the table as it is. */
#include <string.h>

#include "frame/csv_sieve.h"
#include "frame/text_check.h"

struct sieve {
    struct mer_csv_table *table;
    const struct mer_schema *schema;      /* or NULL */
    const struct mer_known_faults *known; /* or NULL */
    size_t n_used;                        /* of them */
    struct mer_bad_rows *bad;
    struct mer_buf *good;
    struct mer_csv_token *tokens;
    struct mer_dictionary *levels; /* [n_columns]: categories, of the columns that have them */
    struct mer_dictionary *keys;   /* [n_keys], then one for each column that is unique */
    size_t n_keys;
    struct mer_buf key;
    union mer_value *values; /* [n_columns], of the row */
    struct mer_cell *cells;  /* [n_columns], as they are in the file; unescaped in `unescaped` */
    bool *present;
    struct mer_buf unescaped;
};

static size_t count_lines(const char *from, const char *to)
{
    size_t n = 0;
    while (from < to && (from = memchr(from, '\n', (size_t)(to - from))) != NULL) {
        n++;
        from++;
    }
    return n;
}

static enum mer_value_fault fault_of_scan(enum mer_csv_fault fault)
{
    return fault == MER_CSV_LONE_RETURN ? MER_VALUE_LONE_RETURN : MER_VALUE_BROKEN_QUOTES;
}

/* The cell of a column, its quotes undone. It lives until the next row. */
static void look_at(struct sieve *sieve, const char *base, size_t c)
{
    const struct mer_csv_token token = sieve->tokens[c];
    const size_t n = token.n & ~MER_CSV_ESCAPED;
    sieve->cells[c] = (struct mer_cell){base + token.at, n};
    if (!(token.n & MER_CSV_ESCAPED))
        return;
    /* `unescaped` has room for the whole record, so it does not move. */
    char *const to = (char *)sieve->unescaped.bytes + sieve->unescaped.n;
    const size_t length = mer_csv_unescape(base + token.at, n, to);
    sieve->unescaped.n += length;
    sieve->cells[c] = (struct mer_cell){to, length};
}

static enum mer_value_fault check_cell(struct sieve *sieve, size_t c)
{
    const struct mer_csv_column *const column = &sieve->table->columns[c];
    const struct mer_cell cell = sieve->cells[c];
    sieve->present[c] = mer_missing_find(mer_csv_missing(sieve->table, c), cell.bytes, cell.n) < 0;
    if (!column->field)
        return MER_VALUE_FINE;
    if (!sieve->present[c])
        return column->field->required ? MER_VALUE_REQUIRED : MER_VALUE_FINE;
    const enum mer_value_fault fault =
        mer_field_value(column->field, cell.bytes, cell.n, &sieve->values[c]);
    if (fault == MER_VALUE_FINE && column->field->n_categories && !sieve->table->allow_new_levels &&
        mer_dictionary_find(&sieve->levels[c], cell.bytes, cell.n) < 0)
        return MER_VALUE_NOT_CATEGORY;
    return fault;
}

/* Appends a column's value so that equal values, and no others, give equal bytes. */
static mer_status put_value(struct sieve *sieve, size_t c, mer_err *err)
{
    const struct mer_field *const field = sieve->table->columns[c].field;
    union mer_value value = {.integer = 0};
    double point[2];
    if (field->kind == MER_KIND_GEOPOINT &&
        mer_geopoint_parse(field->format, sieve->cells[c].bytes, sieve->cells[c].n, point)) {
        point[0] += 0.0; /* -0 is 0 */
        point[1] += 0.0;
        return mer_buf_append(&sieve->key, point, sizeof point, err);
    }
    if (field->type == MER_TYPE_TEXT || field->type == MER_TYPE_CATEGORICAL) {
        MER_GUARD(mer_buf_append(&sieve->key, &sieve->cells[c].n, sizeof(size_t), err));
        return mer_buf_append(&sieve->key, sieve->cells[c].bytes, sieve->cells[c].n, err);
    }
    if (field->type == MER_TYPE_BOOLEAN)
        value.truth = sieve->values[c].truth;
    else if (field->type == MER_TYPE_NUMBER)
        value.number = sieve->values[c].number + 0.0;
    else
        value.integer = sieve->values[c].integer;
    return mer_buf_append(&sieve->key, &value, sizeof value, err);
}

static size_t column_of_field(const struct sieve *sieve, size_t f)
{
    size_t c = 0;
    while (c < sieve->table->source.n_columns &&
           sieve->table->columns[c].field != &sieve->schema->fields[f])
        c++;
    return c;
}

/* The row's key in sieve->key; false when something of it is missing. */
static mer_status build_key(struct sieve *sieve, const size_t *fields, size_t n, bool *ret_whole,
                            size_t *ret_column, mer_err *err)
{
    mer_buf_clear(&sieve->key);
    *ret_whole = true;
    for (size_t i = 0; i < n && *ret_whole; i++) {
        const size_t c = column_of_field(sieve, fields[i]);
        *ret_whole = c < sieve->table->source.n_columns && sieve->present[c];
        if (*ret_whole)
            MER_GUARD(put_value(sieve, c, err));
        if (i == 0)
            *ret_column = c;
    }
    return mer_ok();
}

/* Looks all keys of a row up (adds = false), or adds them all. */
static mer_status try_keys(struct sieve *sieve, bool adds, enum mer_value_fault *ret_fault,
                           size_t *ret_column, mer_err *err)
{
    const struct mer_schema *const schema = sieve->schema;
    size_t k = 0;
    *ret_fault = MER_VALUE_FINE;
    for (size_t i = 0; schema && i < schema->n_keys + schema->n_fields; i++) {
        const size_t f = i - schema->n_keys;
        const bool is_key = i < schema->n_keys;
        bool whole;
        int32_t code;
        if (!is_key && !schema->fields[f].unique)
            continue;
        struct mer_dictionary *const seen = &sieve->keys[k++];
        MER_GUARD(build_key(sieve, is_key ? schema->keys[i].fields : &f,
                            is_key ? schema->keys[i].n_fields : 1, &whole, ret_column, err));
        if (!whole)
            continue;
        if (adds) {
            MER_GUARD(
                mer_dictionary_add(seen, (const char *)sieve->key.bytes, sieve->key.n, &code, err));
        } else if (mer_dictionary_find(seen, (const char *)sieve->key.bytes, sieve->key.n) >= 0) {
            *ret_fault = is_key && schema->keys[i].n_fields > 1 ? MER_VALUE_DUPLICATE_KEY
                                                                : MER_VALUE_DUPLICATE;
            return mer_ok();
        }
    }
    return mer_ok();
}

/* What is wrong with a record first, and in which column (SIZE_MAX: as a whole). */
static mer_status judge(struct sieve *sieve, const char *begin, size_t n,
                        const struct mer_csv_record *record, enum mer_value_fault *ret_fault,
                        size_t *ret_column, mer_err *err)
{
    const size_t n_columns = sieve->table->source.n_columns;
    *ret_column = SIZE_MAX;
    *ret_fault = MER_VALUE_CELL_COUNT;
    if (record->fault != MER_CSV_FINE) {
        *ret_fault = fault_of_scan(record->fault);
        *ret_column = record->n_cells < n_columns ? record->n_cells : SIZE_MAX;
        return mer_ok();
    }
    if (record->n_cells != n_columns)
        return mer_ok();
    mer_buf_clear(&sieve->unescaped);
    MER_GUARD(mer_buf_reserve(&sieve->unescaped, n, err));
    for (size_t c = 0; c < n_columns; c++) {
        look_at(sieve, begin, c);
        const struct mer_cell cell = sieve->cells[c];
        const size_t wrong = mer_text_check(cell.bytes, cell.n);
        *ret_fault = wrong == cell.n             ? check_cell(sieve, c)
                     : cell.bytes[wrong] == '\0' ? MER_VALUE_NUL
                                                 : MER_VALUE_NOT_UTF8;
        *ret_column = c;
        if (*ret_fault != MER_VALUE_FINE)
            return mer_ok();
    }
    MER_GUARD(try_keys(sieve, false, ret_fault, ret_column, err));
    return *ret_fault == MER_VALUE_FINE ? try_keys(sieve, true, ret_fault, ret_column, err)
                                        : mer_ok();
}

/* Only empty lines are left: they end a table of several columns. */
static bool only_blank_lines(const struct mer_csv_scan *scan)
{
    const char *p = scan->next;
    while (p < scan->end && (*p == '\n' || (*p == '\r' && p + 1 < scan->end && p[1] == '\n')))
        p += *p == '\r' ? 2 : 1;
    return p == scan->end;
}

/* Where a quote is broken nobody can tell where its record ends: the next line begins one. */
static void go_on_behind_line(struct mer_csv_scan *scan, const char *begin)
{
    const char *const newline = memchr(begin, '\n', (size_t)(scan->end - begin));
    scan->next = newline ? newline + 1 : scan->end;
}

static size_t without_line_end(const char *begin, const char *end)
{
    if (end > begin && end[-1] == '\n')
        end--;
    if (end > begin && end[-1] == '\r')
        end--;
    return (size_t)(end - begin);
}

/* The fault that is known of a row, or NULL. */
static const struct mer_known_fault *known_fault(struct sieve *sieve, uint64_t row)
{
    const struct mer_known_faults *const known = sieve->known;
    if (!known || sieve->n_used == known->n || known->items[sieve->n_used].row != row)
        return NULL;
    return &known->items[sieve->n_used++];
}

static uint64_t line_of(const struct sieve *sieve, uint64_t row, uint64_t line)
{
    return sieve->known ? sieve->known->first_line + row - 1 : line;
}

static mer_status sift(struct sieve *sieve, struct mer_csv_scan *scan, mer_err *err)
{
    enum { ROWS_PER_LOOK = 4096 };
    const struct mer_csv_source *const source = &sieve->table->source;
    uint64_t line = 1 + count_lines(source->text, scan->next);
    for (uint64_t row = 1; scan->next < scan->end; row++) {
        const char *const begin = scan->next;
        struct mer_csv_record record;
        enum mer_value_fault fault;
        size_t column;
        if (row % ROWS_PER_LOOK == 0)
            MER_GUARD(mer_ctx_check_cancel(sieve->table->ctx, err));
        if (source->n_columns > 1 && only_blank_lines(scan))
            break;
        mer_csv_scan_record(scan, begin, sieve->tokens, source->n_columns, &record);
        if (record.fault != MER_CSV_FINE)
            go_on_behind_line(scan, begin);
        const size_t n = (size_t)(scan->next - begin);
        const struct mer_known_fault *const known = known_fault(sieve, row);
        const struct mer_bad_row bad = {.row = row,
                                        .line = line_of(sieve, row, line),
                                        .bytes = begin,
                                        .n_bytes = without_line_end(begin, scan->next)};
        if (known) {
            column = known->column;
            fault = known->fault;
        } else {
            MER_GUARD(judge(sieve, begin, n, &record, &fault, &column, err));
        }
        if (fault == MER_VALUE_FINE)
            MER_GUARD(mer_buf_append(sieve->good, begin, n, err));
        else
            MER_GUARD(mer_bad_rows_add(sieve->bad,
                                       column < source->n_columns ? source->names[column] : NULL,
                                       fault, &bad, err));
        line += count_lines(begin, scan->next);
    }
    return mer_ok();
}

static mer_status begin(struct sieve *sieve, mer_err *err)
{
    struct mer_alloc *const alloc = sieve->table->ctx->alloc;
    const size_t n = sieve->table->source.n_columns;
    mer_buf_init(&sieve->key, alloc, SIZE_MAX / 2);
    mer_buf_init(&sieve->unescaped, alloc, SIZE_MAX / 2);
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *sieve->tokens, &sieve->tokens, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *sieve->levels, &sieve->levels, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *sieve->values, &sieve->values, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *sieve->cells, &sieve->cells, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *sieve->present, &sieve->present, err));
    if (sieve->schema)
        sieve->n_keys = sieve->schema->n_keys + sieve->schema->n_fields;
    MER_GUARD(mer_alloc_zero(alloc, sieve->n_keys, sizeof *sieve->keys, &sieve->keys, err));
    for (size_t k = 0; k < sieve->n_keys; k++)
        mer_dictionary_init(&sieve->keys[k], alloc);
    for (size_t c = 0; c < n; c++) {
        const struct mer_field *const field = sieve->table->columns[c].field;
        mer_dictionary_init(&sieve->levels[c], alloc);
        for (size_t k = 0; field && k < field->n_categories; k++) {
            int32_t code;
            MER_GUARD(mer_dictionary_add(&sieve->levels[c], field->categories[k],
                                         strlen(field->categories[k]), &code, err));
        }
    }
    return mer_ok();
}

static void end(struct sieve *sieve)
{
    struct mer_alloc *const alloc = sieve->table->ctx->alloc;
    for (size_t c = 0; sieve->levels && c < sieve->table->source.n_columns; c++)
        mer_dictionary_release(&sieve->levels[c]);
    for (size_t k = 0; sieve->keys && k < sieve->n_keys; k++)
        mer_dictionary_release(&sieve->keys[k]);
    mer_free(alloc, sieve->tokens);
    mer_free(alloc, sieve->levels);
    mer_free(alloc, sieve->values);
    mer_free(alloc, sieve->cells);
    mer_free(alloc, sieve->present);
    mer_free(alloc, sieve->keys);
    mer_buf_release(&sieve->key);
    mer_buf_release(&sieve->unescaped);
}

mer_status mer_csv_sieve_rows(struct mer_csv_table *table, const struct mer_schema *schema,
                              struct mer_csv_scan *scan, const struct mer_known_faults *known,
                              struct mer_bad_rows *bad, struct mer_buf *good, mer_err *err)
{
    struct sieve sieve = {
        .table = table, .schema = schema, .known = known, .bad = bad, .good = good};
    mer_status status = begin(&sieve, err);
    if (mer_is_ok(status))
        status = sift(&sieve, scan, err);
    end(&sieve);
    return status;
}

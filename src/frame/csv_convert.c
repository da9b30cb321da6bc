/* Writes the values into the image. Every cell was examined before, so none can be bad; values are
 * counted all the same, and a count that is off is a defect. */
#include "core/number.h"
#include "frame/csv_columns.h"
#include "frame/datetime.h"
#include "frame/field_value.h"
#include "frame/infer.h"

/* The cells of one column in one chunk, and the column's sections in the image. */
struct job {
    const struct mer_csv_table *table;
    const struct mer_csv_chunk *chunk;
    size_t c;
    uint8_t *validity; /* NULL when nothing is missing */
    unsigned char *data;
    char *bytes;
};

static inline void set_bit(uint8_t *bits, size_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << (i % 8));
}

/* The cell in a row of the chunk, if it is not missing. */
static inline bool value_at(const struct job *job, size_t row, struct mer_cell *ret_cell)
{
    return mer_csv_look(job->table, job->chunk, job->c, row, ret_cell) < 0;
}

static inline void set_present(const struct job *job, size_t row)
{
    if (job->validity)
        set_bit(job->validity, job->chunk->first_row + row);
}

/* Each of the following returns how many values it wrote. */

static size_t convert_booleans(const struct job *job)
{
    size_t n = 0;
    for (size_t row = 0; row < job->chunk->n_rows; row++) {
        struct mer_cell cell;
        bool truth;
        if (!value_at(job, row, &cell) || !mer_boolean_parse(cell.bytes, cell.n, &truth))
            continue;
        set_present(job, row);
        if (truth)
            set_bit(job->data, job->chunk->first_row + row);
        n++;
    }
    return n;
}

static size_t convert_numbers(const struct job *job)
{
    double *values = (double *)(void *)job->data + job->chunk->first_row;
    size_t n = 0;
    for (size_t row = 0; row < job->chunk->n_rows; row++) {
        struct mer_cell cell;
        if (!value_at(job, row, &cell) || !mer_number_parse(cell.bytes, cell.n, true, &values[row]))
            continue;
        set_present(job, row);
        n++;
    }
    return n;
}

/* Integers, dates and times differ in their parser alone. */
static inline size_t convert_words(const struct job *job,
                                   bool (*parse)(const char *bytes, size_t n, int64_t *ret))
{
    int64_t *values = (int64_t *)(void *)job->data + job->chunk->first_row;
    size_t n = 0;
    for (size_t row = 0; row < job->chunk->n_rows; row++) {
        struct mer_cell cell;
        if (!value_at(job, row, &cell) || !parse(cell.bytes, cell.n, &values[row]))
            continue;
        set_present(job, row);
        n++;
    }
    return n;
}

static size_t convert_codes(const struct job *job)
{
    const struct mer_csv_chunk *chunk = job->chunk;
    const int32_t *codes = job->table->columns[job->c].codes + chunk->first_row;
    size_t n = 0;
    memcpy((int32_t *)(void *)job->data + chunk->first_row, codes, chunk->n_rows * sizeof *codes);
    for (size_t row = 0; row < chunk->n_rows; row++) {
        if (codes[row] < 0)
            continue;
        set_present(job, row);
        n++;
    }
    return n;
}

static size_t convert_texts(const struct job *job)
{
    struct mer_csv_column *column = &job->table->columns[job->c];
    int64_t *ends = (int64_t *)(void *)job->data + job->chunk->first_row + 1;
    size_t n = 0;
    for (size_t row = 0; row < job->chunk->n_rows; row++) {
        struct mer_cell cell;
        if (value_at(job, row, &cell)) {
            set_present(job, row);
            memcpy(job->bytes + column->n_written, cell.bytes, cell.n);
            column->n_written += cell.n;
            n++;
        }
        ends[row] = (int64_t)column->n_written;
    }
    return n;
}

/* Under a schema: what the field says. */
static size_t convert_field(const struct job *job)
{
    const struct mer_field *field = job->table->columns[job->c].field;
    const size_t first = job->chunk->first_row;
    size_t n = 0;
    for (size_t row = 0; row < job->chunk->n_rows; row++) {
        struct mer_cell cell;
        union mer_value value;
        if (!value_at(job, row, &cell) ||
            mer_field_value(field, cell.bytes, cell.n, &value) != MER_VALUE_FINE)
            continue;
        set_present(job, row);
        if (field->type == MER_TYPE_BOOLEAN && value.truth)
            set_bit(job->data, first + row);
        else if (field->type == MER_TYPE_NUMBER)
            ((double *)(void *)job->data)[first + row] = value.number;
        else if (field->type != MER_TYPE_BOOLEAN)
            ((int64_t *)(void *)job->data)[first + row] = value.integer;
        n++;
    }
    return n;
}

static size_t convert(const struct job *job)
{
    const struct mer_csv_column *column = &job->table->columns[job->c];
    if (column->field && column->type != MER_TYPE_CATEGORICAL && column->type != MER_TYPE_TEXT)
        return convert_field(job);
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        return convert_booleans(job);
    case MER_TYPE_INTEGER:
        return convert_words(job, mer_integer_parse);
    case MER_TYPE_NUMBER:
        return convert_numbers(job);
    case MER_TYPE_DATE:
        return convert_words(job, mer_date_parse);
    case MER_TYPE_TIME:
        return convert_words(job, mer_time_parse);
    case MER_TYPE_DATETIME:
        return convert_words(job, mer_datetime_parse);
    case MER_TYPE_CATEGORICAL:
        return convert_codes(job);
    case MER_TYPE_TEXT:
        return convert_texts(job);
    case MER_TYPE_COUNT:
        break;
    }
    return 0;
}

static mer_status finish_column(const struct mer_csv_table *table, size_t c, unsigned char *image,
                                const struct mer_image_column *stored, mer_err *err)
{
    const struct mer_csv_column *column = &table->columns[c];
    if (column->n_converted != table->n_rows - column->n_missing)
        return mer_fail(err, MER_ERR_INTERNAL,
                        "column %s: a cell passed inspection but not parsing",
                        mer_quote(table->source.names[c]).text);
    mer_csv_write_levels(column, image, stored);
    return mer_ok();
}

mer_status mer_csv_convert(struct mer_csv_table *table, unsigned char *image,
                           const struct mer_image_column *stored, mer_err *err)
{
    const size_t n_columns = table->source.n_columns;
    for (size_t i = 0; i < table->n_chunks; i++) {
        struct mer_csv_chunk *chunk = &table->chunks[i];
        MER_GUARD(mer_csv_step(table, MER_CSV_CONVERT, i, chunk->base, err));
        for (size_t c = 0, s = 0; c < n_columns; c++) {
            if (table->columns[c].skipped)
                continue;
            const struct job job = {.table = table,
                                    .chunk = chunk,
                                    .c = c,
                                    .validity =
                                        stored[s].n_missing ? image + stored[s].validity : NULL,
                                    .data = image + stored[s].data,
                                    .bytes = (char *)image + stored[s].bytes};
            table->columns[c].n_converted += convert(&job);
            s++;
        }
        mer_free(table->ctx->alloc, chunk->tokens);
        chunk->tokens = NULL;
    }
    for (size_t c = 0, s = 0; c < n_columns; c++)
        if (!table->columns[c].skipped)
            MER_GUARD(finish_column(table, c, image, &stored[s++], err));
    return mer_ok();
}

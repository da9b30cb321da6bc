#include "intake/table_writer.h"

#include <string.h>

static const struct {
    const char *format;
    mer_table_writer *write;
} WRITERS[] = {
    {"csv", mer_csv_write_table},
    {"parquet", mer_parquet_write_table},
    {"arrow", mer_arrow_write_table},
};

static mer_table_writer *find(size_t format)
{
    for (size_t i = 0; i < sizeof WRITERS / sizeof WRITERS[0]; i++)
        if (strcmp(WRITERS[i].format, MER_TABLE_FORMATS[format].name) == 0)
            return WRITERS[i].write;
    return NULL;
}

bool mer_table_can_write(size_t format)
{
    return find(format) != NULL;
}

mer_status mer_table_write_file(const struct mer_ctx *ctx, size_t format,
                                const struct mer_frame *frame,
                                const struct mer_table_writing *writing,
                                const struct mer_table_sink *sink, mer_err *err)
{
    mer_table_writer *const write = find(format);
    if (!write)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "tables of the format %s are read only",
                                 MER_TABLE_FORMATS[format].name),
                        "csv, parquet and arrow can be written");
    return write(ctx, frame, writing, sink, err);
}

/* Which of the texts a cell is; n when it is none. */
static size_t which_missing(struct mer_cell cell)
{
    size_t i = 0;
    while (i < MER_CSV_N_MISSING && (strlen(MER_CSV_MISSING[i]) != cell.n ||
                                     memcmp(MER_CSV_MISSING[i], cell.bytes, cell.n) != 0))
        i++;
    return i;
}

/* Counts the texts of a column that are words for missing. */
static void count_words(const struct mer_frame *frame, const struct mer_column *column,
                        size_t *counts)
{
    for (size_t k = 0; column->type == MER_TYPE_CATEGORICAL && k < column->n_levels; k++) {
        const size_t which = which_missing(mer_column_level(column, k));
        for (size_t row = 0; which < MER_CSV_N_MISSING && row < frame->n_rows; row++)
            counts[which] += column->data.codes[row] == (int32_t)k;
    }
    for (size_t row = 0; column->type == MER_TYPE_TEXT && row < frame->n_rows; row++)
        if (mer_column_has(column, row))
            counts[which_missing(mer_column_text(column, row))]++;
}

const char *mer_table_missing_text(const struct mer_frame *frame, size_t *ret_n_lost)
{
    enum { WORDS_MAX = 16 };
    size_t counts[WORDS_MAX] = {0};
    const char *free_text = NULL;
    *ret_n_lost = 0;
    for (size_t c = 0; c < frame->n_columns; c++)
        count_words(frame, &frame->columns[c], counts);
    for (size_t i = MER_CSV_N_MISSING; i-- > 0;) {
        *ret_n_lost += counts[i];
        if (counts[i] == 0)
            free_text = MER_CSV_MISSING[i];
    }
    return free_text;
}
